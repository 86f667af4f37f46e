"""Configuration, errors, threads, reentry, fork, closing, and the package without its optional companions."""
import gc
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading

import schloss
from schloss import ConfigError, Deserializer, SchemaRegistryError, SchlossError, SerializationError, Serializer
from schloss.schema_registry import (SchemaRegistryClient, record_subject_name_strategy, topic_subject_name_strategy)
from schloss.schema_registry.avro import AvroDeserializer, AvroSerializer
from support import LATEST, PERSON, RECORD, RULES, Case, rule_set


class Configuration(Case):
    def refused(self, name, make, *args, **kwargs):
        with self.assertRaises(ConfigError) as e:
            make(*args, **kwargs)
        self.assertIsInstance(e.exception, ValueError)
        self.assertEqual(e.exception.name, name)
        return e.exception

    def test_client(self):
        url = self.registry.url
        SchemaRegistryClient({"url": url, "timeout": 2.5, "cache.capacity": 100, "cache.latest.ttl.sec": 60,
                              "max.retries": 1, "retries.wait.ms": 10, "retries.max.wait.ms": 100,
                              "basic.auth.user.info": "user:pass", "schloss.dek.rotate.grace.ms": 0, "proxy": None,
                              "bearer.auth.credentials.source": None}).close()
        SchemaRegistryClient({"url": url, "proxy": "http://proxy.test:3128",
                              "bearer.auth.credentials.source": "STATIC_TOKEN", "bearer.auth.token": "t",
                              "bearer.auth.logical.cluster": "lsrc-1"}).close()
        self.refused("CONF_MISSING", SchemaRegistryClient, {})
        e = self.refused("CONF_UNKNOWN", SchemaRegistryClient, {"url": url, "max.retry": 1})
        self.assertIn("max.retries", e.hint)
        self.refused("CONF_VALUE", SchemaRegistryClient, {"url": url, "ssl.ca.location": False})
        self.refused("CONF_VALUE", SchemaRegistryClient, {"url": url, "proxy": "socks5://x"})
        self.refused("CONF_VALUE", SchemaRegistryClient, {"url": url, "basic.auth.user.info": "a\0b:c"})
        with self.assertRaises(TypeError):
            SchemaRegistryClient({"url": 5})

    def test_serdes(self):
        make = lambda **c: AvroSerializer(self.client, conf=dict({"auto.register.schemas": False}, **c))  # noqa: E731
        self.refused("CONF_UNKNOWN", make, **{"use.latest.versoin": True})
        self.refused("CONF_VALUE", make, **{"use.latest.version": "yes"})
        self.refused("CONF_VALUE", make, **{"auto.register.schemas": True, "use.latest.version": True})
        self.refused("CONF_VALUE", make, **{"schema.id.serializer": lambda p, c, i: p})
        self.refused("CONF_VALUE", make, **{"subject.name.strategy": 5})
        self.refused("CONF_VALUE", make, **{"subject.name.strategy.type": "NOSUCH"})
        make(**{"subject.name.strategy.type": "topic", "subject.name.strategy.conf": None, "normalize.schemas": False,
                "use.schema.id": None, "use.latest.with.metadata": None})
        make(**{"subject.name.strategy.conf": {"subject.name.strategy.fallback.type": "RECORD"}})
        with self.assertRaises(ValueError):
            AvroSerializer(self.client, to_dict=5)
        with self.assertRaises(SchlossError):
            AvroSerializer(self.client, rule_registry=object())
        with self.assertRaises(TypeError):
            AvroSerializer({"url": self.registry.url})

    def test_subject_strategies(self):
        self.registry.register("test.Person", PERSON, ruleSet=rule_set(self.kek))
        self.registry.register("fixed", PERSON, ruleSet=rule_set(self.kek))
        text = json.dumps(PERSON)
        asked = []

        def fixed(ctx, name):
            asked.append((ctx.topic, name))
            return "fixed"
        for conf, reading in (({"subject.name.strategy": record_subject_name_strategy},) * 2,
                              ({"subject.name.strategy.type": "RECORD"},) * 2,
                              ({"subject.name.strategy": fixed},) * 2):
            value = AvroSerializer(self.client, text, conf=dict(LATEST, **conf), rule_conf=RULES)(RECORD, self.context())
            self.assertHidden(value)
            self.assertEqual(AvroDeserializer(self.client, conf=reading, rule_conf=RULES)(value, self.context()), RECORD)
        self.assertEqual(asked, [(self.topic, "test.Person"), (self.topic, None)])
        ser = AvroSerializer(self.client, text, conf=dict(LATEST, **{"subject.name.strategy": lambda c, n: None}))
        with self.assertRaises(SchlossError) as e:
            ser(RECORD, self.context())
        self.assertEqual(e.exception.name, "SUBJECT_NAME")
        self.subject()
        conf = dict(LATEST, **{"subject.name.strategy": topic_subject_name_strategy})
        self.assertHidden(AvroSerializer(self.client, text, conf=conf, rule_conf=RULES)(RECORD, self.context()))


