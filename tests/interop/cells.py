"""What the matrix is made of: the schema, the records, the cases, and how a record looks to each side.

The schema stays inside what all three official clients get right: tagged strings and bytes, a nullable union, a nested
record, an array and a map of strings. It holds no record in a union (Go needs types for that), no name that begins with its
namespace (JavaScript does not qualify it)."""
import itertools
import json

CANARY = "CANARY-7f3a91"  # in every tagged value: must never lie on a topic
MARKER = "VISIBLE-4c20be"  # in an untagged field: must lie there, unless the payload is encrypted
CLIENT_SECRET = "mysecret"  # test-only, as all secrets here
REGISTRY_SECRET = "interop-registry-secret"
OWN_KEK, SHARED_KEK = "interop-own", "interop-shared"
KMS_TYPE, KMS_KEY = "local-kms", "interop-key"
CLIENTS = ["javascript", "python", "go"]
OVERHEAD = {"AES128_GCM": 28, "AES256_GCM": 28, "AES256_SIV": 16}


def schema(inline):
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


# The same fields by name and by pattern.
EXTERNAL_TAGS = {"interop.Person.ssn": ["PII"], "interop.*.photo": ["PII"], "**.phone": ["PII"],
                 "interop.Address.street": ["PII"], "interop.Person.a*s": ["PII"], "interop.Person.note?": ["PII"]}


def records():
    """Three records in a neutral form: bytes in hex, unions without a wrapper."""
    def photo(text):
        return text.encode().hex()
    return [
        {"id": 1, "marker": MARKER, "ssn": CANARY + " 078-05-1120", "photo": photo(CANARY + "\0\x7f\u00ff"),
         "phone": CANARY + " +46 8 5550100", "home": {"street": CANARY + " Vasagatan 1", "zip": "11120"},
         "aliases": [CANARY + " Ada", CANARY + " B\u00e9a"], "notes": {"first": CANARY + " one", "second": CANARY + " two"}},
        {"id": -2, "marker": MARKER, "ssn": "", "photo": "", "phone": None, "home": {"street": "", "zip": ""},
         "aliases": [], "notes": {}},
        {"id": 2 ** 40, "marker": MARKER, "ssn": CANARY + " \u65e5\u672c \U0001f511 " + "x" * 300,
         "photo": photo(CANARY * 40), "phone": CANARY, "home": {"street": CANARY + "\u00df", "zip": "\u00e9"},
         "aliases": [CANARY + str(i) for i in range(20)], "notes": {"k\u00e9y": CANARY, "": CANARY}},
    ]


class Case:
    """One row of the table: how the records are encrypted and framed."""

    def __init__(self, algorithm, expiry, inline, shared, payload=False, framing="prefix"):
        self.algorithm, self.expiry, self.inline, self.shared = algorithm, expiry, inline, shared
        self.payload, self.framing = payload, framing

    def title(self):
        return "%-10s  %-7s %-8s  %-6s  %-7s  %s" % (
            self.algorithm, "payload" if self.payload else "fields",
            "" if self.payload else "inline" if self.inline else "external",
            "shared" if self.shared else "own", "30 days" if self.expiry else "-", self.framing)

    TITLE = "%-10s  %-7s %-8s  %-6s  %-7s  %s" % ("algorithm", "rule", "tags", "KEK", "expiry", "framing")

    def topic(self, writer):
        return "-".join([self.algorithm, "payload" if self.payload else "inline" if self.inline else "external",
                         "shared" if self.shared else "own", "expiry" if self.expiry else "forever", self.framing, writer])

    def body(self):
        """What is registered."""
        params = {"encrypt.kek.name": SHARED_KEK if self.shared else OWN_KEK, "encrypt.dek.algorithm": self.algorithm}
        if self.expiry:
            params["encrypt.dek.expiry.days"] = "30"
        rule = {"name": "pii", "kind": "TRANSFORM", "mode": "WRITEREAD", "params": params, "onFailure": "ERROR,ERROR",
                "type": "ENCRYPT_PAYLOAD" if self.payload else "ENCRYPT"}
        if not self.payload:
            rule["tags"] = ["PII"]
        body = {"schemaType": "AVRO", "schema": json.dumps(schema(self.inline and not self.payload)),
                "ruleSet": {"encodingRules" if self.payload else "domainRules": [rule]}}
        if not self.inline:
            body["metadata"] = {"tags": EXTERNAL_TAGS}
        return body


def cases():
    """The matrix, then payload encryption, then GUIDs in headers."""
    all_ = [Case(algorithm, expiry, inline, shared) for algorithm, expiry, inline, shared in
            itertools.product(OVERHEAD, (False, True), (True, False), (False, True))]
    all_ += [Case(algorithm, expiry, True, shared, payload=True) for algorithm, expiry, shared in
             (("AES256_GCM", False, False), ("AES128_GCM", True, False), ("AES256_SIV", False, True))]
    all_ += [Case("AES256_GCM", False, True, False, framing="header"),
             Case("AES256_GCM", True, True, True, payload=True, framing="header")]
    return all_


def to_avro_json(r):
    """The line that `schloss produce` takes."""
    photo = bytes.fromhex(r["photo"]).decode("latin-1")
    return json.dumps(dict(r, photo=photo, phone=None if r["phone"] is None else {"string": r["phone"]}), ensure_ascii=False)


def from_avro_json(line):
    """The line that `schloss consume` prints, in the neutral form."""
    r = json.loads(line)
    phone = r["phone"]
    return dict(r, photo=r["photo"].encode("latin-1").hex(), phone=phone["string"] if phone is not None else None)
