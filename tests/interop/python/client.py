"""The official Python client (confluent-kafka), as told by a job file; see ../run.
Usage: client.py JOB.json write|read. Prints one JSON line per task."""
import json
import sys
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient, header_schema_id_serializer
from confluent_kafka.schema_registry import MetadataTags
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.rules.encryption.encrypt_executor import EncryptionExecutor, FieldEncryptionExecutor
from confluent_kafka.schema_registry.rules.encryption.localkms.local_driver import LocalKmsDriver
from confluent_kafka.serialization import MessageField, SerializationContext

with open(sys.argv[1]) as f:
    JOB = json.load(f)
REGISTRY = SchemaRegistryClient({"url": JOB["registry"]})
RULES = {"secret": JOB["secret"]}


def answer(**line):
    print(json.dumps(line), flush=True)


def fail(task, error):
    answer(id=task["id"], ok=False, error="%s: %s" % (type(error).__name__, error))


def to_record(r):
    return dict(r, photo=bytes.fromhex(r["photo"]), home=dict(r["home"]), aliases=list(r["aliases"]), notes=dict(r["notes"]))


def write(tasks):
    producer = Producer({"bootstrap.servers": JOB["bootstrap"], "linger.ms": 1})
    for task in tasks:
        try:
            conf = {"auto.register.schemas": False, "use.latest.version": True}
            if task["framing"] == "header":
                conf["schema.id.serializer"] = header_schema_id_serializer
            ser = AvroSerializer(REGISTRY, None, conf=conf, rule_conf=RULES)
            failed = []
            for r in task["records"]:
                headers = []
                value = ser(to_record(r), SerializationContext(task["topic"], MessageField.VALUE, headers))
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
            de = AvroDeserializer(REGISTRY, rule_conf=RULES)
            records = []
            for m in messages:
                r = de(m.value(), SerializationContext(task["topic"], MessageField.VALUE, m.headers() or []))
                records.append(dict(r, photo=bytes(r["photo"]).hex()))
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