class Errors(Case):
    def test_what_they_carry(self):
        self.subject()
        ser = AvroSerializer(self.client, conf=LATEST, rule_conf=RULES)
        value = ser(RECORD, self.context())
        de = AvroDeserializer(self.client, rule_conf=RULES)
        i = value.index(b"Bern") - 8
        altered = value[:20] + bytes([value[20] ^ 2]) + value[21:]
        for data, names in ((altered, ("AUTH_FAILED", "BAD_BASE64")), (value[:3], ("SHORT_PREFIX",)),
                            (b"\x07" + value[1:], ("UNKNOWN_MAGIC",)), (value[:i], ("DATA_MISMATCH",))):
            with self.assertRaises(SerializationError) as e:
                de(data, self.context())
            self.assertIn(e.exception.name, names)
            self.assertLess(e.exception.code, 0)
            self.assertFalse(e.exception.retriable)
            self.assertIn(e.exception.name, str(e.exception))
            self.assertNotIn("6789", str(e.exception))
        with self.assertRaises(SerializationError) as e:
            de(altered, self.context())
        self.assertEqual((e.exception.field, e.exception.rule, e.exception.kek, e.exception.subject),
                         ("test.Person.ssn", "encrypt", self.kek, self.topic + "-value"))

    def test_kms_and_registry(self):
        self.subject()
        with self.assertRaises(SchlossError) as e:
            AvroSerializer(self.client, conf=LATEST)(RECORD, self.context())
        self.assertEqual(e.exception.category, "KMS")
        self.assertIn("secret", e.exception.hint + e.exception.message)
        value = AvroSerializer(self.client, conf=LATEST, rule_conf=RULES)(RECORD, self.context())
        other = SchemaRegistryClient({"url": self.registry.url})
        with self.assertRaises(SchlossError) as e:
            AvroDeserializer(other, rule_conf={"secret": "another"})(value, self.context())
        self.assertEqual(e.exception.name, "UNWRAP_FAILED")
        nobody = SchemaRegistryClient({"url": "http://127.0.0.1:1", "max.retries": 0})
        with self.assertRaises(SchlossError) as e:
            AvroSerializer(nobody, conf=LATEST)(RECORD, self.context())
        self.assertEqual((e.exception.name, e.exception.retriable), ("CONNECT", True))
        with self.assertRaises(SchemaRegistryError) as e:
            AvroDeserializer(self.client)(b"\0\0\1\0\0" + value[5:], self.context())
        self.assertEqual((e.exception.name, e.exception.http_status_code), ("SCHEMA_NOT_FOUND", 404))
        self.assertTrue(e.exception.error_message)

    def test_arguments(self):
        self.subject()
        ser = Serializer(self.client, conf=LATEST, rule_conf=RULES)
        with self.assertRaises(TypeError):
            ser({"a": 1}, self.context())
        with self.assertRaises(SchlossError) as e:
            ser(b"x")
        self.assertEqual(e.exception.name, "SUBJECT_NAME")
        ctx = self.context()
        for topic, error in (("a\0b", SchlossError), (5, TypeError)):
            ctx.topic = topic
            with self.assertRaises(error):
                ser(b"x", ctx)
        with self.assertRaises((TypeError, ValueError)):
            Deserializer(self.client)("text", self.context())

    def test_guard(self):
        """schloss.require.rules: no plaintext by accident."""
        self.registry.register(self.topic + "-value", PERSON)
        client = SchemaRegistryClient({"url": self.registry.url, "schloss.require.rules": True})
        with self.assertRaises(SchlossError) as e:
            AvroSerializer(client, conf=LATEST, rule_conf=RULES)(RECORD, self.context())
        self.assertEqual(e.exception.name, "RULES_REQUIRED")


