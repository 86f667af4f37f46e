#!/usr/bin/env python3
"""The Google driver against the double, after Google's own client has been run against it.

    gcp_test.py PROBE"""
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
RING = "projects/p1/locations/europe-west3/keyRings/r1/cryptoKeys/"
EMAIL = "test@p1.iam.gserviceaccount.com"
double = Double()
private, public = double.rsa_key()
place = {"gcp.endpoint.url": double.url, "ssl.ca.location": double.ca}
account = {"client.email": EMAIL, "private.key.id": "kid1", "client.id": "100", "private.key": private,
           "account.type": "service_account"}
settings = {**place, **account}
# Neither a login of the developer nor a machine's account may help.
nobody = {"HOME": double.folder.name, "GCE_METADATA_HOST": "127.0.0.1:1"}


def admin(op, **more):
    return double.admin(op, "google", **more)


def run(name, more=None, key_id=None, **how):
    how.setdefault("env", nobody)
    return probe("gcp-kms", key_id or RING + name, {**settings, **(more or {})}, **how)


def credentials_file(name, body):
    return {**nobody, "GOOGLE_APPLICATION_CREDENTIALS": double.file(name, json.dumps(body))}


service_account = {"type": "service_account", "project_id": "p1", "private_key_id": "kid1", "private_key": private,
                   "client_email": EMAIL, "client_id": "100", "token_uri": double.url + "/google/token"}


# spec 8: 80
def oracle():
    """Does the double speak Google? Google's client signs its token, sends checksums, reads the double's."""
    file = double.file("oracle.json", json.dumps(service_account))
    admin("create", name=RING + "oracle")

    def google(operation, data):
        return double.oracle("oracle_google.py", double.url, file, RING + "oracle", operation,
                             base64.b64encode(data).decode())
    wrapped = google("encrypt", MESSAGE)
    check("Google's client: encrypt and decrypt", base64.b64decode(google("decrypt", base64.b64decode(wrapped))) == MESSAGE)
    log = double.admin("log")
    check("Google's client signs its own token", all(e["headers"]["authorization"].count(".") == 2 for e in log) and log,
          [e["path"] for e in log])
    got = run("oracle", unwrap=wrapped)
    check("our driver opens what Google's client made", got.unwrapped == MESSAGE.hex(), got.text)
    double.admin("log")
    mine = run("oracle", wrap=True)
    sent = json.loads(double.admin("log")[-1]["body"])
    check("Google's client opens what our driver wrapped", base64.b64decode(
        google("decrypt", base64.b64decode(mine.wrapped))) == MESSAGE)
    def refused(text, name, credentials=file):
        double.oracle_fails(text, "oracle_google.py", double.url, credentials, RING + name, "encrypt", "AAAA")
    refused("exceptions.NotFound", "nothing")
    admin("create", name=RING + "oracle-off")
    admin("state", name=RING + "oracle-off", version=1, state="DISABLED")
    refused("current state is: DISABLED.", "oracle-off")
    admin("account", email="oracle-no@p1", kid="kid3", public_key=public, may=False)
    denied = {**service_account, "client_email": "oracle-no@p1", "private_key_id": "kid3"}
    refused("exceptions.Forbidden", "oracle", double.file("denied.json", json.dumps(denied)))
    stranger = {**service_account, "private_key_id": "unknown"}
    refused("exceptions.Unauthorized", "oracle", double.file("stranger.json", json.dumps(stranger)))
    check("our driver sends checksums and no associated data (V19)", sent["plaintextCrc32c"] == "2175832278"
          and sent["additionalAuthenticatedData"] == "" and sent["additionalAuthenticatedDataCrc32c"] == "0", sent)


