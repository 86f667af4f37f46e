"""What kill_test.py and disk_test.py share: a registry process, requests on raw connections, counting."""
import http.client
import json
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.realpath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build/release/bin/schloss"))
SLOW = 4 if any(w in BIN for w in ("asan", "tsan", "ubsan")) else 1
JSON = {"Content-Type": "application/vnd.schemaregistry.v1+json"}
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


def schema_text(name, doc=""):
    return json.dumps({"type": "record", "name": name, "fields": [{"name": "a", "type": "string", "doc": doc}]})


class Registry:
    """`schloss registry` on a free port over one SQLite file."""

    def __init__(self, store, limit_fsize=None):
        self.err_path = store + ".stderr" if os.access(os.path.dirname(store), os.W_OK) else os.devnull

        def prepare():
            if limit_fsize is not None:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit_fsize, resource.RLIM_INFINITY))

        self.process = subprocess.Popen([BIN, "registry", "--listen", "127.0.0.1:0", "--store", "sqlite:" + store],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        preexec_fn=prepare)
        self.stderr = b""
        self.reader = threading.Thread(target=self._read_stderr, daemon=True)
        self.reader.start()
        line = self.process.stdout.readline().decode()
        found = re.search(r"http://([0-9.]+):(\d+)", line)
        if not found:
            self.process.wait(20 * SLOW)
            self.reader.join(5)
            raise RuntimeError(f"registry did not start: exit {self.process.returncode}: {line}{self.stderr.decode()}")
        self.host, self.port = found.group(1), int(found.group(2))

    def _read_stderr(self):
        for line in self.process.stderr:
            self.stderr += line

    def connection(self):
        return http.client.HTTPConnection(self.host, self.port, timeout=30 * SLOW)

    def call(self, method, path, body=None, connection=None):
        """(status, parsed body); status 0 when there was no answer."""
        c = connection or self.connection()
        try:
            c.request(method, path, None if body is None else json.dumps(body), JSON)
            answer = c.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        except (OSError, http.client.HTTPException, ValueError):
            c.close()
            return 0, None
        finally:
            if connection is None:
                c.close()

    def register(self, subject, text, connection=None):
        return self.call("POST", f"/subjects/{urllib.parse.quote(subject, safe='')}/versions", {"schema": text},
                         connection)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(20 * SLOW)


def missing(registry, acknowledged):
    """Of {subject: (id, schema text)}: what the registry does not have as it acknowledged it."""
    lost = []
    c = registry.connection()
    for subject, (schema_id, text) in acknowledged.items():
        status, by_id = registry.call("GET", f"/schemas/ids/{schema_id}", connection=c)
        status2, version = registry.call("GET", f"/subjects/{subject}/versions/latest", connection=c)
        if status != 200 or json.loads(by_id["schema"]) != json.loads(text) or status2 != 200 \
                or version["id"] != schema_id:
            lost.append((subject, schema_id, status, by_id, status2, version))
    c.close()
    return lost


def raise_open_files(n):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < n:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(n, hard) if hard != resource.RLIM_INFINITY else n, hard))


def wait_until(what, seconds):
    end = time.monotonic() + seconds * SLOW
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.01)
    return what()