class DeadLetters(Case):
    def test_letters(self):
        """A record that cannot be decrypted, or encrypted, goes to the sink: as it lay on the topic, or redacted."""
        rules = rule_set(self.kek)
        rules["domainRules"][0]["onFailure"] = "DLQ,DLQ"
        self.subject(rules=rules)
        value = AvroSerializer(self.client, conf=LATEST, rule_conf=RULES)(RECORD, self.context())
        letters = []
        client = SchemaRegistryClient({"url": self.registry.url})
        client.set_dead_letter_sink(lambda *letter: letters.append(letter))
        with self.assertRaises(SchlossError):
            client.set_dead_letter_sink(print)
        with self.assertRaises(TypeError):
            client.set_dead_letter_sink(None)
        conf = {"secret": "another", "dlq.topic": "dead"}
        with self.assertRaises(SchlossError):
            AvroDeserializer(client, rule_conf=conf)(value, self.context([("trace", b"1")]))
        with self.assertRaises(SchlossError):
            AvroSerializer(client, conf=LATEST, rule_conf=conf)(RECORD, self.context())
        (topic, key, sent, headers), written = letters
        headers = dict(headers)
        self.assertEqual((topic, key, sent, headers["trace"], headers["__rule.name"]), ("dead", None, value, b"1", b"encrypt"))
        self.assertEqual(json.loads(written[2])["ssn"], "<REDACTED>")
        self.assertHidden(written[2])

    def test_a_sink_that_fails(self):
        rules = rule_set(self.kek)
        rules["domainRules"][0]["onFailure"] = "DLQ,DLQ"
        self.subject(rules=rules)

        def sink(*letter):
            raise RuntimeError("no broker")
        self.client.set_dead_letter_sink(sink)
        conf = {"dlq.topic": "dead"}
        with self.assertLogs("schloss", "ERROR"), self.assertRaises(SchlossError):
            AvroSerializer(self.client, conf=LATEST, rule_conf=conf)(RECORD, self.context())

    def test_sinks_end_with_their_client(self):
        from schloss import _dead_letter
        before = len(_dead_letter._sinks)
        client = SchemaRegistryClient({"url": self.registry.url})
        client.set_dead_letter_sink(print)
        ser = AvroSerializer(client, conf=LATEST)
        client.close()
        self.assertEqual(len(_dead_letter._sinks), before + 1)
        del ser, client
        gc.collect()
        self.assertEqual(len(_dead_letter._sinks), before)


class Concurrency(Case):
    def test_threads(self):
        """Eight threads share one serializer and one deserializer, with schemas of two topics."""
        self.subject()
        other = self.topic + "-other"
        self.subject(dict(PERSON, name="Other"), topic=other)
        ser = AvroSerializer(self.client, conf=LATEST, rule_conf=RULES)
        de = AvroDeserializer(self.client, rule_conf=RULES)
        wrong = []

        def work(n):
            ctx = self.context()
            try:
                for i in range(300):
                    ctx.topic = self.topic if (i + n) % 2 else other
                    record = dict(RECORD, id=n * 1000 + i, ssn="ssn of %d and %d" % (n, i))
                    value = ser(record, ctx)
                    if b"ssn of" in value or de(value, ctx) != record:
                        wrong.append(record)
            except Exception as e:
                wrong.append(e)
        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(wrong, [])
        self.assertLessEqual(len(ser._idle), 8)

    def test_reentry(self):
        """A callback, and a signal handler in the middle of anything, may use the same objects."""
        self.subject()
        inner = []
        ser = AvroSerializer(self.client, None, lambda o, ctx: inner.append(plain(o, ctx)) or o, LATEST, RULES)
        plain = AvroSerializer(self.client, None, None, LATEST, RULES)
        de = AvroDeserializer(self.client, rule_conf=RULES)
        ctx = self.context()
        self.assertEqual(de(ser(RECORD, ctx), ctx), de(inner[0], ctx))
        other = dict(RECORD, ssn="from the handler", city="x" * 200)
        failed = []
        seen = []

        def handler(*_):
            seen.append(1)
            if de(plain(other, ctx), ctx) != other:
                failed.append("handler")
            signal.setitimer(signal.ITIMER_REAL, 0.0003)
        before = signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.0003)
        try:
            for _ in range(4000):
                if de(plain(RECORD, ctx), ctx) != RECORD:
                    failed.append("outer")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        self.assertEqual(failed, [])
        self.assertGreater(len(seen), 10)

    def test_fork(self):
        self.subject()
        ser = AvroSerializer(self.client, conf=LATEST, rule_conf=RULES)
        de = AvroDeserializer(self.client, rule_conf=RULES)
        first = ser(RECORD, self.context())
        read, write = os.pipe()
        children = []
        for _ in range(3):
            pid = os.fork()
            if pid == 0:
                try:
                    out = b"".join(len(v).to_bytes(2, "big") + v for v in (ser(RECORD, self.context()) for _ in range(20)))
                    ok = de(first, self.context()) == RECORD
                    os.write(write, (out if ok else b"")[:20 * 400])
                finally:
                    os._exit(0)
            children.append(pid)
            self.assertEqual(os.waitpid(pid, 0)[1], 0)
        os.close(write)
        with os.fdopen(read, "rb") as f:
            data = f.read()
        values = []
        while data:
            n = int.from_bytes(data[:2], "big")
            values.append(data[2:2 + n])
            data = data[2 + n:]
        values += [ser(RECORD, self.context()) for _ in range(20)]
        self.assertEqual(len(values), 80)
        self.assertEqual(len(set(values)), 80, "parent and children must not share nonces")
        for v in values:
            self.assertEqual(de(v, self.context()), RECORD)

    def test_closing(self):
        self.subject()
        client = SchemaRegistryClient({"url": self.registry.url})
        with client:
            ser = AvroSerializer(client, conf=LATEST, rule_conf=RULES)
            de = AvroDeserializer(client, rule_conf=RULES)
        self.assertEqual(de(ser(RECORD, self.context()), self.context()), RECORD)  # their handles hold the client
        ser.close()
        with self.assertRaises(SchlossError) as e:
            ser(RECORD, self.context())
        self.assertEqual(e.exception.name, "INVALID_STATE")
        client.invalidate()
        client.close()
        del ser, de, client
        gc.collect()
        again = AvroSerializer(self.client, conf=LATEST, rule_conf=RULES)
        again.close()
        self.assertHidden(again(RECORD, self.context()))

    def test_memory_stays(self):
        self.subject()
        ser = AvroSerializer(self.client, conf=LATEST, rule_conf=RULES)
        de = AvroDeserializer(self.client, rule_conf=RULES)
        ctx = self.context([("a", b"1")])

        def resident():
            with open("/proc/self/statm") as f:
                return int(f.read().split()[1]) * 4
        def some(n):
            for _ in range(n):
                de(ser(RECORD, ctx), ctx)
                try:
                    de(b"\x07wrong", ctx)
                except SchlossError:
                    pass
        some(2000)
        before = resident()
        some(20000)
        self.assertLess(resident() - before, 1500, "KiB more after 20000 records")


