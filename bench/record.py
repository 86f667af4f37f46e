"""The benchmark's record: one Avro schema of twelve fields, one record of 298 bytes, three cases (0, 1, 3 encrypted
fields). This file is the only source: `python3 record.py json|header` prints it for the peers and for the C programs,
and `bench/run` compares the plain bytes that every program makes of it."""
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
COUNTRIES = ["DE", "FI", "NO", "SE"]
SCHEMA = {
    "type": "record", "name": "Customer", "namespace": "bench",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "email", "type": "string", "confluent:tags": ["PII", "EMAIL"]},
        {"name": "name", "type": "string", "confluent:tags": ["PII"]},
        {"name": "account", "type": "string", "confluent:tags": ["PII"]},
        {"name": "street", "type": "string"},
        {"name": "city", "type": "string"},
        {"name": "country", "type": {"type": "enum", "name": "Country", "symbols": COUNTRIES}},
        {"name": "created", "type": "long"},
        {"name": "balance", "type": "double"},
        {"name": "active", "type": "boolean"},
        {"name": "note", "type": ["null", "string"]},
        {"name": "labels", "type": {"type": "array", "items": "string"}},
    ],
}
ALGORITHM = "AES256_GCM"
CASES = {0: None, 1: "EMAIL", 3: "PII"}
# Test-only key and secret. The wrapped form is the raw key's Tink message under the local KMS with that secret.
SECRET = "mysecret"
RAW_KEY = "080f161d242b323940474e555c636a71787f868d949ba2a9b0b7bec5ccd3dae1"
WRAPPED_KEY = "n2KOdoIxwK5Fp2DjiStj7Pf0s+wyQFCeBcSGCBEiblHd278+x8VtWeAEpg1EeLRoeUnjFsb6RbhZCYDJpcg="


def rule(tag):
    return {"name": "encrypt", "kind": "TRANSFORM", "mode": "WRITEREAD", "type": "ENCRYPT", "tags": [tag],
            "params": {"encrypt.kek.name": "bench-kek", "encrypt.kms.type": "local-kms",
                       "encrypt.kms.key.id": "bench-key", "encrypt.dek.algorithm": ALGORITHM},
            "onFailure": "ERROR,ERROR"}


def document():
    return {"schema": json.dumps(SCHEMA, separators=(",", ":")), "record": RECORD, "algorithm": ALGORITHM,
            "secret": SECRET,
            "cases": [{"fields": n, "topic": "bench%d" % n, "rules": [rule(tag)] if tag else []}
                      for n, tag in CASES.items()]}


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
    raw = bytes.fromhex(RAW_KEY)
    lines.append("#define BENCH_RAW_KEY {%s}" % ",".join("0x%02x" % b for b in raw))
    lines.append("#define BENCH_WRAPPED_KEY %s" % c_text(WRAPPED_KEY))
    lines.append("#define BENCH_SECRET %s" % c_text(SECRET))
    lines.append("#define BENCH_ALGORITHM %s" % c_text(ALGORITHM))
    schema = json.dumps(json.dumps(SCHEMA, separators=(",", ":")))
    lines.append("/* a JSON string: goes into answers of the in-process registry as it is */")
    lines.append("#define BENCH_SCHEMA_JSON %s" % c_text(schema))
    for n, tag in CASES.items():
        rules = {"domainRules": [rule(tag)]} if tag else None
        lines.append("#define BENCH_RULES_%d %s" % (n, c_text(json.dumps(rules, separators=(",", ":")))))
    lines.append("#endif")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(document()) if sys.argv[1] == "json" else header())
