"""The official client writes and we read, and the reverse; an application of it with only its imports changed."""
import os
import re
import subprocess
import sys
import tempfile

from confluent_kafka.schema_registry import SchemaRegistryClient as OfficialClient, header_schema_id_serializer
from confluent_kafka.schema_registry import avro, json_schema, protobuf
from confluent_kafka.schema_registry.rules.encryption.encrypt_executor import EncryptionExecutor, FieldEncryptionExecutor
from confluent_kafka.schema_registry.rules.encryption.localkms.local_driver import LocalKmsDriver
from confluent_kafka.serialization import SerializationError
import schloss
from schloss.schema_registry import avro as our_avro, json_schema as our_json, protobuf as our_protobuf
from support import LATEST, PERSON, RECORD, RULES, Case, registry, rule_set
from test_formats import DESCRIPTOR, JSON_RECORD, JSON_SCHEMA, MESSAGE, PERSON as MESSAGE_CLASS

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
KINDS = {
    "AVRO": (PERSON, RECORD, lambda m, c, conf: m.AvroSerializer(c, None, conf=conf, rule_conf=RULES),
             lambda m, c: m.AvroDeserializer(c, rule_conf=RULES)),
    # the official client checks ciphertext against the schema: no validation there
    "JSON": (JSON_SCHEMA, JSON_RECORD,
             lambda m, c, conf: m.JSONSerializer(None, c, conf=dict(conf, validate=m is our_json), rule_conf=RULES),
             lambda m, c: m.JSONDeserializer(None, schema_registry_client=c, rule_conf=RULES)),
    "PROTOBUF": (DESCRIPTOR, MESSAGE, lambda m, c, conf: m.ProtobufSerializer(MESSAGE_CLASS, c, conf, RULES),
                 lambda m, c: m.ProtobufDeserializer(MESSAGE_CLASS, {}, c, RULES)),
}
MODULES = {"AVRO": (avro, our_avro), "JSON": (json_schema, our_json), "PROTOBUF": (protobuf, our_protobuf)}


def copy(record):
    """Rules of the official client change what they are given."""
    if isinstance(record, dict):
        return dict(record)
    out = type(record)()
    out.CopyFrom(record)
    return out


