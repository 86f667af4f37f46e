#!/usr/bin/env python3
"""The KMIP driver against PyKMIP over mutual TLS, and against sockets that misbehave."""
import atexit
import base64
import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time

from kms_lib import check, clean_environment, expect, finish, free_port, probe, venv

HERE = os.path.dirname(os.path.abspath(__file__))
DIR = tempfile.mkdtemp(prefix="schloss-kmip-")
atexit.register(shutil.rmtree, DIR, True)
PYTHON = venv("pykmip", ("3.11", "3.12", "3.13"), "pykmip==0.11.0")


def at(name):
    return os.path.join(DIR, name)


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=DIR)


def make_ca(name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key",
            "-out", name + ".pem", "-days", "2", "-subj", "/CN=" + name)


def make_certificate(name, ca, usage, *more):
    with open(at("ext"), "w") as f:
        f.write(f"extendedKeyUsage={usage}\nsubjectAltName=DNS:kmip.test,DNS:localhost,IP:127.0.0.1\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", name + ".key", "-out",
            name + ".csr", "-subj", "/CN=" + name)
    openssl("x509", "-req", "-in", name + ".csr", "-CA", ca + ".pem", "-CAkey", ca + ".key", "-CAcreateserial",
            "-days", "2", "-out", name + ".pem", "-extfile", "ext", *more)


make_ca("ca")
make_ca("other-ca")
make_certificate("server", "ca", "serverAuth")
make_certificate("alice", "ca", "clientAuth")
make_certificate("bob", "ca", "clientAuth")
make_certificate("stranger", "other-ca", "clientAuth")
subprocess.run([PYTHON, os.path.join(HERE, "kmip_expired.py"), DIR], check=True)
openssl("ec", "-in", "alice.key", "-aes256", "-passout", "pass:test-only", "-out", "locked.key")
PORT = free_port()
with open(at("server.conf"), "w") as f:
    f.write(f"""[server]
hostname=127.0.0.1
port={PORT}
certificate_path={at('server.pem')}
key_path={at('server.key')}
ca_path={at('ca.pem')}
auth_suite=TLS1.2
policy_path={DIR}
enable_tls_client_auth=True
logging_level=INFO
database_path={at('db')}
""")
with open(at("client.conf"), "w") as f:
    for who in ("alice", "bob"):
        f.write(f"""[{who}]
host=127.0.0.1
port={PORT}
certfile={at(who + '.pem')}
keyfile={at(who + '.key')}
ca_certs={at('ca.pem')}
cert_reqs=CERT_REQUIRED
ssl_version=PROTOCOL_TLSv1_2
do_handshake_on_connect=True
suppress_ragged_eofs=True
""")


class PyKmip:
    def __init__(self):
        self.start()
        atexit.register(self.kill)

    def start(self):
        self.log = open(at("server.log"), "a")
        self.process = subprocess.Popen(
            [os.path.join(os.path.dirname(PYTHON), "pykmip-server"), "-f", at("server.conf"), "-l", at("kmip.log")],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=clean_environment(),
            start_new_session=True)
        for _ in range(300):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", PORT), 1):
                return
            time.sleep(0.1)
        raise SystemExit("FAILED  PyKMIP does not start\n0 passed, 1 failed, 0 skipped")

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def keys(who, verb, *uid):
    done = subprocess.run([PYTHON, os.path.join(HERE, "kmip_keys.py"), at("client.conf"), who, verb, *uid],
                          capture_output=True, text=True, env=clean_environment(), timeout=60)
    if done.returncode != 0:
        raise SystemExit(f"FAILED  kmip_keys.py {verb}: {done.stderr[-2000:]}\n0 passed, 1 failed, 0 skipped")
    return done.stdout.strip()


def settings(who="alice", profile="p", **more):
    s = {"host": "127.0.0.1", "port": PORT, "ca.location": at("ca.pem"), "cert.location": at(who + ".pem"),
         "key.location": at(who + ".key")}
    s.update({k.replace("_", "."): v for k, v in more.items()})
    return {f"kmip.{profile}.{k}": v for k, v in s.items() if v is not None}


def mode(outcome):
    return base64.b64decode(outcome.wrapped)[0] if outcome.wrapped else None


def retriable(text, outcome, is_retriable):
    check(f"{text}: {'retriable' if is_retriable else 'final'}", outcome.retriable is is_retriable, outcome.text)


# ---- sockets ----

class Listener:
    """Calls handle(socket) for each connection, in a thread of its own."""

    def __init__(self, handle):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.handle = handle
        self.connections = 0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            connection, _ = self.socket.accept()
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection, self.connections), daemon=True).start()

    def serve(self, connection, number):
        with contextlib.suppress(OSError), connection:
            self.handle(connection, number)


def tls(connection):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(at("server.pem"), at("server.key"))
    return context.wrap_socket(connection, server_side=True)


def silent(connection, _):
    time.sleep(30)


def silent_after_tls(connection, _):
    with tls(connection):
        time.sleep(30)


