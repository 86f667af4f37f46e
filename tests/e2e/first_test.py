#!/usr/bin/env python3
"""How long the first message of a fresh process takes against an empty DEK Registry (loopback, store on tmpfs).

    tests/e2e/first_test.py build/release/bin/schloss [RUNS [BAR_US]]

Each run has a subject and a KEK of its own, so each makes KEK and DEK. Prints the median, and fails when it is above
the bar; a bar makes sense for a release build on an idle machine. Ends with `N passed, M failed, 0 skipped`.
"""
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import urllib.request

BIN = os.path.realpath(sys.argv[1])
RUNS = int(sys.argv[2]) if len(sys.argv) > 2 else 30
PROGRAM = os.path.join(os.path.dirname(os.path.dirname(BIN)), "tests", "e2e_first")
BAR_US = int(sys.argv[3]) if len(sys.argv) > 3 else 0
SCHEMA = {"type": "record", "name": "P", "fields": [
    {"name": "name", "type": "string", "confluent:tags": ["PII"]}]}
counts = {"passed": 0, "failed": 0}


def check(text, ok, *detail):
    counts["passed" if ok else "failed"] += 1
    print(("ok      " if ok else "FAILED  ") + text, flush=True)
    for d in () if ok else detail:
        print("  | " + str(d), flush=True)


def call(base, method, where, body=None):
    request = urllib.request.Request(base + where, method=method, data=None if body is None else json.dumps(body).encode(),
                                     headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def main():
    with tempfile.TemporaryDirectory(prefix="schloss-first-", dir="/dev/shm") as scratch:
        server = subprocess.Popen([BIN, "registry", "--listen", "127.0.0.1:0", "--store",
                                   f"sqlite:{scratch}/registry.db"], stdout=subprocess.PIPE, text=True)
        try:
            base = re.search(r"http://[0-9.:]+", server.stdout.readline())[0]
            times = []
            for i in range(RUNS):
                params = {"encrypt.kek.name": f"kek{i}", "encrypt.kms.type": "local-kms", "encrypt.kms.key.id": "key"}
                rules = {"domainRules": [{"name": "r", "kind": "TRANSFORM", "type": "ENCRYPT", "mode": "WRITEREAD",
                                          "tags": ["PII"], "params": params}]}
                call(base, "POST", f"/subjects/t{i}-value/versions", {"schema": json.dumps(SCHEMA), "ruleSet": rules})
                r = subprocess.run([PROGRAM, base, f"t{i}"], capture_output=True, text=True, timeout=60)
                m = re.match(r"(\d+) us", r.stdout)
                if m is None:
                    check("a first message", False, r.stdout, r.stderr)
                    return 1
                times.append(int(m[1]))
                last = r.stdout.strip()
        finally:
            server.terminate()
            server.wait(60)
    median = statistics.median(times)
    print(f"        median {median:.0f} us, fastest {min(times)}, slowest {max(times)}; the last: {last}")
    check("KEK and DEK are made once", "2 KMS calls" in last and "6 requests" in last, last)
    if BAR_US:
        check(f"the median is at most {BAR_US} us", median <= BAR_US, times)
    print(f"{counts['passed']} passed, {counts['failed']} failed, 0 skipped")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
