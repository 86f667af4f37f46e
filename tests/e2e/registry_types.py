"""Tests of registry_test.py for schemas of type JSON and PROTOBUF, as the official clients send and read them."""
import base64

from registry_server import eq, error, ok, register, test

PROTO = """syntax = "proto3";
package shop;

import "confluent/meta.proto";

message Order {
  string id = 1;
  string card = 2 [(confluent.field_meta).tags = "PII"];
  map<string, int32> items = 3;
  Line first = 4;

  message Inner {
    optional bytes secret = 1 [(confluent.field_meta) = {
      tags: [
        "PII",
        "GDPR"
      ]
    }];
  }
}
message Line {
  string sku = 1;
}
"""


def serialized(s, path):
    answer = ok(s.call("GET", path + ("&" if "?" in path else "?") + "format=serialized"))
    return answer["schema"], base64.b64decode(answer["schema"])


@test
def types_are_listed(s):
    eq(set(ok(s.call("GET", "/schemas/types"))), {"JSON", "PROTOBUF", "AVRO"})
    error(register(s, "typ", "x", schemaType="protobuf"), 422, 42201, "Invalid schema type protobuf")
    error(register(s, "typ", "x", schemaType="XML"), 422, 42201, "Invalid schema type XML")


@test
def protobuf_source(s):
    a = ok(register(s, "pb1", PROTO, schemaType="PROTOBUF"))
    eq((a["version"], a["schemaType"], a["schema"]), (1, "PROTOBUF", PROTO))
    # comments, blanks and order of statements do not count
    again = ok(register(s, "pb1", "// c\n" + PROTO.replace("  string id = 1;\n", "string id=1;;/* x */"), schemaType="PROTOBUF"))
    eq((again["id"], again["version"], again["guid"]), (a["id"], 1, a["guid"]))
    eq(ok(register(s, "pb1-other", PROTO, schemaType="PROTOBUF"))["id"], a["id"])
    got = ok(s.call("GET", "/schemas/ids/%d?subject=pb1" % a["id"]))
    eq((got["schemaType"], got["schema"], got["guid"]), ("PROTOBUF", PROTO, a["guid"]))
    eq(s.call("GET", "/schemas/ids/%d/schema" % a["id"], raw=True), (200, PROTO.encode()))
    eq(s.call("GET", "/subjects/pb1/versions/1/schema", raw=True), (200, PROTO.encode()))


@test
def protobuf_serialized_everywhere(s):
    a = ok(register(s, "pb2", PROTO, schemaType="PROTOBUF"))
    text, wire = serialized(s, "/schemas/ids/%d?subject=pb2" % a["id"])
    for path in ("/schemas/guids/" + a["guid"], "/subjects/pb2/versions/latest", "/subjects/pb2/versions/1?deleted=true",
                 "/subjects/pb2/metadata"):
        eq(serialized(s, path)[0], text, path)
    for path in ("/schemas/ids/%d/schema" % a["id"], "/subjects/pb2/versions/1/schema"):
        eq(s.call("GET", path + "?format=serialized", raw=True), (200, text.encode()), path)
    eq(ok(s.call("POST", "/subjects/pb2?format=serialized", {"schema": PROTO, "schemaType": "PROTOBUF"}))["schema"], text)
    eq(ok(s.call("POST", "/subjects/pb2/versions?format=serialized", {"schema": PROTO, "schemaType": "PROTOBUF"}))["schema"], text)
    eq([x["schema"] for x in ok(s.call("GET", "/schemas?subjectPrefix=pb2&format=serialized"))], [text])
    for part in (b"default", b".shop.Line", b"ItemsEntry", b"confluent/meta.proto", b"_secret", b"GDPR", b"proto3"):
        assert part in wire, part
    eq(ok(s.call("GET", "/schemas/ids/%d?format=nothing" % a["id"]))["schema"], PROTO)


@test
def protobuf_both_forms_are_one_schema(s):
    """What Java registers as source, Python, Go and JavaScript find with their descriptor; and the reverse."""
    a = ok(register(s, "pb3", PROTO, schemaType="PROTOBUF"))
    text, _ = serialized(s, "/schemas/ids/%d" % a["id"])
    b = ok(register(s, "pb3", text, schemaType="PROTOBUF"))
    eq((b["id"], b["version"]), (a["id"], 1))
    eq(ok(s.call("GET", "/subjects/pb3/versions")), [1])
    found = ok(s.call("POST", "/subjects/pb3?deleted=false", {"schema": text, "schemaType": "PROTOBUF"}))
    eq((found["id"], found["version"], found["schema"]), (a["id"], 1, PROTO))
    # first the descriptor: its canonical text has absolute names and entry messages
    c = ok(register(s, "pb3-binary", text, schemaType="PROTOBUF"))
    assert "  repeated .shop.Order.ItemsEntry items = 3;\n" in c["schema"], c["schema"]
    assert "    option map_entry = true;\n" in c["schema"]
    eq(ok(register(s, "pb3-binary", c["schema"], schemaType="PROTOBUF"))["id"], c["id"])
    eq(ok(register(s, "pb3-binary", PROTO, schemaType="PROTOBUF"))["id"], c["id"])
    eq(ok(s.call("GET", "/subjects/pb3-binary/versions")), [1])
    # one field more is another schema
    more = PROTO.replace("  string sku = 1;\n", "  string sku = 1;\n  string name = 2;\n")
    eq(ok(register(s, "pb3", more, schemaType="PROTOBUF"))["version"], 2)
    # metadata and rules count, as for Avro
    eq(ok(register(s, "pb3", more, schemaType="PROTOBUF", metadata={"properties": {"a": "b"}}))["version"], 3)


