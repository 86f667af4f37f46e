#!/usr/bin/env python3
"""End-to-end tests of `schloss registry` over HTTP, with nothing but the standard library.

Usage: registry_test.py PATH/TO/schloss
Starts the server on a free port over a store in a temporary folder, speaks to it as the official clients do, kills and
restarts it, and ends with one line "N passed, M failed, K skipped". Exits non-zero on failures.
"""
import base64
import hashlib
import http.client
import json
import os
import shutil
import signal
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import uuid

sys.dont_write_bytecode = True  # leaves nothing in the source tree
import registry_types  # noqa: F401  more tests
from registry_server import BINARY, K, TESTS, V1, Server, eq, error, kek, ok, quote, record, register, test


# ---- HTTP ----
@test
def http_root_and_metadata(s):
    eq(ok(s.call("GET", "/")), {})
    eq(s.headers["Content-Type"], V1)
    eq(ok(s.call("POST", "/", {})), {})
    assert ok(s.call("GET", "/v1/metadata/id"))["scope"]["clusters"]["kafka-cluster"]
    assert ok(s.call("GET", "/v1/metadata/version"))["version"]
    eq(ok(s.call("GET", "/v1/metadata/deployment")), {"attributes": []})
    eq(ok(s.call("GET", "/contexts"))[0], ".")


@test
def http_negotiation(s):
    s.call("GET", "/", headers={"Accept": "application/json"})
    eq(s.headers["Content-Type"], "application/json")
    s.call("GET", "/", headers={"Accept": "application/json;q=0.4, application/vnd.schemaregistry+json"})
    eq(s.headers["Content-Type"], "application/vnd.schemaregistry+json")
    error(s.call("GET", "/", headers={"Accept": "text/html"}), 406, 406)
    ok(s.call("GET", "/", headers={"Accept": "text/html, */*;q=0.1"}))
    error(s.call("POST", "/", {}, {"Content-Type": "text/plain"}), 415, 415)
    ok(s.call("POST", "/", {}, {"Content-Type": "application/octet-stream"}))
    ok(s.call("POST", "/", {}, {"Content-Type": "application/json; charset=utf-8"}))
    ok(s.call("GET", "/", headers={"Content-Type": "text/plain"}))


@test
def http_paths(s):
    error(s.call("GET", "/nowhere"), 404, 404, "HTTP 404 Not Found")
    error(s.call("PATCH", "/subjects"), 405, 405, "HTTP 405")
    eq(s.call("HEAD", "/subjects", raw=True), (200, b""))
    ok(s.call("GET", "//subjects/"))
    error(s.call("GET", "/schemas/ids/abc"), 404, 404)
    error(s.call("GET", "/subjects?limit=x"), 404, 404)
    error(s.call("GET", "/subjects/%zz/versions"), 400, 400)
    error(s.call("GET", "/subjects/%ff/versions"), 400, 400)


@test
def http_request_id(s):
    s.call("GET", "/", headers={"X-Request-ID": "abc-1"})
    eq(s.headers["X-Request-ID"], "abc-1")
    s.call("GET", "/")
    eq(uuid.UUID(s.headers["X-Request-ID"]).version, 4)


@test
def http_bodies(s):
    error(s.call("POST", "/subjects/b/versions", "{", {}), 400, 400)
    error(s.call("POST", "/subjects/b/versions", "[]", {}), 400, 400)
    error(s.call("POST", "/subjects/b/versions", "", {"Content-Length": "0"}), 422, 422, "must not be null")
    error(s.call("POST", "/subjects/b/versions", "null"), 422, 422)
    error(s.call("POST", "/subjects/b/versions", "[" * 10000 + "]" * 10000), 400, 400)
    error(s.call("POST", "/subjects/b/versions", '{"schema":' + '{"a":' * 10000 + "1" + "}" * 10000 + "}"), 400, 400)
    error(s.call("POST", "/subjects/b/versions", '{"references":"x","schema":"\\"int\\""}'), 400, 400)


@test
def http_body_limit(s):
    head = b"POST /subjects/b/versions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    assert b" 413 " in s.send_raw(head % (17 * 1024 * 1024)).split(b"\r\n")[0]


