#!/usr/bin/env python3
"""Marked plaintext and a marked key through the servers and the command line: neither may lie on the topic, in the
SQLite file, in what the programs print (errors and -v included), in metrics, or in a core file of a server.

    tests/e2e/canary_test.py build/release/bin/schloss

Ends with `N passed, M failed, K skipped`.
"""
import base64
import glob
import json
import os
import re
import resource
import signal
import subprocess
import tempfile
import urllib.request

from crash_lib import BIN, JSON, SLOW, check, finish, wait_until

SCRATCH = tempfile.TemporaryDirectory(prefix="schloss-canary-")
MARK = "canary-" + "of-plain" + "text-4Kw9"
NUMBER = 918273645
SECRET = "secret-of-the-" + "local-kms-Tq7"
ENV = {**{k: v for k, v in os.environ.items() if not k.startswith("SCHLOSS_")}, "LOCAL_SECRET": SECRET, "NO_COLOR": "1"}
RECORD = {"name": MARK, "n": NUMBER, "note": "seen"}
said = []  # (what, text): everything that may not hold a marker


def rule(kind, name, kek, **params):
    r = {"name": name, "kind": "TRANSFORM", "mode": "WRITEREAD", "type": kind,
         "params": {"encrypt.kek.name": kek, "encrypt.kms.type": "local-kms", "encrypt.kms.key.id": "k", **params}}
    if kind == "ENCRYPT":
        r["tags"] = ["PII"]
    return r


SCHEMA = json.dumps({"type": "record", "name": "Person", "fields": [
    {"name": "name", "type": "string", "confluent:tags": ["PII"]}, {"name": "n", "type": "int"},
    {"name": "note", "type": "string"}]})
TOPICS = {
    "own": {"domainRules": [rule("ENCRYPT", "own", "kek-own")]},
    "rotated": {"domainRules": [rule("ENCRYPT", "rotated", "kek-own", **{"encrypt.dek.algorithm": "AES128_GCM",
                                                                        "encrypt.dek.expiry.days": "1"})]},
    "shared": {"domainRules": [rule("ENCRYPT", "shared", "kek-shared")]},
    "payload": {"encodingRules": [rule("ENCRYPT_PAYLOAD", "payload", "kek-own")]},
}


class Dev:
    def __init__(self, store):
        secret = os.path.join(SCRATCH.name, "secret")
        with open(secret, "w") as f:
            f.write(SECRET)

        def prepare():
            resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

        self.log = open(os.path.join(SCRATCH.name, "dev.log"), "w+b")
        self.process = subprocess.Popen([BIN, "dev", "-v", "--store", "sqlite:" + store, "--kms-secret-file", secret],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, cwd=SCRATCH.name,
                                        env={k: v for k, v in ENV.items() if k != "LOCAL_SECRET"}, preexec_fn=prepare)
        if not wait_until(lambda: b"\nready" in self.text(), 20):
            raise RuntimeError("schloss dev is not ready: " + self.text().decode())
        self.registry = re.search(rb"registry=(\S+)", self.text()).group(1).decode()
        self.bootstrap = re.search(rb"bootstrap=(\S+)", self.text()).group(1).decode()

    def text(self):
        with open(self.log.name, "rb") as f:
            return f.read()

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.registry + path, None if body is None else json.dumps(body).encode(),
                                         JSON, method=method)
        with urllib.request.urlopen(request, timeout=30 * SLOW) as answer:
            return answer.read().decode()


def run(dev, *args, stdin="", env=ENV, may_show=False):
    p = subprocess.run([BIN, *args, "--registry", dev.registry, "-b", dev.bootstrap], input=stdin.encode(),
                       capture_output=True, env=env, cwd=SCRATCH.name, timeout=60 * SLOW)
    out, err = p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")
    what = "schloss " + " ".join(a for a in args if MARK not in a)
    said.append((what + " (stderr)", err))
    if not may_show:
        said.append((what + " (stdout)", out))
    return p.returncode, out, err


