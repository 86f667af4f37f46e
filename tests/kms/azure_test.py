#!/usr/bin/env python3
"""The Azure driver against the double, after Microsoft's own client has been run against it.

    azure_test.py PROBE"""
import base64
import os
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "double"))
from harness import Double, expect  # noqa: E402
from kms_lib import check, finish, probe  # noqa: E402

TENANT = "11111111-2222-3333-4444-555555555555"
RESOURCE = "https://vault.azure.net"
MESSAGE = bytes([0x1a, 0x20]) + bytes(range(32))
double = Double()
settings = {"tenant.id": TENANT, "client.id": "app", "client.secret": "test-secret", "ssl.ca.location": double.ca,
            "azure.resource.url": RESOURCE, "azure.authority.url": double.url}
place = {k: v for k, v in settings.items() if "url" in k or "ssl" in k}


def admin(op, **more):
    return double.admin(op, "azure", **more)


def key(name, version=None):
    return f"{double.url}/keys/{name}" + (f"/{version}" if version else "")


def run(key_id, more=None, **how):
    return probe("azure-kms", key_id, {**settings, **(more or {})}, **how)


def microsoft(operation, name, value=b"", client="app"):
    return double.oracle("oracle_azure.py", double.url, double.url, TENANT, client, "test-secret", name,
                         operation, base64.b64encode(value).decode())


def paths():
    return [entry["path"] for entry in double.admin("log")]


# spec 8: 79
def oracle():
    """Does the double speak Azure? Microsoft's client walks its challenge, takes a token, wraps and unwraps."""
    version = microsoft("create", "oracle")
    for there, back in (("encrypt", "decrypt"), ("wrap_key", "unwrap_key")):
        used, wrapped = microsoft(there, "oracle", MESSAGE).split()
        check(f"Microsoft's client: {there} with the version it made", used == version)
        _, plain = microsoft(back, "oracle", base64.b64decode(wrapped)).split()
        check(f"Microsoft's client: {back}", base64.b64decode(plain) == MESSAGE)
        got = run(key("oracle", version), unwrap=wrapped)
        check(f"our driver opens what Microsoft's client made with {there}", got.unwrapped == MESSAGE.hex(), got.text)
    # Who may read the key encrypts with its public part, without asking; who may not leaves that to the vault.
    admin("client", client="blind", secret="test-secret", actions=["encrypt", "decrypt", "wrapKey", "unwrapKey"])
    for there, back in (("encrypt", "decrypt"), ("wrap_key", "unwrap_key")):
        _, wrapped = microsoft(there, f"oracle/{version}", MESSAGE, "blind").split()
        _, plain = microsoft(back, "oracle", base64.b64decode(wrapped)).split()
        check(f"Microsoft's client: {there} in the vault", base64.b64decode(plain) == MESSAGE)
    asked = {p.rsplit("/", 1)[1] for p in paths()}
    check("all four operations reached the double", {"encrypt", "decrypt", "wrapkey", "unwrapkey"} <= asked, asked)
    def refused(text, name, secret="test-secret"):
        double.oracle_fails(text, "oracle_azure.py", double.url, double.url, TENANT, "app", secret, name, "decrypt", "AAAA")
    refused("ClientAuthenticationError", "oracle", "test-wrong")
    refused("ResourceNotFoundError", "nothing")
    refused("(BadParameter)", "oracle")
    disabled = admin("create", name="oracle-off")["version"]
    admin("set", name="oracle-off", version=disabled, enabled=False)
    refused("(Forbidden) Operation is not allowed on a disabled key.", "oracle-off")
    mine = run(key("oracle", version), wrap=True)
    _, plain = microsoft("decrypt", "oracle", base64.b64decode(mine.wrapped)).split()
    check("Microsoft's client opens what our driver wrapped", base64.b64decode(plain) == MESSAGE)


