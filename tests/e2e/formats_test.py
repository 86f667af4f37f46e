#!/usr/bin/env python3
"""What a rule of type ENCRYPT does to a tagged value of each kind, in each format: tried against `schloss dev`, and
compared with the tables of docs/formats.md, which this script writes.

    tests/e2e/formats_test.py build/release/bin/schloss [--page]     --page: write the tables

Ends with `N passed, M failed, K skipped`.
"""
import sys

sys.dont_write_bytecode = True
import tried  # noqa: E402

INHERIT = "schloss.tag.inheritance"


def avro(field, value, **more):
    """A record whose field `f` has the tag."""
    field = dict({"name": "f", "confluent:tags": ["PII"]}, **(field if isinstance(field, dict) and "type" in field
                                                            and "name" not in field else {"type": field}))
    return dict({"schema": {"type": "record", "name": "R", "fields": [field]}, "value": {"f": value}}, **more)


def js(schema, value, **more):
    """An object whose property `f` has the tag."""
    schema = {"type": "object", "properties": {"f": dict(schema, **{"confluent:tags": ["PII"]})}}
    return dict({"schema": schema, "value": {"f": value}}, **more)


def proto(field, value, more="", **options):
    """A message with one tagged field; field without its options and semicolon."""
    text = f'syntax = "proto3";\nimport "confluent/meta.proto";\nimport "google/protobuf/wrappers.proto";\n' \
           f'enum E {{ A = 0; B = 1; }}\nmessage R {{ {field} [(confluent.field_meta).tags = "PII"]; }}\n{more}\n'
    return dict({"schema": text, "value": value}, **options)


