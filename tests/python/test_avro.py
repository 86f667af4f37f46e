"""Avro: dicts and bytes, fields and payloads, framing, schemas that change."""
import io
import json

import fastavro
from schloss import Deserializer, SchemaRegistryError, SchlossError, Serializer
from schloss.schema_registry import Schema, SchemaReference, header_schema_id_serializer
from schloss.schema_registry.avro import AvroDeserializer, AvroSerializer
from schloss.serialization import MessageField
from support import LATEST, PERSON, RECORD, RULES, Case, rule_set

PARSED = fastavro.parse_schema(json.loads(json.dumps(PERSON)))


def encoded(record, schema=PARSED):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, record)
    return out.getvalue()


class Avro(Case):
    def test_dict(self):
        for algorithm in ("AES256_GCM", "AES128_GCM", "AES256_SIV"):
            with self.subTest(algorithm):
                self.topic += algorithm
                schema_id = self.subject(rules=rule_set(self.topic, algorithm=algorithm))
                ser = AvroSerializer(self.client, None, conf=LATEST, rule_conf=RULES)
                value = ser(RECORD, self.context())
                self.assertEqual(value[:5], b"\0" + schema_id.to_bytes(4, "big"))
                self.assertHidden(value)
                self.assertIn(b"Bern", value)
                self.assertEqual(AvroDeserializer(self.client, rule_conf=RULES)(value, self.context()), RECORD)

    def test_payload(self):
        self.subject(rules=rule_set(self.kek, payload=True))
        value = AvroSerializer(self.client, conf=LATEST, rule_conf=RULES)(RECORD, self.context())
        self.assertHidden(value)
        self.assertNotIn(b"Bern", value)
        self.assertEqual(AvroDeserializer(self.client, rule_conf=RULES)(value, self.context()), RECORD)

    def test_bytes(self):
        self.subject()
        data = encoded(RECORD)
        de = Deserializer(self.client, rule_conf=RULES)
        for ser in (AvroSerializer(self.client, conf=LATEST, rule_conf=RULES),
                    AvroSerializer(self.client, json.dumps(PERSON), conf=LATEST, rule_conf=RULES),
                    Serializer(self.client, conf=LATEST, rule_conf=RULES),
                    Serializer(self.client, json.dumps(PERSON), rule_conf=RULES)):
            for form in (data, bytearray(data), memoryview(data)):
                value = ser(form, self.context())
                self.assertIs(type(value), bytes)
                self.assertHidden(value)
                self.assertEqual(de(memoryview(value), self.context()), data)

    def test_key(self):
        self.registry.register(self.topic + "-key", PERSON, ruleSet=rule_set(self.kek))
        ctx = self.context(field=MessageField.KEY)
        value = AvroSerializer(self.client, conf=LATEST, rule_conf=RULES)(RECORD, ctx)
        self.assertHidden(value)
        self.assertEqual(AvroDeserializer(self.client, rule_conf=RULES)(value, ctx), RECORD)

    def test_null(self):
        self.assertIsNone(AvroSerializer(self.client, conf=LATEST)(None, self.context()))
        self.assertIsNone(AvroDeserializer(self.client)(None, self.context()))
        self.assertIsNone(AvroDeserializer(self.client)(b"", self.context()))

    def test_header_framing(self):
        self.subject()
        conf = dict(LATEST, **{"schema.id.serializer": header_schema_id_serializer})
        ser = AvroSerializer(self.client, conf=conf, rule_conf=RULES)
        de = AvroDeserializer(self.client, rule_conf=RULES)
        for headers in ([("trace", b"1"), ("empty", None), ("text", "x")], {"trace": b"1"}):
            ctx = self.context(headers)
            value = ser(RECORD, ctx)
            sent = dict(headers)["__value_schema_id"]
            self.assertEqual((sent[0], len(sent)), (1, 17))
            self.assertEqual(de(value, ctx), RECORD)
            self.assertHidden(value)
            self.assertEqual(Deserializer(self.client, rule_conf=RULES)(ser(encoded(RECORD), ctx), ctx), encoded(RECORD))
        with self.assertRaises(SchlossError) as e:
            ser(RECORD, self.context())
        self.assertEqual(e.exception.name, "INVALID_ARGUMENT")

    def test_to_dict_and_from_dict(self):
        class Person:
            def __init__(self, record):
                self.record = record
        self.subject()
        seen = []
        ser = AvroSerializer(self.client, json.dumps(PERSON), lambda p, ctx: seen.append(ctx) or p.record, LATEST, RULES)
        de = AvroDeserializer(self.client, None, lambda d, ctx: seen.append(ctx) or Person(d), rule_conf=RULES)
        ctx = self.context()
        person = de(ser(Person(RECORD), ctx), ctx)
        self.assertIsInstance(person, Person)
        self.assertEqual(person.record, RECORD)
        self.assertEqual(seen, [ctx, ctx])

    def test_reader_schema(self):
        self.subject()
        reader = dict(PERSON, fields=[f for f in PERSON["fields"] if f["name"] in ("id", "ssn")] +
                      [{"name": "country", "type": "string", "default": "CH"}])
        value = AvroSerializer(self.client, conf=LATEST, rule_conf=RULES)(RECORD, self.context())
        de = AvroDeserializer(self.client, json.dumps(reader), rule_conf=RULES)
        self.assertEqual(de(value, self.context()), {"id": 7, "ssn": "123-45-6789", "country": "CH"})

    def test_latest_is_the_readers_schema(self):
        self.subject()
        value = AvroSerializer(self.client, conf=LATEST, rule_conf=RULES)(RECORD, self.context())
        self.subject(dict(PERSON, fields=[f for f in PERSON["fields"] if f["name"] != "city"] +
                          [{"name": "country", "type": "string", "default": "CH"}]))
        self.client.invalidate()
        want = {k: v for k, v in RECORD.items() if k != "city"}
        for conf in ({"use.latest.version": True}, {"use.latest.version": True, "subject.name.strategy":
                                                    lambda ctx, name: ctx.topic + "-value"}):
            de = AvroDeserializer(self.client, conf=conf, rule_conf=RULES)
            for _ in range(2):
                self.assertEqual(de(value, self.context()), dict(want, country="CH"))
        self.assertEqual(AvroDeserializer(self.client, conf={"use.latest.version": False}, rule_conf=RULES)(
            value, self.context()), RECORD)

    def test_references(self):
        """Types of other subjects, two of which use the same third."""
        text = {"type": "record", "name": "Text", "fields": [{"name": "t", "type": "string", "confluent:tags": ["PII"]}]}
        self.registry.register(self.topic + "-text", text)
        to_text = [{"name": "Text", "subject": self.topic + "-text", "version": 1}]
        refs = list(to_text)
        for name in ("Left", "Right"):
            self.registry.register(self.topic + name, {"type": "record", "name": name, "fields": [
                {"name": "text", "type": "Text"}]}, references=to_text)
            refs.append({"name": name, "subject": self.topic + name, "version": 1})
        both = {"type": "record", "name": "Both", "fields": [{"name": "l", "type": "Left"}, {"name": "r", "type": "Right"}]}
        self.subject(both, references=refs[1:])
        record = {"l": {"text": {"t": "a secret"}}, "r": {"text": {"t": "another secret"}}}
        for schema in (None, Schema(json.dumps(both), "AVRO", [SchemaReference(**r) for r in refs[1:]])):
            value = AvroSerializer(self.client, schema, conf=LATEST, rule_conf=RULES)(record, self.context())
            self.assertHidden(value, [b"a secret", b"another secret"])
            for reader in (None, schema):
                self.assertEqual(AvroDeserializer(self.client, reader, rule_conf=RULES)(value, self.context()), record)
        own = AvroSerializer(self.client, schema, rule_conf=RULES)
        self.assertHidden(own(record, self.context()), [b"a secret", b"another secret"])

    def test_own_schema_is_looked_up(self):
        with self.assertRaises(SchemaRegistryError) as e:
            AvroSerializer(self.client, json.dumps(PERSON), rule_conf=RULES)(RECORD, self.context())
        self.assertEqual((e.exception.http_status_code, e.exception.name), (404, "SCHEMA_NOT_FOUND"))
        self.subject()
        value = AvroSerializer(self.client, json.dumps(PERSON), rule_conf=RULES)(RECORD, self.context())
        self.assertHidden(value)

    def test_register(self):
        conf = {"auto.register.schemas": True}
        value = AvroSerializer(self.client, json.dumps(PERSON), conf=conf)(RECORD, self.context())
        self.assertEqual(self.registry.call("GET", "/subjects/%s-value/versions" % self.topic), [1])
        self.assertEqual(AvroDeserializer(self.client)(value, self.context()), RECORD)

    def test_a_new_version_is_picked_up(self):
        """Objects are encoded under the schema that is really written with, also when it changes between two records."""
        self.subject()
        ser = AvroSerializer(self.client, json.dumps(PERSON), conf=LATEST, rule_conf=RULES)
        de = AvroDeserializer(self.client, rule_conf=RULES)
        ser(RECORD, self.context())
        first = {"name": "aa", "type": "string", "default": "first", "confluent:tags": ["PII"]}
        newer = dict(PERSON, fields=[first] + PERSON["fields"])
        new_id = self.subject(newer)
        self.client.invalidate()
        record = dict(RECORD, aa="a new secret")
        value = ser(record, self.context())
        self.assertEqual(value[1:5], new_id.to_bytes(4, "big"))
        self.assertHidden(value, [b"a new secret"])
        self.assertEqual(de(value, self.context()), record)
        # Bytes are of the application's schema, which has no longer the form of the latest: refused, not misread.
        with self.assertRaises(SchlossError) as e:
            ser(encoded(RECORD), self.context())
        self.assertEqual(e.exception.name, "DATA_MISMATCH")

    def test_schema_id_and_metadata(self):
        first = self.subject(metadata={"properties": {"stage": "one"}})
        self.subject(dict(PERSON, fields=PERSON["fields"] + [{"name": "x", "type": "int", "default": 1}]),
                     metadata={"properties": {"stage": "two"}})
        for conf in ({"auto.register.schemas": False, "use.schema.id": first},
                     {"auto.register.schemas": False, "use.latest.with.metadata": {"stage": "one"}}):
            value = AvroSerializer(self.client, conf=conf, rule_conf=RULES)(RECORD, self.context())
            self.assertEqual(value[1:5], first.to_bytes(4, "big"))
            self.assertHidden(value)

    def test_wrong_objects(self):
        self.subject()
        ser = AvroSerializer(self.client, conf=LATEST, rule_conf=RULES)
        for wrong in ({"id": "x"}, dict(RECORD, id="text"), 5):
            with self.assertRaises((TypeError, ValueError, AttributeError, KeyError)):
                ser(wrong, self.context())
        strict = AvroSerializer(self.client, conf=dict(LATEST, **{"validate.strict": True}), rule_conf=RULES)
        with self.assertRaises(ValueError):
            strict(dict(RECORD, more=1), self.context())
        self.assertEqual(AvroDeserializer(self.client, rule_conf=RULES)(ser(RECORD, self.context()), self.context()), RECORD)

    def test_root_types(self):
        for schema, value in (("string", "text"), ("long", -5), ("bytes", b"\x01\x02"), (["null", "int"], None or 3)):
            topic = self.topic + (schema if isinstance(schema, str) else "union")
            self.registry.register(topic + "-value", json.dumps(schema))
            ctx = self.context()
            ctx.topic = topic
            ser = AvroSerializer(self.client, json.dumps(schema))
            self.assertEqual(AvroDeserializer(self.client)(ser(value, ctx), ctx), value, schema)
