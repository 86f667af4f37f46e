#!/usr/bin/env python3
"""The command line as a user meets it, against `schloss dev` and against servers that misbehave.

    tests/e2e/cli_test.py build/release/bin/schloss

Ends with `N passed, M failed, K skipped`.
"""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.realpath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build/release/bin/schloss"))
SLOW = 4 if any(w in BIN for w in ("asan", "tsan", "ubsan")) else 1
SCRATCH = tempfile.TemporaryDirectory(prefix="schloss-cli-")
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("SCHLOSS_") and k != "LOCAL_SECRET"}
CLEAN["NO_COLOR"] = "1"
SECRETS = ["123-45-6789", "987-65-4320", "ada@example.org", "emmy@example.org", "077-05-1120"]
counts = {"passed": 0, "failed": 0}
children = []


def check(text, ok, *detail):
    counts["passed" if ok else "failed"] += 1
    print(("ok      " if ok else "FAILED  ") + text, flush=True)
    if not ok:
        for d in detail:
            print("  | " + str(d).replace("\n", "\n  | ")[:3000], flush=True)
    return ok


class Run:
    """One finished command."""

    def __init__(self, *args, stdin="", env=None, limit=60):
        began = time.monotonic()
        p = subprocess.run([BIN, *args], input=stdin.encode(), capture_output=True, env=env or CLEAN,
                           timeout=limit * SLOW, cwd=SCRATCH.name)
        self.seconds = time.monotonic() - began
        self.args, self.code = args, p.returncode
        self.out, self.err = p.stdout.decode(), p.stderr.decode()

    def __str__(self):
        return f"schloss {' '.join(self.args)}: exit {self.code}\n{self.out}\n{self.err}"

    def lines(self):
        return self.out.splitlines()

    def fails(self, text, code, *words):
        """Exit code, an error in our form, and nothing on standard output."""
        form = self.err.startswith("schloss: ") or "\nschloss: " in self.err
        return check(text, self.code == code and form and all(w in self.err for w in words), self)

    def works(self, text, *words):
        return check(text, self.code == 0 and all(w in self.out + self.err for w in words), self)


def path(name, text=None):
    p = os.path.join(SCRATCH.name, name)
    if text is not None:
        with open(p, "w", encoding="utf-8") as f:
            f.write(text)
    return p


