"""What the benchmark measures: one record of twelve fields (298 bytes as Avro) under an Avro, a JSON and a Protobuf schema,
the same with seventeen more strings for twenty encrypted fields, and payloads of 1 KiB and 100 KiB. This file is the only
source: `python3 record.py json|header` prints it for the peers and the C programs, and `bench/run` compares the
plain bytes that every program makes of it."""
import base64
import json
import sys

NOTE = ("Prefers to be rung in the afternoon; parcels go to the neighbour at number 12, "
        "whose bell is the lower one.")
RECORD = {
    "id": 4210007531,
    "email": "maria.lindqvist@mail.example.org",
    "name": "Maria S. Lindqvist",
    "account": "SE35 5000 0000 0549 1000 0003 TEST.",
    "street": "Vasagatan 114 B, 3rd floor, le",
    "city": "Kristinehamn S",
    "country": "SE",
    "created": 1764000000123,
    "balance": 1523.75,
    "active": True,
    "note": NOTE,
    "labels": ["retail", "newsletter", "loyalty-gold"],
}
EXTRA = {"x%02d" % i: "Extra value number %02d of 17" % i for i in range(1, 18)}
COUNTRIES = ["DE", "FI", "NO", "SE"]
TAGS = {"email": ["PII", "EMAIL"], "name": ["PII"], "account": ["PII"], **{name: ["PII"] for name in EXTRA}}
CHOSEN = {0: None, 1: "EMAIL", 3: "PII", 20: "PII"}  # which tag the rule of so many fields has
ALGORITHMS = ["AES256_GCM", "AES128_GCM", "AES256_SIV"]
SIZES = {"1KiB": 1024, "100KiB": 102400}
# Test-only key and secret. The wrapped forms are the raw key's Tink messages under the local KMS with that secret; the key of
# an algorithm is as much of the raw key as it needs.
SECRET = "mysecret"
RAW_KEY = ("080f161d242b323940474e555c636a71787f868d949ba2a9b0b7bec5ccd3dae1"
           "52554c477e7168631a1d140f0639302b2225dcd7cec1f8f3eaede49f968980bb")
WRAPPED_KEY = {
    "AES256_GCM": "n2KOdoIxwK5Fp2DjiStj7Pf0s+wyQFCeBcSGCBEiblHd278+x8VtWeAEpg1EeLRoeUnjFsb6RbhZCYDJpcg=",
    "AES128_GCM": "J0e3xxhWS6XwZvBSdnX6znGIpqqnqwjDsx7Jovt4QGtMfaAh3ImAyLpQdyuMaw==",
    "AES256_SIV": "5jZ6amg7xzZyg/NQaAfy+x5UY4r4ysuvKMhTbyRn+wvVaJ2H/gqDrVr//xKwdRufqgDx+hxa7rBDR0LVvcSuQxx0gU8ptkQQ/qUs"
                  "jnxW/7j2U5hEm4nww5vprK8sMg==",
}


# ---- schemas ----

def compact(value):
    return json.dumps(value, separators=(",", ":"))


def avro(extra):
    kinds = {"id": "long", "country": {"type": "enum", "name": "Country", "symbols": COUNTRIES}, "created": "long",
             "balance": "double", "active": "boolean", "note": ["null", "string"],
             "labels": {"type": "array", "items": "string"}}
    fields = [{"name": name, "type": kinds.get(name, "string"), **({"confluent:tags": TAGS[name]} if name in TAGS else {})}
              for name in list(RECORD) + list(extra)]
    return compact({"type": "record", "name": "Wide" if extra else "Customer", "namespace": "bench", "fields": fields})


def json_schema(extra):
    kinds = {"id": {"type": "integer"}, "country": {"type": "string", "enum": COUNTRIES}, "created": {"type": "integer"},
             "balance": {"type": "number"}, "active": {"type": "boolean"},
             "labels": {"type": "array", "items": {"type": "string"}}}
    fields = {name: {**kinds.get(name, {"type": "string"}), **({"confluent:tags": TAGS[name]} if name in TAGS else {})}
              for name in list(RECORD) + list(extra)}
    return compact({"$schema": "http://json-schema.org/draft-07/schema#", "title": "Wide" if extra else "Customer",
                    "type": "object", "properties": fields})


