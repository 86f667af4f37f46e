"""The official Python client on the benchmark's record. Usage: peer.py RECORD.json SECONDS REGISTRY_URL; bench/run has
registered the schemas. Prints JSON lines as the C programs do."""
import json
import sys
import time

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.rules.encryption.encrypt_executor import FieldEncryptionExecutor
from confluent_kafka.schema_registry.rules.encryption.localkms.local_driver import LocalKmsDriver
from confluent_kafka.serialization import MessageField, SerializationContext


def measure(fields, algorithm, op, seconds, call):
    n = 64
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
    print(json.dumps({"bench": "avro", "case": "%df/%s" % (fields, algorithm), "op": op, "impl": "python", "threads": 1,
                      "cpu_us": cpu / n * 1e6, "wall_us": wall / n * 1e6, "n": n}), flush=True)


def main():
    path, seconds, url = sys.argv[1], float(sys.argv[2]), sys.argv[3]
    with open(path) as f:
        doc = json.load(f)
    FieldEncryptionExecutor.register()
    LocalKmsDriver.register()
    client = SchemaRegistryClient({"url": url})
    rules = {"secret": doc["secret"]}
    record = doc["record"]
    for case in doc["cases"]:
        ser = AvroSerializer(client, None, conf={"auto.register.schemas": False, "use.latest.version": True},
                             rule_conf=rules)
        de = AvroDeserializer(client, rule_conf=rules)
        ctx = SerializationContext(case["topic"], MessageField.VALUE)
        # rules change the record that they are given: each call gets its own
        data = ser(dict(record), ctx)
        if de(data, ctx) != record:
            sys.exit("peer: case %d does not read back" % case["fields"])
        if case["fields"] == 0:
            print("plain " + data[5:].hex(), file=sys.stderr)
        measure(case["fields"], doc["algorithm"], "serialize", seconds, lambda: ser(dict(record), ctx))
        measure(case["fields"], doc["algorithm"], "deserialize", seconds, lambda: de(data, ctx))


main()