def states():
    admin("create", name=RING + "k")
    one = run("k", wrap=True)
    expect("wrap and unwrap", run("k"), None)
    admin("rotate", name=RING + "k")
    expect("after a rotation", run("k", unwrap=one.wrapped), None)
    for state, error in (("DISABLED", "KMS_KEY_DISABLED"), ("DESTROY_SCHEDULED", "KMS_KEY_PENDING"),
                         ("DESTROYED", "KMS_KEY_DELETED"), ("PENDING_IMPORT", "KMS_KEY_PENDING")):
        admin("state", name=RING + "k", version=1, state=state)
        expect(f"the old version is {state}, unwrap", run("k", unwrap=one.wrapped), error)
        admin("state", name=RING + "k", version=2, state=state)
        expect(f"the primary version is {state}, wrap", run("k", wrap=True), error)
        admin("state", name=RING + "k", version=2, state="ENABLED")
    admin("state", name=RING + "k", version=1, state="ENABLED")
    expect("unknown", run("nothing"), "KMS_KEY_UNKNOWN")
    admin("create", name=RING + "sign", purpose="ASYMMETRIC_SIGN")
    expect("another purpose", run("sign"), "KMS_KEY_TYPE")
    expect("another location", run("", key_id=RING.replace("europe-west3", "us-east1") + "k"), "KMS_REGION")
    admin("create", name=RING + "k2")
    expect("wrapped by another key", run("k2", unwrap=one.wrapped), "UNWRAP_FAILED")
    damaged = bytearray(base64.b64decode(one.wrapped))
    damaged[-1] ^= 1
    expect("one bit is wrong", run("k", unwrap=base64.b64encode(damaged).decode()), "UNWRAP_FAILED")
    expect("malformed key id", run("", key_id=RING + "k/cryptoKeyVersions/1"), "KMS_CONF")