@test
def protobuf_references(s):
    leaf = 'syntax = "proto3";\npackage leaf;\n\nmessage Leaf {\n  string s = 1;\n}\n'
    middle = ('syntax = "proto3";\npackage middle;\n\nimport public "leaf.proto";\n\nmessage Middle {\n  leaf.Leaf leaf = 1;\n}\n')
    root = ('syntax = "proto3";\npackage root;\n\nimport "middle.proto";\nimport "google/protobuf/timestamp.proto";\n'
            'import "google/type/money.proto";\n\nmessage Root {\n  middle.Middle m = 1;\n  leaf.Leaf l = 2;\n'
            '  google.protobuf.Timestamp at = 3;\n  google.type.Money price = 4;\n}\n')
    one = {"name": "leaf.proto", "subject": "pb-leaf", "version": 1}
    two = {"name": "middle.proto", "subject": "pb-middle", "version": -1}
    error(register(s, "pb-root", root, schemaType="PROTOBUF"), 422, 42201, "middle.proto")
    error(register(s, "pb-root", root, schemaType="PROTOBUF", references=[two]), 422, 42201,
          'Invalid schema of type PROTOBUF, details: No schema reference found for subject "pb-middle" and version -1')
    ok(register(s, "pb-leaf", leaf, schemaType="PROTOBUF"))
    ok(register(s, "pb-middle", middle, schemaType="PROTOBUF", references=[one]))
    a = ok(register(s, "pb-root", root, schemaType="PROTOBUF", references=[two]))
    eq(a["references"], [dict(two, version=1)])
    _, wire = serialized(s, "/schemas/ids/%d" % a["id"])
    assert b".leaf.Leaf" in wire and b".google.type.Money" in wire
    _, wire = serialized(s, "/subjects/pb-leaf/versions/1?deleted=true")
    assert b"Leaf" in wire
    eq(ok(s.call("GET", "/subjects/pb-middle/versions/1/referencedby")), [a["id"]])
    error(s.call("DELETE", "/subjects/pb-leaf/versions/1"), 422, 42206)


@test
def protobuf_tags(s):
    a = ok(register(s, "pb4", PROTO, schemaType="PROTOBUF"))
    tags = ok(s.call("GET", "/schemas/ids/%d?findTags=*" % a["id"]))["schemaTags"]
    eq(tags, [{"schemaEntity": {"entityPath": "Order.card", "entityType": "sr_field"}, "tags": ["PII"]},
              {"schemaEntity": {"entityPath": "Order.Inner.secret", "entityType": "sr_field"}, "tags": ["PII", "GDPR"]}])
    eq(len(ok(s.call("GET", "/subjects/pb4/versions/1?findTags=GDPR"))["schemaTags"]), 1)


@test
def protobuf_formats(s):
    source = ('syntax = "proto3";\n\nimport "google/protobuf/descriptor.proto";\n\nmessage A {\n  string s = 1 [\n'
              '    deprecated = true,\n    (mine) = "x"\n  ];\n}\n\nextend google.protobuf.FieldOptions {\n  string mine = 50001;\n}\n')
    a = ok(register(s, "pb5", source, schemaType="PROTOBUF"))
    eq(a["schema"], source)
    plain = ok(s.call("GET", "/subjects/pb5/versions/1?format=ignore_extensions"))["schema"]
    eq(plain, 'syntax = "proto3";\n\nimport "google/protobuf/descriptor.proto";\n\nmessage A {\n'
              '  string s = 1 [deprecated = true];\n}\n')


