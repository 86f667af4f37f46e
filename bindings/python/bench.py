#!/usr/bin/env python3
"""The binding against confluent-kafka, in one process, on the records of bench/record.py, caches warm.

    bindings/python/bench.py [--rounds N] [--seconds S] [--build DIR] [--json FILE]

CPU microseconds per record and the official client's figure divided by ours; medians of the rounds, in each of which every
figure is taken once, so that a disturbance of the machine meets all of them. `objects`: dicts (Avro, JSON) and messages
(Protobuf); `bytes`: records that are encoded already, for which the official client is still given objects, since it
takes nothing else. Exits 1 when a bar of docs/python.md is missed.
"""
import argparse
import base64
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:1] = [os.path.join(ROOT, "bench"), os.path.join(ROOT, "tests", "interop")]
# in place of this folder, whose schloss has no extension
FIELDS = (0, 1, 3)
BARS = {"objects": 5, "bytes": 10}  # at three fields, Avro
LATEST = {"auto.register.schemas": False, "use.latest.version": True}


def restart(build):
    """Again in the Python that has the official client, with wheel and library of the build."""
    import clients
    subprocess.run([sys.executable, os.path.join(HERE, "make-wheel"), build], check=True, stdout=subprocess.DEVNULL)
    env = dict(os.environ, SCHLOSS_BENCH_BUILD=build, PYTHONPATH=os.path.join(build, "python", "site"),
               LD_LIBRARY_PATH=os.path.join(build, "lib"))
    python = clients.python()
    os.execve(python, [python, os.path.realpath(__file__)] + sys.argv[1:], env)


def cost(call, seconds):
    """CPU microseconds per call."""
    n = 8
    while True:
        start = time.process_time()
        for _ in range(n):
            call()
        spent = time.process_time() - start
        if spent >= seconds:
            return spent / n * 1e6
        n = max(2 * n, int(n * seconds / max(spent, 1e-6)))