# spec 8: 79
def versions():
    old = admin("create", name="k")["version"]
    expect("versioned key id", run(key("k", old)), None)
    expect("versionless key id", run(key("k")), None)
    plain = run(key("k"), wrap=True)
    saved = run(key("k"), {"encrypt.azure.key.version.save": "true"}, wrap=True)
    raw = base64.b64decode(saved.wrapped)
    check("the prefix names the version (V17)", raw.startswith(f"azure:v1:{old}:".encode()) and len(raw) == 42 + 256, raw[:45])
    check("no prefix without the toggle", len(base64.b64decode(plain.wrapped)) == 256)
    admin("create", name="k")
    expect("after a rotation, with prefix, toggle off", run(key("k"), unwrap=saved.wrapped), None)
    expect("after a rotation, without prefix", run(key("k"), unwrap=plain.wrapped), "UNWRAP_FAILED")
    expect("after a rotation, old version in the key id", run(key("k", old), unwrap=plain.wrapped), None)
    admin("purge_version", name="k", version=old)
    expect("the version of the prefix is gone", run(key("k"), unwrap=saved.wrapped), "KMS_KEY_VERSION")
    tampered = base64.b64encode(b"azure:v1:" + b"g" * 32 + b":x").decode()
    expect("a prefix that is not hex", run(key("k"), unwrap=tampered), "UNWRAP_FAILED")
    admin("create", name="other")
    expect("wrapped by another key", run(key("other"), unwrap=plain.wrapped), "UNWRAP_FAILED")
    expect("one bit is wrong", run(key("k"), unwrap=base64.b64encode(bytes(256)).decode()), "UNWRAP_FAILED")


def states():
    version = admin("create", name="s")["version"]
    admin("set", name="s", version=version, enabled=False)
    expect("disabled, versionless", run(key("s")), "KMS_KEY_DISABLED")
    expect("disabled, versioned", run(key("s", version)), "KMS_KEY_DISABLED")
    admin("set", name="s", version=version, enabled=True, expired=True)
    expect("past its expiry date", run(key("s", version)), "KMS_KEY_DISABLED")
    admin("set", name="s", version=version, expired=False)
    admin("set", name="s", busy=True)
    expect("being deleted", run(key("s", version)), "KMS_KEY_PENDING")
    admin("set", name="s", busy=False, deleted=True)
    expect("soft-deleted (the vault says: not found)", run(key("s")), "KMS_KEY_UNKNOWN")
    expect("unknown", run(key("nothing")), "KMS_KEY_UNKNOWN")
    curve = admin("create", name="curve", kty="EC")["version"]
    expect("an EC key, versionless", run(key("curve")), "KMS_KEY_TYPE")
    expect("an EC key, versioned", run(key("curve", curve)), "KMS_KEY_TYPE")
    sign = admin("create", name="sign", key_ops=["sign"])["version"]
    expect("a key without encrypt", run(key("sign", sign)), "KMS_KEY_TYPE")


def permissions():
    version = admin("create", name="p")["version"]
    for client, actions in (("wrapper", ["get", "wrapKey", "unwrapKey"]), ("none", []), ("no-get", ["encrypt", "decrypt"])):
        admin("client", client=client, secret="test-" + client, actions=actions)
    def as_client(c):
        return {"client.id": c, "client.secret": "test-" + c}
    expect("wrapKey and unwrapKey only", run(key("p"), as_client("wrapper")), None)
    expect("no permission", run(key("p", version), as_client("none")), "KMS_DENIED")
    expect("no get, versioned", run(key("p", version), as_client("no-get")), None)
    expect("no get, versionless", run(key("p"), as_client("no-get")), "KMS_DENIED")


def credentials():
    version = admin("create", name="c")["version"]
    one = key("c", version)
    expect("wrong secret", run(one, {"client.secret": "test-wrong"}), "KMS_CREDENTIALS")
    expect("wrong tenant", run(one, {"tenant.id": "nobody"}), "KMS_CREDENTIALS")
    expect("unknown client", run(one, {"client.id": "nobody"}), "KMS_CREDENTIALS")
    expect("secret without client", probe("azure-kms", one, {**place, "client.secret": "test"}), "KMS_CONF")
    admin("client", client="old", secret="test-old", expired=True)
    expect("expired secret", run(one, {"client.id": "old", "client.secret": "test-old"}), "KMS_EXPIRED")
    expect("environment", probe("azure-kms", one, place, env={"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": "app",
                                                             "AZURE_CLIENT_SECRET": "test-secret"}), None)
    private, public = double.rsa_key()
    admin("workload", client="pod", kid="w", public_key=public)
    aud = "api://AzureADTokenExchange"
    now = int(time.time())
    for text, claims, error in (("works", {}, None), ("expired", {"iat": now - 7200, "exp": now - 3600}, "KMS_EXPIRED"),
                                ("of the future", {"iat": now + 7200, "exp": now + 9000}, "KMS_CLOCK")):
        file = double.file("token", double.jwt(private, "w", aud=aud, **claims) + "\n")
        env = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": "pod", "AZURE_FEDERATED_TOKEN_FILE": file}
        expect("workload identity: token " + text, probe("azure-kms", one, place, env=env), error)
    env["AZURE_FEDERATED_TOKEN_FILE"] += ".not"
    expect("workload identity: no file", probe("azure-kms", one, place, env=env), "KMS_CREDENTIALS")
    host = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": double.plain_url}
    expect("managed identity: none", probe("azure-kms", one, place, env=host), "KMS_CREDENTIALS")
    admin("identity")
    expect("managed identity of a machine", probe("azure-kms", one, place, env=host), None)
    app = {"IDENTITY_ENDPOINT": double.plain_url + "/msi/token", "IDENTITY_HEADER": "test-identity-header"}
    expect("managed identity of an app service", probe("azure-kms", one, place, env=app), None)
    nobody = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": "http://127.0.0.1:1"}
    expect("no credentials at all", probe("azure-kms", one, place, env=nobody), "KMS_CREDENTIALS")
    other = {"azure.resource.url": "https://vault.azure.cn"}
    expect("the resource of another cloud (managed identity)",
           probe("azure-kms", one, {**place, **other}, env=host), "KMS_REGION")
    expect("the resource of another cloud (secret)", run(one, other), "KMS_REGION")
    bare = {k: v for k, v in settings.items() if k != "azure.resource.url"}
    paths()
    expect("a token does not go to a host that is none of Azure's", probe("azure-kms", one, bare), "KMS_CONF")
    check("and nothing was asked", paths() == [])


