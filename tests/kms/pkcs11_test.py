#!/usr/bin/env python3
"""The PKCS#11 driver against SoftHSM2, and against a module that misbehaves (fake_pkcs11.c), in and out of process."""
import atexit
import base64
import glob
import os
import shutil
import subprocess
import tempfile
import time

from kms_lib import PROBE, check, clean_environment, expect, finish, probe

DIR = tempfile.mkdtemp(prefix="schloss-pkcs11-")
atexit.register(shutil.rmtree, DIR, True)
BUILD = os.path.dirname(os.path.dirname(PROBE))
FAKE = os.path.join(BUILD, "tests/fake_pkcs11.so")
HELPERS = os.path.join(BUILD, "bin")
SOFTHSM = (glob.glob("/usr/lib/*/softhsm/libsofthsm2.so") + ["/usr/lib/softhsm/libsofthsm2.so"])[0]
PIN = "1234"  # test-only
ENV = {"SOFTHSM2_CONF": os.path.join(DIR, "softhsm2.conf")}


def tool(*args, pin=PIN):
    done = subprocess.run(["pkcs11-tool", "--module", SOFTHSM, "--login", "--pin", pin, *args], capture_output=True,
                          text=True, env={**os.environ, **ENV})
    if done.returncode != 0:
        raise SystemExit(f"FAILED  pkcs11-tool {args}: {done.stderr}\n0 passed, 1 failed, 0 skipped")
    return done.stdout


def make_token(label):
    subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "5678"],
                   check=True, capture_output=True, env={**os.environ, **ENV})


def make_key(label, key_id, kind="AES:32", token="schloss"):
    tool("--token-label", token, "--keygen", "--key-type", kind, "--label", label, "--id", key_id, "--sensitive")


def run(key, env=None, module=SOFTHSM, pin=PIN, isolation=None, limit=120, more=None, **kw):
    settings = {"pkcs11.module.file": module, "pkcs11.pin": pin, "pkcs11.isolation": isolation, **(more or {})}
    settings = {k: v for k, v in settings.items() if v is not None}
    return probe("pkcs11", key, settings, {**ENV, **(env or {})}, limit=limit, **kw)


def mode(outcome):
    return base64.b64decode(outcome.wrapped)[0] if outcome.wrapped else None


def final(text, outcome, retriable=False):
    check(f"{text}: {'retriable' if retriable else 'final'}", outcome.retriable is retriable, outcome.text)


def softhsm(isolation):
    tag = "SoftHSM2" if isolation is None else "SoftHSM2 in the helper"
    key = "pkcs11:token=schloss;object=kek1"
    o = run(key, isolation=isolation)
    expect(f"{tag}: wrap and unwrap", o, None)
    check(f"{tag}: AES-GCM", mode(o) == 1, o.text)
    blob = o.wrapped
    for text, uri in (("by id", "pkcs11:token=schloss;id=%01"), ("both", "pkcs11:token=schloss;object=kek1;id=%01"),
                      ("with a type", "pkcs11:token=schloss;object=kek1;type=secret-key"),
                      ("percent-encoded", "pkcs11:token=%73chloss;object=kek%31"),
                      ("manufacturer and model", "pkcs11:manufacturer=SoftHSM%20project;model=SoftHSM%20v2;"
                                                 "token=schloss;object=kek1"),
                      ("the module it names", f"{key}?module-path={SOFTHSM}"),
                      ("the module's name", f"{key}?module-name=softhsm2")):
        expect(f"{tag}: {text}", run(uri, isolation=isolation, unwrap=blob), None)
    for text, uri, error in (("an unknown token", "pkcs11:token=none;object=kek1", "KMS_KEY_UNKNOWN"),
                             ("an unknown key", "pkcs11:token=schloss;object=none", "KMS_KEY_UNKNOWN"),
                             ("two objects of one label", "pkcs11:token=schloss;object=twin", "KMS_CONF"),
                             ("one of the two", "pkcs11:token=schloss;object=twin;id=%04", None),
                             ("an RSA key", "pkcs11:token=schloss;object=rsa1", "KMS_KEY_UNKNOWN"),
                             ("a generic secret", "pkcs11:token=schloss;object=generic", "KMS_KEY_TYPE"),
                             ("no decryption", "pkcs11:token=schloss;object=encrypt-only", "KMS_KEY_TYPE"),
                             ("AES-128", "pkcs11:token=schloss;object=small", None),
                             ("a URI with a PIN", key + "?pin-value=1234", "KMS_CONF"),
                             ("another module", key + "?module-path=/tmp/evil.so", "KMS_CONF"),
                             ("no key", "pkcs11:token=schloss", "KMS_CONF"),
                             ("no URI", "kek1", "KMS_CONF")):
        o = run(uri, isolation=isolation)
        expect(f"{tag}: {text}", o, error)
        if error:
            final(f"{tag}: {text}", o)
    o = run("pkcs11:token=schloss;object=wrap-only", isolation=isolation)
    expect(f"{tag}: a key that may wrap only", o, None)
    check(f"{tag}: AES key wrap", mode(o) == 2, o.text)
    for text, wrapped, uri in (("AES-GCM", blob, key), ("key wrap", o.wrapped, "pkcs11:token=schloss;object=wrap-only")):
        raw = bytearray(base64.b64decode(wrapped))
        raw[-1] ^= 1
        for what, bad in (("one bit off", bytes(raw)), ("cut short", bytes(raw[:9])), ("empty", bytes(raw[:1]))):
            bad = run(uri, isolation=isolation, unwrap=base64.b64encode(bad).decode())
            expect(f"{tag}: {text}, {what}", bad, "UNWRAP_FAILED")
            final(f"{tag}: {text}, {what}", bad)
    other = run("pkcs11:token=schloss;object=twin;id=%04", isolation=isolation, unwrap=blob)
    expect(f"{tag}: another key", other, "UNWRAP_FAILED")
    for text, pin, error in (("a wrong PIN", "0000", "KMS_CREDENTIALS"), ("no PIN", None, "KMS_CREDENTIALS"),
                             ("a long PIN", "1" * 300, "KMS_CONF")):
        o = run(key, isolation=isolation, pin=pin)
        expect(f"{tag}: {text}", o, error)
        final(f"{tag}: {text}", o)
    expect(f"{tag}: PIN from the environment", run(key, isolation=isolation, pin=None, env={"PKCS11_PIN": PIN}), None)
    pin_file = os.path.join(DIR, "pin")
    with open(pin_file, "w") as f:
        f.write(PIN + "\n")
    expect(f"{tag}: PIN from a file", run(key, isolation=isolation, pin=None, more={"pkcs11.pin.file": pin_file}), None)
    doomed = "pkcs11:token=schloss;object=doomed"
    make_key("doomed", "66")
    blob = run(doomed, isolation=isolation).wrapped
    tool("--token-label", "schloss", "--delete-object", "--type", "secrkey", "--id", "66")
    expect(f"{tag}: a deleted key", run(doomed, isolation=isolation, unwrap=blob), "KMS_KEY_UNKNOWN")