PROTO_TYPES = {"id": "int64", "country": "Country", "created": "int64", "balance": "double", "active": "bool"}
PROTO_NUMBERS = {"int64": 3, "double": 1, "bool": 8, "string": 9, "Country": 14}


def _varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    return bytes(out) + bytes([n])


def _field(number, value):
    """One field of a Protobuf message: a number, a text, or bytes."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    value = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def descriptor(extra, tagged):
    """FileDescriptorProto in base64, as clients register it; without tags for programs that have their message compiled in."""
    name = "Wide" if extra else "Customer"
    fields = b""
    for number, field in enumerate(list(RECORD) + list(extra), 1):
        kind = PROTO_TYPES.get(field, "string")
        text = _field(1, field) + _field(3, number) + _field(4, 3 if field == "labels" else 1)
        text += _field(5, PROTO_NUMBERS[kind])
        if kind == "Country":
            text += _field(6, ".bench.%s.Country" % name)
        if tagged and field in TAGS:  # extension 1088 of FieldOptions is confluent.field_meta, tags = 3
            text += _field(8, _field(1088, b"".join(_field(3, tag) for tag in TAGS[field])))
        fields += _field(2, text)
    symbols = b"".join(_field(2, _field(1, symbol) + _field(2, i)) for i, symbol in enumerate(COUNTRIES))
    message = _field(1, name) + fields + _field(4, _field(1, "Country") + symbols)
    file = _field(1, name.lower() + ".proto") + _field(2, "bench")
    file += _field(3, "confluent/meta.proto") if tagged else b""
    return base64.b64encode(file + _field(4, message) + _field(12, "proto3")).decode()


def proto(extra):
    """Source of one message, without tags, for protoc."""
    lines = ['syntax = "proto3";', "package bench;", 'option go_package = "schloss/bench/peers";',
             "message %s {" % ("Wide" if extra else "Customer"),
             "  enum Country { %s }" % " ".join("%s = %d;" % (s, i) for i, s in enumerate(COUNTRIES))]
    for number, field in enumerate(list(RECORD) + list(extra), 1):
        lines.append("  %s%s %s = %d;" % ("repeated " if field == "labels" else "", PROTO_TYPES.get(field, "string"), field, number))
    return "\n".join(lines + ["}", ""])


BLOB = compact({"type": "record", "name": "Blob", "namespace": "bench", "fields": [{"name": "body", "type": "bytes"}]})


# ---- cases ----

def rules(algorithm, tag):
    kind = "ENCRYPT_PAYLOAD" if tag == "" else "ENCRYPT"
    rule = {"name": "encrypt", "kind": "TRANSFORM", "mode": "WRITEREAD", "type": kind,
            "params": {"encrypt.kek.name": "bench-kek", "encrypt.kms.type": "local-kms", "encrypt.kms.key.id": "bench-key",
                       "encrypt.dek.algorithm": algorithm}, "onFailure": "ERROR,ERROR"}
    if tag:
        rule["tags"] = [tag]
    return {"encodingRules" if tag == "" else "domainRules": [rule]}


def cases():
    out = []

    def add(bench, kind, fields, size, algorithm, schema, rule_set, peers, threads, plain=None):
        name = "%s/%s" % (next((n for n, s in SIZES.items() if s == size), "%df" % fields), algorithm)
        out.append({"id": len(out) + 1, "bench": bench, "case": name, "type": kind, "fields": fields, "size": size,
                    "algorithm": algorithm, "topic": "bench-%s-%s" % (bench, name.replace("/", "-")), "schema": schema,
                    "descriptor": plain, "rules": rule_set, "peers": peers, "threads": threads})
    for bench, kind in (("avro", "AVRO"), ("json", "JSON"), ("protobuf", "PROTOBUF")):
        for fields, tag in CHOSEN.items():
            extra = EXTRA if fields == 20 else {}
            schema = {"AVRO": avro, "JSON": json_schema, "PROTOBUF": lambda e: descriptor(e, True)}[kind](extra)
            for algorithm in ALGORITHMS if tag else ALGORITHMS[:1]:
                gcm = algorithm == "AES256_GCM"
                add(bench, kind, fields, 0, algorithm, schema, rules(algorithm, tag) if tag else None,
                    gcm or (fields == 1 and algorithm == "AES256_SIV"), [1, 2] if gcm and fields in (1, 3) else [1],
                    descriptor(extra, False) if kind == "PROTOBUF" else None)
    for size in SIZES.values():
        for algorithm in ALGORITHMS:
            add("payload", "AVRO", 0, size, algorithm, BLOB, rules(algorithm, ""), algorithm == "AES256_GCM",
                [1, 2] if algorithm == "AES256_GCM" else [1])
    return out


def body_length(size):
    """Bytes of the field `body` of a payload record of size bytes: the rest is its length."""
    n = size - 1
    while n + len(_varint(n << 1)) > size:
        n -= 1
    return n


def document():
    return {"record": RECORD, "extra": EXTRA, "countries": COUNTRIES, "secret": SECRET,
            "cases": [dict(c, body=body_length(c["size"]) if c["size"] else 0) for c in cases()]}


# ---- for C ----

def c_text(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def header():
    lines = ["/* Printed by bench/record.py. */", "#ifndef BENCH_RECORD_H", "#define BENCH_RECORD_H"]
    for name, value in RECORD.items():
        name = "REC_" + name.upper()
        if isinstance(value, bool):
            lines.append("#define %s %s" % (name, "true" if value else "false"))
        elif isinstance(value, str) and name == "REC_COUNTRY":
            lines.append("#define %s %d" % (name, COUNTRIES.index(value)))
        elif isinstance(value, str):
            lines.append("#define %s %s" % (name, c_text(value)))
        elif isinstance(value, list):
            lines += ["#define %s_%d %s" % (name, i, c_text(v)) for i, v in enumerate(value)]
        else:
            lines.append("#define %s %r%s" % (name, value, "" if isinstance(value, float) else "LL"))
    lines.append("#define REC_EXTRA {%s}" % ", ".join(c_text(v) for v in EXTRA.values()))
    lines.append("#define REC_COUNTRIES {%s}" % ", ".join(c_text(v) for v in COUNTRIES))
    lines.append("#define BENCH_RAW_KEY {%s}" % ",".join("0x%02x" % b for b in bytes.fromhex(RAW_KEY)))
    lines.append("#define BENCH_SECRET %s" % c_text(SECRET))
    lines.append("/* BENCH_CASE(id, bench, case, format, fields, size, body, algorithm, two threads, topic, wrapped key, schema and "
                 "rules as JSON) */")
    lines.append("#define BENCH_CASES \\")
    for c in cases():
        answer = {"subject": c["topic"] + "-value", "version": 1, "id": c["id"],
                  "guid": "00000000-0000-4000-8000-%012d" % c["id"], "schemaType": c["type"], "schema": c["schema"]}
        if c["rules"]:
            answer["ruleSet"] = c["rules"]
        lines.append("    BENCH_CASE(%d, %s, %s, %s, %d, %d, %d, %s, %d, %s, %s, %s) \\" % (
            c["id"], c_text(c["bench"]), c_text(c["case"]), c["type"], c["fields"], c["size"],
            body_length(c["size"]) if c["size"] else 0, c["algorithm"], 2 in c["threads"], c_text(c["topic"]),
            c_text(WRAPPED_KEY[c["algorithm"]]), c_text(compact(answer))))
    lines += ["", "#endif"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(document()) if sys.argv[1] == "json" else header())