class Programs:
    """What is measured: (bench, fields, op, form, who) -> a call."""

    def __init__(self, url):
        import record
        from confluent_kafka.schema_registry import SchemaRegistryClient as Official
        from confluent_kafka.schema_registry.rules.encryption.encrypt_executor import FieldEncryptionExecutor
        from confluent_kafka.schema_registry.rules.encryption.localkms.local_driver import LocalKmsDriver
        from schloss.schema_registry import SchemaRegistryClient
        FieldEncryptionExecutor.register()
        LocalKmsDriver.register()
        self.record = record
        self.url = url
        self.rules = {"secret": record.SECRET}
        self.clients = {"official": Official({"url": url}), "ours": SchemaRegistryClient({"url": url})}
        self.calls = {}
        self.message_class = None
        for case in record.cases():
            if case["bench"] != "payload" and case["fields"] in FIELDS and case["algorithm"] == "AES256_GCM":
                self.add(case)

    def register(self, case):
        body = {"schemaType": case["type"], "schema": case["schema"]}
        if case["rules"]:
            body["ruleSet"] = case["rules"]
        request = urllib.request.Request("%s/subjects/%s-value/versions" % (self.url, case["topic"]), method="POST",
                                         data=json.dumps(body).encode(), headers={"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=30).close()

    def message(self, case):
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
        if self.message_class is None:
            pool = descriptor_pool.DescriptorPool()
            file = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(case["descriptor"]))
            pool.Add(file)
            self.message_class = message_factory.GetMessageClass(
                pool.FindMessageTypeByName("%s.%s" % (file.package, file.message_type[0].name)))
        country = self.record.COUNTRIES.index(self.record.RECORD["country"])
        return self.message_class(**dict(self.record.RECORD, country=country))

    def serdes(self, who, case):
        """Serializer and deserializer, by the import paths of either."""
        import importlib
        package = {"official": "confluent_kafka.schema_registry", "ours": "schloss.schema_registry"}[who]
        client, rules = self.clients[who], self.rules
        if case["type"] == "AVRO":
            m = importlib.import_module(package + ".avro")
            return m.AvroSerializer(client, None, conf=LATEST, rule_conf=rules), m.AvroDeserializer(client, rule_conf=rules)
        if case["type"] == "JSON":
            m = importlib.import_module(package + ".json_schema")
            conf = {"validate": False}
            return (m.JSONSerializer(None, client, conf=dict(LATEST, **conf), rule_conf=rules),
                    m.JSONDeserializer(None, schema_registry_client=client, conf=conf, rule_conf=rules))
        m = importlib.import_module(package + ".protobuf")
        return (m.ProtobufSerializer(self.message_class, client, LATEST, rules),
                m.ProtobufDeserializer(self.message_class, {}, client, rules))

    def add(self, case):
        import schloss
        self.register(case)
        ctx = schloss.SerializationContext(case["topic"], schloss.MessageField.VALUE)
        if case["type"] == "PROTOBUF":
            obj = self.message(case)

            def copy():  # rules of the official client change what they are given
                m = self.message_class()
                m.CopyFrom(obj)
                return m
        else:
            obj, copy = self.record.RECORD, self.record.RECORD.copy
        key = case["bench"], case["fields"]
        for who in ("official", "ours"):
            ser, de = self.serdes(who, case)
            value = ser(copy(), ctx)
            if de(value, ctx) != obj:
                sys.exit("bench: %s does not read back %s" % (who, case["topic"]))
            self.calls[key + ("serialize", "objects", who)] = lambda ser=ser: ser(copy(), ctx)
            self.calls[key + ("deserialize", "objects", who)] = lambda de=de, value=value: de(value, ctx)
        raw = schloss.Deserializer(self.clients["ours"], rule_conf=self.rules)
        data = raw(value, ctx)
        writer = schloss.Serializer(self.clients["ours"], conf=LATEST, rule_conf=self.rules)
        if case["type"] == "PROTOBUF":
            writer = self.serdes("ours", case)[0]
        self.calls[key + ("serialize", "bytes", "ours")] = lambda: writer(data, ctx)
        self.calls[key + ("deserialize", "bytes", "ours")] = lambda: raw(value, ctx)
        self.add_codec(case, obj, data, key)

    def add_codec(self, case, obj, data, key):
        """What the encoder of the format costs alone: no binding over dicts can be below it."""
        if case["type"] != "AVRO":
            return
        import io
        import fastavro
        schema = fastavro.parse_schema(json.loads(case["schema"]))

        def write():
            out = io.BytesIO()
            fastavro.schemaless_writer(out, schema, obj)
            return out.getvalue()
        self.calls[key + ("serialize", "objects", "codec")] = write
        self.calls[key + ("deserialize", "objects", "codec")] = lambda: fastavro.schemaless_reader(io.BytesIO(data), schema)


def table(medians):
    lines = ["CPU microseconds per record (bench/record.py), one thread, AES256_GCM; times: official / ours",
             "%-30s%10s%10s%8s%10s%8s%10s" % ("", "official", "objects", "times", "bytes", "times", "fastavro")]
    missed = 0
    for bench, fields, op in sorted({k[:3] for k in medians}):
        at = lambda form, who: medians.get((bench, fields, op, form, who))  # noqa: E731
        official, codec = at("objects", "official"), at("objects", "codec")
        line = "%-30s%10.2f" % ("%s, %d fields, %s" % (bench, fields, op), official)
        for form in ("objects", "bytes"):
            line += "%10.2f%8.1f" % (at(form, "ours"), official / at(form, "ours"))
        lines.append(line + ("%10.2f" % codec if codec else ""))
    for form, least in BARS.items():
        for op in ("serialize", "deserialize"):
            times = medians["avro", 3, op, "objects", "official"] / medians["avro", 3, op, form, "ours"]
            missed += times < least
            lines.append("bar: avro, 3 fields, %s from %s: %.1f times, at least %d: %s" %
                         (op, form, times, least, "ok" if times >= least else "miss"))
    return lines, missed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds to take the median of (5)")
    parser.add_argument("--seconds", type=float, default=0.03, help="CPU seconds per figure and round (0.03)")
    parser.add_argument("--build", default=os.path.join(ROOT, "build", "release"), help="build folder (build/release)")
    parser.add_argument("--json", help="write the medians here")
    args = parser.parse_args()
    build = os.path.realpath(args.build)
    if os.environ.get("SCHLOSS_BENCH_BUILD") != build:
        restart(build)
    with tempfile.TemporaryDirectory(prefix="schloss-python-bench-") as work:
        registry = subprocess.Popen([os.path.join(build, "bin", "schloss"), "registry", "--listen", "127.0.0.1:0", "--store",
                                     "sqlite:" + os.path.join(work, "registry.db")], stdout=subprocess.PIPE, text=True)
        try:
            programs = Programs(re.search(r"http://[0-9.:]+", registry.stdout.readline())[0])
            figures = {key: [] for key in programs.calls}
            for i in range(args.rounds):
                print("round %d of %d" % (i + 1, args.rounds), file=sys.stderr)
                for key, call in programs.calls.items():
                    figures[key].append(cost(call, args.seconds))
        finally:
            registry.terminate()
            registry.wait(20)
    medians = {key: statistics.median(values) for key, values in figures.items()}
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump([{"bench": b, "fields": n, "op": op, "form": form, "impl": who, "cpu_us": round(v, 3)}
                       for (b, n, op, form, who), v in medians.items()], f, indent=0)
    lines, missed = table(medians)
    print("\n".join(lines))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
