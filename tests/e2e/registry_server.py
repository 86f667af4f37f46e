"""A running `schloss registry` and the words in which registry_test.py speaks: calls, expectations, the list of tests."""
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import urllib.parse

BINARY = sys.argv[1] if len(sys.argv) > 1 else "build/release/bin/schloss"
V1 = "application/vnd.schemaregistry.v1+json"
TESTS = []


def test(f):
    TESTS.append(f)
    return f


class Server:
    def __init__(self, folder, *extra, store=None):
        self.folder = folder
        self.store = store or os.path.join(folder, "registry.db")
        self.args = [BINARY, "registry", "--listen", "127.0.0.1:0", "--store", "sqlite:" + self.store, *extra]
        self.tls = "--tls-cert" in extra
        self.start()

    def start(self):
        env = dict(os.environ)
        env.pop("LOCAL_SECRET", None)
        self.process = subprocess.Popen(self.args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, text=True)
        line = self.process.stdout.readline()
        urls = [w for w in line.split() if w.startswith("http")]
        if not urls:
            raise RuntimeError("no ready line: " + line + self.process.stderr.read())
        url = urllib.parse.urlparse(urls[0].rstrip(".,"))
        self.host, self.port = url.hostname, url.port

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(20)
        self.process.stdout.close()
        self.stderr_text = self.process.stderr.read()
        self.process.stderr.close()

    def connection(self):
        if self.tls:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return http.client.HTTPSConnection(self.host, self.port, timeout=30, context=context)
        return http.client.HTTPConnection(self.host, self.port, timeout=30)

    def call(self, method, path, body=None, headers=None, raw=False, connection=None):
        c = connection or self.connection()
        h = {}
        data = None
        if body is not None:
            data = body if isinstance(body, (bytes, str)) else json.dumps(body)
            data = data.encode() if isinstance(data, str) else data
            h["Content-Type"] = V1
        h.update(headers or {})
        c.request(method, path, data, {k: v for k, v in h.items() if v is not None})
        r = c.getresponse()
        text = r.read()
        if connection is None:
            c.close()
        self.headers = dict(r.getheaders())
        if raw:
            return r.status, text
        return r.status, json.loads(text) if text else None

    def send_raw(self, data):
        s = socket.create_connection((self.host, self.port), timeout=10)
        s.sendall(data)
        out = b""
        try:
            while True:
                piece = s.recv(65536)
                if not piece:
                    break
                out += piece
                if b"\r\n\r\n" in out:
                    head, rest = out.split(b"\r\n\r\n", 1)
                    for line in head.split(b"\r\n"):
                        if line.lower().startswith(b"content-length:") and len(rest) >= int(line.split(b":")[1]):
                            s.close()
                            return out
        except (socket.timeout, ConnectionError):
            pass
        s.close()
        return out


def eq(got, want, what=""):
    if got != want:
        raise AssertionError("%s got %r, want %r" % (what, got, want))


def error(answer, status, code, text=None):
    eq(answer[0], status, "status of %r" % (answer[1],))
    eq(answer[1]["error_code"], code)
    assert isinstance(answer[1]["message"], str)
    if text is not None and text not in answer[1]["message"]:
        raise AssertionError("message %r lacks %r" % (answer[1]["message"], text))


def ok(answer, status=200):
    if answer[0] != status:
        raise AssertionError("got %r" % (answer,))
    return answer[1]


def quote(s):
    return urllib.parse.quote(s, safe="")


def register(s, subject, schema, **members):
    body = dict(members)
    if schema is not None:
        body["schema"] = schema if isinstance(schema, str) else json.dumps(schema)
    return s.call("POST", "/subjects/%s/versions" % quote(subject), body)


def record(name, *fields, **more):
    return dict({"type": "record", "name": name, "fields": [{"name": f, "type": "string"} for f in fields]}, **more)


K = "/dek-registry/v1/keks"


def kek(s, name, **m):
    return s.call("POST", K, dict({"name": name, "kmsType": "local-kms", "kmsKeyId": "local-id"}, **m))


def call_on(self, connection, method, path, body=None):
    """call() for threads: own connection, no shared state."""
    data = None if body is None else json.dumps(body).encode()
    connection.request(method, path, data, {"Content-Type": V1} if data is not None else {})
    r = connection.getresponse()
    text = r.read()
    return r.status, json.loads(text) if text else None


Server.call_on = call_on
