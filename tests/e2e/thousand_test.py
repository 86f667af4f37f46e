#!/usr/bin/env python3
"""A thousand processes start at once against an empty DEK Registry: one DEK results, and all records are readable.

    tests/e2e/thousand_test.py build/release/bin/schloss [N]         N: 1000, with sanitizers 200

Ends with `N passed, M failed, 0 skipped`.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request

BIN = os.path.realpath(sys.argv[1])
SLOW = any(w in BIN for w in ("asan", "tsan", "ubsan"))
N = int(sys.argv[2]) if len(sys.argv) > 2 else 200 if SLOW else 1000
PROGRAM = os.path.join(os.path.dirname(os.path.dirname(BIN)), "tests", "e2e_thousand")
LIMIT_S = 60
SCHEMA = {"type": "record", "name": "P", "fields": [
    {"name": "name", "type": "string", "confluent:tags": ["PII"]}]}
PARAMS = {"encrypt.kek.name": "kek1", "encrypt.kms.type": "local-kms", "encrypt.kms.key.id": "key1"}
counts = {"passed": 0, "failed": 0}


def check(text, ok, *detail):
    counts["passed" if ok else "failed"] += 1
    print(("ok      " if ok else "FAILED  ") + text, flush=True)
    if not ok:
        for d in detail:
            print("  | " + str(d).replace("\n", "\n  | ")[:3000], flush=True)


def call(base, method, where, body=None):
    request = urllib.request.Request(base + where, method=method, data=None if body is None else json.dumps(body).encode(),
                                     headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def party(base, subject, params):
    rules = {"domainRules": [{"name": "r", "kind": "TRANSFORM", "type": "ENCRYPT", "mode": "WRITEREAD", "tags": ["PII"],
                              "params": PARAMS | params}]}
    call(base, "POST", f"/subjects/{subject}-value/versions", {"schema": json.dumps(SCHEMA), "ruleSet": rules})
    r = subprocess.run([PROGRAM, base, subject, str(N)], capture_output=True, text=True, timeout=10 * LIMIT_S)
    m = re.match(r"(\d+) written in ([0-9.]+) s, (\d+) read", r.stdout)
    print("        " + r.stdout.strip())
    check(f"{subject}: {N} processes write", m is not None and int(m[1]) == N, r.stdout, r.stderr)
    check(f"{subject}: one reader reads all", m is not None and int(m[3]) == N, r.stdout, r.stderr)
    check(f"{subject}: within {LIMIT_S} s", m is not None and float(m[2]) < LIMIT_S * (10 if SLOW else 1), r.stdout)
    deks = f"/dek-registry/v1/keks/kek1/deks/{subject}-value/versions?algorithm=AES256_GCM&deleted=true"
    check(f"{subject}: one DEK, version 1", call(base, "GET", deks) == [1], call(base, "GET", deks))


def main():
    with tempfile.TemporaryDirectory(prefix="schloss-thousand-") as scratch:
        env = {k: v for k, v in os.environ.items() if k != "LOCAL_SECRET"}
        server = subprocess.Popen([BIN, "registry", "--listen", "127.0.0.1:0", "--store",
                                   f"sqlite:{scratch}/registry.db"], stdout=subprocess.PIPE, text=True, env=env)
        try:
            base = re.search(r"http://[0-9.:]+", server.stdout.readline())[0]
            party(base, "plain", {})  # neither KEK nor DEK is there
            check("one KEK", call(base, "GET", "/dek-registry/v1/keks") == ["kek1"])
            party(base, "rotated", {"encrypt.dek.expiry.days": "30"})
        finally:
            server.terminate()
            server.wait(60)
    print(f"{counts['passed']} passed, {counts['failed']} failed, 0 skipped")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