@test
def protobuf_refusals(s):
    for schema, text in (("message", "Could not parse Protobuf - "), ("message A { X x = 1; }", "Could not parse Protobuf - "),
                         ('syntax="proto3"; message A { Missing m = 1; }', '"Missing" is not defined'),
                         ('syntax="proto3"; import "/etc/passwd"; message A {}', "/etc/passwd"),
                         ('syntax="proto3"; message A { string a = 1; string b = 1; }', "Field number 1"),
                         (base64.b64encode(b"\x22\x07\x0a\x05A{}B ").decode(), "Could not parse Protobuf - "),
                         ("AAAA", "Could not parse Protobuf - "), ("message a{" * 5000, "nests deeper than"),
                         ("x" * (1 << 21), "longer than")):
        error(register(s, "pb-bad", schema, schemaType="PROTOBUF"), 422, 42201, text)
        eq(s.call("POST", "/compatibility/subjects/pb-bad/versions?verbose=true",
                  {"schema": schema, "schemaType": "PROTOBUF"})[0], 200)
    error(s.call("GET", "/subjects/pb-bad/versions"), 404, 40401)


@test
def json_canonical(s):
    a = ok(register(s, "js1", '{ "type" : "object",\n "title":"\\u00e9\\/", "properties": {"b": {"type":"number", "minimum": 1.50,'
                              ' "maximum": 1e3, "multipleOf": 0.0000001}, "a": {"type":"string"}}, "title": "T" }', schemaType="JSON"))
    eq((a["schemaType"], a["version"]), ("JSON", 1))
    eq(a["schema"], '{"type":"object","title":"T","properties":{"b":{"type":"number","minimum":1.50,"maximum":1E+3,'
                    '"multipleOf":1E-7},"a":{"type":"string"}}}')
    eq(ok(register(s, "js1", a["schema"], schemaType="JSON"))["id"], a["id"])
    eq(ok(register(s, "js1-other", a["schema"], schemaType="JSON"))["id"], a["id"])
    eq(ok(s.call("GET", "/schemas/ids/%d?format=serialized" % a["id"]))["schema"], a["schema"])
    # order counts, unless normalised
    sorted_ = ok(s.call("POST", "/subjects/js2/versions?normalize=true", {"schemaType": "JSON", "schema": a["schema"]}))
    eq(sorted_["schema"], '{"properties":{"a":{"type":"string"},"b":{"maximum":1E+3,"minimum":1.50,"multipleOf":1E-7,'
                          '"type":"number"}},"title":"T","type":"object"}')
    eq(ok(register(s, "js3", "true", schemaType="JSON"))["schema"], "true")


@test
def json_references(s):
    ok(register(s, "js-leaf", {"type": "string", "confluent:tags": ["PII"]}, schemaType="JSON"))
    schema = {"type": "object", "properties": {"x": {"$ref": "leaf.json"}}}
    error(register(s, "js-root", schema, schemaType="JSON"), 422, 42201)
    a = ok(register(s, "js-root", schema, schemaType="JSON", references=[{"name": "leaf.json", "subject": "js-leaf", "version": 1}]))
    eq(a["references"][0]["version"], 1)
    eq(ok(s.call("GET", "/subjects/js-leaf/versions/1/referencedby")), [a["id"]])


@test
def json_tags(s):
    schema = {"type": "object", "confluent:tags": ["REC"], "properties": {
        "ssn": {"type": "string", "confluent:tags": ["PII"]},
        "home": {"type": "object", "properties": {"street": {"type": "string", "confluent:tags": ["PII"]}}}}}
    ok(register(s, "js4", schema, schemaType="JSON"))
    tags = ok(s.call("GET", "/subjects/js4/versions/1?findTags=*"))["schemaTags"]
    eq([(t["schemaEntity"]["entityPath"], t["schemaEntity"]["entityType"], t["tags"]) for t in tags],
       [("object", "sr_record", ["REC"]), ("object.ssn", "sr_field", ["PII"]),
        ("object.home.object.street", "sr_field", ["PII"])])


@test
def json_refusals(s):
    for schema, text in (('"string"', "Invalid JSON schema: expected an object or boolean at the root, found STRING"),
                         ("[]", "found ARRAY"), ("{", "Invalid schema of type JSON, details"), ('{"type": 1}', ""),
                         ('{"$ref":"http://127.0.0.1:1/x.json"}', ""), ('{"a":"\\ud800"}', ""), ('{"a":"\\u0000"}', ""),
                         ('{"not":' * 300 + "{}" + "}" * 300, "")):
        error(register(s, "js-bad", schema, schemaType="JSON"), 422, 42201, text)


@test
def types_do_not_mix(s):
    """A text that is a schema of two types is two schemas."""
    text = '{"type":"array","items":{"type":"string"}}'
    json_ = ok(register(s, "mix", text, schemaType="JSON"))
    avro = ok(register(s, "mix", text))
    assert json_["id"] != avro["id"]
    eq([json_["version"], avro["version"]], [1, 2])
    error(s.call("POST", "/subjects/mix", {"schema": json_["schema"], "schemaType": "PROTOBUF"}), 422, 42201)
    # a rule set alone is attached to what the latest version is
    got = ok(s.call("POST", "/subjects/js4/versions", {"metadata": {"properties": {"a": "b"}}}))
    eq((got["schemaType"], got["version"]), ("JSON", 2))
