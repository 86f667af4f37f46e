"""The interop matrix; started by `run` with a Python that has the official client."""
import concurrent.futures
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from confluent_kafka.admin import AdminClient, NewTopic

import cells
import clients
import topic

KAFKA = os.path.join(clients.ROOT, "tests", "kafka")
TIMEOUT = 60
NAMES = {"javascript": "JavaScript", "python": "Python", "go": "Go"}


def free_ports(n):
    """A port that is free together with the n - 1 after it."""
    while True:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            base = s.getsockname()[1]
        try:
            for port in range(base, base + n):
                with socket.socket() as s:
                    s.bind(("127.0.0.1", port))
            return base
        except (OSError, OverflowError):
            continue


def request(method, url, body=None):
    data = None if body is None else json.dumps(body).encode()
    r = urllib.request.Request(url, data, {"Content-Type": "application/vnd.schemaregistry.v1+json"}, method=method)
    try:
        with urllib.request.urlopen(r, timeout=TIMEOUT) as answer:
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as e:
        sys.exit("interop: %s %s: %d %s" % (method, url, e.code, e.read().decode(errors="replace")))


class Run:
    def __init__(self, binary):
        self.binary = binary
        self.dir = tempfile.mkdtemp(prefix="schloss-interop-")
        self.cases = cells.cases()
        self.records = cells.records()
        self.secret = self.file("client-secret", cells.CLIENT_SECRET)
        self.server = None
        self.kafka_dir = os.path.join(self.dir, "kafka")
        # (case, client, direction) -> None when it passed, else why not
        self.results = {}

    def file(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text + "\n")
        return path

    # ---- servers ----

    def start(self):
        done = subprocess.run([os.path.join(KAFKA, "kafka-up.sh"), str(free_ports(2)), self.kafka_dir], stdout=subprocess.PIPE,
                              text=True)
        if done.returncode != 0:
            sys.exit("interop: Kafka does not start")
        self.bootstrap = done.stdout.strip()
        listen = "127.0.0.1:%d" % free_ports(1)
        self.registry = "http://" + listen
        self.store = os.path.join(self.dir, "registry")
        os.mkdir(self.store)
        secret = self.file("registry-secret", cells.REGISTRY_SECRET)
        with open(os.path.join(self.dir, "registry.log"), "w") as log:
            self.server = subprocess.Popen(
                [self.binary, "registry", "--listen", listen, "--store", "sqlite:" + os.path.join(self.store, "registry.db"),
                 "--kms-secret-file", secret], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for _ in range(200):
            if self.server.poll() is not None:
                break
            try:
                urllib.request.urlopen(self.registry + "/subjects", timeout=5).read()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit("interop: schloss registry does not start; see %s/registry.log" % self.dir)

    def stop(self, keep):
        if self.server and self.server.poll() is None:
            self.server.terminate()
            try:
                self.server.wait(15)
            except subprocess.TimeoutExpired:
                self.server.kill()
        subprocess.run([os.path.join(KAFKA, "kafka-down.sh"), self.kafka_dir], check=False)
        if keep:
            print("logs are in", self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def set_up(self):
        """Topics, KEKs, schemas with their rules."""
        for kek, shared in ((cells.OWN_KEK, False), (cells.SHARED_KEK, True)):
            request("POST", self.registry + "/dek-registry/v1/keks",
                    {"name": kek, "kmsType": cells.KMS_TYPE, "kmsKeyId": cells.KMS_KEY, "shared": shared})
        self.topics = [c.topic(w) for c in self.cases for w in ["schloss"] + cells.CLIENTS]
        for c in self.cases:
            for writer in ["schloss"] + cells.CLIENTS:
                request("POST", "%s/subjects/%s-value/versions" % (self.registry, c.topic(writer)), c.body())
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        made = admin.create_topics(
            [NewTopic(t, num_partitions=1, replication_factor=1) for t in self.topics], operation_timeout=TIMEOUT)
        for future in made.values():
            future.result()

    # ---- both sides ----

    def schloss(self, case, *args):
        """Runs the command line; a shared KEK needs no secret, so none is given."""
        args = [self.binary, args[0], *args[1:], "--registry", self.registry, "--bootstrap", self.bootstrap, "--timeout", "30"]
        if not case.shared:
            args += ["--secret-file", self.secret]
        if case.framing == "header":
            args += ["-X", "value.schema.id.serializer=HeaderSchemaIdSerializer"]
        env = {k: v for k, v in os.environ.items() if not k.startswith(("SCHLOSS_", "LOCAL_SECRET"))}
        try:
            done = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, env=env)
        except subprocess.TimeoutExpired:
            return None, "schloss %s: no end after %d s" % (args[1], TIMEOUT)
        if done.returncode != 0:
            return None, "schloss %s: exit %d: %s" % (args[1], done.returncode, done.stderr.decode(errors="replace").strip()[-400:])
        return done.stdout.decode(), None

    def schloss_writes(self, case):
        path = self.file(case.topic("lines"), "\n".join(cells.to_avro_json(r) for r in self.records))
        return self.schloss(case, "produce", case.topic("schloss"), "--file", path)[1]

    def schloss_reads(self, case, writer):
        out, wrong = self.schloss(case, "consume", case.topic(writer), "--exit-at-end")
        if wrong:
            return wrong
        try:
            records = [cells.from_avro_json(line) for line in out.split("\n") if line]
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            return "schloss consume printed no Avro JSON of the schema: %s: %s" % (type(e).__name__, e)
        return self.compare(records)

    def compare(self, records):
        if len(records) != len(self.records):
            return "%d of %d records were read" % (len(records), len(self.records))
        for got, want in zip(records, self.records):
            for field in want:
                if got.get(field) != want[field]:
                    return "field %s: %.80r instead of %.80r" % (field, got.get(field), want[field])
        return None

    def client(self, name, phase):
        """Runs one client for all cases; its answers by case number."""
        job = {"bootstrap": self.bootstrap, "registry": self.registry, "secret": cells.CLIENT_SECRET, "timeout": TIMEOUT,
               "write": [{"id": str(i), "topic": c.topic(name), "framing": c.framing, "records": self.records}
                         for i, c in enumerate(self.cases)],
               "read": [{"id": str(i), "topic": c.topic("schloss"), "count": len(self.records)}
                        for i, c in enumerate(self.cases) if phase == "read" and self.written["schloss"][i] is None]}
        path = self.file("job-%s-%s.json" % (name, phase), json.dumps(job))
        command, env = self.commands[name]
        try:
            done = subprocess.run(command + [path, phase], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=3 * TIMEOUT, env=env)
            out, error = done.stdout, "the client said nothing of this case: " + done.stderr[-500:]
        except subprocess.TimeoutExpired:
            out, error = "", "no end after %d s" % (3 * TIMEOUT)
        with open(os.path.join(self.dir, "%s-%s.log" % (name, phase)), "w") as f:
            f.write(out + error)
        answers = {i: {"ok": False, "error": error} for i in range(len(self.cases))}
        for line in out.split("\n"):
            if line.startswith("{"):
                answer = json.loads(line)
                answers[int(answer["id"])] = answer
        return answers

    def install(self):
        here = os.path.dirname(os.path.realpath(__file__))
        node, env = clients.javascript()
        self.commands = {
            "python": ([sys.executable, "-B", os.path.join(here, "python", "client.py")], None),
            "javascript": ([node, os.path.join(here, "js", "client.js")], env),
            "go": ([clients.go(os.path.join(here, "go"), "interop")], None)}

    def write(self, pool):
        """Everyone writes at the same time, each to its own topics."""
        self.written = {"schloss": {}}
        everyone = {name: pool.submit(self.client_writes, name) for name in cells.CLIENTS}
        ours = [pool.submit(self.schloss_writes, c) for c in self.cases]
        self.written["schloss"].update(enumerate(f.result() for f in ours))
        for name, future in everyone.items():
            self.written[name] = future.result()

    def client_writes(self, name):
        return {i: None if a["ok"] else a["error"] for i, a in self.client(name, "write").items()}

    def read(self, pool):
        raw = topic.fetch(self.bootstrap, self.topics, len(self.records), TIMEOUT)
        theirs = {name: pool.submit(self.client, name, "read") for name in cells.CLIENTS}
        ours = {(i, name): pool.submit(self.schloss_reads, c, name) for i, c in enumerate(self.cases) for name in cells.CLIENTS
                if self.written[name][i] is None}
        for i, c in enumerate(self.cases):
            on_topic = {w: topic.check(c, raw[c.topic(w)], self.records) for w in ["schloss"] + cells.CLIENTS}
            for name in cells.CLIENTS:
                # what schloss wrote, read by the client
                wrong = self.written["schloss"][i] or on_topic["schloss"]
                if not wrong:
                    answer = theirs[name].result()[i]
                    wrong = self.compare(answer["records"]) if answer["ok"] else answer["error"]
                self.results[i, name, "reads"] = wrong
                # what the client wrote, read by schloss
                wrong = self.written[name][i]
                self.results[i, name, "writes"] = wrong or on_topic[name] or ours[i, name].result()

    # ---- what is printed ----

    def table(self):
        columns = [(name, way) for name in cells.CLIENTS for way in ("reads", "writes")]
        width = len(self.cases[0].title())
        print("\n" + " " * width + "".join("  %-10s%8s" % (NAMES[name], "") for name in cells.CLIENTS))
        print(cells.Case.TITLE.ljust(width) + "".join("  %-8s" % way for _, way in columns))
        for i, c in enumerate(self.cases):
            print(c.title().ljust(width) + "".join("  %-8s" % ("FAIL" if self.results[(i, *col)] else "ok") for col in columns))
        print("reads: the client reads what `schloss produce` wrote; writes: `schloss consume` reads what the client wrote")
        print("Python 2.16.0 by itself fails on every schema with metadata.tags: the test mends one hash (python/client.py)\n")
        for (i, name, way), wrong in self.results.items():
            if wrong:
                print("FAIL %s, %s %s: %s" % (" ".join(self.cases[i].title().split()), NAMES[name], way, wrong))

    def leaks(self):
        """(what is checked, found) for places where plaintext or secrets must not be."""
        disk = os.path.join(self.kafka_dir, "data")
        yield "the broker's disk holds untagged fields", [] if topic.files_with(disk, cells.MARKER) else ["nothing found"]
        yield "no plaintext of a tagged field on the broker's disk", topic.files_with(disk, cells.CANARY)
        for text in (cells.CANARY, cells.MARKER, cells.CLIENT_SECRET, cells.REGISTRY_SECRET):
            for place in (self.store, os.path.join(self.dir, "registry.log")):
                yield "no %s in the registry's %s" % (text, os.path.basename(place)), topic.files_with(place, text)


def main():
    where = os.path.realpath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(clients.ROOT, "build", "release"))
    binary = os.path.join(where, "bin", "schloss") if os.path.isdir(where) else where
    if not os.access(binary, os.X_OK):
        sys.exit("interop: %s is missing; run make first" % binary)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    run = Run(binary)
    failed = True
    try:
        run.install()
        began = time.monotonic()
        run.start()
        run.set_up()
        # the clients wait in three threads, two more keep both cores busy with schloss
        with concurrent.futures.ThreadPoolExecutor(5) as pool:
            run.write(pool)
            run.read(pool)
        run.table()
        bad = sum(1 for wrong in run.results.values() if wrong)
        good = len(run.results) - bad
        for what, found in run.leaks():
            good, bad = good + (not found), bad + bool(found)
            print("%s %s%s" % ("FAIL" if found else "ok  ", what, ": " + ", ".join(found) if found else ""))
        failed = bad > 0
        print("%.0f s\n%d passed, %d failed, 0 skipped" % (time.monotonic() - began, good, bad))
    finally:
        run.stop(keep=failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