def answers(data):
    def handle(connection, _):
        with tls(connection) as t:
            t.recv(65536)
            t.sendall(data)
    return handle


def relay(when):
    """A relay to PyKMIP (bytes of TLS, unread). when(direction, connection number, bytes so far): end it now?"""
    def handle(connection, number):
        with socket.create_connection(("127.0.0.1", PORT)) as server:
            sent = {"up": 0, "down": 0}

            def pump(one, other, direction):
                with contextlib.suppress(OSError):
                    while data := one.recv(65536):
                        sent[direction] += len(data)
                        if when(direction, number, sent[direction]):
                            break
                        other.sendall(data)
                for s in (one, other):
                    with contextlib.suppress(OSError):
                        s.shutdown(socket.SHUT_RDWR)

            down = threading.Thread(target=pump, args=(server, connection, "down"), daemon=True)
            down.start()
            pump(connection, server, "up")
            down.join()
    return handle


# ---- tests ----

def versions(uid):
    for allowed, expected in ((None, 1), ("1.4", 1), ("1.3", 2), ("1.2", 2), ("1.1", 3), ("1.0", 3), ("1.0,1.3", 2)):
        o = probe("kmip", "p/" + uid, settings(versions=allowed))
        expect(f"versions {allowed or 'as they come'}", o, None)
        check(f"versions {allowed or 'as they come'}: mode {expected}", mode(o) == expected, o.text)
    blobs = {m: probe("kmip", "p/" + uid, settings(versions=v), wrap=True).wrapped
             for m, v in ((1, "1.4"), (2, "1.3"), (3, "1.1"))}
    for m, blob in blobs.items():
        for v in ("1.4", "1.2", "1.1"):
            expect(f"mode {m} unwrapped over {v}", probe("kmip", "p/" + uid, settings(versions=v), unwrap=blob), None)
    return blobs


def tampered(uid, blobs):
    for m, blob in blobs.items():
        raw = bytearray(base64.b64decode(blob))
        raw[-1] ^= 1
        for v in ("1.4", "1.1"):
            o = probe("kmip", "p/" + uid, settings(versions=v), unwrap=base64.b64encode(raw).decode())
            expect(f"mode {m}, one bit off, over {v}", o, "UNWRAP_FAILED")
        o = probe("kmip", "p/" + uid, settings(), unwrap=base64.b64encode(bytes(raw[:9])).decode())
        expect(f"mode {m}, cut short", o, "UNWRAP_FAILED")


def states():
    uid = keys("alice", "create")
    key = "p/" + uid
    o = probe("kmip", key, settings())
    expect("not activated", o, "KMS_KEY_DISABLED")
    retriable("not activated", o, False)
    keys("alice", "activate", uid)
    blob = probe("kmip", key, settings(), wrap=True).wrapped
    lent = probe("kmip", key, settings(versions="1.1"), wrap=True).wrapped
    expect("another client", probe("kmip", key, settings("bob"), unwrap=blob), "KMS_DENIED")
    expect("another client over 1.1", probe("kmip", key, settings("bob", versions="1.1"), unwrap=lent), "KMS_DENIED")
    keys("alice", "revoke", uid)
    for v in ("1.4", "1.3", "1.1"):
        expect(f"revoked, over {v}", probe("kmip", key, settings(versions=v), unwrap=blob), "KMS_KEY_DISABLED")
        expect(f"revoked, wrap over {v}", probe("kmip", key, settings(versions=v), wrap=True), "KMS_KEY_DISABLED")
    keys("alice", "destroy", uid)
    o = probe("kmip", key, settings(), unwrap=blob)
    expect("destroyed", o, "KMS_KEY_UNKNOWN")
    retriable("destroyed", o, False)
    expect("unknown", probe("kmip", "p/99999", settings()), "KMS_KEY_UNKNOWN")
    lost = keys("alice", "create")
    keys("alice", "activate", lost)
    keys("alice", "compromise", lost)
    expect("compromised", probe("kmip", "p/" + lost, settings()), "KMS_KEY_DISABLED")


def types(uid):
    for verb, text in (("verify-only", "a key for MACs"), ("triple-des", "a key of another cipher"), ("rsa", "an RSA key")):
        other = keys("alice", verb)
        keys("alice", "activate", other)
        expect(text, probe("kmip", "p/" + other, settings()), "KMS_KEY_TYPE")
    small = keys("alice", "create128")
    keys("alice", "activate", small)
    for v in ("1.4", "1.2", "1.0"):
        expect(f"AES-128 over {v}", probe("kmip", "p/" + small, settings(versions=v)), None)
    blob = probe("kmip", "p/" + uid, settings(), wrap=True).wrapped
    o = probe("kmip", "p/" + small, settings(), unwrap=blob)
    expect("what another key wrapped", o, "KMS_WRONG_KEY")
    o = probe("kmip", "p/" + small, {**settings(), "encrypt.alternate.kms.key.ids": "p/" + uid}, unwrap=blob)
    expect("what another key wrapped, which is an alternate", o, None)


