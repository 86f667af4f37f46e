#!/usr/bin/env python3
"""The Vault driver against the double, which follows what a Vault 1.21.4 was seen to do (no Vault can be had here).

    vault_test.py PROBE"""
import base64
import json
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "double"))
from harness import Double, expect  # noqa: E402
from kms_lib import check, finish, probe  # noqa: E402

MESSAGE = bytes([0x1a, 0x20]) + bytes(range(32))
double = Double()
settings = {"token.id": "test-token", "ssl.ca.location": double.ca}
place = {"ssl.ca.location": double.ca}


def admin(op, **more):
    return double.admin(op, "vault", **more)


def key(name, mount="transit"):
    return f"{double.url}/{mount}/keys/{name}"


def run(name, more=None, mount="transit", **how):
    return probe("hcvault", key(name, mount), {**settings, **(more or {})}, **how)


def log(part=""):
    return [e for e in double.admin("log") if part in e["path"]]


# spec 8: 81
def requests():
    """What goes over the wire (spec 4.6)."""
    admin("create", name="k")
    expect("wrap and unwrap", run("k"), None)
    sent = log("/transit/")
    check("the key is read, then used", [(e["method"], e["path"]) for e in sent] == [
        ("GET", "/v1/transit/keys/k"), ("POST", "/v1/transit/encrypt/k"), ("POST", "/v1/transit/decrypt/k")], sent)
    check("neither context nor associated data", set(json.loads(sent[1]["body"])) == {"plaintext"}, sent[1])
    check("X-Vault-Request, no namespace", sent[1]["headers"]["x-vault-request"] == "true"
          and "x-vault-namespace" not in sent[1]["headers"])
    one = run("k", wrap=True)
    check("the wrapped bytes are Vault's text", base64.b64decode(one.wrapped).startswith(b"vault:v1:"))
    log()
    expect("namespace by setting", run("k", {"namespace": "team/a"}), None)
    check("its header", all(e["headers"].get("x-vault-namespace") == "team/a" for e in log()))
    expect("namespace by environment", run("k", env={"VAULT_NAMESPACE": "team/b"}), None)
    check("its header", all(e["headers"].get("x-vault-namespace") == "team/b" for e in log()))
    admin("mount", path="eu/west/transit")
    admin("create", name="k", mount="eu/west/transit")
    expect("a mount of several segments", run("k", mount="eu/west/transit"), None)
    check("its path", log()[-1]["path"] == "/v1/eu/west/transit/decrypt/k")
    bare = probe("hcvault", key("k").removeprefix("https://"), settings)
    expect("a key id without scheme is https", bare, None)
    expect("environment only", probe("hcvault", key("k"), {}, env={"VAULT_TOKEN": "test-token", "VAULT_CACERT": double.ca}), None)


def keys():
    one = run("k", wrap=True)
    admin("rotate", name="k")
    expect("after a rotation", run("k", unwrap=one.wrapped), None)
    admin("set", name="k", min_decryption_version=2)
    expect("min_decryption_version above the wrapped one", run("k", unwrap=one.wrapped), "KMS_KEY_VERSION")
    admin("set", name="k", min_decryption_version=1)
    admin("set", name="k", soft_deleted=True)
    expect("soft-deleted (OpenBao)", run("k"), "KMS_KEY_PENDING")
    admin("set", name="k", soft_deleted=False)
    admin("create", name="other")
    expect("wrapped by another key", run("other", unwrap=one.wrapped), "UNWRAP_FAILED")
    damaged = base64.b64encode(base64.b64decode(one.wrapped)[:-6] + b"AAAAAA").decode()
    expect("some bits are wrong", run("k", unwrap=damaged), "UNWRAP_FAILED")
    expect("not Vault's text", run("k", unwrap=base64.b64encode(bytes(60)).decode()), "UNWRAP_FAILED")
    expect("unknown, wrap", run("nothing"), "KMS_KEY_UNKNOWN")
    check("and it was not made", admin("exists", name="nothing") == {"exists": False})
    expect("unknown, unwrap", run("nothing", unwrap=one.wrapped), "KMS_KEY_UNKNOWN")
    admin("create", name="gone")
    kept = run("gone", wrap=True)
    admin("delete", name="gone")
    expect("deleted (Vault says: not found)", run("gone", unwrap=kept.wrapped), "KMS_KEY_UNKNOWN")
    admin("create", name="derived", derived=True)
    expect("a derived key, wrap", run("derived"), "KMS_KEY_TYPE")
    expect("a derived key, unwrap", run("derived", unwrap=one.wrapped), "KMS_KEY_TYPE")
    admin("create", name="sign", kind="ecdsa-p256")
    expect("a signing key, wrap", run("sign"), "KMS_KEY_TYPE")
    expect("a signing key, unwrap", run("sign", unwrap=one.wrapped), "KMS_KEY_TYPE")
    expect("no transit engine there", run("k", mount="nowhere"), "KMS_KEY_UNKNOWN")
    expect("malformed key id", probe("hcvault", double.url + "/transit/k", settings), "KMS_CONF")
    allowed = {"vault.allowed.urls": "https://vault.example:8200, " + double.url + "/"}
    expect("a server that is allowed", run("k", allowed), None)
    log()
    expect("a server that is not", run("k", {"vault.allowed.urls": "https://vault.example:8200"}), "KMS_REGION")
    check("and it was asked nothing", log() == [])


