"""A `schloss registry` for the tests of this folder, records, rules, and Kafka's part of a message."""
import atexit
import itertools
import json
import os
import re
import subprocess
import tempfile
import unittest
import urllib.request

from schloss.schema_registry import SchemaRegistryClient
from schloss.serialization import MessageField, SerializationContext

SECRET = "mysecret"  # test-only
RULES = {"secret": SECRET}
LATEST = {"auto.register.schemas": False, "use.latest.version": True}
PERSON = {"type": "record", "name": "Person", "namespace": "test", "fields": [
    {"name": "id", "type": "long"},
    {"name": "ssn", "type": "string", "confluent:tags": ["PII"]},
    {"name": "photo", "type": "bytes", "confluent:tags": ["PII"]},
    {"name": "nick", "type": ["null", "string"], "confluent:tags": ["PII"], "default": None},
    {"name": "city", "type": "string"}]}
RECORD = {"id": 7, "ssn": "123-45-6789", "photo": b"\x00\xff\x80jpeg", "nick": "Ada Ångström", "city": "Bern"}
SECRETS = (b"123-45-6789", b"\x00\xff\x80jpeg", "Ada Ångström".encode())


class Registry:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="schloss-python-")
        self.process = subprocess.Popen(
            [os.environ["SCHLOSS_BIN"], "registry", "--listen", "127.0.0.1:0", "--store",
             "sqlite:" + os.path.join(self.folder.name, "registry.db")],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.url = re.search(r"http://[0-9.:]+", self.process.stdout.readline())[0]
        atexit.register(self.stop)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        self.process.stdout.close()
        self.folder.cleanup()

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, method=method, headers={"Content-Type": "application/json"},
                                         data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or "null")

    def register(self, subject, schema, kind="AVRO", **members):
        text = schema if isinstance(schema, str) else json.dumps(schema)
        return self.call("POST", "/subjects/%s/versions" % subject, dict(members, schemaType=kind, schema=text))["id"]


_registry = None
_number = itertools.count(1)


def registry():
    global _registry
    if _registry is None:
        _registry = Registry()
    return _registry


def rule_set(kek, payload=False, algorithm="AES256_GCM", **params):
    rule = {"name": "encrypt", "kind": "TRANSFORM", "mode": "WRITEREAD",
            "type": "ENCRYPT_PAYLOAD" if payload else "ENCRYPT",
            "params": {"encrypt.kek.name": kek, "encrypt.kms.type": "local-kms", "encrypt.kms.key.id": "key",
                       "encrypt.dek.algorithm": algorithm, **params}}
    if not payload:
        rule["tags"] = ["PII"]
    return {"encodingRules" if payload else "domainRules": [rule]}


class Case(unittest.TestCase):
    """One registry for all, a topic of its own for each test."""

    def setUp(self):
        self.registry = registry()
        self.topic = "python%d" % next(_number)
        self.kek = self.topic + "-kek"
        self.client = SchemaRegistryClient({"url": self.registry.url})
        self.addCleanup(self.client.close)

    def subject(self, schema=None, kind="AVRO", rules=None, topic=None, **more):
        return self.registry.register((topic or self.topic) + "-value", PERSON if schema is None else schema, kind,
                                      ruleSet=rules or rule_set(self.kek), **more)

    def context(self, headers=None, field=MessageField.VALUE):
        return SerializationContext(self.topic, field, headers)

    def assertHidden(self, value, secrets=SECRETS):
        for s in secrets:
            self.assertNotIn(s, value)