def serials():
    make_token("schloss")  # a second one of this label
    expect("two tokens of one label", run("pkcs11:token=schloss;object=kek1"), "KMS_CONF")
    out = subprocess.run(["pkcs11-tool", "--module", SOFTHSM, "--list-token-slots"], capture_output=True, text=True,
                         env={**os.environ, **ENV}).stdout
    serials = [line.split()[-1] for line in out.splitlines() if "serial num" in line]
    found = [run(f"pkcs11:serial={s};object=kek1") for s in serials]
    check(f"one of {len(serials)} serials has the key", sum(o.ok for o in found) == 1, *[o.text for o in found])


def modules():
    key = "pkcs11:token=fake;object=kek"
    text = os.path.join(DIR, "text.so")
    with open(text, "w") as f:
        f.write("no shared object\n")
    for isolation in (None, "process"):
        tag = "in process" if isolation is None else "in the helper"
        for what, module in (("no module", None), ("a relative path", "libsofthsm2.so"), ("a text", text),
                             ("nothing there", "/nonexistent.so"), ("no PKCS#11", "/usr/lib/x86_64-linux-gnu/libm.so.6")):
            o = run(key, module=module, isolation=isolation)
            expect(f"{tag}: {what}", o, "KMS_CONF")
            final(f"{tag}: {what}", o)
    expect("isolation spelled wrong", run(key, module=FAKE, isolation="proces"), "KMS_CONF")
    o = run(key, module=FAKE, isolation="process", env={"SCHLOSS_LIBEXEC_PATH": DIR})
    expect("no helper", o, "KMS_CONF")
    expect("the helper where it is said to be", run(key, module=FAKE, isolation="process",
                                                    env={"SCHLOSS_LIBEXEC_PATH": HELPERS}), None)


def misbehaviour():
    key = "pkcs11:token=fake;object=kek"
    quick = {"pkcs11.timeout.ms": 700}
    for fault, error, retriable in (("crash", "KMS_BUSY", True), ("hang", "KMS_BUSY", True),
                                    ("crash-init", "KMS_BUSY", True), ("hang-init", "KMS_BUSY", True),
                                    ("stdout", "KMS_ANSWER", True), ("long", "KMS_ANSWER", True),
                                    ("short", "KMS_ANSWER", True)):
        began = time.monotonic()
        o = run(key, module=FAKE, isolation="process", env={"FAKE_P11": fault}, more=quick, limit=30)
        expect(f"in the helper: {fault}", o, error)
        final(f"in the helper: {fault}", o, retriable)
        check(f"in the helper: {fault} takes not long", time.monotonic() - began < 5)
    left = subprocess.run(["pgrep", "-f", os.path.join(HELPERS, "schloss-pkcs11-helper")], capture_output=True,
                          text=True).stdout.split()
    check("no helper is left", left == [], left)


def main():
    os.mkdir(os.path.join(DIR, "tokens"))
    with open(ENV["SOFTHSM2_CONF"], "w") as f:
        f.write(f"directories.tokendir = {DIR}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
    make_token("schloss")
    make_key("kek1", "01")
    make_key("small", "02", "AES:16")
    make_key("twin", "03")
    make_key("twin", "04")
    tool("--token-label", "schloss", "--keypairgen", "--key-type", "rsa:2048", "--label", "rsa1", "--id", "05")
    make_key("generic", "06", "GENERIC:32")
    write_key("wrap-only", "07", "wrap")
    write_key("encrypt-only", "08", "encrypt")
    softhsm(None)
    softhsm("process")
    serials()
    modules()
    misbehaviour()
    finish()


def write_key(label, key_id, use):
    """pkcs11-tool always allows encryption and decryption."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pkcs11_object.py")
    subprocess.run(["python3", "-B", script, SOFTHSM, "schloss", PIN, label, key_id, use], check=True,
                   env={**os.environ, **ENV})


main()