class Alone(Case):
    def test_without_companions(self):
        """Only cffi is there: bytes work, what needs a package says so."""
        self.subject()
        program = textwrap.dedent("""
            import sys, json
            for name in ("confluent_kafka", "fastavro", "jsonschema", "google.protobuf"):
                sys.modules[name] = None
            import schloss
            from schloss.schema_registry import Schema, SchemaReference, SchemaRegistryClient
            from schloss.schema_registry.avro import AvroSerializer, AvroDeserializer
            from schloss.schema_registry.json_schema import JSONSerializer
            import schloss.schema_registry.protobuf
            url, topic = sys.argv[1:]
            client = SchemaRegistryClient({"url": url})
            ctx = schloss.SerializationContext(topic, schloss.MessageField.VALUE)
            rules = {"secret": "mysecret"}
            latest = {"use.latest.version": True}
            record = bytes.fromhex("0e163132332d34352d36373839060102030008426572 6e".replace(" ", ""))
            value = AvroSerializer(client, conf=latest, rule_conf=rules)(record, ctx)
            assert b"6789" not in value
            assert schloss.Deserializer(client, rule_conf=rules)(value, ctx) == record
            for call in (lambda: AvroSerializer(client, conf=latest, rule_conf=rules)({"id": 1}, ctx),
                         lambda: AvroDeserializer(client, rule_conf=rules)(value, ctx),
                         lambda: JSONSerializer(None, client)):
                try:
                    call()
                    raise SystemExit("no error")
                except schloss.SchlossError as e:
                    assert e.name == "UNSUPPORTED" and "pip install" in e.hint, e
            assert Schema("{}", "JSON", [SchemaReference("a", "b", 1)]).references[0].version == 1
            try:
                client.get_subjects()
                raise SystemExit("no error")
            except AttributeError as e:
                assert "confluent-kafka" in str(e)
            assert not isinstance(ctx.field, int) and str(ctx.field) == "value"
            print("fine", schloss.library_version())
        """)
        done = subprocess.run([sys.executable, "-c", program, self.registry.url, self.topic], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.stdout, "fine %s\n" % schloss.library_version())

    def test_without_the_library(self):
        env = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
        done = subprocess.run([sys.executable, "-c", "import schloss"], env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("LD_LIBRARY_PATH", done.stdout)
