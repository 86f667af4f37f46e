"""What the tests of the KMS drivers share: packages of a server, its process, the probe, counting."""
import atexit
import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.path.join(ROOT, ".cache", "kms")
PROBE = os.path.realpath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build/release/tests/kms_probe"))
counts = {"passed": 0, "failed": 0}


def check(text, ok, *detail):
    counts["passed" if ok else "failed"] += 1
    print(("ok      " if ok else "FAILED  ") + text, flush=True)
    if not ok:
        for d in detail:
            print("  | " + str(d)[:2000].replace("\n", "\n  | "), flush=True)
    return ok


def finish():
    print(f"{counts['passed']} passed, {counts['failed']} failed, 0 skipped")
    sys.exit(counts["failed"] != 0)


def python_of(*versions):
    """Path of the first of these Python versions ("3.12") that is here."""
    for version in versions:
        names = ["python" + version]
        pyenv = shutil.which("pyenv")
        if pyenv:
            root = subprocess.run([pyenv, "root"], capture_output=True, text=True).stdout.strip()
            folder = os.path.join(root, "versions")
            names += [os.path.join(folder, v, "bin/python") for v in sorted(os.listdir(folder))
                      if v.startswith(version + ".")] if os.path.isdir(folder) else []
        for name in names:
            with contextlib.suppress(OSError):
                said = subprocess.run([name, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
                                      capture_output=True, text=True)
                if said.stdout.strip() == version:
                    return name
    raise SystemExit("FAILED  no Python of " + ", ".join(versions) + "\n0 passed, 1 failed, 0 skipped")


def venv(name, versions, *packages):
    """A virtual environment in the build cache with exactly these packages; returns its python."""
    folder = os.path.join(CACHE, name)
    python = os.path.join(folder, "bin/python")
    wanted = hashlib.sha256("\n".join(packages).encode()).hexdigest()
    mark = os.path.join(folder, "installed")
    with contextlib.suppress(OSError), open(mark) as f:
        if f.read() == wanted:
            return python
    began = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(CACHE, exist_ok=True)
    subprocess.run([python_of(*versions), "-m", "venv", folder], check=True)
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages], check=True,
                   timeout=600)
    with open(mark, "w") as f:
        f.write(wanted)
    print(f"installed {name} in {time.monotonic() - began:.0f} s", flush=True)
    return python


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A server process in its own group, which ends with this one; up when `url` answers anything at all."""

    def __init__(self, name, command, url, env=None, limit=90):
        self.log = tempfile.NamedTemporaryFile(prefix=f"schloss-{name}-", suffix=".log")
        began = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                        start_new_session=True, env={**clean_environment(), **(env or {})})
        atexit.register(self.stop)
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(url, timeout=2).read()
                break
            if self.process.poll() is not None or time.monotonic() - began > limit:
                print(self.tail())
                raise SystemExit(f"FAILED  {name} does not start\n0 passed, 1 failed, 0 skipped")
            time.sleep(0.1)
        print(f"{name} is up after {time.monotonic() - began:.1f} s", flush=True)

    def tail(self):
        with open(self.log.name, errors="replace") as f:
            return f.read()[-3000:]

    def stop(self):
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def clean_environment():
    """The environment without what would change a driver's mind."""
    return {k: v for k, v in os.environ.items()
            if not k.startswith(("AWS_", "AZURE_", "GOOGLE_", "VAULT_", "SCHLOSS_", "LOCAL_SECRET"))
            and k.lower() not in ("http_proxy", "https_proxy", "all_proxy", "no_proxy")}


class Outcome:
    def __init__(self, text, rc):
        self.text = text
        self.rc = rc
        self.wrapped = self.unwrapped = self.error = self.message = self.hint = ""
        self.retriable = None
        for line in text.splitlines():
            word, _, rest = line.partition(" ")
            if word in ("wrapped", "unwrapped"):
                setattr(self, word, rest)
            elif word == "error":
                self.error, kind, rest = rest.split(" ", 2)
                self.retriable = kind == "retriable"
                self.message, _, self.hint = rest.rpartition(" | ")
        self.ok = rc == 0 and text.splitlines()[-1:] == ["ok"]


def probe(kms_type, key_id, settings=None, env=None, wrap=False, unwrap=None, limit=120):
    """Runs kms_probe: wrap and unwrap; with wrap=True only a wrap; with unwrap=BASE64 only an unwrap of that."""
    command = [PROBE]
    if wrap:
        command += ["--wrap"]
    if unwrap is not None:
        command += ["--unwrap", unwrap]
    command += [kms_type, key_id] + [f"{k}={v}" for k, v in (settings or {}).items()]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit,
                          env={**clean_environment(), **(env or {})})
    return Outcome(done.stdout + done.stderr, done.returncode)


def expect(text, outcome, error):
    """error: name of the expected code; None: it works. An error must come with a hint."""
    if error is None:
        return check(text, outcome.ok, outcome.text)
    return check(f"{text}: {error}", outcome.error == error and outcome.hint != "", outcome.text)