def tokens():
    admin("policy", name="update-only", paths={"transit/encrypt/*": ["update"], "transit/decrypt/*": ["update"]})
    admin("policy", name="creating", paths={"transit/encrypt/*": ["update", "create"], "transit/decrypt/*": ["update"]})
    admin("token", token="test-update", policies=["update-only"])
    admin("token", token="test-none", policies=[])
    admin("token", token="test-old", policies=["all"], ttl=-5)
    admin("token", token="test-root", policies=["all"], ttl=0, renewable=False)
    expect("a policy without read", run("k", {"token.id": "test-update"}), None)
    expect("a policy without read, unknown key", run("nothing", {"token.id": "test-update"}), "KMS_DENIED")
    check("update alone makes no key", admin("exists", name="nothing") == {"exists": False})
    expect("no permission", run("k", {"token.id": "test-none"}), "KMS_DENIED")
    expect("a wrong token", run("k", {"token.id": "test-wrong"}), "KMS_CREDENTIALS")
    expect("an expired token", run("k", {"token.id": "test-old"}), "KMS_CREDENTIALS")
    expect("a token that does not expire", run("k", {"token.id": "test-root"}), None)
    expect("no credentials", probe("hcvault", key("k"), place), "KMS_CREDENTIALS")
    log()
    expect("renewal", run("k"), None)
    check("the token was renewed once", len(log("renew-self")) == 1)