@test
def http_smuggling(s):
    def first(data):
        return s.send_raw(data).split(b"\r\n")[0]

    assert b" 400 " in first(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}")
    assert b" 400 " in first(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}")
    assert b" 400 " in first(b"GET / HTTP/1.1\r\nHost: x\r\nBad Name: 1\r\n\r\n")
    assert b" 200 " in first(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    line = first(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20000 + b"\r\n\r\n")
    assert b" 431 " in line or b" 413 " in line or line == b"", line


@test
def http_chunked(s):
    out = s.send_raw(b"POST /subjects/chunked/versions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                     b"Content-Type: application/json\r\n\r\n16\r\n{\"schema\":\"\\\"float\\\"\"\r\n1\r\n}\r\n0\r\n\r\n")
    assert b" 200 " in out.split(b"\r\n")[0], out


@test
def http_keep_alive(s):
    c = s.connection()
    for _ in range(50):
        ok(s.call("GET", "/subjects", connection=c))
    c.close()


@test
def health_and_metrics(s):
    ok(s.call("GET", "/health/live"))
    ok(s.call("GET", "/health/ready", headers={"Accept": "text/plain"}))
    status, text = s.call("GET", "/metrics", headers={"Accept": "application/openmetrics-text"}, raw=True)
    eq(status, 200)
    assert b"schloss_http_requests_total{" in text and b"schloss_dek_registry_keks " in text


# ---- ids and guids ----
@test
def guid_vectors(s):
    enc = {"name": "enc", "kind": "TRANSFORM", "mode": "WRITEREAD", "type": "ENCRYPT", "tags": ["PII"],
           "params": {"encrypt.kek.name": "k1"}, "onFailure": "ERROR,NONE"}
    rows = [({}, "095d71cf-1255-6b9d-5e33-0ad575b3df5d"),
            ({"metadata": {}}, "cecc02e2-232b-87f1-1b0c-aa0e70dbb74d"),
            ({"metadata": {"tags": {"**.ssn": ["X", "PII"]}, "sensitive": ["k"]}},
             "f9c761d1-07e0-922d-733e-fda607950342"),
            ({"metadata": {"properties": {"owner": "me", "confluent:version": "9"}}},
             "8aae6478-417f-a573-12f6-603bfb8c37df"),
            ({"ruleSet": {"domainRules": [enc]}}, "ce7546fd-f04b-f69f-1985-a778a6eb40d2")]
    for i, (members, guid) in enumerate(rows):
        eq(ok(register(s, "guid%d" % i, '"string"', **members))["guid"], guid, str(members))
        got = ok(s.call("GET", "/subjects/guid%d/versions/1" % i))
        eq(got["guid"], guid)
        by = ok(s.call("GET", "/schemas/guids/" + guid))
        eq(by["schema"], '"string"')
        eq(by.get("metadata"), got.get("metadata"))
        ok(s.call("GET", "/schemas/guids/" + guid.replace("-", "")))
    eq(ok(register(s, "guid-int", '"int"'))["guid"], "ef524ea1-b91e-7317-3d93-8ade36c1db32")
    error(s.call("GET", "/schemas/guids/zz"), 404, 40403)
    ids = ok(s.call("GET", "/schemas/guids/ef524ea1-b91e-7317-3d93-8ade36c1db32/ids"))
    eq(ids[0]["context"], ".")


# ---- registration ----
@test
def register_basics(s):
    first = ok(register(s, "r1", record("R", "a")))
    again = ok(register(s, "r1", record("R", "a")))
    eq((again["id"], again["version"]), (first["id"], 1))
    eq(ok(register(s, "r1-other", record("R", "a")))["id"], first["id"])
    spaced = ok(register(s, "r1", json.dumps(record("R", "a"), indent=3)))
    eq(spaced["id"], first["id"])
    doc = ok(register(s, "r1", record("R", "a", doc="d")))
    assert doc["id"] != first["id"] and doc["version"] == 2
    eq(ok(register(s, "r1", record("R", "a")))["version"], 1)
    eq(ok(s.call("GET", "/subjects/r1/versions")), [1, 2])
    eq(ok(s.call("GET", "/subjects/r1/versions/latest"))["version"], 2)
    eq(ok(s.call("GET", "/subjects/r1/versions/-1"))["version"], 2)
    eq(ok(s.call("GET", "/subjects/r1/versions/1"))["schemaType"], "AVRO")
    eq(ok(s.call("GET", "/subjects/r1/versions/1/schema")), record("R", "a"))
    by = ok(s.call("GET", "/schemas/ids/%d?fetchMaxId=false&subject=r1" % first["id"]))
    eq((by["subject"], by["version"], json.loads(by["schema"])), ("r1", 1, record("R", "a")))
    assert "id" not in by
    eq(ok(s.call("GET", "/schemas/ids/%d/subjects" % first["id"])), ["r1", "r1-other"])
    eq(ok(s.call("GET", "/schemas/ids/%d/versions" % first["id"])),
       [{"subject": "r1", "version": 1}, {"subject": "r1-other", "version": 1}])
    for v in ("0", "-2", "abc", "2147483648"):
        error(s.call("GET", "/subjects/r1/versions/" + v), 422, 42202)
    error(s.call("GET", "/subjects/r1/versions/9"), 404, 40402, "Version 9 not found.")
    error(s.call("GET", "/subjects/nobody/versions/1"), 404, 40401)
    error(s.call("GET", "/subjects/nobody/versions"), 404, 40401)
    error(s.call("GET", "/schemas/ids/99999"), 404, 40403, "Schema 99999 not found")
    error(s.call("GET", "/schemas/ids/99999/schema"), 404, 40403)
    assert "r1" in ok(s.call("GET", "/subjects"))
    assert ok(s.call("GET", "/schemas/ids/%d?fetchMaxId=true" % first["id"]))["maxId"] >= doc["id"]


@test
def register_refusals(s):
    error(register(s, "bad", "{}"), 422, 42201, "Invalid schema")
    error(register(s, "bad", "string"), 422, 42201)
    error(register(s, "bad", ""), 422, 42201, "Empty schema")
    error(register(s, "bad", record("R", "a-b")), 422, 42201)
    error(register(s, "bad", "x", schemaType="YAML"), 422, 42201, "Invalid schema type YAML")
    error(register(s, "bad", '"int"', id=7), 422, 42205, "is not in import mode")
    error(register(s, "a\x01b", '"int"'), 422, 42208)
    error(register(s, "a\x00b", '"int"'), 422, 42208)
    error(register(s, "__GLOBAL", '"int"'), 422, 42208)
    error(s.call("GET", "/subjects/bad/versions"), 404, 40401)


@test
def register_subject_names(s):
    for name in ("a/b", "a b", "a+b", "100%", "käse-值", "x:y", "@!$&'()*,;="):
        ok(register(s, name, '"int"'))
        got = ok(s.call("GET", "/subjects/%s/versions/1" % quote(name)))
        eq(got["subject"], name)
        assert name in ok(s.call("GET", "/subjects"))
    eq(ok(s.call("GET", "/subjects/a+b/versions/1"))["subject"], "a+b")


@test
def register_versions(s):
    ok(register(s, "v1", '"int"'))
    error(register(s, "v1", '"long"', version=7), 422, 42201, "Version is not one more than previous version")
    got = ok(register(s, "v1", '"long"', version=2))
    eq(got["version"], 2)
    eq(got["metadata"]["properties"]["confluent:version"], "2")
    eq(ok(register(s, "v1", '"float"', version=-1))["version"], 3)


@test
def register_metadata_and_rules(s):
    rules = {"domainRules": [{"name": "enc", "type": "ENCRYPT", "tags": ["PII"], "params": {"encrypt.kek.name": "k"}}]}
    first = ok(register(s, "m1", record("R", "a")))
    got = ok(register(s, "m1", None, ruleSet=rules))
    eq(got["version"], 2)
    assert got["id"] != first["id"] and got["guid"] != first["guid"]
    eq(json.loads(got["schema"]), record("R", "a"))
    latest = ok(s.call("GET", "/subjects/m1/versions/latest"))
    rule = latest["ruleSet"]["domainRules"][0]
    eq((rule["kind"], rule["mode"], rule["disabled"], rule["tags"]), ("TRANSFORM", "WRITEREAD", False, ["PII"]))
    eq(ok(s.call("GET", "/schemas/ids/%d" % got["id"]))["ruleSet"], latest["ruleSet"])
    meta = ok(register(s, "m1", None, metadata={"tags": {"**.a": ["PII"]}, "properties": {"owner": "me"}}))
    eq(meta["ruleSet"], latest["ruleSet"])
    eq(meta["metadata"]["properties"]["owner"], "me")
    inherited = ok(register(s, "m1", record("R", "a", "b")))
    eq((inherited["ruleSet"], inherited["metadata"]), (meta["ruleSet"], meta["metadata"]))
    error(register(s, "m-empty", None, ruleSet=rules), 422, 42201, "Empty schema")
    eq(ok(s.call("GET", "/subjects/m1/metadata?key=owner&value=me"))["version"], 4)
    error(s.call("GET", "/subjects/m1/metadata?key=owner&value=you"), 404, 40403)
    # the plain schema is still version 1
    eq(ok(register(s, "m1", record("R", "a")))["version"], 1)


@test
def register_rule_errors(s):
    def rule(**m):
        return dict({"name": "n", "type": "ENCRYPT"}, **m)

    rows = [([rule(), rule()], "duplicate name 'n'"), ([rule(name=None)], "Missing rule name"),
            ([rule(name="")], "Empty rule name"), ([rule(name="x" * 257)], "Rule name too long"),
            ([rule(name="1x")], "Illegal initial character"), ([rule(name="a b")], "Illegal character"),
            ([rule(type=None)], "Missing rule type"),
            ([rule(mode="WRITE", onFailure="A,B")], "Multiple actions only valid"),
            ([rule(mode="UPGRADE")], "Domain rules can only be")]
    for rules, text in rows:
        error(register(s, "rule-errors", '"int"', ruleSet={"domainRules": rules}), 422, 42210, text)
    error(register(s, "rule-errors", '"int"', ruleSet={"migrationRules": [rule(mode="READ")]}), 422, 42210,
          "Migration rules can only be UPGRADE, DOWNGRADE, UPDOWN")
    error(register(s, "rule-errors", '"int"', ruleSet={"encodingRules": [rule(mode="UPDOWN")]}), 422, 42210,
          "Encoding rules")
    error(register(s, "rule-errors", '"int"', ruleSet={"domainRules": [rule(mode="NEVER")]}), 400, 400)


@test
def register_completes_kek_names(s):
    arn = "arn:aws:kms:eu-west-1:1:key/ab"
    got = ok(register(s, "arn", '"int"', ruleSet={
        "domainRules": [{"name": "a", "type": "ENCRYPT", "params": {"encrypt.kms.key.id": arn}},
                        {"name": "b", "type": "ENCRYPT",
                         "params": {"encrypt.kms.key.id": "x/y", "encrypt.kek.name": "mine"}}],
        "encodingRules": [{"name": "c", "type": "ENCRYPT_PAYLOAD", "params": {"encrypt.kms.key.id": arn}}]}))
    params = [r["params"] for r in got["ruleSet"]["domainRules"] + got["ruleSet"]["encodingRules"]]
    eq(params[0], {"encrypt.kek.name": "aws-kms-eu-west-1-1-key-ab", "encrypt.kms.key.id": arn,
                   "encrypt.kms.type": "aws-kms"})
    eq(params[1], {"encrypt.kek.name": "mine", "encrypt.kms.key.id": "x/y"})
    eq(params[2], {"encrypt.kms.key.id": arn})


@test
def register_canonical(s):
    given = {"name": "com.x.R", "fields": [{"type": {"type": "string"}, "name": "a", "confluent:tags": ["PII"]},
                                           {"default": 1, "name": "n", "type": "long", "order": "ascending"}],
             "type": "record", "aliases": []}
    got = ok(register(s, "canon", given))
    eq(got["schema"], '{"type":"record","name":"R","namespace":"com.x","fields":[{"name":"a","type":"string",'
                      '"confluent:tags":["PII"]},{"name":"n","type":"long","default":1}]}')
    tags = ok(s.call("GET", "/subjects/canon/versions/1?findTags=PII"))["schemaTags"]
    eq(tags, [{"schemaEntity": {"entityPath": "com.x.R.a", "entityType": "sr_field"}, "tags": ["PII"]}])


@test
def references(s):
    ok(register(s, "addr", record("Addr", "street", namespace="com.x")))
    parent = {"type": "record", "name": "P", "namespace": "com.x", "fields": [{"name": "addr", "type": "Addr"}]}
    ref = [{"name": "com.x.Addr", "subject": "addr", "version": -1}]
    got = ok(register(s, "parent", parent, references=ref))
    eq(got["references"], [{"name": "com.x.Addr", "subject": "addr", "version": 1}])
    eq(json.loads(got["schema"])["fields"][0]["type"], "Addr")
    eq(ok(s.call("GET", "/schemas/ids/%d" % got["id"]))["references"][0]["version"], 1)
    resolved = ok(s.call("GET", "/schemas/ids/%d?format=resolved" % got["id"]))["schema"]
    eq(json.loads(resolved)["fields"][0]["type"]["name"], "Addr")
    eq(ok(s.call("GET", "/subjects/addr/versions/1/referencedby")), [got["id"]])
    inlined = dict(parent, fields=[{"name": "addr", "type": record("Addr", "street")}])
    eq(ok(s.call("POST", "/subjects/parent", {"schema": json.dumps(inlined)}))["version"], 1)
    error(s.call("DELETE", "/subjects/addr/versions/1"), 422, 42206,
          "One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=addr,version=1}.")
    error(s.call("DELETE", "/subjects/addr"), 422, 42206)
    error(register(s, "parent2", parent, references=[{"name": "com.x.Addr", "subject": "none", "version": 1}]), 422,
          42201, 'No schema reference found for subject "none" and version 1')
    error(register(s, "parent2", parent, references=[{"name": "com.x.Addr"}]), 422, 42201, "Invalid reference")
    error(register(s, "parent2", parent), 422, 42201)
    ok(s.call("DELETE", "/subjects/parent"))
    error(s.call("DELETE", "/subjects/addr?permanent=true"), 422, 42206)
    ok(s.call("DELETE", "/subjects/parent?permanent=true"))
    ok(s.call("DELETE", "/subjects/addr"))


@test
def lookup(s):
    ok(register(s, "l1", record("R", "a")))
    ok(register(s, "l1", record("R", "a"), ruleSet={"domainRules": [{"name": "e", "type": "ENCRYPT"}]}))
    got = ok(s.call("POST", "/subjects/l1?normalize=False&deleted=False", {"schema": json.dumps(record("R", "a"))}))
    eq(got["version"], 1)
    error(s.call("POST", "/subjects/l1", {"schema": '"bytes"'}), 404, 40403, "Schema not found")
    error(s.call("POST", "/subjects/nothing", {"schema": '"bytes"'}), 404, 40401)
    error(s.call("POST", "/subjects/l1", {"schema": "{"}), 422, 42201)
    # metadata and rules are taken from the latest version when the request has none
    ok(register(s, "l2", record("R", "a"), metadata={"properties": {"k": "v"}}))
    eq(ok(s.call("POST", "/subjects/l2", {"schema": json.dumps(record("R", "a"))}))["version"], 1)
    ok(s.call("DELETE", "/subjects/l2/versions/1"))
    error(s.call("POST", "/subjects/l2", {"schema": json.dumps(record("R", "a"))}), 404, 40401)
    eq(ok(s.call("POST", "/subjects/l2?deleted=TRUE", {"schema": json.dumps(record("R", "a")),
                                                       "metadata": {"properties": {"k": "v"}}}))["version"], 1)


@test
def normalize(s):
    a = {"type": "record", "name": "N", "fields": [], "zz": 1, "aa": 2}
    b = {"type": "record", "name": "N", "fields": [], "aa": 2, "zz": 1}
    first = ok(register(s, "norm", b))
    got = ok(s.call("POST", "/subjects/norm/versions?normalize=true", {"schema": json.dumps(a)}))
    eq(got["id"], first["id"])
    assert ok(register(s, "norm", a))["id"] != first["id"]


# ---- deletes ----
@test
def deletes(s):
    for t in ("int", "long", "float"):
        ok(register(s, "d1", '"%s"' % t))
    error(s.call("DELETE", "/subjects/d1?permanent=true"), 404, 40405)
    eq(ok(s.call("DELETE", "/subjects/d1/versions/latest")), 3)
    error(s.call("DELETE", "/subjects/d1/versions/3"), 404, 40406,
          "Subject 'd1' Version 3 was soft deleted.Set permanent=true to delete permanently")
    error(s.call("DELETE", "/subjects/d1/versions/1?permanent=true"), 404, 40407)
    error(s.call("GET", "/subjects/d1/versions/3"), 404, 40402)
    eq(ok(s.call("GET", "/subjects/d1/versions/3?deleted=true"))["deleted"], True)
    eq(ok(s.call("GET", "/subjects/d1/versions/latest"))["version"], 2)
    eq(ok(s.call("GET", "/subjects/d1/versions?deletedAsNegative=true")), [1, 2, -3])
    eq(ok(s.call("GET", "/subjects/d1/versions?deletedOnly=true")), [3])
    again = ok(register(s, "d1", '"float"'))
    eq(again["version"], 4)
    eq(ok(s.call("GET", "/subjects/d1/versions?deleted=true")), [1, 2, 4])
    eq(ok(s.call("DELETE", "/subjects/d1")), [1, 2, 4])
    error(s.call("DELETE", "/subjects/d1"), 404, 40404, "Subject 'd1' was soft deleted.Set permanent=true")
    error(s.call("GET", "/subjects/d1/versions"), 404, 40401)
    assert "d1" not in ok(s.call("GET", "/subjects")) and "d1" in ok(s.call("GET", "/subjects?deletedOnly=true"))
    eq(ok(s.call("GET", "/schemas/ids/%d?subject=d1" % again["id"]))["deleted"], True)
    eq(ok(s.call("DELETE", "/subjects/d1?permanent=true")), [1, 2, 4])
    error(s.call("DELETE", "/subjects/d1?permanent=true"), 404, 40401)
    eq(ok(register(s, "d1", '"boolean"'))["version"], 1)


@test
def ids_are_never_given_twice(s):
    top = ok(register(s, "once", {"type": "fixed", "name": "F", "size": 77}))["id"]
    ok(s.call("DELETE", "/subjects/once"))
    ok(s.call("DELETE", "/subjects/once?permanent=true"))
    error(s.call("GET", "/schemas/ids/%d" % top), 404, 40403)
    s.stop()
    s.start()
    assert ok(register(s, "once", {"type": "fixed", "name": "F", "size": 77}))["id"] > top


# ---- config, mode, contexts ----
@test
def config(s):
    eq(ok(s.call("GET", "/config"))["compatibilityLevel"], "NONE")
    eq(ok(s.call("PUT", "/config", {"compatibility": "none"})), {"compatibility": "NONE"})
    error(s.call("PUT", "/config", {"compatibility": "BACKWARD"}), 422, 42203, "supports only NONE")
    error(s.call("PUT", "/config", {"compatibility": "sideways"}), 422, 42203, "Valid values are")
    error(s.call("GET", "/config/c1"), 404, 40408)
    eq(ok(s.call("PUT", "/config/c1", {"normalize": True})), {"normalize": True})
    eq(ok(s.call("GET", "/config/c1")), {"normalize": True, "compatibilityLevel": "NONE"})
    ok(s.call("PUT", "/config/c1", {"alias": "c2", "defaultMetadata": {"properties": {"a": "1"}}}))
    eq(ok(s.call("PUT", "/config/c1", {"normalize": None, "alias": None})),
       {"defaultMetadata": {"properties": {"a": "1"}}})
    eq(ok(register(s, "c1", '"int"'))["metadata"], {"properties": {"a": "1"}})
    eq(ok(s.call("DELETE", "/config/c1"))["compatibilityLevel"], "NONE")
    error(s.call("DELETE", "/config/c1"), 404, 40401)
    eq(ok(s.call("GET", "/config/c1?defaultToGlobal=true"))["compatibilityLevel"], "NONE")
    ok(s.call("DELETE", "/config"))


@test
def aliases(s):
    ok(register(s, "real", '"int"'))
    ok(s.call("PUT", "/config/nick", {"alias": "real"}))
    eq(ok(s.call("GET", "/subjects/nick/versions/1"))["subject"], "real")


@test
def modes(s):
    eq(ok(s.call("GET", "/mode")), {"mode": "READWRITE"})
    error(s.call("GET", "/mode/mo"), 404, 40409)
    eq(ok(s.call("PUT", "/mode/mo", {"mode": "READONLY"})), {"mode": "READONLY"})
    error(register(s, "mo", '"int"'), 422, 42205, "Subject mo in context  is in read-only mode")
    error(s.call("PUT", "/mode/mo", {"mode": "SIDEWAYS"}), 422, 42204)
    error(s.call("PUT", "/mode/mo", {"mode": "FORWARD"}), 422, 42204)
    eq(ok(s.call("PUT", "/mode/mo", {"mode": "IMPORT"})), {"mode": "IMPORT"})
    error(register(s, "mo", '"int"'), 422, 42205, "is not in read-write mode")
    got = ok(register(s, "mo", record("Imported", "x"), id=5000, version=7))
    eq((got["id"], got["version"]), (5000, 7))
    error(register(s, "mo", record("Other", "x"), id=5000, version=8), 422, 42205, "Overwrite new schema with id 5000")
    eq(ok(s.call("DELETE", "/mode/mo")), {"mode": "IMPORT"})
    assert ok(register(s, "mo", record("After", "x")))["id"] > 5000
    error(s.call("PUT", "/mode/mo", {"mode": "IMPORT"}), 422, 42205, "existing subjects")
    ok(s.call("PUT", "/mode/mo?force=true", {"mode": "IMPORT"}))
    ok(s.call("DELETE", "/mode/mo"))


@test
def contexts(s):
    got = ok(register(s, ":.ctx:t", record("InContext", "x")))
    eq(got["id"], 1)
    eq(ok(s.call("GET", "/contexts/ctx/subjects/t/versions/1"))["subject"], ":.ctx:t")
    eq(ok(s.call("GET", "/contexts/.ctx/subjects")), [":.ctx:t"])
    eq(ok(s.call("GET", "/contexts/:.ctx:/schemas/ids/1"))["subject"], ":.ctx:t")
    assert ".ctx" in ok(s.call("GET", "/contexts")) and ":.ctx:t" in ok(s.call("GET", "/subjects"))
    assert ":.ctx:t" not in ok(s.call("GET", "/subjects?subjectPrefix="))
    eq(ok(s.call("GET", "/subjects/t/versions/1"))["subject"], ":.ctx:t")  # unqualified search
    error(s.call("GET", "/contexts/a:b/subjects"), 400, 400, "cannot contain a colon")
    error(s.call("DELETE", "/contexts/ctx"), 422, 42211)
    ok(s.call("PUT", "/contexts/ctx/mode", {"mode": "READONLY"}))
    error(register(s, ":.ctx:t2", '"int"'), 422, 42205, "in context :.ctx: is in read-only mode")
    ok(s.call("DELETE", "/mode/:.ctx:"))
    ok(s.call("DELETE", "/subjects/:.ctx:t"))
    ok(s.call("DELETE", "/subjects/:.ctx:t?permanent=true"))
    ok(s.call("DELETE", "/contexts/ctx"), 204)
    assert ".ctx" not in ok(s.call("GET", "/contexts"))
    eq(ok(register(s, ":.ctx:t", record("InContext", "x")))["id"], 2)


@test
def compatibility_is_none(s):
    ok(register(s, "compat", '"int"'))
    body = {"schema": '"string"'}
    eq(ok(s.call("POST", "/compatibility/subjects/compat/versions/latest", body)), {"is_compatible": True})
    eq(ok(s.call("POST", "/compatibility/subjects/compat/versions/?verbose=true", body)),
       {"is_compatible": True, "messages": []})
    error(s.call("POST", "/compatibility/subjects/compat/versions/9", body), 404, 40402)
    eq(ok(s.call("POST", "/compatibility/subjects/compat/versions?verbose=true", {"schema": "{"}))["is_compatible"],
       False)
    error(s.call("POST", "/compatibility/subjects/compat/versions", {"schema": "{"}), 422, 42201)


@test
def paging(s):
    for i in range(5):
        ok(register(s, "page%d" % i, '"int"'))
    eq(ok(s.call("GET", "/subjects?subjectPrefix=page&offset=1&limit=2")), ["page1", "page2"])
    eq(ok(s.call("GET", "/subjects?subjectPrefix=page&offset=9")), [])
    eq(len(ok(s.call("GET", "/subjects?subjectPrefix=page&limit=0&offset=-3"))), 5)
    eq([x["subject"] for x in ok(s.call("GET", "/schemas?subjectPrefix=page&latestOnly=true&limit=3"))],
       ["page0", "page1", "page2"])


@test
def associations(s):
    eq(ok(s.call("GET", "/associations/resources/-/topic9?resourceType=topic&associationType=value")), [])
    ok(register(s, "assoc", '"int"'))
    body = {"resourceName": "topic1", "resourceNamespace": "lkc", "resourceId": "lkc:topic1",
            "associations": [{"subject": "assoc", "associationType": "value"}]}
    eq(ok(s.call("POST", "/associations", body))["associations"][0]["subject"], "assoc")
    got = ok(s.call("GET", "/associations/resources/lkc/topic1?resourceType=topic&associationType=value"))
    eq([a["subject"] for a in got], ["assoc"])
    eq(len(ok(s.call("GET", "/associations/resources/-/topic1?associationType=key"))), 0)
    error(s.call("DELETE", "/subjects/assoc"), 409, 40904)
    ok(s.call("DELETE", "/associations/resources/lkc:topic1"), 204)
    error(s.call("DELETE", "/associations/resources/lkc:topic1"), 404, 40410)
    ok(s.call("DELETE", "/subjects/assoc"))


# ---- DEK Registry ----
@test
def keks(s):
    got = ok(kek(s, "kek1", kmsProps={"b": 1, "a": True}))
    eq(list(got), ["name", "kmsType", "kmsKeyId", "kmsProps", "shared", "ts"])
    eq(got["kmsProps"], {"a": "true", "b": "1"})
    assert abs(got["ts"] - time.time() * 1000) < 5000
    error(kek(s, "kek1", kmsProps={"b": 1, "a": True}), 409, 40971, "Key 'kek1' already exists")
    error(s.call("GET", K + "/none"), 404, 40470, "Key 'none' not found")
    for bad in ("1a", "-a", "a.b", "a b", "x" * 257, ""):
        error(kek(s, bad), 422, 42271, "'name'")
    for good in ("_a", "a-1", "Äb", "x" * 256):
        ok(kek(s, good))
    error(kek(s, "k2", kmsKeyId=None), 422, 42271, "kmsKeyId")
    error(kek(s, "k2", kmsType=None), 422, 42271, "kmsType")
    error(kek(s, "k2", kmsType="aws-kms", kmsKeyId="abc"), 422, 42271, "kmsKeyId")
    eq(ok(kek(s, "k2", kmsType="AWS-KMS", kmsKeyId="abc"))["kmsType"], "aws-kms")
    ok(kek(s, "k3", kmsType="aws-kms", kmsKeyId="arn:aws-cn:kms:x"))
    put = ok(s.call("PUT", K + "/kek1", {"doc": "d", "name": "zz"}))
    eq((put["doc"], put["name"], put["kmsProps"]), ("d", "kek1", {"a": "true", "b": "1"}))
    assert put["ts"] > got["ts"]
    eq(ok(s.call("PUT", K + "/kek1", {"doc": "d"}))["ts"], put["ts"])
    eq(ok(s.call("PUT", K + "/kek1", {"kmsProps": None, "doc": None, "shared": None}))["kmsProps"], {})
    names = ok(s.call("GET", K))
    eq(names, sorted(names))
    eq(ok(s.call("GET", K + "?limit=2&offset=1")), names[1:3])
    error(s.call("GET", K + "?offset=abc"), 404, 404)
    ok(s.call("DELETE", K + "/kek1"), 204)
    ok(s.call("DELETE", K + "/kek1"), 204)
    error(s.call("GET", K + "/kek1"), 404, 40470)
    eq(ok(s.call("GET", K + "/kek1?deleted=true"))["deleted"], True)
    error(s.call("PUT", K + "/kek1", {"doc": "x"}), 404, 40470)
    ok(s.call("POST", K + "/kek1/undelete"), 204)
    error(s.call("DELETE", K + "/kek1?permanent=true"), 404, 40471)
    ok(s.call("DELETE", K + "/kek1"), 204)
    ok(kek(s, "kek1"))
    ok(s.call("DELETE", K + "/kek1"), 204)
    ok(s.call("DELETE", K + "/kek1?permanent=true"), 204)
    error(s.call("GET", K + "/kek1?deleted=true"), 404, 40470)
    error(s.call("POST", K + "/k2/test"), 422, 42271, "shared")


@test
def deks_unshared(s):
    ok(kek(s, "un"))
    d = K + "/un/deks/sub"
    m1, m2 = base64.b64encode(b"one" * 20).decode(), base64.b64encode(b"two" * 20).decode()
    error(s.call("POST", d, {}), 422, 42271, "encryptedKeyMaterial")
    error(s.call("POST", d, {"encryptedKeyMaterial": ""}), 422, 42271, "encryptedKeyMaterial")
    error(s.call("POST", d, {"encryptedKeyMaterial": "!!"}), 422, 42271, "encryptedKeyMaterial")
    got = ok(s.call("POST", d + "?rewrap=false", {"subject": "sub", "algorithm": "AES256_GCM", "deleted": False,
                                                  "encryptedKeyMaterial": m1}))
    eq(list(got), ["kekName", "subject", "version", "algorithm", "encryptedKeyMaterial", "ts"])
    eq((got["version"], got["encryptedKeyMaterial"]), (1, m1))
    error(s.call("POST", d, {"encryptedKeyMaterial": m1}), 409, 40971, "Key 'sub' already exists")
    error(s.call("POST", K + "/un/deks", {"subject": "sub", "encryptedKeyMaterial": m2}), 409, 40971)
    ok(s.call("POST", K + "/un/deks", {"subject": "other", "encryptedKeyMaterial": m2}))
    error(s.call("POST", K + "/un/deks", {"encryptedKeyMaterial": m2}), 422, 42271, "subject")
    ok(s.call("POST", d, {"algorithm": "AES256_SIV", "encryptedKeyMaterial": m2}))
    for v in (2, 3):
        ok(s.call("POST", d, {"version": v, "encryptedKeyMaterial": m2}))
    eq(ok(s.call("GET", d))["version"], 1)
    for v in ("latest", "-1", "LATEST"):
        eq(ok(s.call("GET", d + "/versions/" + v))["version"], 3)
    for v in ("0", "-2", "x"):
        error(s.call("GET", d + "/versions/" + v), 422, 42202)
    eq(ok(s.call("GET", d + "/versions")), [1, 2, 3])
    eq(ok(s.call("GET", d + "/versions?algorithm=AES128_GCM")), [])
    eq(ok(s.call("GET", K + "/un/deks/unknown/versions")), [])
    error(s.call("GET", K + "/nokek/deks/unknown/versions"), 404, 40470, "nokek")
    error(s.call("GET", d + "?algorithm=aes256_gcm"), 404, 404)
    error(s.call("POST", d, {"algorithm": "FOO", "encryptedKeyMaterial": m1}), 400, 400)
    error(s.call("POST", d, {"version": 0, "encryptedKeyMaterial": m1}), 422, 42202)
    eq(ok(s.call("GET", K + "/un/deks")), ["other", "sub"])
    error(s.call("DELETE", K + "/un"), 422, 42272)
    ok(s.call("DELETE", d + "/versions/3"), 204)
    eq(ok(s.call("GET", d + "/versions/latest"))["version"], 2)
    eq(ok(s.call("GET", d + "/versions/latest?deleted=true"))["deleted"], True)
    error(s.call("DELETE", d + "/versions/2?permanent=true"), 404, 40471, "sub")
    ok(s.call("POST", d + "/versions/3/undelete"), 204)
    ok(s.call("DELETE", d), 204)
    error(s.call("GET", d), 404, 40470, "sub")
    eq(ok(s.call("GET", d + "?algorithm=AES256_SIV"))["algorithm"], "AES256_SIV")
    ok(s.call("POST", d + "/undelete"), 204)
    before = ok(s.call("GET", d))
    again = ok(s.call("POST", d + "?rewrap=true", {"version": 1, "encryptedKeyMaterial": m2}))
    assert again["ts"] > before["ts"] and again["encryptedKeyMaterial"] == m2
    ok(s.call("DELETE", d), 204)
    eq(ok(s.call("POST", d, {"encryptedKeyMaterial": m2}))["version"], 1)
    error(s.call("DELETE", d + "?permanent=true"), 404, 40471)
    ok(s.call("DELETE", d), 204)
    ok(s.call("DELETE", d + "?permanent=true"), 204)
    error(s.call("GET", d + "?deleted=true"), 404, 40470)
    error(s.call("DELETE", d), 404, 40470)


@test
def deks_names_and_contexts(s):
    ok(kek(s, "names"))
    m = base64.b64encode(b"x" * 60).decode()
    for name in ("a/b", "100%", "a b", "ü", "a+b"):
        eq(ok(s.call("POST", K + "/names/deks/" + quote(name), {"encryptedKeyMaterial": m}))["subject"], name)
        eq(ok(s.call("GET", K + "/names/deks/" + quote(name)))["subject"], name)
    error(s.call("GET", K + "/names/deks/%01"), 422, 42271, "subject")
    ok(s.call("POST", "/contexts/.ctx" + K + "/names/deks/s", {"encryptedKeyMaterial": m}))
    eq(ok(s.call("GET", K + "/names/deks/:.ctx:s?context=.ctx"))["subject"], ":.ctx:s")
    error(s.call("GET", K + "/names/deks/s"), 404, 40470)
    ok(s.call("POST", "/contexts/ctx" + K + "/names/deks", {"subject": "t", "encryptedKeyMaterial": m}))
    ok(s.call("GET", K + "/names/deks/:.ctx:t"))
    eq(ok(s.call("GET", K + "?subjectPrefix=:.ctx:")), ["names"])
    eq(ok(s.call("GET", K + "?subjectPrefix=zzz")), [])


@test
def deks_shared(s):
    ok(kek(s, "sh", shared=True, kmsProps={"secret": "mysecret"}))
    sizes = {"AES128_GCM": (18, b"\x1a\x10"), "AES256_GCM": (34, b"\x1a\x20"), "AES256_SIV": (66, b"\x12\x40")}
    for alg, (n, head) in sizes.items():
        got = ok(s.call("POST", K + "/sh/deks/s", {"algorithm": alg}))
        key = base64.b64decode(got["keyMaterial"], validate=True)
        eq((len(key), key[:2]), (n, head))
        eq(s.headers.get("Cache-Control"), "no-store")
        for path in ("", "/versions/1", "/versions/-1"):
            eq(ok(s.call("GET", K + "/sh/deks/s%s?algorithm=%s" % (path, alg)))["keyMaterial"], got["keyMaterial"])
        again = ok(s.call("POST", K + "/sh/deks/s?rewrap=true", {"algorithm": alg}))
        eq(again["keyMaterial"], got["keyMaterial"])
        assert again["encryptedKeyMaterial"] != got["encryptedKeyMaterial"]
        error(s.call("POST", K + "/sh/deks/s", {"algorithm": alg}), 409, 40971)
    # wrapping of the specification: local-kms, secret "mysecret"
    known = "07V2ndh02DA73p+dTybwZFm7DKQSZN1tEwQh+FoX1DZLk4Yj2LLu4omYjp/84tAg3BYlkfGSz+zZacJHIE4="
    got = ok(s.call("POST", K + "/sh/deks/known", {"encryptedKeyMaterial": known}))
    eq(got["keyMaterial"], "GiBB5SNMJKak+FsdgjfpmhLfhyLwwhg3VWrNDset3lhpzw==")
    broken = base64.b64encode(b"\0" * 62).decode()
    error(s.call("POST", K + "/sh/deks/broken", {"encryptedKeyMaterial": broken}), 500, 50070,
          "Could not generate raw dek for broken")
    error(s.call("GET", K + "/sh/deks/broken"), 404, 40470)
    eq(list(ok(s.call("POST", K + "/sh/test"))),
       ["name", "kmsType", "kmsKeyId", "kmsProps", "shared", "deleted", "type", "offset", "ts"])
    ok(s.call("PUT", K + "/sh", {"shared": False}))
    assert "keyMaterial" not in ok(s.call("GET", K + "/sh/deks/s"))
    ok(s.call("PUT", K + "/sh", {"shared": True}))
    assert "keyMaterial" in ok(s.call("GET", K + "/sh/deks/s"))
    ok(kek(s, "nokms", kmsType="foo-kms", shared=True))
    error(s.call("POST", K + "/nokms/deks/s", {}), 500, 50070, "No KMS driver supports")
    error(s.call("POST", K + "?testSharing=true", {"name": "nokms3", "kmsType": "foo-kms", "kmsKeyId": "x",
                                                   "shared": True}), 500, 50070)
    error(s.call("GET", K + "/nokms3"), 404, 40470)


# ---- load, durability ----
@test
def concurrent_registrations(s):
    answers, lock = [], threading.Lock()

    def work(n):
        c = s.connection()
        for i in range(20):
            same = ok(s.call_on(c, "POST", "/subjects/same/versions", {"schema": json.dumps(record("Same", "x"))}))
            own = ok(s.call_on(c, "POST", "/subjects/own%d/versions" % n,
                               {"schema": json.dumps(record("Own%d_%d" % (n, i), "x"))}))
            with lock:
                answers.append((same["id"], same["version"], own["id"]))
        c.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(32)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    eq(len(answers), 640)
    eq(len({a[:2] for a in answers}), 1)
    eq(len({a[2] for a in answers}), 640)


@test
def concurrent_deks(s):
    ok(kek(s, "race", shared=True, kmsProps={"secret": "s"}))
    codes, lock = [], threading.Lock()

    def work():
        code = s.call_on(s.connection(), "POST", K + "/race/deks/s", {})[0]
        with lock:
            codes.append(code)

    threads = [threading.Thread(target=work) for _ in range(10)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    eq(sorted(codes), [200] + [409] * 9)


@test
def kill_nine(s):
    done, lock, stop = {}, threading.Lock(), threading.Event()

    def work(n):
        i = 0
        try:
            c = s.connection()
            while not stop.is_set():
                schema = json.dumps(record("Kill%d_%d" % (n, i), "x"))
                got = s.call_on(c, "POST", "/subjects/kill%d/versions" % n, {"schema": schema})
                if got[0] == 200:
                    with lock:
                        done[schema] = got[1]["id"]
                i += 1
        except (OSError, http.client.HTTPException, ValueError):
            pass

    threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
    [t.start() for t in threads]
    time.sleep(1.0)
    s.stop(signal.SIGKILL)
    stop.set()
    [t.join() for t in threads]
    s.start()
    assert len(done) > 16, "only %d registrations before the kill" % len(done)
    eq(len(set(done.values())), len(done))
    for schema, i in done.items():
        eq(json.loads(ok(s.call("GET", "/schemas/ids/%d" % i))["schema"]), json.loads(schema))
    new = ok(register(s, "after-kill", record("AfterKill", "x")))["id"]
    assert new not in done.values()


@test
def backup_and_restore(s):
    before = ok(s.call("GET", "/subjects"))
    copy = os.path.join(s.folder, "copy.db")
    source, target = sqlite3.connect(s.store), sqlite3.connect(copy)
    source.backup(target)
    source.close()
    target.close()
    other = Server(s.folder, store=copy)
    try:
        eq(ok(other.call("GET", "/subjects")), before)
    finally:
        other.stop()


@test
def no_key_material_at_rest(s):
    got = ok(s.call("GET", K + "/sh/deks/s"))
    secret = base64.b64decode(got["keyMaterial"])
    for suffix in ("", "-wal"):
        if os.path.exists(s.store + suffix):
            with open(s.store + suffix, "rb") as f:
                data = f.read()
            assert secret[2:] not in data and got["keyMaterial"].encode() not in data


@test
def store_mode_is_private(s):
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(s.store + suffix):
            eq(os.stat(s.store + suffix).st_mode & 0o077, 0, suffix)


@test
def newer_store_is_refused(s):
    path = os.path.join(s.folder, "newer.db")
    Server(s.folder, store=path).stop()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=999")
    db.commit()
    db.close()
    p = subprocess.run([BINARY, "registry", "--listen", "127.0.0.1:0", "--store", "sqlite:" + path], timeout=20,
                       capture_output=True, text=True)
    assert p.returncode != 0 and "999" in p.stdout + p.stderr, p.stdout + p.stderr


def hash_password(password):
    salt = b"0123456789abcdef"
    key = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1000)
    return "$schloss$pbkdf2-sha256$1000$%s$%s" % (base64.b64encode(salt).decode(), base64.b64encode(key).decode())


@test
def basic_authentication(s):
    users = os.path.join(s.folder, "users")
    with open(users, "w") as f:
        f.write("# test only\nanna:%s\n" % hash_password("pass:word"))
    server = Server(s.folder, "--users", users, store=os.path.join(s.folder, "auth.db"))
    try:
        def basic(text):
            return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}

        error(server.call("GET", "/subjects"), 401, 401)
        assert server.headers["WWW-Authenticate"].startswith("Basic realm=")
        error(server.call("GET", "/contexts/.c/subjects"), 401, 401)
        error(server.call("GET", "/nowhere"), 401, 401)
        error(server.call("GET", "/metrics"), 401, 401)
        error(server.call("POST", "/subjects/a/versions", {"schema": '"int"'}), 401, 401)
        error(server.call("GET", "/subjects", headers=basic("anna:wrong")), 401, 401)
        error(server.call("GET", "/subjects", headers=basic("otto:pass:word")), 401, 401)
        error(server.call("GET", "/subjects", headers={"Authorization": "Bearer x"}), 401, 401)
        for _ in range(3):
            ok(server.call("GET", "/subjects", headers=basic("anna:pass:word")))
        error(server.call("GET", "/subjects", headers=basic("anna:wrong")), 401, 401)
        ok(server.call("GET", "/health/live"))
    finally:
        server.stop()


@test
def tls(s):
    cert, key = os.path.join(s.folder, "cert.pem"), os.path.join(s.folder, "key.pem")
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                           "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost"], capture_output=True)
    eq(made.returncode, 0, made.stderr.decode())
    server = Server(s.folder, "--tls-cert", cert, "--tls-key", key, store=os.path.join(s.folder, "tls.db"))
    try:
        ok(register(server, "over-tls", '"int"'))
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            c.check_hostname = False
            c.verify_mode = ssl.CERT_NONE
            c.minimum_version = c.maximum_version = version
            h = http.client.HTTPSConnection(server.host, server.port, timeout=10, context=c)
            eq(ok(server.call_on(h, "GET", "/subjects")), ["over-tls"])
            h.close()
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname = False
        old.verify_mode = ssl.CERT_NONE
        old.set_ciphers("ALL:@SECLEVEL=0")
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        try:
            server.call_on(http.client.HTTPSConnection(server.host, server.port, timeout=10, context=old), "GET", "/")
            raise AssertionError("TLS 1.1 was accepted")
        except (ssl.SSLError, OSError):
            pass
    finally:
        server.stop()


@test
def memory_store(s):
    server = Server(s.folder, store=":memory:")
    try:
        ok(register(server, "m", '"int"'))
        eq(ok(server.call("GET", "/subjects")), ["m"])
        assert not os.path.exists(":memory:")
    finally:
        server.stop()


def main():
    folder = tempfile.mkdtemp(prefix="schloss-registry-")
    passed = failed = 0
    only = sys.argv[2:]
    server = Server(folder)
    try:
        for t in TESTS:
            if only and t.__name__ not in only:
                continue
            try:
                t(server)
                passed += 1
            except Exception as e:  # a test that breaks is a failure, whatever broke
                failed += 1
                print("FAIL %s: %s: %s" % (t.__name__, type(e).__name__, e))
                if server.process.poll() is not None:
                    print("the server has died: %s" % server.process.stderr.read())
                    server.start()
        server.stop()
        if server.process.returncode not in (0, -signal.SIGTERM, 143):
            failed += 1
            print("FAIL: the server ended with %d: %s" % (server.process.returncode, server.stderr_text))
    finally:
        if server.process.poll() is None:
            server.process.kill()
        shutil.rmtree(folder, ignore_errors=True)
    print("%d passed, %d failed, %d skipped" % (passed, failed, 0))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
