"""`schloss registry` for the benchmark: started for the official clients, and measured itself."""
import concurrent.futures
import http.client
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time

import record

SCHEMAS = 10000
SHAPE = json.loads(record.avro({}))
STARTS = 7


class Registry:
    """A registry with a store of its own on a free port."""

    def __init__(self, binary, work, store=None):
        self.dir = store or tempfile.mkdtemp(dir=work)
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [binary, "registry", "--listen", "127.0.0.1:0", "--store", "sqlite:" + os.path.join(self.dir, "registry.db")],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.ready_ms = (time.perf_counter() - began) * 1000
        self.url = next((word for word in line.split() if word.startswith("http")), None)
        if self.url is None:
            self.stop()
            raise SystemExit("bench: the registry said %r instead of its address" % line)
        self.netloc = self.url.split("//")[1]

    def connect(self):
        return http.client.HTTPConnection(self.netloc, timeout=60)

    def post(self, path, body, connection=None):
        connection = connection or self.connect()
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/vnd.schemaregistry.v1+json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit("bench: POST %s: %d %s" % (path, answer.status, text[:300]))
        return json.loads(text)

    def memory(self):
        """(private, resident) in KiB."""
        with open("/proc/%d/status" % self.process.pid) as f:
            status = dict(line.split(":", 1) for line in f)
        return tuple(int(status[name].split()[0]) for name in ("RssAnon", "VmRSS"))

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()


def fill(registry, first, last):
    """Registers different schemas of the benchmark's shape, each under its own subject."""
    connection = registry.connect()
    for i in range(first, last):
        schema = dict(SHAPE, name="Customer%05d" % i)
        registry.post("/subjects/topic-%05d-value/versions" % i, {"schema": json.dumps(schema, separators=(",", ":"))}, connection)
    connection.close()


def figures(binary, work):
    """(what, value, limit, is it met) of the registry."""
    ready, idle = [], None
    for _ in range(STARTS):
        registry = Registry(binary, work)
        ready.append(registry.ready_ms)
        if idle is None:
            registry.connect().connect()
            time.sleep(1)
            idle = registry.memory()
        registry.stop()
    registry = Registry(binary, work)
    parts = 8
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(parts) as pool:
        for part in [pool.submit(fill, registry, SCHEMAS * i // parts, SCHEMAS * (i + 1) // parts) for i in range(parts)]:
            part.result()
    rate = SCHEMAS / (time.monotonic() - began)
    full = registry.memory()[0]
    registry.stop()
    again = Registry(binary, work, registry.dir)
    time.sleep(0.5)
    restarted = again.memory()[0]
    again.stop()
    shutil.rmtree(registry.dir)
    start = statistics.median(ready)
    return [
        ("registry idle, private memory (RssAnon)", "%.1f MiB" % (idle[0] / 1024), "<= 6 MiB", idle[0] <= 6 * 1024),
        ("registry idle, resident", "%.1f MiB" % (idle[1] / 1024), "<= 20 MiB", idle[1] <= 20 * 1024),
        ("registry start to ready, new store", "%.0f ms" % start, "<= 100 ms", start <= 100),
        ("registry start to ready, %d schemas" % SCHEMAS, "%.0f ms" % again.ready_ms, "<= 100 ms", again.ready_ms <= 100),
        ("registry with %d schemas, RssAnon (%.0f/s)" % (SCHEMAS, rate), "%.1f MiB" % (full / 1024), "<= 40 MiB",
         full <= 40 * 1024),
        ("the same after a restart", "%.1f MiB" % (restarted / 1024), "<= 40 MiB", restarted <= 40 * 1024),
    ]