def identity(uid):
    key = "p/" + uid
    o = probe("kmip", key, settings(ca_location=at("other-ca.pem")))
    expect("a server of another CA", o, "TLS")
    retriable("a server of another CA", o, False)
    expect("a client of another CA", probe("kmip", key, settings("stranger")), "KMS_CREDENTIALS")
    expect("no client certificate", probe("kmip", key, settings(cert_location=None, key_location=None)), "KMS_CONF")
    o = probe("kmip", key, settings(cert_location=None, key_location=None, username="alice", password="test-only"))
    expect("no client certificate, but a name", o, "KMS_CREDENTIALS")
    expect("a name and a certificate", probe("kmip", key, settings(username="alice", password="test-only")), None)
    o = probe("kmip", key, settings("expired"))
    expect("a client certificate that has expired", o, "KMS_EXPIRED")
    retriable("a client certificate that has expired", o, False)
    expect("a server's certificate for a client", probe("kmip", key, settings("server")), "KMS_CREDENTIALS")
    expect("a name that the server has not", probe("kmip", key, settings(server_name="other.test")), "TLS")
    expect("a name that the server has", probe("kmip", key, settings(server_name="kmip.test")), None)
    expect("a client key with its password",
           probe("kmip", key, settings(key_location=at("locked.key"), key_password="test-only")), None)
    o = probe("kmip", key, settings(key_location=at("locked.key"), key_password="wrong"))
    check("a client key with another password", not o.ok and o.error in ("TLS", "KMS_CREDENTIALS"), o.text)


def configuration(uid):
    for text, key, s in (("no profile", uid, settings()), ("another profile", "q/" + uid, settings()),
                         ("an empty identifier", "p/", settings()), ("versions", "p/" + uid, settings(versions="2.0")),
                         ("port", "p/" + uid, settings(port="0")), ("host", "p/" + uid, settings(host="a/b")),
                         ("a file that is not there", "p/" + uid, settings(ca_location=at("nothing.pem")))):
        o = probe("kmip", key, s)
        expect("configuration: " + text, o, "KMS_CONF")
        retriable("configuration: " + text, o, False)


def sockets(uid):
    key = "p/" + uid
    quick = {"timeout_ms": 300}
    for text, handle, error, again in (
            ("a socket that never answers", silent, "CONNECT", True),
            ("a TLS server that never answers", silent_after_tls, "TIMEOUT", True),
            ("an answer of HTTP", answers(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), "KMS_ANSWER", True),
            ("half an answer", answers(bytes.fromhex("42007b0100000100") + b"\0" * 20), "IO", True),
            ("an answer of 2 GiB", answers(bytes.fromhex("42007b0180000000")), "LIMIT_EXCEEDED", False),
            ("nothing", answers(b""), "IO", True)):
        o = probe("kmip", key, settings(port=Listener(handle).port, **quick))
        expect(text, o, error)
        retriable(text, o, again)
    began = time.monotonic()
    o = probe("kmip", key, settings(port=Listener(silent_after_tls).port))
    took = time.monotonic() - began
    check(f"silence ends after {took:.0f} s with the settings as they are", o.error == "TIMEOUT" and took < 40, o.text)


def connections(uid):
    key = "p/" + uid
    steady = Listener(relay(lambda direction, number, n: False))
    expect("through a relay", probe("kmip", key, settings(port=steady.port)), None)
    check(f"one connection serves a wrap and an unwrap ({steady.connections})", steady.connections == 1)
    # The kept connection dies when the next request comes: it is sent once more.
    down = {}

    def once(direction, number, n):
        if direction == "down":
            down[number] = n
        return number == 1 and direction == "up" and down.get(1, 0) > 1500 and n > 1500

    dying = Listener(relay(once))
    o = probe("kmip", key, settings(port=dying.port))
    expect("a connection that dies in between", o, None)
    check(f"it was made again ({dying.connections})", dying.connections >= 2)


def crash(uid, server):
    key = "p/" + uid
    blob = probe("kmip", key, settings(), wrap=True).wrapped
    server.kill()
    o = probe("kmip", key, settings(timeout_ms=500), unwrap=blob)
    expect("the server was killed", o, "CONNECT")
    retriable("the server was killed", o, True)
    threading.Timer(0.3, server.start).start()
    o = probe("kmip", key, settings(), unwrap=blob)
    check("it comes back while the call waits", o.ok or o.error == "CONNECT", o.text)
    time.sleep(2)
    expect("it is back", probe("kmip", key, settings(), unwrap=blob), None)


def main():
    server = PyKmip()
    uid = keys("alice", "create")
    keys("alice", "activate", uid)
    blobs = versions(uid)
    tampered(uid, blobs)
    states()
    types(uid)
    identity(uid)
    configuration(uid)
    sockets(uid)
    connections(uid)
    crash(uid, server)
    finish()


main()