def faults():
    version = admin("create", name="f")["version"]
    admin("create", name="g")
    one = key("f", version)
    busy = {"error": {"code": "Throttled", "message": "Request was not processed because too many requests were received."}}
    cases = [
        ("throttled once", dict(kind="status", status=429, body=busy, count=1), None),
        ("throttled for good", dict(kind="status", status=429, body=busy, count=9), "KMS_BUSY"),
        ("failing", dict(kind="status", status=500, body={"error": {"code": "InternalError", "message": "x"}}, count=9), "KMS_BUSY"),
        ("no JSON", dict(kind="page"), "KMS_ANSWER"),
        ("half an answer", dict(kind="half", count=9), "IO"),
        ("half a JSON", dict(kind="cut"), "KMS_ANSWER"),
        ("an answer for another key", dict(kind="patch", set={"kid": f"{double.url}/keys/g/{version}"}), "KMS_WRONG_KEY"),
        ("an answer for another version", dict(kind="patch", set={"kid": f"{double.url}/keys/f/{'0' * 32}"}), "KMS_WRONG_KEY"),
        ("kid with a foreign host", dict(kind="patch", set={"kid": f"https://evil.example/keys/f/{version}"}), None),
        ("no value", dict(kind="patch", set={"value": None}), "KMS_ANSWER"),
        ("value with padding", dict(kind="patch", set={"value": "AA=="}), "KMS_ANSWER"),
        ("a token refused once", dict(kind="status", status=401, body={"error": {"code": "Unauthorized", "message":
            "IDX10223: Lifetime validation failed. The token is expired."}}, count=1), "KMS_EXPIRED"),
        ("clock", dict(kind="status", status=401, body={"error": {"code": "Unauthorized", "message":
            "IDX10222: Lifetime validation failed. The token is not yet valid."}}, count=2), "KMS_CLOCK"),
    ]
    for text, fault, error in cases:
        double.fault(f"/keys/f/{version}/encrypt", **fault)
        got = run(one)
        expect(text, got, error)
        if error in ("KMS_BUSY", "KMS_ANSWER", "IO"):
            check(text + ": retriable", got.retriable is True)
        elif error:
            check(text + ": final", got.retriable is False)
        double.calm()
    double.fault("/oauth2/", "page")
    expect("the token endpoint answers with a page", run(one), "KMS_ANSWER")
    double.calm()
    double.fault("/encrypt", "silence", count=9, seconds=30)
    began = time.monotonic()
    got = run(one, {"endpoint.timeout.ms": "500"})
    expect("silence", got, "TIMEOUT")
    check("silence: retriable, and not for ever", got.retriable is True and time.monotonic() - began < 20)
    double.calm()
    wrong = f"https://localhost:{double.wrong}/keys/f/{version}"
    got = run(wrong)
    expect("TLS with a wrong name", got, "TLS")
    expect("TLS with a foreign CA", probe("azure-kms", one, {k: v for k, v in settings.items() if k != "ssl.ca.location"}), "TLS")
    expect("malformed key id", run(double.url + "/secrets/f"), "KMS_CONF")


admin("client", client="app", secret="test-secret", actions=["get", "encrypt", "decrypt", "wrapKey", "unwrapKey"])
for part in (oracle, versions, states, permissions, credentials, faults):
    part()
finish()
