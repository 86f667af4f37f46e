#!/usr/bin/env python3
"""A double of three cloud KMS in one process, for the tests of the drivers: Azure Key Vault with Entra ID, Google Cloud
KMS with its token endpoints and metadata server, Vault transit with its auth methods.

    double.py FOLDER TLS_PORT WRONG_NAME_PORT PLAIN_PORT

Real cryptography, versions, states, permissions and expiry of tokens; error bodies as the services word them. FOLDER gets
ca.pem. TLS_PORT serves all three (their paths do not meet), WRONG_NAME_PORT the same with a certificate of another name,
PLAIN_PORT the metadata services and /admin, by which tests make keys, change states, and script faults.

The official clients of Microsoft and Google are run against it first (../azure_test.py, ../gcp_test.py)."""
import json
import os
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import certificates  # noqa: E402
from azure_vault import Azure  # noqa: E402
from gcp import Google  # noqa: E402
from vault import Vault  # noqa: E402


class Request:
    def __init__(self, handler):
        parts = urlsplit(handler.path)
        self.method = handler.command
        self.path = parts.path
        self.query = {k: v[-1] for k, v in parse_qs(parts.query).items()}
        self.headers = handler.headers
        self.host = handler.headers.get("Host", "")
        self.body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))

    def json(self):
        try:
            value = json.loads(self.body or b"null")
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    def form(self):
        if not self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            return {}
        return {k: v[-1] for k, v in parse_qs(self.body.decode()).items()}


class World:
    """State of all services, the log of requests, and the faults that are to come."""

    def __init__(self, tls_port):
        self.lock = threading.RLock()
        self.services = {"azure": Azure(tls_port), "google": Google(), "vault": Vault()}
        self.faults = []
        self.log = []

    def answer(self, request):
        with self.lock:
            self.log.append({"method": request.method, "path": request.path, "query": request.query,
                             "headers": {k.lower(): v for k, v in request.headers.items()},
                             "body": request.body.decode("latin-1")})
            for name in ("azure", "google", "vault"):
                reply = self.services[name].handle(request)
                if reply is not None:
                    return reply
        return 404, {"error": "no such path"}, {}

    def fault(self, request):
        """The first scripted fault whose text is in the path; it is used up after `count` requests."""
        with self.lock:
            for fault in self.faults:
                if fault["match"] in request.path and fault.get("count", 1) > 0:
                    fault["count"] = fault.get("count", 1) - 1
                    return fault
        return None

    def admin(self, body):
        """{"service", "op", ...}: calls admin_OP of the service, or one of the operations here."""
        with self.lock:
            service, op = body.pop("service", None), body.pop("op")
            if service is not None:
                return getattr(self.services[service], "admin_" + op)(**body)
            if op == "fault":
                self.faults.append(body)
            elif op == "calm":
                self.faults.clear()
            elif op == "log":
                log, self.log = self.log, []
                return log
            return {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "double"
    sys_version = ""

    def log_message(self, *args):
        pass

    def send(self, status, body, headers=None, cut=0):
        """cut: bytes of the body that are promised and not sent."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        headers = dict(headers or {})
        headers.setdefault("Content-Type", "application/json")
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[:len(data) - cut])
        if cut:
            self.wfile.flush()
            self.close_connection = True

    def faulty(self, fault, request):
        kind = fault["kind"]
        if kind == "silence":
            time.sleep(fault.get("seconds", 60))
            self.close_connection = True
        elif kind == "status":
            self.send(fault["status"], fault.get("body", {}), fault.get("headers"))
        elif kind == "page":
            self.send(200, b"<html><body>Sign in to the hotel's network</body></html>", {"Content-Type": "text/html"})
        else:
            status, body, headers = self.server.world.answer(request)
            data = json.dumps(body).encode()
            if kind == "half":  # the connection ends within the body
                self.send(status, data, headers, len(data) // 2)
            elif kind == "cut":  # the body ends within the JSON
                self.send(status, data[:len(data) // 2], headers)
            elif kind == "patch":  # some members are others
                for path, value in fault["set"].items():
                    *outer, last = path.split(".")
                    inner = body
                    for name in outer:
                        inner = inner[name]
                    if value is None:
                        inner.pop(last, None)
                    else:
                        inner[last] = value
                self.send(status, body, headers)

    def do(self):
        request = Request(self)
        if request.path == "/admin" and self.server.is_plain:
            self.send(200, self.server.world.admin(request.json()) if request.method == "POST" else {})
            return
        fault = self.server.world.fault(request)
        if fault is not None:
            self.faulty(fault, request)
            return
        self.send(*self.server.world.answer(request))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do


class Listener(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port, world, certificate=None):
        super().__init__(("127.0.0.1", port), Handler)
        self.world = world
        self.is_plain = certificate is None
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (OSError, ssl.SSLError)):
            super().handle_error(request, client_address)


def main():
    folder, tls_port, wrong_port, plain_port = sys.argv[1], *(int(p) for p in sys.argv[2:5])
    certificates.make(folder)
    world = World(tls_port)
    Listener(tls_port, world, os.path.join(folder, "server.pem"))
    Listener(wrong_port, world, os.path.join(folder, "wrong.pem"))
    Listener(plain_port, world)
    threading.Event().wait()


if __name__ == "__main__":
    main()