# spec 8: 81
def logins():
    admin("approle", role="role1", secret="test-secret-id", policies=["all"])
    app = {"approle.role.id": "role1", "approle.secret.id": "test-secret-id"}
    expect("AppRole", probe("hcvault", key("k"), {**place, **app}), None)
    check("one log-in for both operations", len(log("approle/login")) == 1)
    expect("AppRole by environment, over a token", probe("hcvault", key("k"), {**place, "token.id": "test-wrong"}, env={
        "VAULT_APPROLE_ROLE_ID": "role1", "VAULT_APPROLE_SECRET_ID": "test-secret-id"}), None)
    expect("AppRole, wrong secret id", probe("hcvault", key("k"), {**place, **app, "approle.secret.id": "x"}), "KMS_CREDENTIALS")
    expect("AppRole at another path", probe("hcvault", key("k"), {**place, **app, "approle.auth.path": "nowhere"}), "KMS_CREDENTIALS")
    invalid = {"errors": ["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]}
    for count, error in ((1, None), (2, "KMS_CREDENTIALS")):
        double.fault("/transit/decrypt/", "status", count, status=403, body=invalid)
        log()
        expect(f"a token is refused {count} times", probe("hcvault", key("k"), {**place, **app}), error)
        check("one new log-in, no more", len(log("approle/login")) == 2)
        double.calm()
    admin("approle", role="role0", secret="test-secret-id", policies=[])
    expect("AppRole without permission", probe("hcvault", key("k"), {**place, **app, "approle.role.id": "role0"}), "KMS_DENIED")
    private, public = double.rsa_key()
    sub = "system:serviceaccount:ns:app"
    admin("jwt", kid="k8s", public_key=public, role="app", sub=sub, aud="vault", policies=["all"])
    now = int(time.time())
    for text, claims, role, error in (
            ("works", {}, "app", None), ("expired", {"iat": now - 7200, "exp": now - 3600}, "app", "KMS_EXPIRED"),
            ("of the future", {"iat": now + 7200, "exp": now + 9000}, "app", "KMS_CLOCK"),
            ("of another account", {"sub": "system:serviceaccount:ns:x"}, "app", "KMS_CREDENTIALS"),
            ("for an unknown role", {}, "nobody", "KMS_CREDENTIALS")):
        file = double.file("sa-token", double.jwt(private, "k8s", **{"sub": sub, "aud": ["vault"], **claims}))
        pod = {**place, "kubernetes.role": role, "kubernetes.jwt.file": file}
        expect("Kubernetes: a token " + text, probe("hcvault", key("k"), pod), error)
    file = double.file("sa-token", double.jwt(private, "k8s", sub=sub, aud=["vault"]))
    pod = {**place, "kubernetes.role": "app", "kubernetes.jwt.file": file, "jwt.auth.path": "jwt"}
    expect("JWT auth method", probe("hcvault", key("k"), pod), None)
    pod["kubernetes.jwt.file"] = "/nonexistent"
    expect("Kubernetes: no token file", probe("hcvault", key("k"), pod), "KMS_CREDENTIALS")


def faults():
    cases = [
        ("throttled once", "encrypt", dict(kind="status", status=429, body={"errors": ["rate limit quota exceeded"]}), None),
        ("throttled for good", "encrypt", dict(kind="status", status=429, body={"errors": ["quota"]}, count=9), "KMS_BUSY"),
        ("a standby", "encrypt", dict(kind="status", status=473, body={}, count=9), "KMS_BUSY"),
        ("failing", "decrypt", dict(kind="status", status=500, body={"errors": ["internal error"]}, count=9), "KMS_BUSY"),
        ("no JSON", "encrypt", dict(kind="page"), "KMS_ANSWER"),
        ("half an answer", "encrypt", dict(kind="half", count=9), "IO"),
        ("half a JSON", "decrypt", dict(kind="cut"), "KMS_ANSWER"),
        ("no ciphertext", "encrypt", dict(kind="patch", set={"data.ciphertext": None}), "KMS_ANSWER"),
        ("a ciphertext that is none", "encrypt", dict(kind="patch", set={"data.ciphertext": "hello"}), "KMS_ANSWER"),
        ("no data", "decrypt", dict(kind="patch", set={"data": None}), "KMS_ANSWER"),
        ("a plaintext that is not base64", "decrypt", dict(kind="patch", set={"data.plaintext": "%%"}), "KMS_ANSWER"),
        ("plain http to the TLS port", "encrypt", dict(kind="status", status=400, body={"errors": [
            "Client sent an HTTP request to an HTTPS server."]}), "KMS_CONF"),
    ]
    for text, match, fault, error in cases:
        double.fault(f"/transit/{match}/", **fault)
        got = run("k")
        expect(text, got, error)
        if error:
            retriable = error in ("KMS_BUSY", "KMS_ANSWER", "IO")
            check(f"{text}: {'retriable' if retriable else 'final'}", got.retriable is retriable)
        double.calm()
    admin("seal")
    got = run("k")
    expect("sealed", got, "KMS_BUSY")
    check("sealed: retriable, and says so", got.retriable is True and "sealed" in got.message, got.text)
    admin("seal", sealed=False)
    double.fault("/transit/encrypt/", "silence", count=9, seconds=30)
    got = run("k", {"endpoint.timeout.ms": "500"})
    expect("silence", got, "TIMEOUT")
    check("silence: retriable", got.retriable is True)
    double.calm()
    expect("TLS with a wrong name", probe("hcvault", f"https://localhost:{double.wrong}/transit/keys/k", settings), "TLS")
    expect("a client key without certificate", run("k", {"ssl.key.location": double.ca}), "KMS_CONF")
    expect("a Java trust store", run("k", {"ssl.truststore.location": "x.jks"}), "KMS_CONF")


admin("policy", name="all", paths={"*": ["create", "read", "update"]})
admin("token", token="test-token", policies=["all"])
for part in (requests, keys, tokens, logins, faults):
    part()
finish()
