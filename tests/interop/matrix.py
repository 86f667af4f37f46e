"""The interop matrix; started by `run` with a Python that has the official client."""
import argparse
import concurrent.futures
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from confluent_kafka.admin import AdminClient, NewTopic

import cells
import clients
import page
import topic

MONTH_MS = 31 * 24 * 3600 * 1000
KAFKA = os.path.join(clients.ROOT, "tests", "kafka")
TIMEOUT = 60
NAMES = {"schloss": "Schloss", "javascript": "JavaScript", "python": "Python", "go": "Go"}


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
    def __init__(self, binary, everyone):
        self.binary = binary
        self.everyone = everyone
        self.dir = tempfile.mkdtemp(prefix="schloss-interop-")
        self.cases = cells.cases()
        self.secret = self.file("client-secret", cells.CLIENT_SECRET)
        self.server = None
        self.kafka_dir = os.path.join(self.dir, "kafka")
        self.written = {w: {} for w in everyone}  # case -> None when it was written, else why not
        self.results = {}  # (case, writer, reader) -> None when it passed, else why not
        self.known = {}  # the same -> why an official client fails, as expected

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
        self.topics = {c.topic(w): len(c.expected()) for c in self.cases for w in self.everyone}
        for c in self.cases:
            for writer in self.everyone:
                request("POST", "%s/subjects/%s-value/versions" % (self.registry, c.topic(writer)), c.body())
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        made = admin.create_topics(
            [NewTopic(t, num_partitions=1, replication_factor=1) for t in self.topics], operation_timeout=TIMEOUT)
        for future in made.values():
            future.result()

    def age_keys(self):
        """The DEKs of the rotated cases become older than their rule allows."""
        with sqlite3.connect(os.path.join(self.store, "registry.db"), timeout=30) as db:
            changed = db.execute("UPDATE deks SET ts = ts - ? WHERE subject LIKE '%-rotated-%'", (MONTH_MS,)).rowcount
        db.close()
        want = sum(1 for c in self.cases for w in self.everyone if c.expiry == "rotated")
        if changed != want:
            print("interop: %d DEKs grew old, not %d" % (changed, want), file=sys.stderr)

    # ---- libschloss, through the command line ----

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

    def schloss_writes(self, case, batch):
        path = self.file(case.topic("lines"), "\n".join(cells.to_line(case.format, r) for r in case.batches()[batch]))
        message = ["--message", cells.MESSAGE] if case.format == "PROTOBUF" else []
        return self.schloss(case, "produce", case.topic("schloss"), "--file", path, *message)[1]

    def schloss_reads(self, case, writer):
        out, wrong = self.schloss(case, "consume", case.topic(writer), "--exit-at-end")
        if wrong:
            return wrong
        try:
            records = [cells.from_line(case.format, line) for line in out.split("\n") if line]
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            return "schloss consume printed no JSON of the schema: %s: %s" % (type(e).__name__, e)
        return self.compare(case, records)

    @staticmethod
    def compare(case, records):
        expected = case.expected()
        if len(records) != len(expected):
            return "%d of %d records were read" % (len(records), len(expected))
        for got, want in zip(records, expected):
            for field in want:
                if got.get(field) != want[field]:
                    return "field %s: %.80r instead of %.80r" % (field, got.get(field), want[field])
        return None

    # ---- the official clients: one process for all cases of a phase ----

    def client(self, name, phase, tasks):
        """Runs one client; its answers by task id."""
        if not tasks:
            return {}
        job = {"bootstrap": self.bootstrap, "registry": self.registry, "secret": cells.CLIENT_SECRET, "timeout": TIMEOUT,
               "descriptor": cells.proto_descriptor(False), phase: tasks}
        path = self.file("job-%s-%s-%d.json" % (name, phase, len(tasks)), json.dumps(job))
        command, env = self.commands[name]
        try:
            done = subprocess.run(command + [path, phase], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=3 * TIMEOUT, env=env)
            out, error = done.stdout, "the client said nothing of this case: " + done.stderr[-500:]
        except subprocess.TimeoutExpired:
            out, error = "", "no end after %d s" % (3 * TIMEOUT)
        with open(path[:-5] + ".log", "w") as f:
            f.write(out + error)
        answers = {t["id"]: {"ok": False, "error": error} for t in tasks}
        for line in out.split("\n"):
            if line.startswith("{"):
                answer = json.loads(line)
                answers[answer["id"]] = answer
        return answers

    def client_writes(self, name, batch):
        tasks = [{"id": str(i), "topic": c.topic(name), "format": c.format, "framing": c.framing, "records": c.batches()[batch]}
                 for i, c in enumerate(self.cases) if batch < len(c.batches())]
        return {int(i): None if a["ok"] else a["error"] for i, a in self.client(name, "write", tasks).items()}

    def client_reads(self, name):
        tasks = [{"id": "%d %s" % (i, w), "topic": c.topic(w), "format": c.format, "count": len(c.expected())}
                 for i, c in enumerate(self.cases) for w in self.everyone if w != name and self.written[w][i] is None]
        return self.client(name, "read", tasks)

    def install(self):
        here = os.path.dirname(os.path.realpath(__file__))
        node, env = clients.javascript()
        self.commands = {
            "python": ([sys.executable, "-B", os.path.join(here, "python", "client.py")], None),
            "javascript": ([node, os.path.join(here, "js", "client.js")], env),
            "go": ([clients.go(os.path.join(here, "go"), "interop")], None)}

    # ---- both directions ----

    def write(self, pool, batch):
        """Everyone writes at the same time, each to its own topics."""
        theirs = {name: pool.submit(self.client_writes, name, batch) for name in cells.CLIENTS}
        ours = {i: pool.submit(self.schloss_writes, c, batch) for i, c in enumerate(self.cases)
                if "schloss" in self.everyone and batch < len(c.batches())}
        done = {name: future.result() for name, future in theirs.items()}
        done["schloss"] = {i: future.result() for i, future in ours.items()}
        for name, answers in done.items():
            for i, wrong in answers.items():
                self.written[name][i] = self.written[name].get(i) or wrong

    def read(self, pool):
        raw = topic.fetch(self.bootstrap, self.topics, TIMEOUT)
        theirs = {name: pool.submit(self.client_reads, name) for name in cells.CLIENTS}
        ours = {(i, w): pool.submit(self.schloss_reads, c, w) for i, c in enumerate(self.cases) for w in cells.CLIENTS
                if "schloss" in self.everyone and self.written[w][i] is None}
        for i, c in enumerate(self.cases):
            for writer in self.everyone:
                wrong = self.written[writer][i] or topic.check(c, raw[c.topic(writer)])
                for reader in self.everyone:
                    if reader != writer:
                        seen = wrong or self.outcome(i, writer, reader, theirs, ours)
                        known = c.known(writer, reader)
                        if known:
                            self.known[i, writer, reader] = known[1]
                            seen = self.as_known(seen, known[0])
                        self.results[i, writer, reader] = seen

    @staticmethod
    def as_known(seen, says):
        """None when a cell fails in the way that is known."""
        if seen is None:
            return "passes, though it is listed as known to fail (cells.py)"
        return None if says in seen else seen

    def outcome(self, i, writer, reader, theirs, ours):
        if reader == "schloss":
            return ours[i, writer].result()
        answer = theirs[reader].result()["%d %s" % (i, writer)]
        return self.compare(self.cases[i], answer["records"]) if answer["ok"] else answer["error"]

    # ---- what is printed ----

    def cell(self, i, writer):
        """"ok" when all others read what writer wrote, else who did not."""
        others = [r for r in self.everyone if r != writer]
        failed = [NAMES[r] for r in others if self.results[i, writer, r]]
        if not failed and any((i, writer, r) in self.known for r in others):
            return "known"
        return "ok" if not failed else "FAIL: all" if len(failed) == len(self.everyone) - 1 else "FAIL: " + ", ".join(failed)

    def table(self):
        """Per case and writer: do all the others read it?"""
        rows = [(c.title(), [self.cell(i, w) for w in self.everyone]) for i, c in enumerate(self.cases)]
        widths = [max([len(NAMES[w]) + 7] + [len(row[1][k]) for row in rows]) for k, w in enumerate(self.everyone)]
        left = max(len(title) for title, _ in rows)
        print("\n" + cells.Case.TITLE.ljust(left) + "".join(("  %s writes" % NAMES[w]).ljust(n + 2)
                                                            for w, n in zip(self.everyone, widths)))
        for title, row in rows:
            print(title.ljust(left) + "".join("  " + text.ljust(n) for text, n in zip(row, widths)))
        print("ok: each of the others reads the records as they were written, and the topic holds ciphertext of the right form")
        for why in sorted(set(self.known.values())):
            print("known:", why)
        print("Python 2.16.0 by itself fails on every schema with metadata.tags: the test mends one hash (python/client.py)\n")
        for (i, writer, reader), wrong in self.results.items():
            if wrong:
                print("FAIL %s, %s writes, %s reads: %s" % (" ".join(self.cases[i].title().split()), NAMES[writer],
                                                            NAMES[reader], wrong))

    def leaks(self):
        """(what is checked, found) for places where plaintext or secrets must not be."""
        disk = os.path.join(self.kafka_dir, "data")
        yield "the broker's disk holds untagged fields", [] if topic.files_with(disk, cells.MARKER) else ["nothing found"]
        yield "no plaintext of a tagged field on the broker's disk", topic.files_with(disk, cells.CANARY)
        for text in (cells.CANARY, cells.MARKER, cells.CLIENT_SECRET, cells.REGISTRY_SECRET):
            for place in (self.store, os.path.join(self.dir, "registry.log")):
                yield "no %s in the registry's %s" % (text, os.path.basename(place)), topic.files_with(place, text)