class Server:
    """A server sub-command that runs until it is stopped."""

    def __init__(self, *args, env=None, ready="ready"):
        self.process = subprocess.Popen([BIN, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env or CLEAN,
                                        text=True, cwd=SCRATCH.name)
        children.append(self.process)
        self.lines = []
        self.seconds = time.monotonic()
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if ready in line:
                break
        self.seconds = time.monotonic() - self.seconds

    def value(self, name):
        return next((s.split("=", 1)[1] for s in self.lines if s.startswith(name + "=")), None)

    def stop(self, sig=signal.SIGTERM, limit=10):
        self.process.send_signal(sig)
        try:
            rest, err = self.process.communicate(timeout=limit * SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return None, "", "did not stop"
        return self.process.returncode, rest, err


def interrupted(text, args, env, after=1.0, sig=signal.SIGINT, code=130, stdin=None, feed=None):
    """Starts a command, sends a signal, expects it to end within a second with the code. Returns its output."""
    p = subprocess.Popen([BIN, *args], stdin=subprocess.PIPE if stdin is None else stdin, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, env=env, cwd=SCRATCH.name)
    children.append(p)
    if feed is not None:
        p.stdin.write(feed.encode())
        p.stdin.flush()
    time.sleep(after * SLOW)
    if p.poll() is not None:
        out, err = p.communicate()
        check(text, False, f"ended by itself with {p.returncode}", out.decode(), err.decode())
        return ""
    began = time.monotonic()
    p.send_signal(sig)
    try:
        p.wait(10 * SLOW)
    except subprocess.TimeoutExpired:
        p.kill()
    seconds = time.monotonic() - began
    out, err = p.communicate()
    check(text, p.returncode == code and seconds < 1.0 * SLOW, f"exit {p.returncode} after {seconds:.2f} s",
          out.decode(), err.decode())
    return out.decode()


class Peer:
    """A TCP server that answers every request with fixed bytes, or never."""

    def __init__(self, answer=None):
        self.answer = answer
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        held = []
        while True:
            connection, _ = self.socket.accept()
            held.append(connection)
            if self.answer is not None:
                connection.recv(65536)
                connection.sendall(self.answer)
                connection.close()


def http(status, body):
    body = body.encode()
    return (f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n").encode() + body


# ---- without servers -----------------------------------------------------------------------------------------------

def test_help_and_usage():
    words = Run("--generate", "words").lines()
    check("the table has its commands", {"dev", "registry", "kek", "dek", "kms", "schema", "subject", "produce",
                                         "consume", "inspect", "version"} <= set(words), words)
    for word in words:
        Run(word, "--help").works(f"{word} --help", f"schloss {word}", "Usage:")
    Run("dek", "version", "list", "-h").works("help of a command three words deep", "schloss dek version list")
    Run("--help").works("--help", "Commands:")
    r = Run()
    check("without anything: help on standard error, exit 2", r.code == 2 and "Commands:" in r.err and not r.out, r)
    r = Run("kek")
    check("a group shows its commands", r.code == 0 and "create" in r.out, r)
    Run("kek", "creat").fails("an unknown command names the nearest", 2, "schloss kek create")
    Run("kek", "list", "--al").fails("an unknown flag names the nearest", 2, "--all")
    Run("kek", "list", "--raw").fails("a flag of another command is unknown", 2)
    Run("kek", "create", "k").fails("a required flag is named", 2, "--kms-type")
    Run("version", "-o", "xml").fails("a wrong choice names the right ones", 2, "human|json|yaml")
    Run("kek", "list").fails("without a registry", 2, "--registry")
    Run("consume", "t", "--registry", "http://127.0.0.1:1").fails("without a broker", 2, "--bootstrap")
    Run("version", "-X", "schema.registry.ulr=x").fails("an unknown key names the nearest", 2, "schema.registry.url")
    r = Run("kek", "delete", "k", "--registry", "http://127.0.0.1:1")
    r.fails("nobody can be asked without a terminal", 2, "--force")
    r = Run("version")
    check("version", r.code == 0 and re.search(r"\d+\.\d+\.\d+", r.out) is not None, r)
    r = Run("version", "-v", "-o", "json")
    v = json.loads(r.out)
    check("version -v names the back-end and the libraries", v["aead_backend"] in v["aead_available"] and
          all(v[k] for k in ("openssl", "librdkafka", "libcurl", "jansson", "sqlite", "libmicrohttpd")), r)
    full = subprocess.run(f"{BIN} --help > /dev/full", shell=True, env=CLEAN, capture_output=True)
    check("output that cannot be written is no success", full.returncode == 1, full)


def test_generated():
    r = subprocess.run([os.path.join(ROOT, "cli/generate"), BIN, "--check"], capture_output=True, text=True)
    check("man pages, completion and docs/cli.md are up to date", r.returncode == 0, r.stdout, r.stderr)
    script = os.path.join(ROOT, "packaging/completion/schloss.bash")

    def complete(*line):
        words = " ".join(f"'{w}'" for w in line)
        p = subprocess.run(["bash", "-c", f"source {script}; COMP_WORDS=({words}); COMP_CWORD={len(line) - 1}; "
                            "_schloss; printf '%s\\n' \"${COMPREPLY[@]}\""], capture_output=True, text=True)
        return p.stdout.split()

    check("bash completes commands", complete("schloss", "ke") == ["kek"], complete("schloss", "ke"))
    check("bash completes sub-commands after flags", complete("schloss", "-o", "json", "kek", "un") == ["undelete"])
    check("bash completes flags", "--kms-type" in complete("schloss", "kek", "create", "--k"))
    check("bash completes choices", complete("schloss", "version", "-o", "ja") == [] and
          complete("schloss", "version", "-o", "js") == ["json"])
    check("bash offers only flags of the command", "--raw" not in complete("schloss", "kek", "list", "--"))


# ---- KMS keys, without a registry ----------------------------------------------------------------------------------

def test_kms():
    local = ["kms", "test", "--kms-type", "local-kms", "--kms-key-id", "any"]
    r = Run("kms", "list", "-o", "json")
    check("kms list", r.code == 0 and {"type": "local-kms", "from": "built in"} in json.loads(r.out), r)
    r = Run(*local, "-X", "secret=test-only secret", "-o", "json")
    steps = json.loads(r.out or "[]")
    check("kms test proves a key, without a registry", r.code == 0 and
          [(s["step"], s["result"]) for s in steps] ==
          [("driver", "ok"), ("wrap", "ok"), ("unwrap", "ok"), ("compare", "ok")] and
          all("ms" in s for s in steps[1:3]) and "62 bytes" in steps[1]["detail"], r)
    Run(*local, env=CLEAN | {"LOCAL_SECRET": "s"}).works("kms test for people", "wraps to 62 bytes", "it is the key")
    Run(*local, "-X", "rule.executors._ENCRYPT_.param.secret=s").works("configuration as for records", "compare")
    r = Run(*local)
    check("a failure: the step on standard output, what to do on standard error, exit 7", r.code == 7 and
          "WRAP_FAILED" in r.out and "hint:" in r.err and "secret" in r.err, r)
    r = Run("kms", "test", "--kms-type", "foo", "--kms-key-id", "bar")
    check("an unknown type: exit 7", r.code == 7 and "foo://bar" in r.err and "hint:" in r.err, r)
    Run("kms", "test", "--kms-type", "local-kms").fails("kms test wants a key id", 2, "--kms-key-id")
    Run(*local, "-X", "schloss.no.such=1").fails("a misspelled key of ours stays an error", 2)


# ---- peers that misbehave ------------------------------------------------------------------------------------------

def test_bad_registries():
    dead = "http://127.0.0.1:1"
    Run("kek", "list", "--registry", dead).fails("no registry: exit 6", 6, "hint:", dead)
    silent = Peer()
    r = Run("kek", "list", "--registry", silent.url, "--timeout", "1")
    r.fails("a silent registry: exit 6", 6)
    check("--timeout is kept", r.seconds < 6 * SLOW, r.seconds)
    interrupted("Ctrl-C while a registry is silent", ["kek", "list", "--registry", silent.url], CLEAN)
    interrupted("SIGTERM ends with 143", ["kek", "list", "--registry", silent.url], CLEAN, sig=signal.SIGTERM, code=143)
    Run("kek", "list", "--registry", Peer(http("200 OK", "<html>")).url).fails("garbage for an answer", 6, "JSON")
    Run("kek", "list", "--registry", Peer(b"\x00\x01\x02 nonsense").url, "--timeout", "5").fails("no HTTP", 6)
    r = Run("kek", "list", "--registry", Peer(http("500 Oops", '{"error_code":50001,"message":"disk"}')).url)
    r.fails("a failing registry: exit 6", 6, "disk")
    r = Run("kek", "list", "--registry", Peer(http("403 No", '{"error_code":40301,"message":"denied"}')).url)
    r.fails("a refusing registry: exit 5", 5, "denied")
    r = Run("kek", "list", "--registry", Peer(http("404 No", "<html>")).url)
    r.fails("another kind of server: exit 3", 3, "Schema Registry")
    evil = Peer(http("422 No", '{"error_code":42201,"message":"a\\u001b[31mb\\nschloss: c"}'))
    r = Run("kek", "list", "--registry", evil.url)
    check("a registry cannot steer the terminal", r.code == 8 and "\x1b" not in r.err and "\nschloss: c" not in r.err, r)
    r = Run("kek", "list", "--registry", "http://u:hunter2@127.0.0.1:1")
    check("errors do not repeat a password", r.code == 6 and "hunter2" not in r.err, r)
    key = Peer(http("200 OK", '{"kekName":"k","keyMaterial":"SECRETKEY","encryptedKeyMaterial":"eA=="}'))
    r = Run("dek", "describe", "--kek-name", "k", "--subject", "s", "-o", "json", "--registry", key.url)
    check("key material is never printed", r.code == 0 and "SECRETKEY" not in r.out and "eA==" in r.out, r)


# ---- the registry --------------------------------------------------------------------------------------------------

def test_registry_server():
    store = "sqlite:" + path("reg.db")
    s = Server("registry", "--listen", "127.0.0.1:0", "--store", store)
    check("registry prints one line when ready", len(s.lines) == 1 and
          re.fullmatch(r"schloss registry ready on http://127\.0\.0\.1:\d+", s.lines[0] if s.lines else "") is not None,
          s.lines)
    url = s.lines[0].split()[-1]
    busy = Run("registry", "--listen", url.removeprefix("http://"), "--store", "sqlite::memory:")
    busy.fails("an address in use", 6)
    Run("kek", "create", "stays", "--kms-type", "local-kms", "--kms-key", "x", "--registry", url).works("create a KEK")
    code, rest, _ = s.stop()
    check("SIGTERM ends it with 0", code == 0 and rest == "", code, rest)
    hashed = Run("registry", "hash-password", stdin="pa:ss\n")
    check("hash-password", hashed.code == 0 and "pa:ss" not in hashed.out and len(hashed.out.strip()) > 20, hashed)
    users = path("users", "alice:" + hashed.out)
    s = Server("registry", "--listen", "127.0.0.1:0", "--store", store, "--users", users)
    url = s.lines[0].split()[-1]
    Run("kek", "list", "--registry", url).fails("without credentials: exit 5", 5, "SCHLOSS_BASIC_AUTH")
    r = Run("kek", "list", "-o", "json", "--registry", url, env=CLEAN | {"SCHLOSS_BASIC_AUTH": "alice:pa:ss"})
    check("credentials from the environment; the store survived", r.code == 0 and json.loads(r.out)[0]["name"] == "stays",
          r)
    Run("kek", "list", "--registry", url.replace("//", "//alice:pa%3Ass@")).works("credentials in the URL", "stays")
    Run("kek", "list", "--registry", url, "--basic-auth", "alice:no").fails("a wrong password: exit 5", 5)
    code, _, _ = s.stop(signal.SIGINT)
    check("Ctrl-C ends it with 0", code == 0, code)
    Run("registry", "--store", "sqlite:/nonexistent/dir/x.db", "--listen", "127.0.0.1:0").fails("no place to store", 9)
    Run("registry", "--tls-cert", "x").fails("half of TLS", 2)


def test_tls():
    cert, key = path("cert.pem"), path("key.pem")
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                           "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=test-only", "-addext",
                           "subjectAltName=IP:127.0.0.1"], capture_output=True, text=True)
    check("a certificate for the test", made.returncode == 0, made.stderr)
    s = Server("registry", "--listen", "127.0.0.1:0", "--store", "sqlite::memory:", "--tls-cert", cert, "--tls-key", key)
    url = s.lines[0].split()[-1] if s.lines else ""
    check("the registry serves TLS", url.startswith("https://"), s.lines)
    Run("kek", "list", "--registry", url, "--ca-location", cert).works("--ca-location trusts it", "No KEKs.")
    Run("kek", "list", "--registry", url).fails("without it: exit 6", 6, "certificate")
    Run("kek", "list", "--registry", url.replace("https", "http"), "--timeout", "3").fails("plain HTTP: exit 6", 6)
    code, _, _ = s.stop()
    check("SIGTERM ends it", code == 0, code)


def test_kek_and_dek(env):
    Run("kek", "list", env=env).works("an empty list says so", "No KEKs.")
    r = Run("kek", "create", "k1", "--kms-type", "local-kms", "--kms-key", "key1", "--doc", "d", "--kms-properties",
            "a=1,b=2", "-o", "json", env=env)
    v = json.loads(r.out or "{}")
    check("kek create", r.code == 0 and v.get("kmsProps") == {"a": "1", "b": "2"} and v.get("doc") == "d", r)
    again = ["kek", "create", "k1", "--kms-type", "local-kms", "--kms-key", "key1"]
    Run(*again, env=env).fails("the same KEK again: exit 4", 4, "kek: k1")
    Run("kek", "create", "--name", "bad.name", "--kms-type", "local-kms", "--kms-key", "x", env=env).fails(
        "a bad name: exit 8", 8)
    Run("kek", "describe", "nope", env=env).fails("a missing KEK: exit 3", 3, "hint:")
    r = Run("kek", "update", "k1", "--doc", "new", "--kms-properties", "", "-o", "json", env=env)
    check("kek update", r.code == 0 and json.loads(r.out)["doc"] == "new" and json.loads(r.out)["kmsProps"] == {}, r)
    Run("kek", "update", "k1", env=env).fails("update wants something to change", 2)
    Run("kek", "describe", "k1", env=env).works("kek describe", "KMS Type", "local-kms", "new")
    r = Run("kek", "describe", "k1", "-o", "yaml", env=env)
    check("yaml", r.code == 0 and 'name: "k1"' in r.out, r)
    Run("kek", "create", "shared1", "--kms-type", "local-kms", "--kms-key", "s", "--shared", env=env).works(
        "a shared KEK", "true")
    r = Run("dek", "create", "--kek-name", "shared1", "--subject", "a/b ü", "-o", "json", env=env)
    check("the registry makes a DEK, its key stays hidden", r.code == 0 and "keyMaterial" not in json.loads(r.out) and
          json.loads(r.out)["encryptedKeyMaterial"], r)
    Run("dek", "create", "--kek-name", "k1", "--subject", "s", env=env).fails("an unshared one wants material", 8,
                                                                             "--encrypted-key-material")
    r = Run("dek", "create", "--kek-name", "k1", "--subject", "s", "--algorithm", "AES128_GCM", "--version", "2",
            "--encrypted-key-material", "b0tHaW82U2xwcWVvcWFxclFnV29XdmI1WFYwNW9wZlVRYzYwTXV3RENzMS9kUkFidFhGaTJoenI"
            "SRjdvbUE9PQ==", env=env)
    r.works("dek create with material", "AES128_GCM")
    r = Run("dek", "subject", "list", "--kek-name", "shared1", "-o", "json", env=env)
    check("dek subject list", r.code == 0 and json.loads(r.out) == ["a/b ü"], r)
    r = Run("dek", "version", "list", "--kek-name", "k1", "--subject", "s", "--algorithm", "AES128_GCM", env=env)
    r.works("dek version list", "Version\n2\n")
    Run("dek", "describe", "--kek-name", "k1", "--subject", "s", "--algorithm", "AES128_GCM", "--version", "latest",
        env=env).works("dek describe", "Algorithm")
    Run("dek", "describe", "--kek-name", "k1", "--subject", "s", env=env).fails("no DEK of the algorithm: exit 3", 3)
    Run("kek", "delete", "k1", "--force", env=env).fails("a KEK with DEKs stays: exit 4", 4, "DEKs")
    dek = ["--kek-name", "k1", "--subject", "s", "--algorithm", "AES128_GCM"]
    Run("dek", "delete", *dek, "--permanent", "--force", env=env).fails("not for good at once: exit 4", 4)
    Run("dek", "delete", *dek, "--force", env=env).works("dek delete", "Deleted")
    Run("dek", "undelete", *dek, "--version", "2", env=env).works("dek undelete", "Brought back")
    Run("dek", "delete", *dek, "--force", env=env).works("dek delete again")
    Run("dek", "delete", *dek, "--permanent", "--force", env=env).works("dek delete --permanent")
    Run("kek", "delete", "k1", "--force", env=env).works("kek delete")
    r = Run("kek", "list", "--all", "-o", "json", env=env)
    check("kek list --all", {k["name"]: k.get("deleted", False) for k in json.loads(r.out)} ==
          {"k1": True, "shared1": False}, r)
    Run("kek", "undelete", "k1", env=env).works("kek undelete")
    Run("kek", "delete", "k1", "--force", env=env).works("kek delete again")
    Run("kek", "delete", "k1", "--permanent", "--force", env=env).works("kek delete --permanent")
    Run("kek", "describe", "k1", "--all", env=env).fails("then it is gone", 3)


def rest(env, method, where, body=None):
    request = urllib.request.Request(env["SCHLOSS_REGISTRY"] + where, method=method,
                                     data=None if body is None else json.dumps(body).encode(),
                                     headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def wrapped_of(env, kek):
    """What lies under a KEK: {(subject, algorithm, version): wrapped DEK}."""
    found = {}
    base = f"/dek-registry/v1/keks/{kek}/deks"
    for subject in rest(env, "GET", base + "?deleted=true"):
        for algorithm in ("AES128_GCM", "AES256_GCM", "AES256_SIV"):
            try:
                versions = rest(env, "GET", f"{base}/{subject}/versions?algorithm={algorithm}&deleted=true")
            except urllib.error.HTTPError:
                continue
            for v in versions:
                d = rest(env, "GET", f"{base}/{subject}/versions/{v}?algorithm={algorithm}&deleted=true")
                found[subject, algorithm, v] = (d["encryptedKeyMaterial"], d.get("deleted", False))
    return found


def test_rewrap_and_register(env):
    key = env | {"LOCAL_SECRET": "test-only secret"}
    params = {"encrypt.kek.name": "rw", "encrypt.kms.type": "local-kms", "encrypt.kms.key.id": "rw"}
    rules = {"domainRules": [{"name": "fields", "kind": "TRANSFORM", "type": "ENCRYPT", "mode": "WRITEREAD",
                              "tags": ["PII"], "params": params | {"encrypt.dek.expiry.days": "1"}},
                             {"name": "off", "kind": "TRANSFORM", "type": "ENCRYPT", "mode": "WRITEREAD",
                              "tags": ["GDPR"], "disabled": True, "params": params}],
             "encodingRules": [{"name": "payload", "kind": "TRANSFORM", "type": "ENCRYPT_PAYLOAD", "mode": "WRITEREAD",
                                "params": params | {"encrypt.dek.algorithm": "AES256_SIV"}}]}
    create = ["schema", "create", "--subject", "rw-value", "--schema", path("rw.avsc", json.dumps(SCHEMA))]
    Run(*create, env=env).works("a subject without rules")
    Run("dek", "register", "rw-value", env=key).works("no rules, no DEKs", "No rule wants a DEK.")
    Run(*create, "--ruleset", path("rw.json", json.dumps(rules)), env=env).works("and with rules")
    r = Run("dek", "register", "rw-value", "-o", "json", env=env)
    r.fails("register without the KMS: exit 7", 7, "rule: ")
    r = Run("dek", "register", "rw-value", "-o", "json", env=key)
    made = json.loads(r.out or "[]")
    check("register makes what the enabled rules want", r.code == 0 and
          [(m["rule"], m["algorithm"], m["version"], m["result"]) for m in made] ==
          [("fields", "AES256_GCM", 1, "created"), ("payload", "AES256_SIV", 1, "created")], r)
    Run("kek", "describe", "rw", env=env).works("and registers the KEK", "local-kms")
    r = Run("dek", "register", "rw-value", "--version", "2", "-X", "secret=test-only secret", "-o", "json", env=env)
    check("again: nothing to do", r.code == 0 and {m["result"] for m in json.loads(r.out)} == {"exists"}, r)
    Run("dek", "register", "rw-value", "--version", "1", env=key).works("a version without rules", "No rule wants")
    Run("dek", "register", "rw-value", "--version", "9", env=key).fails("a version that is not there: exit 3", 3)
    Run("dek", "register", "nope", env=key).fails("a subject that is not there: exit 3", 3)

    before = wrapped_of(env, "rw")
    r = Run("dek", "rewrap", "rw", "-o", "json", env=key)
    after = wrapped_of(env, "rw")
    check("rewrap stores a new wrapping of each DEK", r.code == 0 and before.keys() == after.keys() and
          all(before[k][0] != after[k][0] for k in before) and len(json.loads(r.out)) == len(before) == 2, r, before)
    r = Run("dek", "rewrap", "rw", env=env | {"LOCAL_SECRET": "another test-only secret"})
    check("the wrong secret: exit 7, every DEK reported", r.code == 7 and r.out.count("UNWRAP_FAILED") == 2 and
          "2 of 2 DEKs" in r.err and "hint:" in r.err, r)
    check("and nothing is changed", wrapped_of(env, "rw") == after)

    # one that is damaged among good ones, one that is soft-deleted
    good = after["rw-value", "AES256_GCM", 1][0]
    base = "/dek-registry/v1/keks/rw/deks"
    rest(env, "POST", base + "/bad", {"subject": "bad", "version": 1, "algorithm": "AES256_GCM",
                                     "encryptedKeyMaterial": good[:-8] + "AAAAAAA="})
    rest(env, "POST", base + "/gone", {"subject": "gone", "version": 1, "algorithm": "AES256_GCM",
                                      "encryptedKeyMaterial": good})
    Run("dek", "delete", "--kek-name", "rw", "--subject", "gone", "--force", env=env).works("one is soft-deleted")
    before = wrapped_of(env, "rw")
    r = Run("dek", "rewrap", "rw", "-o", "json", env=key)
    after = wrapped_of(env, "rw")
    check("a damaged DEK does not stop the others", r.code == 7 and "1 of 3 DEKs" in r.err and
          {k[0] for k in before if before[k] != after[k]} == {"rw-value"}, r)
    r = Run("dek", "rewrap", "rw", "--include-deleted", "--subject", "gone", "-o", "json", env=key)
    last = wrapped_of(env, "rw")
    check("--include-deleted, --subject", r.code == 0 and {k[0] for k in after if after[k] != last[k]} == {"gone"} and
          last["gone", "AES256_GCM", 1][1] is True, r)
    Run("dek", "rewrap", "rw", "--subject", "nope", env=key).fails("a subject without DEKs: exit 3", 3)
    Run("dek", "rewrap", "nope", env=key).fails("a KEK that is not there: exit 3", 3)
    Run("dek", "delete", "--kek-name", "rw", "--subject", "bad", "--force", env=env).works("the damaged one goes")
    Run("kek", "create", "rws", "--kms-type", "local-kms", "--kms-key", "s", "--shared", env=env).works("a shared KEK")
    Run("dek", "create", "--kek-name", "rws", "--subject", "s", env=env).works("with a DEK")
    before = wrapped_of(env, "rws")
    r = Run("dek", "rewrap", "rws", env=env)
    check("under a shared KEK the registry wraps", r.code == 0 and before != wrapped_of(env, "rws"), r)

    # kill -9 in the middle: every DEK is whole, and the next run does them all
    n = 150
    for i in range(n):
        rest(env, "POST", f"{base}/many{i}", {"subject": f"many{i}", "version": 1, "algorithm": "AES256_GCM",
                                              "encryptedKeyMaterial": good})
    before = wrapped_of(env, "rw")
    p = subprocess.Popen([BIN, "dek", "rewrap", "rw"], env=key, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    where = f"{base}/many{n // 3}/versions/1?algorithm=AES256_GCM"
    while p.poll() is None and rest(env, "GET", where)["encryptedKeyMaterial"] == good:
        pass
    p.kill()
    p.wait()
    killed = wrapped_of(env, "rw")
    changed = sum(before[k] != killed[k] for k in before)
    check("kill -9 while it runs leaves some old, some new", 0 < changed < n, changed)
    r = Run("dek", "rewrap", "rw", "-o", "json", env=key)
    check("the next run opens and wraps every one", r.code == 0 and
          sum(s["result"] == "rewrapped" for s in json.loads(r.out)) == n + 2, r)
    # records written before are read after
    Run("dek", "rewrap", "people", env=key).works("the DEKs of records")
    r = Run("consume", "people", "-n", "3", env=key)
    check("data stays readable", r.code == 0 and "ada@example.org" in r.out, r)


SCHEMA = {"type": "record", "name": "Person", "namespace": "com.example", "fields": [
    {"name": "id", "type": "long"},
    {"name": "name", "type": "string"},
    {"name": "email", "type": ["null", "string"], "default": None, "confluent:tags": ["PII"]},
    {"name": "ssn", "type": "string", "confluent:tags": ["PII"]}]}
RULES = {"domainRules": [{"name": "encryptPII", "kind": "TRANSFORM", "type": "ENCRYPT", "mode": "WRITEREAD",
                          "tags": ["PII"], "params": {"encrypt.kek.name": "people", "encrypt.kms.type": "local-kms",
                                                      "encrypt.kms.key.id": "people"}}]}


def test_schemas(env):
    schema, rules = path("p.avsc", json.dumps(SCHEMA)), path("rules.json", json.dumps(RULES))
    r = Run("schema", "create", "--subject", "people-value", "--schema", schema, "--ruleset", rules, "--metadata",
            path("m.json", '{"properties":{"owner":"me"}}'), "-o", "json", env=env)
    check("schema create", r.code == 0 and json.loads(r.out)["id"] >= 1, r)
    ident = str(json.loads(r.out or '{"id":0}')["id"])
    r = Run("schema", "describe", ident, env=env)
    r.works("schema describe by id", "Person", "encryptPII")
    r = Run("schema", "describe", "--subject", "people-value", "-o", "json", env=env)
    v = json.loads(r.out or "{}")
    check("schema describe by subject: rules and metadata were kept", r.code == 0 and
          v["ruleSet"]["domainRules"][0]["name"] == "encryptPII" and v["metadata"]["properties"]["owner"] == "me", r)
    Run("schema", "create", "--subject", "odd", "--schema", path("bad.avsc", '{"type":"nope"}'), env=env).fails(
        "an invalid schema: exit 8", 8, "subject: odd")
    Run("schema", "create", "--subject", "odd", "--schema", schema, "--ruleset", path("bad.json", "[]"), env=env).fails(
        "a file of another kind: exit 8", 8, "bad.json")
    Run("schema", "create", "--subject", "odd", "--schema", "/nonexistent", env=env).fails("a missing file", 1)
    Run("schema", "describe", "--subject", "people-value", "--version", "9", env=env).fails("no such version", 3)
    Run("schema", "describe", "999999", env=env).fails("no such id", 3)
    Run("schema", "describe", env=env).fails("neither id nor subject", 2)
    Run("schema", "create", "--subject", "gone", "--schema", "-", stdin='"string"', env=env).works("schema from stdin")
    r = Run("schema", "list", "-o", "json", env=env)
    check("schema list", {s["subject"] for s in json.loads(r.out)} == {"people-value", "gone"}, r)
    r = Run("subject", "list", env=env)
    check("subject list", r.lines() == ["Subject", "gone", "people-value"], r)
    Run("schema", "delete", "--subject", "gone", "--version", "1", "--force", env=env).works("schema delete", "1")
    Run("schema", "delete", "--subject", "gone", "--version", "all", "--permanent", "--force", env=env).works(
        "schema delete --permanent", "1")
    Run("subject", "describe", "gone", "--all", env=env).fails("then it is gone", 3)
    Run("subject", "describe", "people-value", env=env).works("subject describe", "Version\n1\n")
    Run("subject", "update", "people-value", "--compatibility", "none", env=env).works("subject update", "NONE")
    r = Run("subject", "update", "people-value", "--compatibility", "backward", env=env)
    check("a level that the registry cannot keep is refused", r.code not in (0, 2) and "schloss: " in r.err, r)


def person(i, name, email, ssn):
    return json.dumps({"id": i, "name": name, "email": {"string": email} if email else None, "ssn": ssn})


RECORDS = "\n".join([person(1, "Ada", "ada@example.org", "123-45-6789"), person(2, "Emmy", "emmy@example.org",
                     "987-65-4320"), person(3, "Max", None, "077-05-1120")]) + "\n"


def in_clear(text):
    return [s for s in SECRETS if s in text]


def test_records(env):
    key = env | {"LOCAL_SECRET": "test-only secret"}
    wrong = env | {"LOCAL_SECRET": "another test-only secret"}
    Run("kek", "create", "people", "--kms-type", "local-kms", "--kms-key", "people", env=env).works("a KEK for people")
    Run("produce", "people", stdin=RECORDS, env=env).fails("without the secret nothing is written: exit 7", 7,
                                                         "0 records delivered")
    r = Run("consume", "people", "--exit-at-end", "--raw", env=env)
    check("nothing lies on the topic", r.code == 0 and r.out == "", r)
    r = Run("produce", "people", "--key", "k", "--headers", "source=test,n:1", stdin=RECORDS, env=key)
    check("produce says how many", r.code == 0 and "3 records delivered" in r.err and r.out == "", r)

    r = Run("consume", "people", "-e", "--raw", env=env)
    check("raw: tagged fields are ciphertext, others readable", r.code == 0 and len(r.lines()) == 3 and
          not in_clear(r.out) and "Ada" in r.out, r)
    r = Run("consume", "people", "-e", env=key)
    check("consume decrypts", r.code == 0 and [json.loads(s) for s in r.lines()] ==
          [json.loads(s) for s in RECORDS.splitlines()], r)
    r = Run("consume", "people", "-e", env=env)
    r.fails("without the key: exit 7", 7)
    check("and nothing is printed", r.out == "" and not in_clear(r.err), r)
    r = Run("consume", "people", "-e", env=wrong)
    r.fails("with a wrong key: exit 7", 7, "partition 0 offset 0")
    check("and nothing is printed by it", r.out == "" and not in_clear(r.err), r)
    r = Run("consume", "people", "-e", "-X", "rule.executors._ENCRYPT_.onFailure=NONE", env=env)
    check("onFailure=NONE: ciphertext", r.code == 0 and len(r.lines()) == 3 and not in_clear(r.out), r)
    r = Run("consume", "people", "-e", "--secret-file", path("secret", "test-only secret\n"), env=env)
    check("the secret from a file", r.code == 0 and "ada@example.org" in r.out, r)

    r = Run("consume", "people", "-n", "1", "--print-key", "--print-headers", "--plain-json", env=key)
    check("-n, keys, headers, plain JSON", r.code == 0 and r.lines() and r.lines()[0].split("\t")[:2] ==
          ["source=test,n=1", "k"] and json.loads(r.lines()[0].split("\t")[2])["email"] == "ada@example.org", r)
    r = Run("consume", "people", "-n", "1", "-o", "json", env=key)
    v = json.loads(r.out or "{}")
    check("whole records as JSON", r.code == 0 and v["key"] == "k" and v["offset"] == 0 and v["value"]["id"] == 1 and
          v["headers"] == [{"name": "source", "value": "test"}, {"name": "n", "value": "1"}], r)
    r = Run("consume", "people", "-e", "--offset", "-1", env=key)
    check("the last record", r.code == 0 and len(r.lines()) == 1 and "Max" in r.out, r)
    r = Run("consume", "people", "-e", "--offset", "1", "--partition", "0", env=key)
    check("from an offset", r.code == 0 and len(r.lines()) == 2, r)
    r = Run("consume", "people", "-e", "--offset", "end", env=key)
    check("from the end", r.code == 0 and r.out == "", r)
    Run("consume", "people", "-e", "--partition", "7", env=key).fails("no such partition: exit 3", 3)
    r = Run("consume", "people", "--offset", "end", "--timeout", "1", env=key)
    r.fails("--timeout limits the silence: exit 6", 6)

    p = subprocess.run(f"{BIN} consume people -e | :", shell=True, env=key, capture_output=True, text=True,
                       timeout=30 * SLOW)
    check("a reader that goes away is no error to talk about", p.stderr == "", p)

    r = Run("inspect", "people", "-n", "1", "-o", "json", env=env)
    fields = {f["field"]: f for f in json.loads(r.out or '{"fields":[]}')["fields"]}
    ssn = fields.get("com.example.Person.ssn", {})
    check("inspect: what is encrypted, and how", r.code == 0 and ssn.get("encrypted") and ssn.get("kek") == "people" and
          ssn.get("algorithm") == "AES256_GCM" and ssn.get("looksValid") and
          not fields["com.example.Person.name"]["encrypted"], r)
    Run("inspect", "people", env=env).works("inspect as a table", "Encrypted", "com.example.Person.ssn", "AES256_GCM")

    r = Run("produce", "people", "--key", "gone", stdin="null\n", env=key)
    r.works("null is a tombstone", "1 record delivered")
    r = Run("consume", "people", "-e", "--offset", "-1", "--print-key", env=key)
    check("and is read as null", r.out == "gone\tnull\n", r)
    r = Run("produce", "people", "--parse-key", stdin="x1:" + person(4, "Lise", None, "1") + "\n", env=key)
    r.works("--parse-key", "1 record delivered")
    r = Run("consume", "people", "-e", "--offset", "-1", "--print-key", env=key)
    check("the key arrived", r.out.startswith("x1\t"), r)

    bad = person(5, "a", None, "2") + "\n{\"id\":\"x\"}\n" + person(6, "b", None, "3") + "\n"
    r = Run("produce", "people", stdin=bad, env=key)
    r.fails("a line that does not fit ends the run: exit 8", 8, "line 2", "1 record delivered")
    r = Run("produce", "people", "--continue", stdin=bad, env=key)
    r.fails("--continue leaves it out and tells", 8, "line 2", "2 records delivered", "1 line left out")
    Run("produce", "people", stdin="not json\n", env=key).fails("a line that is no JSON: exit 8", 8, "line 1")
    Run("produce", "people", "--plain-json", stdin='{"id":9,"name":"p","ssn":"4"}\n', env=key).works(
        "--plain-json: unions bare, defaults filled in", "1 record delivered")
    Run("produce", "people", "--file", path("r.json", RECORDS), env=key).works("--file", "3 records delivered")
    Run("produce", "people", "--file", "/nonexistent", env=key).fails("a missing file", 1)
    Run("produce", "nosubject", stdin="1\n", env=key).fails("a topic without a subject: exit 3", 3, "nosubject-value")
    Run("produce", "plain", "-X", "schloss.require.rules=true", stdin='"x"\n', env=key).fails("guard mode", 3)
    Run("schema", "create", "--subject", "plain-value", "--schema", "-", stdin='"string"', env=env).works("no rules here")
    Run("produce", "plain", "-X", "schloss.require.rules=true", stdin='"x"\n', env=key).fails(
        "guard mode refuses a subject without rules: exit 7", 7)
    Run("produce", "plain", stdin='"x"\n', env=key).works("without guard mode it is written", "1 record")
    r = Run("consume", "plain", "-e", env=env)
    check("and read", r.out == '"x"\n', r)

    Run("schema", "create", "--subject", "people-key", "--schema", "-", stdin='"long"', env=env).works("a key schema")
    Run("produce", "people", "--avro-key", "--key", "77", stdin=person(8, "k", None, "5"), env=key).works("--avro-key")
    r = Run("consume", "people", "-e", "--offset", "-1", "--avro-key", "-o", "json", env=key)
    check("Avro keys are read", r.code == 0 and json.loads(r.out)["key"] == 77, r)
    r = Run("consume", "people", "-e", "-o", "json", env=key)
    check("a key that is no Avro stays text without --avro-key", r.code == 0, r)


def test_bad_records(env):
    key = env | {"LOCAL_SECRET": "test-only secret"}
    # Text keys, read as if they were Avro, are records of a stranger.
    r = Run("consume", "people", "-e", "--avro-key", "--print-key", env=key)
    r.fails("keys that are no Avro: exit 8", 8, "partition 0 offset 0")
    r = Run("consume", "people", "-e", "--avro-key", "--print-key", "--on-error", "skip", env=key)
    check("--on-error skip reports them and goes on", r.code == 0 and "left out" in r.err and len(r.lines()) >= 1, r)


def test_groups(env):
    key = env | {"LOCAL_SECRET": "test-only secret"}
    # The mock cluster keeps a group that everybody has left until its session timeout.
    group = ["people", "-G", "readers", "-X", "session.timeout.ms=6000", "-X", "heartbeat.interval.ms=500"]
    first = Run("consume", *group, "-n", "2", env=key)
    check("a group reads from its beginning", first.code == 0 and len(first.lines()) == 2 and "Ada" in first.out, first)
    second = Run("consume", *group, "-n", "1", env=key)
    check("and goes on where it stopped", second.code == 0 and "Max" in second.out, second)
    rest = Run("consume", *group, "-e", env=key)
    check("to the end", rest.code == 0 and "Ada" not in rest.out.splitlines()[0], rest)
    Run("consume", *group, "--offset", "0", env=key).fails("group and offset exclude each other", 2)


def test_interrupts(env):
    key = env | {"LOCAL_SECRET": "test-only secret"}
    out = interrupted("Ctrl-C while consume waits", ["consume", "people"], key, after=2.0)
    check("what was read had been printed", len(out.splitlines()) >= 3, out)
    interrupted("Ctrl-C while consume waits in a group", ["consume", "people", "-G", "g2"], key, after=2.0)
    interrupted("Ctrl-C while produce waits for lines", ["produce", "people"], key, after=2.0,
                feed=person(20, "i", None, "6") + "\n")
    r = Run("consume", "people", "-e", "--offset", "-1", env=key)
    check("the line before it was delivered", '"id":20' in r.out, r)
    silent = Peer()
    interrupted("Ctrl-C while a broker is silent",
                ["consume", "people", "-b", f"127.0.0.1:{silent.port}"], key, after=1.0)
    interrupted("Ctrl-C while the registry is silent in produce", ["produce", "people", "--registry", silent.url], key,
                after=1.0, feed=person(21, "i", None, "7") + "\n")
    r = Run("consume", "people", "-b", "127.0.0.1:1", "--timeout", "2", env=key)
    r.fails("no broker: exit 6", 6, "hint:")
    check("within the limit", r.seconds < 6 * SLOW, r.seconds)
    r = Run("produce", "people", "-b", "127.0.0.1:1", "--timeout", "2", stdin=RECORDS, env=key)
    r.fails("no broker to produce to: exit 6", 6, "hint:")
    check("within the limit too", r.seconds < 8 * SLOW, r.seconds)


def test_dev():
    s = Server("dev", "--topic", "people:1", "--topic", "plain:1", env=CLEAN | {"LOCAL_SECRET": "registry's secret"})
    registry, bootstrap = s.value("registry"), s.value("bootstrap")
    ok = check("dev prints parsable lines", s.lines[-1:] == ["ready"] and registry is not None and
               re.fullmatch(r"127\.0\.0\.1:\d+", bootstrap or "") is not None, s.lines)
    if ok:
        env = CLEAN | {"SCHLOSS_REGISTRY": registry, "SCHLOSS_BOOTSTRAP": bootstrap}
        for part in (test_kek_and_dek, test_schemas, test_records, test_rewrap_and_register, test_bad_records, test_groups,
                     test_interrupts):
            try:
                part(env)
            except Exception as e:  # a part that cannot go on is one failure, the next one still runs
                check(f"{part.__name__} runs to its end", False, repr(e))
    code, rest, err = s.stop(signal.SIGINT)
    check("Ctrl-C ends dev with 0", code == 0 and rest == "", code, rest, err)
    check("dev says what its broker is", "mock cluster" in err and "not for Java" in err, err)
    check("no secret in its log", not in_clear(err) and "registry's secret" not in err, err)


def main():
    try:
        for part in (test_help_and_usage, test_generated, test_kms, test_bad_registries, test_registry_server, test_tls, test_dev):
            try:
                part()
            except Exception as e:
                check(f"{part.__name__} runs to its end", False, repr(e))
    finally:
        for child in children:
            if child.poll() is None:
                child.kill()
                child.wait()
        SCRATCH.cleanup()
    print(f"{counts['passed']} passed, {counts['failed']} failed, 0 skipped")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
