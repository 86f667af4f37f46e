"""The official Python client (confluent-kafka), as told by a job file; see ../run.
Usage: client.py JOB.json write|read. Prints one JSON line per task."""
import base64
import json
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient, header_schema_id_serializer
from confluent_kafka.schema_registry import MetadataTags
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.schema_registry.rules.encryption.encrypt_executor import EncryptionExecutor, FieldEncryptionExecutor
from confluent_kafka.schema_registry.rules.encryption.localkms.local_driver import LocalKmsDriver
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

with open(sys.argv[1]) as f:
    JOB = json.load(f)
REGISTRY = SchemaRegistryClient({"url": JOB["registry"]})
RULES = {"secret": JOB["secret"]}


def message_class():
    """The message of the Protobuf cells, without tags: those come from the registry."""
    file = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(JOB["descriptor"]))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("%s.%s" % (file.package, file.message_type[0].name)))


PERSON = message_class()


def answer(**line):
    print(json.dumps(line), flush=True)


def fail(task, error):
    answer(id=task["id"], ok=False, error="%s: %s" % (type(error).__name__, error))


# ---- records: from and to the neutral form of the job file, by format ----

def avro_record(r):
    return dict(r, photo=bytes.fromhex(r["photo"]), home=dict(r["home"]), aliases=list(r["aliases"]), notes=dict(r["notes"]))


def avro_neutral(r):
    return dict(r, photo=bytes(r["photo"]).hex())


def protobuf_record(r):
    return PERSON(**{k: v for k, v in dict(r, photo=bytes.fromhex(r["photo"])).items() if v is not None})


def protobuf_neutral(m):
    return {"id": m.id, "marker": m.marker, "ssn": m.ssn, "photo": m.photo.hex(),
            "phone": m.phone if m.HasField("phone") else None}


def json_record(r):
    return dict(r, home=dict(r["home"]), aliases=list(r["aliases"]))


def serializer(task, conf):
    """A function from neutral records and contexts to bytes."""
    if task["format"] == "PROTOBUF":
        ser, to_record = ProtobufSerializer(PERSON, REGISTRY, conf, rule_conf=RULES), protobuf_record
    elif task["format"] == "JSON":
        ser, to_record = JSONSerializer(None, REGISTRY, conf=conf, rule_conf=RULES), json_record
    else:
        ser, to_record = AvroSerializer(REGISTRY, None, conf=conf, rule_conf=RULES), avro_record
    return lambda record, context: ser(to_record(record), context)


def deserializer(task):
    if task["format"] == "PROTOBUF":
        de, to_neutral = ProtobufDeserializer(PERSON, {}, REGISTRY, rule_conf=RULES), protobuf_neutral
    elif task["format"] == "JSON":
        de, to_neutral = JSONDeserializer(None, schema_registry_client=REGISTRY, rule_conf=RULES), lambda r: r
    else:
        de, to_neutral = AvroDeserializer(REGISTRY, rule_conf=RULES), avro_neutral
    return lambda value, context: to_neutral(de(value, context))


def write(tasks):
    producer = Producer({"bootstrap.servers": JOB["bootstrap"], "linger.ms": 1})
    for task in tasks:
        try:
            conf = {"auto.register.schemas": False, "use.latest.version": True}
            if task["framing"] == "header":
                conf["schema.id.serializer"] = header_schema_id_serializer
            serialize = serializer(task, conf)
            failed = []
            for r in task["records"]:
                headers = []
                value = serialize(r, SerializationContext(task["topic"], MessageField.VALUE, headers))
                producer.produce(task["topic"], value=value, headers=headers,
                                 on_delivery=lambda e, _: failed.append(e) if e else None)
            producer.flush(JOB["timeout"])
            if failed:
                raise RuntimeError(failed[0])
            answer(id=task["id"], ok=True)
        except Exception as e:  # any error is the result of the cell
            fail(task, e)


def read(tasks):
    consumer = Consumer({"bootstrap.servers": JOB["bootstrap"], "group.id": "interop-python", "enable.auto.commit": False})
    consumer.assign([TopicPartition(t["topic"], 0, 0) for t in tasks])
    raw = {t["topic"]: [] for t in tasks}
    missing = sum(t["count"] for t in tasks)
    end = time.monotonic() + JOB["timeout"]
    while missing and time.monotonic() < end:
        m = consumer.poll(0.5)
        if m is not None and not m.error():
            raw[m.topic()].append(m)
            missing -= 1
    for task in tasks:
        try:
            messages = raw[task["topic"]]
            if len(messages) != task["count"]:
                raise RuntimeError("%d of %d records arrived" % (len(messages), task["count"]))
            deserialize = deserializer(task)
            records = [deserialize(m.value(), SerializationContext(task["topic"], MessageField.VALUE, m.headers() or []))
                       for m in messages]
            answer(id=task["id"], ok=True, records=records)
        except Exception as e:
            fail(task, e)
    consumer.close()


# Release 2.16.0 cannot read any schema with metadata.tags: its cache hashes a dictionary whose values are lists and raises
# TypeError ("unhashable type"). Only that hash is mended here; tags, rules and ciphers stay the client's own.
MetadataTags.__hash__ = lambda self: hash(frozenset((name, tuple(tags)) for name, tags in self.tags.items()))
FieldEncryptionExecutor.register()
EncryptionExecutor.register()
LocalKmsDriver.register()
if sys.argv[2] == "write":
    write(JOB["write"])
else:
    read(JOB["read"])
