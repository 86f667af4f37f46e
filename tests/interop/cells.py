"""What the matrix is made of: schemas, records, cases, and how a record looks to each side.

The schemas stay inside what all three official clients get right. Avro: tagged strings and bytes, a nullable union, a
nested record, an array and a map of strings; no record in a union (Go needs types for that), no name that begins with its
namespace (JavaScript does not qualify it). JSON Schema: the same without the map, null by oneOf (with a list of types Go
leaves the value in plain text). Protobuf: top-level strings and bytes only (JavaScript walks nested messages with the
outer descriptor)."""
import base64
import itertools
import json

from google.protobuf import descriptor_pb2

CANARY = "CANARY-7f3a91"  # in every tagged value: must never lie on a topic
MARKER = "VISIBLE-4c20be"  # in an untagged field: must lie there, unless the payload is encrypted
CLIENT_SECRET = "mysecret"  # test-only, as all secrets here
REGISTRY_SECRET = "interop-registry-secret"
OWN_KEK, SHARED_KEK = "interop-own", "interop-shared"
KMS_TYPE, KMS_KEY = "local-kms", "interop-key"
CLIENTS = ["javascript", "python", "go"]
EVERYONE = ["schloss"] + CLIENTS
FORMATS = ["AVRO", "PROTOBUF", "JSON"]
OVERHEAD = {"AES128_GCM": 28, "AES256_GCM": 28, "AES256_SIV": 16}
MESSAGE = "interop.Person"


# ---- schemas ----

def avro_schema(inline):
    def tagged(field):
        return dict(field, **{"confluent:tags": ["PII"]}) if inline else field
    address = {"type": "record", "name": "Address", "fields": [
        tagged({"name": "street", "type": "string"}), {"name": "zip", "type": "string"}]}
    return {"type": "record", "name": "Person", "namespace": "interop", "fields": [
        {"name": "id", "type": "long"},
        {"name": "marker", "type": "string"},
        tagged({"name": "ssn", "type": "string"}),
        tagged({"name": "photo", "type": "bytes"}),
        tagged({"name": "phone", "type": ["null", "string"], "default": None}),
        {"name": "home", "type": address},
        tagged({"name": "aliases", "type": {"type": "array", "items": "string"}}),
        tagged({"name": "notes", "type": {"type": "map", "values": "string"}})]}


def json_schema(inline):
    def tagged(schema):
        return dict(schema, **{"confluent:tags": ["PII"]}) if inline else schema
    text = {"type": "string"}
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Person", "type": "object", "properties": {
        "id": {"type": "integer"}, "marker": text, "ssn": tagged(text), "photo": tagged(text),
        "phone": tagged({"oneOf": [{"type": "null"}, {"type": "string"}]}),
        "home": {"type": "object", "properties": {"street": tagged(text), "zip": text}},
        "aliases": tagged({"type": "array", "items": {"type": "string"}})}}


PROTO_FIELDS = [("int64", "id", False), ("string", "marker", False), ("string", "ssn", True), ("bytes", "photo", True),
                ("optional string", "phone", True)]


def proto_source(inline):
    """As the Java client registers."""
    lines = ['syntax = "proto3";', "package interop;"]
    lines += ['import "confluent/meta.proto";'] if inline else []
    lines.append("message Person {")
    for number, (kind, name, secret) in enumerate(PROTO_FIELDS, 1):
        tag = ' [(confluent.field_meta).tags = "PII"]' if secret and inline else ""
        lines.append("  %s %s = %d%s;" % (kind, name, number, tag))
    return "\n".join(lines + ["}", ""])


def proto_descriptor(inline):
    """As the other clients register: a FileDescriptorProto, in base64."""
    field_meta = bytes([0x82, 0x44, 5, 0x1a, 3]) + b"PII"  # extension 1088, tags = 3
    file = descriptor_pb2.FileDescriptorProto(name="interop.proto", package="interop", syntax="proto3")
    message = file.message_type.add(name="Person")
    if inline:
        file.dependency.append("confluent/meta.proto")
    for number, (kind, name, secret) in enumerate(PROTO_FIELDS, 1):
        field = message.field.add(name=name, number=number, label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL)
        field.type = getattr(descriptor_pb2.FieldDescriptorProto, "TYPE_" + kind.split()[-1].upper())
        if kind.startswith("optional"):
            field.proto3_optional, field.oneof_index = True, 0
            message.oneof_decl.add(name="_" + name)
        if secret and inline:
            field.options.MergeFromString(field_meta)
    return base64.b64encode(file.SerializeToString()).decode()