class BothWays(Case):
    @classmethod
    def setUpClass(cls):
        FieldEncryptionExecutor.register()
        EncryptionExecutor.register()
        LocalKmsDriver.register()
        cls.official = OfficialClient({"url": registry().url})

    def both(self, kind, algorithm, payload, headers):
        topic = "%s-%s-%s-%s-%d" % (self.topic, kind, algorithm, payload, headers)
        schema, record, serializer, deserializer = KINDS[kind]
        theirs, ours = MODULES[kind]
        self.subject(schema, kind, rule_set(topic, payload, algorithm), topic)
        conf = dict(LATEST, **({"schema.id.serializer": header_schema_id_serializer} if headers else {}))
        for first in (True, False):
            ctx = self.context([] if headers else None)
            ctx.topic = topic
            value = serializer(theirs, self.official, conf)(copy(record), ctx) if first else \
                serializer(ours, self.client, conf)(record, ctx)
            self.assertHidden(value)
            self.assertEqual(deserializer(ours, self.client)(value, ctx), record)
            self.assertEqual(deserializer(theirs, self.official)(value, ctx), record)

    def test_fields(self):
        for kind in KINDS:
            for algorithm in ("AES256_GCM", "AES128_GCM", "AES256_SIV"):
                with self.subTest(kind, algorithm=algorithm):
                    self.both(kind, algorithm, False, False)

    def test_payloads_and_headers(self):
        for kind in KINDS:
            for payload, headers in ((True, False), (False, True), (True, True)):
                with self.subTest(kind, payload=payload, headers=headers):
                    self.both(kind, "AES256_GCM", payload, headers)

    def test_rotated(self):
        """The official client made version 1 of the DEK, we make version 2; each reads both."""
        self.subject(rules=rule_set(self.kek, **{"encrypt.dek.expiry.days": "1"}))
        theirs = avro.AvroSerializer(self.official, None, conf=LATEST, rule_conf=RULES)
        values = [theirs(dict(RECORD), self.context())]
        from test_formats import Rotation
        Rotation.later(self, 2)
        values.append(our_avro.AvroSerializer(self.client, conf=LATEST, rule_conf=RULES)(RECORD, self.context()))
        where = "/dek-registry/v1/keks/%s/deks/%s-value/versions" % (self.kek, self.topic)
        self.assertEqual(self.registry.call("GET", where), [1, 2])
        for value in values:
            for client, module in ((self.official, avro), (self.client, our_avro)):
                self.assertEqual(module.AvroDeserializer(client, rule_conf=RULES)(value, self.context()), RECORD)

    def test_error_class(self):
        self.assertIs(schloss.SerializationError, SerializationError)
        self.assertTrue(issubclass(schloss.SchlossError, SerializationError))

    def test_management_is_passed_on(self):
        """Methods of confluent_kafka's client, with its data classes."""
        from schloss.schema_registry import Rule, RuleKind, RuleMode, RuleParams, RuleSet, Schema
        rule = Rule("encrypt", None, RuleKind.TRANSFORM, RuleMode.WRITEREAD, "ENCRYPT", ["PII"], RuleParams({
            "encrypt.kek.name": self.kek, "encrypt.kms.type": "local-kms", "encrypt.kms.key.id": "key"}), None, None,
            "ERROR,ERROR", False)
        import json
        schema = Schema(json.dumps(PERSON), "AVRO", [], None, RuleSet(None, [rule]))
        schema_id = self.client.register_schema(self.topic + "-value", schema)
        self.assertEqual(self.client.get_latest_version(self.topic + "-value").schema_id, schema_id)
        ser = our_avro.AvroSerializer(self.client, Schema(json.dumps(PERSON), "AVRO"), conf=LATEST, rule_conf=RULES)
        self.assertHidden(ser(RECORD, self.context()))
        with self.assertRaises(AttributeError):
            self.client.no_such_method()


class Migration(Case):
    SCHEMA = {"type": "record", "name": "Person", "fields": [
        {"name": "name", "type": "string"}, {"name": "ssn", "type": "string", "confluent:tags": ["PII"]}]}

    def test_an_application(self):
        """bindings/python/example/people.py with the official client and, its imports changed, with ours, on one topic."""
        with open(os.path.join(ROOT, "bindings", "python", "example", "people.py"), encoding="utf-8") as f:
            text = f.read()
        changed = re.sub(r"(?m)^from confluent_kafka\.schema_registry", "from schloss.schema_registry", text)
        self.assertEqual(len([1 for a, b in zip(text.split("\n"), changed.split("\n")) if a != b]), 4)
        dev = subprocess.Popen([os.environ["SCHLOSS_BIN"], "dev", "--topic", "people:1"], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, text=True)
        try:
            said = {}
            for line in dev.stdout:
                if line.strip() == "ready":
                    break
                said.update([line.strip().split("=", 1)] if "=" in line else [])
            r = registry()
            before, r.url = r.url, said["registry"]
            try:
                r.register("people-value", self.SCHEMA, ruleSet=rule_set("people-kek"))
            finally:
                r.url = before
            with tempfile.TemporaryDirectory() as work:
                programs = {}
                for name, source in (("official", text), ("ours", changed)):
                    programs[name] = os.path.join(work, name + ".py")
                    with open(programs[name], "w", encoding="utf-8") as f:
                        f.write(source)

                def run(who, verb, count):
                    done = subprocess.run([sys.executable, programs[who], said["bootstrap"], said["registry"], "people",
                                           verb, str(count)], env=dict(os.environ, LOCAL_SECRET="mysecret"), timeout=60,
                                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                    self.assertEqual(done.returncode, 0, done.stdout)
                    return done.stdout
                run("official", "produce", 3)
                run("ours", "produce", 3)
                want = "".join("person%d Person %d 123-45-%04d\n" % (i, i, i) for i in range(3)) * 2
                self.assertEqual(run("ours", "consume", 6), want)
        finally:
            dev.terminate()
            dev.wait(20)
            dev.stdout.close()
