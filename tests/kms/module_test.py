#!/usr/bin/env python3
"""KMS drivers as modules of libschloss.so: loaded on demand, told apart, missed with a clear error.

    tests/kms/module_test.py [kms_probe]

Ends with `N passed, M failed, K skipped`.
"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from kms_lib import PROBE, check, clean_environment, finish  # noqa: E402

BUILD = os.path.dirname(os.path.dirname(PROBE))
LIB = os.path.join(BUILD, "lib")
PROGRAM = os.path.join(BUILD, "tests", "module_probe")
ARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SCRATCH = tempfile.TemporaryDirectory(prefix="schloss-modules-")


def run(kms_type, key_id, path=None, trace=False):
    env = {**clean_environment(), "AWS_EC2_METADATA_DISABLED": "true"}
    if path is not None:
        env["SCHLOSS_KMS_PATH"] = path
    if trace:
        env["LD_DEBUG"] = "files"
    done = subprocess.run([PROGRAM, kms_type, key_id], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=60, env=env)
    return done.stdout if not trace else done.stdout + done.stderr


def folder(name, **files):
    path = os.path.join(SCRATCH.name, name)
    os.makedirs(path, exist_ok=True)
    for module, source in files.items():
        to = os.path.join(path, f"libschloss-kms-{module}.so")
        if isinstance(source, bytes):
            with open(to, "wb") as f:
                f.write(source)
        else:
            shutil.copy(source, to)
    return path


def module(name):
    return os.path.join(LIB, "schloss", f"libschloss-kms-{name}.so")


def symbols(path, *options):
    return subprocess.run(["nm", "-D", *options, path], check=True, capture_output=True, text=True).stdout


built = sorted(glob.glob(os.path.join(LIB, "schloss", "libschloss-kms-*.so")))
check("there are modules", module("aws") in built, built)

# The library has no driver in it, and shows its modules no more than they use.
with open(os.path.join(LIB, "libschloss.so"), "rb") as f:
    library = f.read()
for word in (b"TrentService", b"vault.azure.net", b"cloudkms.googleapis.com"):
    check(f"libschloss.so has nothing of a driver: {word.decode()}", word not in library)
private = {line.split()[-1].partition("@")[0] for line in symbols(os.path.join(LIB, "libschloss.so"),
           "--defined-only").splitlines() if line.endswith("@@SCHLOSS_PRIVATE") and " A " not in line}
used = set()
for path in built:
    used |= {line.split()[1].partition("@")[0] for line in symbols(path, "--undefined-only").splitlines()}
    exported = [line.split()[-1] for line in symbols(path, "--defined-only").splitlines()]
    check(f"{os.path.basename(path)} exports one object", exported == ["schloss_kms_module"], exported)
check("every private symbol is one that a module uses", private and private <= used, sorted(private - used))

# Loaded at the first use, from beside the library.
o = run("aws-kms", ARN)
check("aws-kms: its module is loaded and asks AWS",
      "asked https://kms.us-east-1.amazonaws.com/" in o and "error KMS_DENIED" in o, o)
o = run("hcvault", "https://vault.test/transit/keys/k")
check("hcvault: its module is loaded and asks Vault", "asked https://vault.test/" in o, o)
o = run("aws-kms", ARN, trace=True)
check("only the module that is needed is loaded", "libschloss-kms-aws.so" in o and
      "libschloss-kms-vault.so" not in o)
o = run("local-kms", "k", trace=True)
check("local-kms loads none", "libschloss-kms-" not in o)
check("a type that nobody knows", "No KMS driver supports: acme-kms://k" in run("acme-kms", "k") and
      "there are drivers for local-kms, aws-kms" in run("acme-kms", "k"), run("acme-kms", "k"))

# What can be wrong with it.
other = folder("other", aws=module("aws"))
check("SCHLOSS_KMS_PATH", "error KMS_DENIED" in run("aws-kms", ARN, other), run("aws-kms", ARN, other))
for what, path, says in (
        ("missing", folder("empty"), "libschloss-kms-aws.so; install it"),
        ("no library", folder("text", aws=b"no library\n"), "is damaged"),
        ("cut short", folder("cut", aws=open(module("aws"), "rb").read()[:5000]), "is damaged"),
        ("another driver", folder("mixed", aws=module("vault")), "another version"),
        ("another library", folder("alien", aws=os.path.join(LIB, "libschloss.so")), "another version")):
    o = run("aws-kms", ARN, path)
    check(f"module is {what}", f"error WRAP_FAILED" in o and f"No KMS driver supports: aws-kms://{ARN}" in o and
          says in o and "asked" not in o, o)
finish()