# The same fields by name and by pattern.
EXTERNAL_TAGS = {
    "AVRO": {"interop.Person.ssn": ["PII"], "interop.*.photo": ["PII"], "**.phone": ["PII"],
             "interop.Address.street": ["PII"], "interop.Person.a*s": ["PII"], "interop.Person.note?": ["PII"]},
    "PROTOBUF": {"interop.Person.ssn": ["PII"], "interop.*.photo": ["PII"], "**.phone": ["PII"]},
    "JSON": {"$.ssn": ["PII"], "$.ph?to": ["PII"], "**.phone": ["PII"], "$.home.street": ["PII"], "$.a*s": ["PII"]}}


# ---- records ----

def records(format_, start=0, empty_bytes=True):
    """Three records in a neutral form: bytes in hex, unions without a wrapper. start: other numbers for a second batch.
    empty_bytes: one has bytes of length 0."""
    def photo(text):
        return text.encode().hex()
    all_ = [
        {"id": 1 + start, "marker": MARKER, "ssn": CANARY + " 078-05-1120", "photo": photo(CANARY + "\0\x7f\u00ff"),
         "phone": CANARY + " +46 8 5550100", "home": {"street": CANARY + " Vasagatan 1", "zip": "11120"},
         "aliases": [CANARY + " Ada", CANARY + " B\u00e9a"], "notes": {"first": CANARY + " one", "second": CANARY + " two"}},
        {"id": -2 - start, "marker": MARKER, "ssn": "", "photo": "" if empty_bytes else photo(CANARY), "phone": None, "home": {"street": "", "zip": ""},
         "aliases": [], "notes": {}},
        {"id": 2 ** 40 + start, "marker": MARKER, "ssn": CANARY + " \u65e5\u672c \U0001f511 " + "x" * 300,
         "photo": photo(CANARY * 40), "phone": CANARY, "home": {"street": CANARY + "\u00df", "zip": "\u00e9"},
         "aliases": [CANARY + str(i) for i in range(20)], "notes": {"k\u00e9y": CANARY, "": CANARY}},
    ]
    left_out = {"AVRO": (), "PROTOBUF": ("home", "aliases", "notes"), "JSON": ("notes",)}[format_]
    return [{k: v for k, v in r.items() if k not in left_out} for r in all_]


EMPTY_BYTES = "empty bytes"
# (writer or None for all, reader or None for all, what the case has, part of what it says, why it fails)
KNOWN = [("go", None, EMPTY_BYTES, "type '8' not supported for encryption",
          "Go 2.11.1 cannot encrypt an empty bytes field of Protobuf: its clone of the message holds nil, for which the "
          "encryption says \"type '8' not supported\"; nothing is written")]


