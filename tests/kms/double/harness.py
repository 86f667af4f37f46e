"""Starts the double, speaks to its /admin, and runs the official clients against it."""
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import kms_lib  # noqa: E402

PACKAGES = ["azure-keyvault-keys==4.11.3", "azure-identity==1.27.0", "google-cloud-kms==3.18.0", "cryptography==50.0.2"]


class Double:
    def __init__(self):
        self.python = kms_lib.venv("double", ["3.11", "3.12", "3.13", "3.10"], *PACKAGES)
        self.folder = tempfile.TemporaryDirectory(prefix="schloss-double-")
        self.tls, self.wrong, self.plain = (kms_lib.free_port() for _ in range(3))
        self.ca = os.path.join(self.folder.name, "ca.pem")
        self.url = f"https://localhost:{self.tls}"
        self.plain_url = f"http://127.0.0.1:{self.plain}"
        command = [self.python, "-B", os.path.join(HERE, "double.py"), self.folder.name]
        self.server = kms_lib.Server("double", command + [str(p) for p in (self.tls, self.wrong, self.plain)],
                                     self.plain_url + "/admin")

    def admin(self, op, service=None, **more):
        body = {"op": op, **more, **({"service": service} if service else {})}
        with urllib.request.urlopen(self.plain_url + "/admin", json.dumps(body).encode(), timeout=30) as reply:
            return json.load(reply)

    def fault(self, match, kind, count=1, **more):
        self.admin("fault", match=match, kind=kind, count=count, **more)

    def calm(self):
        self.admin("calm")

    def oracle(self, program, *args):
        """What an official client prints, run in the environment that has it; raises when it fails."""
        done = subprocess.run([self.python, "-B", os.path.join(HERE, program), *args], capture_output=True, text=True,
                              timeout=120, env={**kms_lib.clean_environment(), "REQUESTS_CA_BUNDLE": self.ca})
        if done.returncode != 0:
            raise RuntimeError(done.stdout + done.stderr)
        return done.stdout.strip()

    def oracle_fails(self, text, *args):
        """Checks that an official client takes the double's refusal for what it means: text is in what it raises."""
        try:
            said = self.oracle(*args)
        except RuntimeError as e:
            said = str(e)
        kms_lib.check(f"{args[0]}: {text}", text in said, said)

    def python_out(self, code, *args):
        return subprocess.run([self.python, "-c", code, *args], capture_output=True, text=True, check=True,
                              cwd=HERE).stdout

    def rsa_key(self):
        """(private PEM, public PEM)"""
        code = """
import sys
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import rsa
k = rsa.generate_private_key(65537, 2048)
sys.stdout.write(k.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode() + "|" +
                 k.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo).decode())
"""
        return tuple(self.python_out(code).split("|"))

    def jwt(self, private, kid, **claims):
        code = """
import json, sys
from cryptography.hazmat.primitives import serialization as s
from tokens import jwt_make
print(jwt_make(s.load_pem_private_key(sys.argv[1].encode(), None), sys.argv[2], json.loads(sys.argv[3])))
"""
        now = int(time.time())
        return self.python_out(code, private, kid, json.dumps({"iat": now, "exp": now + 600, **claims})).strip()

    def file(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w") as f:
            f.write(text)
        return path


def expect(text, outcome, error):
    """error: name of the expected code, which comes with a hint; None: it works, with warnings or without."""
    if error is None:
        return kms_lib.check(text, outcome.rc == 0 and "ok" in outcome.text.splitlines(), outcome.text)
    return kms_lib.expect(text, outcome, error)
