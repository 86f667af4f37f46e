"""The official Python client on the benchmark's records. Usage: peer.py RECORD.json SECONDS REGISTRY_URL; bench/run has
registered the schemas. Prints JSON lines as the C programs do."""
import base64
import copy
import json
import sys
import time

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.schema_registry.rules.encryption.encrypt_executor import EncryptionExecutor, FieldEncryptionExecutor
from confluent_kafka.schema_registry.rules.encryption.localkms.local_driver import LocalKmsDriver
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

CONF = {"auto.register.schemas": False, "use.latest.version": True}
POOL = descriptor_pool.DescriptorPool()


def measure(case, op, seconds, call):
    n = 16
    while True:
        start = time.process_time()
        for _ in range(n):
            call()
        spent = time.process_time() - start
        if spent > seconds / 4:
            n = int(n * seconds / spent) + 1
            break
        n *= 2
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(n):
        call()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    print(json.dumps({"bench": case["bench"], "case": case["case"], "op": op, "impl": "python", "threads": 1,
                      "cpu_us": cpu / n * 1e6, "wall_us": wall / n * 1e6, "n": n}), flush=True)


def message_class(case):
    file = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(case["descriptor"]))
    POOL.Add(file)
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName("bench." + file.message_type[0].name))


def prepare(case, doc, client, rules):
    """The record, a function that makes a copy of it, serializer and deserializer."""
    record = dict(doc["record"], **(doc["extra"] if case["fields"] == 20 else {}))
    if case["body"]:
        record = {"body": bytes(i * 31 & 255 for i in range(case["body"]))}
    if case["type"] == "PROTOBUF":
        kind = message_class(case)
        message = kind(**dict(record, country=doc["countries"].index(record["country"])))
        return (message, lambda: copy.copy(message), ProtobufSerializer(kind, client, CONF, rule_conf=rules),
                ProtobufDeserializer(kind, {}, client, rule_conf=rules))
    if case["type"] == "JSON":
        return (record, lambda: dict(record), JSONSerializer(None, client, conf=CONF, rule_conf=rules),
                JSONDeserializer(None, schema_registry_client=client, rule_conf=rules))
    return (record, lambda: dict(record), AvroSerializer(client, None, conf=CONF, rule_conf=rules),
            AvroDeserializer(client, rule_conf=rules))


def run(case, doc, client, seconds):
    record, fresh, ser, de = prepare(case, doc, client, {"secret": doc["secret"]})
    ctx = SerializationContext(case["topic"], MessageField.VALUE)
    # rules change the record that they are given: each call gets its own
    data = ser(fresh(), ctx)
    if de(data, ctx) != record:
        raise RuntimeError("does not read back")
    if case["fields"] == 0 and not case["body"]:
        print("plain %s %s" % (case["bench"], data[5:].hex()), file=sys.stderr)
    measure(case, "serialize", seconds, lambda: ser(fresh(), ctx))
    measure(case, "deserialize", seconds, lambda: de(data, ctx))


def main():
    path, seconds, url = sys.argv[1], float(sys.argv[2]), sys.argv[3]
    with open(path) as f:
        doc = json.load(f)
    FieldEncryptionExecutor.register()
    EncryptionExecutor.register()
    LocalKmsDriver.register()
    client = SchemaRegistryClient({"url": url})
    for case in doc["cases"]:
        if case["peers"]:
            try:
                run(case, doc, client, seconds)
            except Exception as e:  # said in the table; the other cases go on
                print("cannot %s %s: %s: %s" % (case["bench"], case["case"], type(e).__name__, e), file=sys.stderr)


main()
