#!/usr/bin/env python3
"""aws-kms against moto, which recomputes every signature and evaluates IAM policies, and against LocalStack, which keeps
the states of keys as AWS does. Neither is AWS: docs/kms/aws.md says what they do not show.

    tests/kms/aws_test.py [kms_probe]

Ends with `N passed, M failed, K skipped`.
"""
import base64
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from kms_lib import Server, ROOT, check, expect, finish, free_port, probe, venv  # noqa: E402

MOTO = ["moto[server,kms,sts,iam]==5.2.5", "boto3==1.44.5"]
# What follows moto-ext are the versions that this LocalStack still imports.
# 4.9.2 is the last that runs on Python 3.11, Debian 12's; the pins are what it still works with.
LOCALSTACK = ["localstack-core[base-runtime]==4.9.2", "moto-ext==5.1.12.post22", "boto3==1.40.40",
              "service_identity==24.2.0", "pyopenssl==24.3.0", "cryptography==44.0.3", "cbor2==5.9.0"]
SCRATCH = tempfile.TemporaryDirectory(prefix="schloss-aws-")


def set_up(python, endpoint, *more):
    done = subprocess.run([python, "-B", os.path.join(ROOT, "tests/kms/aws_setup.py"), endpoint, *more],
                          capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        print(done.stderr[-2000:])
        raise SystemExit("FAILED  aws_setup.py\n0 passed, 1 failed, 0 skipped")
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def keys(ident, secret, **more):
    return {"access.key.id": ident, "secret.access.key": secret, **more}


def file_of(name, text):
    path = os.path.join(SCRATCH.name, name)
    with open(path, "w") as f:
        f.write(text)
    return path


# spec 8: 77
def with_moto():
    python = venv("moto", ("3.11", "3.12", "3.13"), *MOTO)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = Server("moto", [os.path.join(os.path.dirname(python), "moto_server"), "-H", "127.0.0.1", "-p", str(port)],
                    url + "/moto-api/data.json", {"INITIAL_NO_AUTH_ACTION_COUNT": "1000000"})
    e = set_up(python, url, "iam")
    request = urllib.request.Request(url + "/moto-api/reset-auth", b"0", {"Content-Type": "text/plain"})
    urllib.request.urlopen(request, timeout=10).read()
    end = {"aws.endpoint.url": url, "aws.sts.endpoint.url": url}
    good = keys(e["ID"], e["SECRET"], **end)

    began = time.monotonic()
    o = probe("aws-kms", e["KEY"], good)
    expect("moto: static keys, signed, wrap and unwrap", o, None)
    print(f"        one wrap and unwrap with a new process: {(time.monotonic() - began) * 1000:.0f} ms")
    wrapped = o.wrapped
    expect("moto: alias ARN", probe("aws-kms", e["ALIAS"], good), None)
    expect("moto: wrong secret", probe("aws-kms", e["KEY"], {**good, "secret.access.key": "wrong"}), "KMS_CREDENTIALS")
    expect("moto: unknown access key", probe("aws-kms", e["KEY"], {**good, "access.key.id": "AKIANOPE"}),
           "KMS_CREDENTIALS")
    o = probe("aws-kms", e["KEY"], keys(e["STRANGER_ID"], e["STRANGER_SECRET"], **end))
    expect("moto: no permission", o, "KMS_DENIED")
    check("moto: a denial is final", o.retriable is False, o.text)
    reader = keys(e["READER_ID"], e["READER_SECRET"], **end)
    expect("moto: kms:Decrypt alone does not wrap", probe("aws-kms", e["KEY"], reader), "KMS_DENIED")
    expect("moto: kms:Decrypt alone unwraps", probe("aws-kms", e["KEY"], reader, unwrap=wrapped), None)
    unknown = e["KEY"].rpartition("/")[0] + "/00000000-0000-0000-0000-000000000000"
    expect("moto: unknown key", probe("aws-kms", unknown, good), "KMS_KEY_UNKNOWN")
    bad = bytearray(base64.b64decode(wrapped))
    bad[-1] ^= 1
    expect("moto: one bit off", probe("aws-kms", e["KEY"], good, unwrap=base64.b64encode(bad).decode()),
           "UNWRAP_FAILED")

    # Where the keys come from.
    env = {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": e["ID"], "AWS_SECRET_ACCESS_KEY": e["SECRET"]}
    nothing = {"AWS_ENDPOINT_URL": url, "AWS_EC2_METADATA_DISABLED": "true", "HOME": SCRATCH.name}
    expect("moto: keys from the environment", probe("aws-kms", e["KEY"], env=env), None)
    expect("moto: no credentials anywhere", probe("aws-kms", e["KEY"], env=nothing), "KMS_CREDENTIALS")
    shared = file_of("credentials", f"[default]\naws_access_key_id = {e['READER_ID']}\naws_secret_access_key = "
                     f"{e['READER_SECRET']}\n\n[team]\naws_access_key_id={e['ID']}\naws_secret_access_key={e['SECRET']}"
                     f"\n[assumer]\naws_access_key_id={e['ASSUMER_ID']}\naws_secret_access_key={e['ASSUMER_SECRET']}\n")
    config = file_of("config", f"[profile roled]\nrole_arn = {e['ROLE']}\nsource_profile = assumer\n")
    files = {**nothing, "AWS_SHARED_CREDENTIALS_FILE": shared, "AWS_CONFIG_FILE": config}
    expect("moto: AWS_PROFILE", probe("aws-kms", e["KEY"], env={**files, "AWS_PROFILE": "team"}), None)
    expect("moto: profile of the settings", probe("aws-kms", e["KEY"], {"profile": "team"}, env=files), None)
    expect("moto: default profile", probe("aws-kms", e["KEY"], env=files), "KMS_DENIED")
    expect("moto: unknown profile", probe("aws-kms", e["KEY"], {"profile": "none"}, env=files), "KMS_CREDENTIALS")
    expect("moto: profile with role_arn and source_profile",
           probe("aws-kms", e["KEY"], env={**files, "AWS_PROFILE": "roled"}), None)

    # Roles: the session's own policy counts, not the caller's.
    assumer = keys(e["ASSUMER_ID"], e["ASSUMER_SECRET"], **end)
    expect("moto: the caller of AssumeRole may not use the key", probe("aws-kms", e["KEY"], assumer), "KMS_DENIED")
    expect("moto: AssumeRole by role.arn", probe("aws-kms", e["KEY"], {**assumer, "role.arn": e["ROLE"]}), None)
    expect("moto: AssumeRole by AWS_ROLE_ARN", probe("aws-kms", e["KEY"], assumer, env={"AWS_ROLE_ARN": e["ROLE"]}),
           None)
    expect("moto: the role has fewer rights than its caller",
           probe("aws-kms", e["KEY"], {**good, "role.arn": e["WEAK_ROLE"]}), "KMS_DENIED")
    expect("moto: may not assume a role",
           probe("aws-kms", e["KEY"], keys(e["STRANGER_ID"], e["STRANGER_SECRET"], **end, **{"role.arn": e["ROLE"]})),
           "KMS_DENIED")
    same_signature_as_curl(e, url)
    server.stop()
    expect("moto: gone", probe("aws-kms", e["KEY"], good), "CONNECT")


# spec 8: 77
def same_signature_as_curl(e, url):
    """curl signs the same request; what both send is seen by a listener that answers nothing of use."""
    import http.server
    import threading
    seen = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((dict(self.headers), body))
            self.send_response(400)
            self.end_headers()
            self.wfile.write(b'{"__type":"DisabledException"}')

        def log_message(self, *_):
            pass

    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    here = f"http://127.0.0.1:{listener.server_port}/"
    for _ in range(20):  # both must sign within the same second
        seen.clear()
        probe("aws-kms", e["KEY"], keys("AKIDTEST", "secret-of-the-test", **{"aws.endpoint.url": here}), wrap=True)
        if not seen:
            break
        body = os.path.join(SCRATCH.name, "body")
        with open(body, "wb") as f:
            f.write(seen[0][1])
        subprocess.run(["curl", "-s", "--max-time", "10", "--aws-sigv4", "aws:amz:us-east-1:kms", "--user",
                        "AKIDTEST:secret-of-the-test", "-H", "Content-Type: application/x-amz-json-1.1", "-H",
                        "X-Amz-Target: TrentService.Encrypt", "--data-binary", "@" + body, here], capture_output=True)
        if len(seen) == 2 and seen[0][0]["X-Amz-Date"] == seen[1][0]["X-Amz-Date"]:
            break
    listener.shutdown()
    if not check("curl --aws-sigv4 and this driver send the same date", len(seen) == 2 and
                 seen[0][0]["X-Amz-Date"] == seen[1][0]["X-Amz-Date"], seen):
        return

    def signature(headers):
        return re.findall(r"Credential=[^,]*|Signature=.*", headers["Authorization"])

    ours, theirs = seen[0][0]["Authorization"], seen[1][0]["Authorization"]
    signed = [re.search(r"SignedHeaders=([^,]*)", a)[1] for a in (ours, theirs)]
    check("curl --aws-sigv4 signs the same headers", signed[0] == signed[1], ours, theirs)
    check("curl --aws-sigv4 makes the same signature", signature(seen[0][0]) == signature(seen[1][0]), ours, theirs)


def with_localstack():
    python = venv("localstack", ("3.11", "3.12", "3.13"), *LOCALSTACK)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    data = os.path.join(SCRATCH.name, "localstack")
    os.makedirs(data)
    env = {"GATEWAY_LISTEN": f"127.0.0.1:{port}", "LOCALSTACK_HOST": f"127.0.0.1:{port}", "SERVICES": "kms,sts,iam",
           "STRICT_SERVICE_LOADING": "1", "DISABLE_EVENTS": "1", "SKIP_SSL_CERT_DOWNLOAD": "1", "DNS_ADDRESS": "0",
           "FILESYSTEM_ROOT": data, "LOCALSTACK_VOLUME_DIR": data}
    server = Server("localstack", [python, "-m", "localstack.runtime.main"], url + "/_localstack/health", env)
    e = set_up(python, url)
    good = keys("test", "test", **{"aws.endpoint.url": url})

    def change(*call):
        subprocess.run([python, "-c", "import sys, boto3\nk = boto3.client('kms', endpoint_url=sys.argv[1], "
                        "region_name='us-east-1', aws_access_key_id='test', aws_secret_access_key='test')\n"
                        "for c in sys.argv[2:]:\n    n, a = c.split('=', 1)\n    getattr(k, n)(KeyId=a)", url, *call],
                       check=True, timeout=60)

    o = probe("aws-kms", e["KEY"], good)
    expect("localstack: wrap and unwrap", o, None)
    blobs = {name: probe("aws-kms", e[name], good, wrap=True).wrapped for name in ("DISABLED", "PENDING", "ROTATED")}
    change("disable_key=" + e["DISABLED"], "schedule_key_deletion=" + e["PENDING"], "rotate_key_on_demand=" +
           e["ROTATED"])
    for name, error in (("DISABLED", "KMS_KEY_DISABLED"), ("PENDING", "KMS_KEY_PENDING")):
        for what, w in (("wrap", probe("aws-kms", e[name], good, wrap=True)),
                        ("unwrap", probe("aws-kms", e[name], good, unwrap=blobs[name]))):
            expect(f"localstack: {name.lower()} key, {what}", w, error)
            check(f"localstack: {name.lower()} key, {what}: final", w.retriable is False, w.text)
    expect("localstack: rotated key opens what it wrapped before",
           probe("aws-kms", e["ROTATED"], good, unwrap=blobs["ROTATED"]), None)
    expect("localstack: rotated key wraps", probe("aws-kms", e["ROTATED"], good), None)
    unknown = e["KEY"].rpartition("/")[0] + "/00000000-0000-0000-0000-000000000000"
    expect("localstack: unknown key", probe("aws-kms", unknown, good), "KMS_KEY_UNKNOWN")
    expect("localstack: blob of another key", probe("aws-kms", e["OTHER"], good, unwrap=o.wrapped), "KMS_WRONG_KEY")
    bad = bytearray(base64.b64decode(o.wrapped))
    bad[-1] ^= 1
    expect("localstack: one bit off", probe("aws-kms", e["KEY"], good, unwrap=base64.b64encode(bad).decode()),
           "UNWRAP_FAILED")
    # An alternate key takes over when the first one is disabled.
    expect("localstack: alternate key id", probe("aws-kms", e["DISABLED"], {**good,
           "encrypt.alternate.kms.key.ids": e["KEY"]}), None)
    server.stop()


with_moto()
with_localstack()
finish()