def use(dev, topic, rules):
    dev.call("POST", f"/subjects/{topic}-value/versions", {"schema": SCHEMA, "ruleSet": rules})
    code, _, err = run(dev, "produce", topic, "-v", stdin=json.dumps(RECORD) + "\n")
    check(f"{topic}: a marked record is produced", code == 0, err)
    code, out, err = run(dev, "consume", topic, "-n", "1", "-v", may_show=True)
    check(f"{topic}: and comes back", code == 0 and MARK in out, out, err)
    code, out, err = run(dev, "consume", topic, "-n", "1", "--raw", "-v")
    check(f"{topic}: --raw shows what lies on the topic", code == 0 and out.strip() != "", out, err)
    code, out, err = run(dev, "inspect", topic, "-n", "1")
    check(f"{topic}: inspect", code == 0, out, err)
    wrong = {**ENV, "LOCAL_SECRET": "another one"}
    code, out, err = run(dev, "consume", topic, "-n", "1", "-v", env=wrong)
    check(f"{topic}: a reader with another secret gets an error" if topic != "shared" else "shared: needs no secret",
          (code != 0) == (topic != "shared"), code, err)
    if topic == "shared":
        said.pop()  # the registry's DEK opened it, as it should
    for line in (f'{{"name":"{MARK}","n":"{MARK}","note":"x"}}', f'{{"name":"{MARK}"', f'{{"name":{{"string":"{MARK}"}}}}',
                 f'"{MARK}"', f'{{"name":"{MARK}","n":1,"note":"x","more":"{MARK}"}}',
                 f'{{"name":"{MARK}\\ud800","n":1,"note":"x"}}', f'{{"name":"a","n":1,"note":["{MARK}"]}}'):
        code, _, err = run(dev, "produce", topic, "-v", stdin=line + "\n")
        check(f"{topic}: a line that does not fit is refused", code != 0, err)
    none = {k: v for k, v in ENV.items() if k != "LOCAL_SECRET"}
    code, _, err = run(dev, "produce", topic, "-v", "-X", "schloss.negative.cache.ms=0", stdin=json.dumps(RECORD) + "\n",
                       env=none)
    check(f"{topic}: without the secret nothing is sent" if topic != "shared" else "shared: writes without a secret",
          (code != 0) == (topic != "shared"), code, err)


def store_files(store):
    return {f: open(f, "rb").read() for f in glob.glob(store + "*")}


def main():
    store = os.path.join(SCRATCH.name, "store.db")
    dev = Dev(store)
    dev.call("POST", "/dek-registry/v1/keks", {"name": "kek-shared", "kmsType": "local-kms", "kmsKeyId": "k",
                                               "shared": True})
    for topic, rules in TOPICS.items():
        use(dev, topic, rules)
    dek = json.loads(dev.call("GET", "/dek-registry/v1/keks/kek-shared/deks/shared-value?algorithm=AES256_GCM"))
    message = base64.b64decode(dek["keyMaterial"])
    raw = message[2:]
    check("the registry hands out the shared DEK", len(raw) == 32)
    for path in ("/metrics", "/health/ready", "/subjects", "/schemas", "/dek-registry/v1/keks"):
        said.append(("GET " + path, dev.call("GET", path)))
    said.append(("log of schloss dev", dev.text().decode(errors="replace")))
    marks = {"plaintext": MARK, "number of a payload": str(NUMBER), "secret": SECRET,
             "key": base64.b64encode(raw).decode()[4:40], "key message": dek["keyMaterial"][4:40]}
    for name, mark in marks.items():
        # The number lies in clear on the topics with field rules, and --raw shows it there.
        shown = [what for what, text in said
                 if mark in text and (name != "number of a payload" or "payload" in what)]
        check(f"{name} is in nothing that was said ({len(said)} texts)", not shown, shown)
    files = store_files(store)
    check("the store is there", len(files) >= 1 and sum(map(len, files.values())) > 10000)
    for name, mark in {**{k: v.encode() for k, v in marks.items()}, "raw key": raw, "raw key message": message}.items():
        holds = [f for f, content in files.items() if mark in content]
        check(f"{name} is not in the SQLite file", not holds, holds)
    dev.process.send_signal(signal.SIGABRT)
    dev.process.wait(20 * SLOW)
    cores = glob.glob(os.path.join(SCRATCH.name, "core*"))
    check("a server leaves no core file", not cores, cores)
    finish()


if __name__ == "__main__":
    main()