def credentials():
    admin("create", name=RING + "c")
    expect("private key with the two characters \\n", run("c", {"private.key": private.replace("\n", "\\n")}), None)
    expect("private key that is none", run("c", {"private.key": "-----BEGIN PRIVATE KEY-----\nAA\n"}), "KMS_CREDENTIALS")
    expect("private key without its id", probe("gcp-kms", RING + "c", {**place, "private.key": private}, env=nobody), "KMS_CONF")
    expect("another account type", run("c", {"account.type": "authorized_user"}), "KMS_CONF")
    other, _ = double.rsa_key()
    expect("a key that Google does not know", run("c", {"private.key": other}), "KMS_CREDENTIALS")
    admin("account", email="no@p1", kid="kid2", public_key=public, may=False)
    expect("no permission", run("c", {"client.email": "no@p1", "private.key.id": "kid2"}), "KMS_DENIED")
    expect("no credentials", probe("gcp-kms", RING + "c", place, env=nobody), "KMS_CREDENTIALS")

    def by_file(text, body, error=None):
        expect(text, probe("gcp-kms", RING + "c", place, env=credentials_file("creds.json", body)), error)
    by_file("file: service account", service_account)
    by_file("file: service account without its key", {**service_account, "private_key": None}, "KMS_CREDENTIALS")
    by_file("file: another type", {**service_account, "type": "gdch_service_account"}, "KMS_CREDENTIALS")
    expect("file: not there", probe("gcp-kms", RING + "c", place, env={
        **nobody, "GOOGLE_APPLICATION_CREDENTIALS": "/nonexistent"}), "KMS_CREDENTIALS")
    user = {"type": "authorized_user", "client_id": "cli", "client_secret": "test", "refresh_token": "r1",
            "token_uri": double.url + "/google/token"}
    admin("login", refresh_token="r1", client="cli", secret="test")
    admin("login", refresh_token="r2", client="cli", secret="test", expired=True)
    by_file("file: a developer's login", user)
    by_file("file: a developer's login that has expired", {**user, "refresh_token": "r2"}, "KMS_EXPIRED")
    by_file("file: a developer's login that is unknown", {**user, "refresh_token": "r3"}, "KMS_CREDENTIALS")
    by_file("file: a token URL without TLS", {**user, "token_uri": "http://example.test/token"}, "KMS_CREDENTIALS")
    folder = os.path.join(double.folder.name, ".config/gcloud")
    os.makedirs(folder)
    with open(os.path.join(folder, "application_default_credentials.json"), "w") as f:
        json.dump(user, f)
    expect("gcloud's own file", probe("gcp-kms", RING + "c", place, env=nobody), None)
    os.remove(f.name)
    admin("workload", kid="w1", public_key=public)
    now = int(time.time())
    token = double.file("subject", double.jwt(private, "w1", sub="pod"))
    external = {"type": "external_account", "audience": "//iam.googleapis.com/test-pool", "token_url": double.url + "/google/sts",
                "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "credential_source": {"file": token}}
    by_file("file: workload identity", external)
    by_file("file: workload identity as a service account",
            {**external, "service_account_impersonation_url": double.url + "/google/impersonate"})
    inner = double.file("subject.json", json.dumps({"id_token": double.jwt(private, "w1", sub="pod")}))
    source = {"file": inner, "format": {"type": "json", "subject_token_field_name": "id_token"}}
    by_file("file: workload identity, token in JSON", {**external, "credential_source": source})
    source = {"file": double.file("old", double.jwt(private, "w1", iat=now - 7200, exp=now - 3600))}
    by_file("file: workload identity, expired token", {**external, "credential_source": source}, "KMS_EXPIRED")
    by_file("file: workload identity from an executable", {**external, "credential_source": {"executable": {}}}, "KMS_CREDENTIALS")
    machine = {**nobody, "GCE_METADATA_HOST": f"127.0.0.1:{double.plain}"}
    expect("metadata server without an account", probe("gcp-kms", RING + "c", place, env=machine), "KMS_CREDENTIALS")
    admin("machine", may=True)
    expect("metadata server", probe("gcp-kms", RING + "c", place, env=machine), None)


def faults():
    admin("create", name=RING + "f")
    busy = {"error": {"code": 429, "message": "Quota exceeded.", "status": "RESOURCE_EXHAUSTED"}}
    skew = {"error": {"code": 401, "status": "UNAUTHENTICATED", "message": "Invalid JWT: Token must be a short-lived token "
                      "(60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim."}}
    old = {"error": {"code": 401, "status": "UNAUTHENTICATED", "message": "Request had invalid authentication credentials.",
                     "details": [{"reason": "ACCESS_TOKEN_EXPIRED"}]}}
    cases = [
        ("throttled once", ":encrypt", dict(kind="status", status=429, body=busy), None),
        ("throttled for good", ":encrypt", dict(kind="status", status=429, body=busy, count=9), "KMS_BUSY"),
        ("failing", ":decrypt", dict(kind="status", status=503, body={}, count=9), "KMS_BUSY"),
        ("clock", ":encrypt", dict(kind="status", status=401, body=skew, count=2), "KMS_CLOCK"),
        ("expired token", ":encrypt", dict(kind="status", status=401, body=old, count=2), "KMS_EXPIRED"),
        ("no JSON", ":encrypt", dict(kind="page"), "KMS_ANSWER"),
        ("half an answer", ":encrypt", dict(kind="half", count=9), "IO"),
        ("half a JSON", ":decrypt", dict(kind="cut"), "KMS_ANSWER"),
        ("another key", ":encrypt", dict(kind="patch", set={"name": RING + "f2/cryptoKeyVersions/1"}), "KMS_WRONG_KEY"),
        ("no name", ":encrypt", dict(kind="patch", set={"name": None}), "KMS_ANSWER"),
        ("wrong checksum of the ciphertext", ":encrypt", dict(kind="patch", set={"ciphertextCrc32c": "1"}), "KMS_ANSWER"),
        ("no checksum of the ciphertext", ":encrypt", dict(kind="patch", set={"ciphertextCrc32c": None}), "KMS_ANSWER"),
        ("checksum not verified", ":encrypt", dict(kind="patch", set={"verifiedPlaintextCrc32c": False}), "KMS_ANSWER"),
        ("damaged ciphertext", ":encrypt", dict(kind="patch", set={"ciphertext": "AAAA"}), "KMS_ANSWER"),
        ("wrong checksum of the plaintext", ":decrypt", dict(kind="patch", set={"plaintextCrc32c": "1"}), "KMS_ANSWER"),
        ("no plaintext", ":decrypt", dict(kind="patch", set={"plaintext": None}), "KMS_ANSWER"),
    ]
    for text, match, fault, error in cases:
        double.fault(match, **fault)
        got = run("f")
        expect(text, got, error)
        if error:
            retriable = error in ("KMS_BUSY", "KMS_ANSWER", "IO")
            check(f"{text}: {'retriable' if retriable else 'final'}", got.retriable is retriable)
        double.calm()
    double.fault(":encrypt", "silence", count=9, seconds=30)
    got = run("f", {"endpoint.timeout.ms": "500"})
    expect("silence", got, "TIMEOUT")
    check("silence: retriable", got.retriable is True)
    double.calm()
    expect("TLS with a wrong name", run("f", {"gcp.endpoint.url": f"https://localhost:{double.wrong}"}), "TLS")


admin("account", email=EMAIL, kid="kid1", public_key=public)
for part in (oracle, states, credentials, faults):
    part()
finish()