class Case:
    """One row of the table: how the records are encrypted and framed. expiry: "" (none), "dated" (the rule has one) or
    "rotated" (and the DEK grew old between two batches)."""

    def __init__(self, format_, algorithm, expiry="", inline=True, shared=False, payload=False, framing="prefix", extra=""):
        self.format, self.algorithm, self.expiry = format_, algorithm, expiry
        self.inline, self.shared, self.payload, self.framing, self.extra = inline, shared, payload, framing, extra

    def key(self):
        return (self.format, self.algorithm, self.expiry, self.inline, self.shared, self.payload, self.framing, self.extra)

    def batches(self):
        """What is written, in the order of writing."""
        empty_bytes = self.format != "PROTOBUF" or self.payload or self.extra == EMPTY_BYTES
        return [records(self.format, start, empty_bytes) for start in ((0, 100) if self.expiry == "rotated" else (0,))]

    def known(self, writer, reader):
        """(what it must say, why) where an official client is known to fail, or None."""
        for wrong_writer, wrong_reader, extra, says, why in KNOWN:
            if self.extra == extra and writer in (wrong_writer or writer,) and reader in (wrong_reader or reader,):
                return says, why
        return None

    def expected(self):
        return [r for batch in self.batches() for r in batch]

    TITLE = "%-8s  %-10s  %-7s %-8s  %-6s  %-7s  %s" % ("format", "algorithm", "rule", "tags", "KEK", "DEK", "framing")

    def title(self):
        return "%-8s  %-10s  %-7s %-8s  %-6s  %-7s  %s" % (
            self.format.lower(), self.algorithm, "payload" if self.payload else "fields",
            "" if self.payload else "inline" if self.inline else "external",
            "shared" if self.shared else "own", self.expiry or "-", self.framing + (", " + self.extra if self.extra else ""))

    def topic(self, writer):
        return "-".join([self.format.lower(), self.algorithm,
                         "payload" if self.payload else "inline" if self.inline else "external",
                         "shared" if self.shared else "own", self.expiry or "forever", self.framing, writer] +
                        self.extra.split())

    def schema(self):
        inline = self.inline and not self.payload
        if self.format == "AVRO":
            return json.dumps(avro_schema(inline))
        if self.format == "JSON":
            return json.dumps(json_schema(inline))
        # both forms are registered: source by half of the cases, descriptors by the others
        return proto_source(inline) if self.algorithm == "AES256_GCM" else proto_descriptor(inline)

    def body(self):
        """What is registered."""
        params = {"encrypt.kek.name": SHARED_KEK if self.shared else OWN_KEK, "encrypt.dek.algorithm": self.algorithm}
        if self.expiry:
            params["encrypt.dek.expiry.days"] = "30"
        rule = {"name": "pii", "kind": "TRANSFORM", "mode": "WRITEREAD", "params": params, "onFailure": "ERROR,ERROR",
                "type": "ENCRYPT_PAYLOAD" if self.payload else "ENCRYPT"}
        if not self.payload:
            rule["tags"] = ["PII"]
        body = {"schemaType": self.format, "schema": self.schema(),
                "ruleSet": {"encodingRules" if self.payload else "domainRules": [rule]}}
        if not self.inline:
            body["metadata"] = {"tags": EXTERNAL_TAGS[self.format]}
        return body


def cases():
    """{three formats} x {fields, payload} x {three algorithms} x {rotated or not}; then the other ways to tag, to share
    and to frame."""
    all_ = [Case(f, algorithm, expiry, payload=payload) for f, payload, algorithm, expiry in
            itertools.product(FORMATS, (False, True), OVERHEAD, ("", "rotated"))]
    for f in FORMATS:
        all_ += [Case(f, algorithm, expiry, inline, shared) for algorithm, expiry, inline, shared in
                 itertools.product(OVERHEAD, ("", "dated"), (True, False), (False, True))
                 if f == "AVRO" or not inline and shared == (expiry == "")]
        all_ += [Case(f, "AES256_SIV", "", True, True, payload=True),
                 Case(f, "AES256_GCM", "", True, False, framing="header"),
                 Case(f, "AES256_GCM", "dated", True, True, payload=True, framing="header")]
    all_.append(Case("PROTOBUF", "AES256_GCM", extra=EMPTY_BYTES))
    seen = {}
    for c in all_:
        seen.setdefault(c.key(), c)
    return list(seen.values())


# ---- the command line's side ----

def to_line(format_, r):
    """The line that `schloss produce` takes."""
    if format_ == "AVRO":
        photo = bytes.fromhex(r["photo"]).decode("latin-1")
        r = dict(r, photo=photo, phone=None if r["phone"] is None else {"string": r["phone"]})
    elif format_ == "PROTOBUF":
        r = {k: v for k, v in dict(r, photo=base64.b64encode(bytes.fromhex(r["photo"])).decode()).items() if v is not None}
    return json.dumps(r, ensure_ascii=False)


def from_line(format_, line):
    """The line that `schloss consume` prints, in the neutral form."""
    r = json.loads(line)
    if format_ == "AVRO":
        phone = r["phone"]
        return dict(r, photo=r["photo"].encode("latin-1").hex(), phone=phone["string"] if phone is not None else None)
    if format_ == "PROTOBUF":  # ProtoJSON: 64-bit numbers as strings, unset fields left out
        return {"id": int(r.get("id", 0)), "marker": r.get("marker", ""), "ssn": r.get("ssn", ""),
                "photo": base64.b64decode(r.get("photo", "")).hex(), "phone": r.get("phone")}
    return r