STRING_IN = {"type": "record", "name": "I", "fields": [{"name": "g", "type": "string"}]}
ROWS = {
    "avro": [
        ("`string`", avro("string", "plain-text")),
        ("`bytes`", avro("bytes", "plain-text")),
        ("`string` or `bytes` with a logical type", [
            avro({"type": {"type": "string", "logicalType": "uuid"}}, "7f1c2b9e-6f0d-4a51-9a57-0f4c5d0b2f11"),
            avro({"type": {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}}, "ab")]),
        ("`int`, `long`, `float`, `double`, `boolean`, `enum`, `fixed`", [
            avro("int", 12), avro("long", 12), avro("float", 1.5), avro("double", 1.5), avro("boolean", True),
            avro({"type": {"type": "enum", "name": "E", "symbols": ["A"]}}, "A"),
            avro({"type": {"type": "fixed", "name": "F", "size": 2}}, "ab")]),
        ("array of strings: each", avro({"type": {"type": "array", "items": "string"}}, ["plain-text", "more-text"])),
        ("map of strings: each value", avro({"type": {"type": "map", "values": "string"}}, {"k": "plain-text"})),
        ("`[null, string]`", avro(["null", "string"], {"string": "plain-text"})),
        ("`[null, string]`, null", avro(["null", "string"], None)),
        ("`[null, int]`, 12", avro(["null", "int"], {"int": 12})),
        ("`[string, int]`, a string", avro(["string", "int"], {"string": "plain-text"})),
        ("`[string, int]`, 12", avro(["string", "int"], {"int": 12})),
        ("record with an untagged string", avro({"type": STRING_IN}, {"g": "plain-text"})),
        (f"the same, `{INHERIT}=true`", avro({"type": STRING_IN}, {"g": "plain-text"}, conf=[INHERIT + "=true"])),
        ("root that is no record", {"schema": "string", "value": "plain-text"}),
    ],
    "json": [
        ("string", js({"type": "string"}, "plain-text")),
        ("string with `enum`", js({"type": "string", "enum": ["plain-text", "other"]}, "plain-text")),
        ("integer, number, boolean", [js({"type": "integer"}, 12), js({"type": "number"}, 1.5),
                                      js({"type": "boolean"}, True)]),
        ("null", js({"type": "null"}, None)),
        ("array of strings: each", js({"type": "array", "items": {"type": "string"}}, ["plain-text", "more-text"])),
        ("tag on `items`", {"schema": {"type": "object", "properties": {"f": {"type": "array", "items": {
            "type": "string", "confluent:tags": ["PII"]}}}}, "value": {"f": ["plain-text"]}}),
        ("object with an untagged string", js({"type": "object", "properties": {"g": {"type": "string"}}},
                                              {"g": "plain-text"})),
        (f"the same, `{INHERIT}=true`", js({"type": "object", "properties": {"g": {"type": "string"}}},
                                           {"g": "plain-text"}, conf=[INHERIT + "=true"])),
        ("`oneOf` null and string, a string", js({"oneOf": [{"type": "null"}, {"type": "string"}]}, "plain-text")),
        ("`anyOf` string, integer, null; 12", js({"anyOf": [{"type": "string"}, {"type": "integer"},
                                                            {"type": "null"}]}, 12)),
        ("`anyOf` integer and null; 12", js({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 12)),
        ("string that no branch allows", js({"oneOf": [{"type": "string", "maxLength": 3}, {"type": "integer"}]},
                                            "plain-text")),
        ("branch told by an unknown keyword", js({"oneOf": [{"type": "string", "odd": 1}, {"type": "integer"}]},
                                                 "plain-text")),
        ("`$ref` to a string", {"schema": {"definitions": {"s": {"type": "string"}}, "type": "object", "properties": {
            "f": {"$ref": "#/definitions/s", "confluent:tags": ["PII"]}}}, "value": {"f": "plain-text"}}),
        ("tag below `additionalProperties`", {"schema": {"type": "object", "additionalProperties": {
            "type": "string", "confluent:tags": ["PII"]}}, "value": {"f": "plain-text"}}),
    ],
    "protobuf": [
        ("`string`", proto("string f = 1", {"f": "plain-text"})),
        ("`string` that is not set (no presence)", proto("string f = 1", {})),
        ("`optional string` that is not set", proto("optional string f = 1", {})),
        ("`bytes`", proto("bytes f = 1", {"f": "cGxhaW4tdGV4dA=="})),
        ("numbers, `bool`, `enum`", [proto("int32 f = 1", {"f": 12}), proto("fixed64 f = 1", {"f": "12"}),
                                     proto("double f = 1", {"f": 1.5}), proto("bool f = 1", {"f": True}),
                                     proto("E f = 1", {"f": "B"})]),
        ("`repeated string`: each", proto("repeated string f = 1", {"f": ["plain-text", "more-text"]})),
        ("`string` in a `oneof`", {"schema": 'syntax = "proto3";\nimport "confluent/meta.proto";\nmessage R { oneof o { '
                                             'string f = 1 [(confluent.field_meta).tags = "PII"]; int32 g = 2; } }\n',
                                   "value": {"f": "plain-text"}}),
        ("message with an untagged string", proto("I f = 1", {"f": {"g": "plain-text"}}, "message I { string g = 1; }")),
        (f"the same, `{INHERIT}=true`", proto("I f = 1", {"f": {"g": "plain-text"}}, "message I { string g = 1; }",
                                              conf=[INHERIT + "=true"])),
        ("`map<string, string>`", proto("map<string, string> f = 1", {"f": {"k": "plain-text"}})),
        (f"the same, `{INHERIT}=true`", proto("map<string, string> f = 1", {"f": {"k": "plain-text"}},
                                              conf=[INHERIT + "=true"])),
        ("`map<string, string>`, values by a path", {
            "schema": 'syntax = "proto3";\nmessage R { map<string, string> f = 1; }\n', "value": {"f": {"k": "plain-text"}},
            "metadata": {"tags": {"R.FEntry.value": ["PII"]}}}),
        ("`google.protobuf.StringValue`", proto("google.protobuf.StringValue f = 1", {"f": "plain-text"})),
    ],
}

if __name__ == "__main__":
    sys.exit(tried.main("docs/formats.md", ROWS, dict.fromkeys(ROWS, "Tagged value"), {k: k for k in ROWS}))