# spec 8: 90
def main():
    parser = argparse.ArgumentParser(description="Who reads what whom wrote, on a real Kafka.")
    parser.add_argument("where", nargs="?", default=os.path.join(clients.ROOT, "build", "release"),
                        help="build folder, or path of schloss (default build/release)")
    parser.add_argument("--peers-only", action="store_true", help="only the official clients against each other")
    parser.add_argument("--page", metavar="FILE", help="write the result as a page of the documentation, too")
    args = parser.parse_args()
    where = os.path.realpath(args.where)
    binary = os.path.join(where, "bin", "schloss") if os.path.isdir(where) else where
    if not os.access(binary, os.X_OK):
        sys.exit("interop: %s is missing; run make first" % binary)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped
    run = Run(binary, cells.CLIENTS if args.peers_only else cells.EVERYONE)
    failed = True
    try:
        run.install()
        began = time.monotonic()
        run.start()
        run.set_up()
        # the clients wait in three threads, two more keep both cores busy with schloss
        with concurrent.futures.ThreadPoolExecutor(5) as pool:
            run.write(pool, 0)
            run.age_keys()
            run.write(pool, 1)
            run.read(pool)
        run.table()
        bad = sum(1 for wrong in run.results.values() if wrong)
        good = len(run.results) - bad - len(run.known)
        for what, found in run.leaks():
            good, bad = good + (not found), bad + bool(found)
            print("%s %s%s" % ("FAIL" if found else "ok  ", what, ": " + ", ".join(found) if found else ""))
        if args.page:
            page.write(args.page, run)
        failed = bad > 0
        print("%.0f s, %d cells in which an official client fails as is known" % (time.monotonic() - began, len(run.known)))
        print("%d passed, %d failed, 0 skipped" % (good, bad))
    finally:
        run.stop(keep=failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
