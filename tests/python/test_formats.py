"""JSON Schema and Protobuf: objects, bytes, validation, framing; rotation of keys."""
import base64
import json

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from schloss import ConfigError, Deserializer, SchlossError, Serializer, metric
from schloss.schema_registry import header_schema_id_serializer
from schloss.schema_registry.avro import AvroDeserializer, AvroSerializer
from schloss.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from schloss.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from support import LATEST, RECORD, RULES, Case, rule_set

JSON_SCHEMA = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Person", "type": "object", "properties": {
    "id": {"type": "integer"}, "ssn": {"type": "string", "maxLength": 11, "confluent:tags": ["PII"]},
    "city": {"type": "string"}}, "required": ["id"]}
JSON_RECORD = {"id": 7, "ssn": "123-45-6789", "city": "Bern ☀"}
SSN = [b"123-45-6789"]
PII = bytes([0x82, 0x44, 5, 0x1a, 3]) + b"PII"  # confluent.field_meta (extension 1088) with tags = ["PII"]


def field(name, number, kind, tagged):
    f = descriptor_pb2.FieldDescriptorProto(name=name, number=number, type=kind, label=1)
    if tagged:
        f.options.ParseFromString(PII)
    return f


def file_of(tagged):
    """Message Person with a nested message Note; as the registry has it, or as an application does, without tags."""
    text, integer, raw = 9, 3, 12
    file = descriptor_pb2.FileDescriptorProto(name="person.proto", package="test", syntax="proto3")
    if tagged:
        file.dependency.append("confluent/meta.proto")
    first = file.message_type.add(name="Other")
    first.field.append(field("x", 1, integer, False))
    person = file.message_type.add(name="Person")
    person.field.extend([field("id", 1, integer, False), field("ssn", 2, text, tagged), field("photo", 3, raw, tagged),
                         field("city", 4, text, False)])
    note = person.nested_type.add(name="Note")
    note.field.append(field("text", 1, text, tagged))
    return file


POOL = descriptor_pool.DescriptorPool()
POOL.Add(file_of(False))
PERSON = message_factory.GetMessageClass(POOL.FindMessageTypeByName("test.Person"))
NOTE = message_factory.GetMessageClass(POOL.FindMessageTypeByName("test.Person.Note"))
DESCRIPTOR = base64.b64encode(file_of(True).SerializeToString()).decode()
MESSAGE = PERSON(id=7, ssn="123-45-6789", photo=b"\x00\xff\x80jpeg", city="Bern")


class Json(Case):
    def make(self, conf=None, **more):
        conf = dict(LATEST, **(conf or {}))
        return (JSONSerializer(None, self.client, conf=conf, rule_conf=RULES, **more),
                JSONDeserializer(None, schema_registry_client=self.client, rule_conf=RULES))

    def test_objects(self):
        self.subject(JSON_SCHEMA, "JSON")
        ser, de = self.make()
        value = ser(JSON_RECORD, self.context())
        self.assertHidden(value, SSN)
        self.assertIn("Bern ☀".encode(), value)
        self.assertEqual(de(value, self.context()), JSON_RECORD)

    def test_bytes_keep_their_form(self):
        self.subject(JSON_SCHEMA, "JSON")
        text = b'{ "city" : "Bern",\n "ssn": "123-45-6789" , "id": 7.0 }'
        for ser in (self.make()[0], Serializer(self.client, conf=LATEST, rule_conf=RULES, schema_type="JSON")):
            value = ser(text, self.context())
            self.assertHidden(value, SSN)
            self.assertEqual(Deserializer(self.client, rule_conf=RULES)(value, self.context()), text)

    def test_payload_and_header(self):
        self.subject(JSON_SCHEMA, "JSON", rule_set(self.kek, payload=True))
        ser, de = self.make({"schema.id.serializer": header_schema_id_serializer})
        ctx = self.context([])
        value = ser(JSON_RECORD, ctx)
        self.assertHidden(value, SSN + [b"city"])
        self.assertEqual(de(value, ctx), JSON_RECORD)

    def test_validation(self):
        """The object is checked before rules run (a ciphertext is longer than maxLength), and no value is in the error."""
        self.subject(JSON_SCHEMA, "JSON")
        ser, de = self.make()
        wrong = dict(JSON_RECORD, ssn="123-45-6789-0000")
        with self.assertRaises(SchlossError) as e:
            ser(wrong, self.context())
        self.assertEqual(e.exception.name, "DATA_MISMATCH")
        self.assertIn("$.ssn", str(e.exception))
        self.assertNotIn("6789", str(e.exception))
        lax = self.make({"validate": False})[0]
        value = lax(wrong, self.context())
        with self.assertRaises(SchlossError):
            de(value, self.context())
        de = JSONDeserializer(None, None, self.client, {"validate": False}, RULES)
        self.assertEqual(de(value, self.context()), wrong)

    def test_own_schema_and_codec(self):
        self.subject(JSON_SCHEMA, "JSON")
        ser = JSONSerializer(json.dumps(JSON_SCHEMA), self.client, lambda o, ctx: vars(o), rule_conf=RULES,
                             json_encode=lambda o: json.dumps(o, indent=1).encode())
        de = JSONDeserializer(json.dumps(JSON_SCHEMA), lambda d, ctx: (d, ctx.topic), self.client, rule_conf=RULES,
                              json_decode=lambda b: json.loads(b))

        class Person:
            def __init__(self):
                self.__dict__.update(JSON_RECORD)
        value = ser(Person(), self.context())
        self.assertIn(b"\n ", value)
        self.assertEqual(de(value, self.context()), (JSON_RECORD, self.topic))


class Protobuf(Case):
    def test_messages(self):
        self.subject(DESCRIPTOR, "PROTOBUF")
        ser = ProtobufSerializer(PERSON, self.client, LATEST, RULES)
        de = ProtobufDeserializer(PERSON, None, self.client, RULES)
        value = ser(MESSAGE, self.context())
        self.assertEqual(value[5:7], b"\x02\x02")  # second message of the file
        self.assertHidden(value)
        self.assertIn(b"Bern", value)
        message = de(value, self.context())
        self.assertIsInstance(message, PERSON)
        self.assertEqual(message, MESSAGE)
        self.assertEqual(de(ser(MESSAGE.SerializeToString(), self.context()), self.context()), MESSAGE)

    def test_nested_payload_header(self):
        self.subject(DESCRIPTOR, "PROTOBUF", rule_set(self.kek, payload=True))
        conf = dict(LATEST, **{"schema.id.serializer": header_schema_id_serializer, "skip.known.types": True})
        ctx = self.context([])
        value = ProtobufSerializer(NOTE, self.client, conf, RULES)(NOTE(text="secret note"), ctx)
        self.assertHidden(value, [b"secret note"])
        de = ProtobufDeserializer(NOTE, {"use.deprecated.format": False}, self.client, RULES)
        self.assertEqual(de(value, ctx), NOTE(text="secret note"))

    def test_own_schema(self):
        """Without use.latest.version the message's own descriptor is looked up, or registered."""
        ser = ProtobufSerializer(PERSON, self.client, {"auto.register.schemas": True}, RULES)
        value = ser(MESSAGE, self.context())
        self.assertEqual(ProtobufDeserializer(PERSON, {}, self.client)(value, self.context()), MESSAGE)
        again = ProtobufSerializer(PERSON, self.client, {"auto.register.schemas": False}, RULES)
        self.assertEqual(again(MESSAGE, self.context()), value)

    def test_wrong_objects(self):
        self.subject(DESCRIPTOR, "PROTOBUF")
        ser = ProtobufSerializer(PERSON, self.client, LATEST, RULES)
        with self.assertRaises(ValueError):
            ser(NOTE(text="x"), self.context())
        with self.assertRaises(SchlossError) as e:
            ser(b"\xff\xff", self.context())
        self.assertEqual(e.exception.name, "DATA_MISMATCH")
        with self.assertRaises(ConfigError):
            ProtobufSerializer(PERSON, self.client, dict(LATEST, **{"use.deprecated.format": True}))


class Rotation(Case):
    def test_expired_keys_are_replaced(self):
        """A key of expiry 1 day, two days old: the next record makes version 2; both versions are read."""
        self.subject(rules=rule_set(self.kek, **{"encrypt.dek.expiry.days": "1"}))
        conf = dict(LATEST)
        ser = AvroSerializer(self.client, conf=conf, rule_conf=RULES)
        de = AvroDeserializer(self.client, rule_conf=RULES)
        old = ser(RECORD, self.context())
        deks = "/dek-registry/v1/keks/%s/deks" % self.kek
        self.assertEqual(self.registry.call("GET", deks + "/%s-value/versions" % self.topic), [1])
        self.later(2)
        new = ser(RECORD, self.context())
        self.assertEqual(self.registry.call("GET", deks + "/%s-value/versions" % self.topic), [1, 2])
        self.assertHidden(new)
        for value in (old, new):
            self.assertEqual(de(value, self.context()), RECORD)

    def later(self, days):
        """The client's clock goes on."""
        from schloss._native import ffi, lib
        import time
        at = int(time.time() * 1000) + days * 86400000
        self.clock = ffi.callback("int64_t(void *)", lambda _: at)
        lib.schloss_client_set_clock(self.client._ptr, self.clock, ffi.NULL)


class Metrics(Case):
    def test_metric(self):
        self.subject()
        ser = AvroSerializer(self.client, conf=LATEST, rule_conf=RULES)
        before = metric("encryptions"), metric("kms_calls")
        for _ in range(10):
            ser(RECORD, self.context())
        ser.close()  # handles add what they counted now and then, and when they are closed
        self.assertEqual((metric("encryptions") - before[0], metric("kms_calls") - before[1]), (30, 2))
        self.assertEqual(metric("no such thing"), 0)
