#!/usr/bin/env python3
"""The disk under the registry gets full: requests that write fail with 5xx, what was acknowledged survives, reads go
on, and service resumes without a restart when there is room again.

    tests/e2e/disk_test.py build/release/bin/schloss

The disk is a small tmpfs: mounted by root, or in a user namespace of this test (it then starts itself again inside).
Where neither is allowed, a limit on the size of files (RLIMIT_FSIZE) stands for the full disk, and says so.
Ends with `N passed, M failed, K skipped`.
"""
import os
import resource
import shutil
import subprocess
import sys
import tempfile

from crash_lib import BIN, Registry, check, finish, missing, schema_text

INSIDE = "SCHLOSS_DISK_TEST_INSIDE"
SIZE = 6 * 1024 * 1024


def mount_tmpfs(folder):
    return subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "schloss-test", folder],
                          capture_output=True).returncode == 0


def fill(registry, acknowledged, tag, limit=4000):
    """Registers until a request fails; returns its status and answer, or None when none did."""
    c = registry.connection()
    for i in range(limit):
        # A long text, so that the disk is full soon.
        text = schema_text(f"{tag}{i}", "x" * 6000)
        status, answer = registry.register(f"{tag}{i}-value", text, c)
        if status != 200:
            c.close()
            return status, answer
        acknowledged[f"{tag}{i}-value"] = (answer["id"], text)
    c.close()
    return None


def scenario(store, make_full, make_room):
    acknowledged = {}
    registry = Registry(store)
    for i in range(20):
        status, answer = registry.register(f"early{i}-value", schema_text(f"Early{i}"))
        if status == 200:
            acknowledged[f"early{i}-value"] = (answer["id"], schema_text(f"Early{i}"))
    check("works while there is room", len(acknowledged) == 20)
    make_full(registry)
    failure = fill(registry, acknowledged, "Full")
    check(f"a full disk is a 5xx ({failure[0] if failure else 'it never failed'}) with a message",
          failure is not None and 500 <= failure[0] < 600 and isinstance(failure[1], dict)
          and failure[1].get("message"), failure)
    again = [registry.register(f"Again{i}-value", schema_text(f"Again{i}", "y" * 60000))[0] for i in range(5)]
    check("later requests that write fail with 5xx as well", all(500 <= s < 600 for s in again), again)
    lost = missing(registry, acknowledged)
    check(f"all {len(acknowledged)} acknowledged schemas are read while the disk is full", not lost, lost[:3])
    status, _ = registry.call("GET", "/subjects")
    check("subjects are listed while the disk is full", status == 200, status)
    make_room(registry)
    resumed = {}
    for i in range(20):
        status, answer = registry.register(f"late{i}-value", schema_text(f"Late{i}"))
        if status == 200:
            resumed[f"late{i}-value"] = (answer["id"], schema_text(f"Late{i}"))
    check("service resumes without a restart", len(resumed) == 20, len(resumed), registry.stderr.decode()[-1500:])
    acknowledged.update(resumed)
    ids = [i for i, _ in acknowledged.values()]
    check("ids are unique", len(set(ids)) == len(ids))
    registry.kill()
    registry = Registry(store)
    lost = missing(registry, acknowledged)
    check(f"all {len(acknowledged)} acknowledged schemas survive a kill and a restart", not lost, lost[:3])
    check("stops by itself on SIGTERM", registry.stop() == 0)


def starts_on_a_full_disk(folder, ballast):
    """A store that cannot even be made says why, with an exit code."""
    try:
        with open(ballast, "wb", buffering=0) as f:
            while f.write(b"\0" * 4096):
                pass
    except OSError:
        pass
    p = subprocess.run([BIN, "registry", "--listen", "127.0.0.1:0", "--store", f"sqlite:{folder}/new.db"],
                       capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
    text = p.stderr.decode()
    check("on a full disk it does not start, and says so", p.returncode > 0 and "new.db" in text and "full" in text,
          p.returncode, text)


def on_tmpfs(folder):
    ballast = os.path.join(folder, "ballast")

    def make_full(_):
        with open(ballast, "wb") as f:
            f.write(b"\0" * (SIZE - 1024 * 1024 - used(folder)))

    try:
        scenario(os.path.join(folder, "r.db"), make_full, lambda _: os.unlink(ballast))
        starts_on_a_full_disk(folder, ballast)
    finally:
        subprocess.run(["umount", folder], capture_output=True)


def used(folder):
    return shutil.disk_usage(folder).used


def with_limit(folder):
    """No file of the registry may grow beyond 1 MiB; later it may."""
    print("no mount is allowed here: a limit on file sizes stands for the full disk")

    def make_room(registry):
        resource.prlimit(registry.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    class Limited(Registry):
        def __init__(self, store):
            super().__init__(store, None if os.path.exists(store) else 1024 * 1024)

    globals()["Registry"] = Limited
    scenario(os.path.join(folder, "r.db"), lambda _: None, make_room)


def main():
    with tempfile.TemporaryDirectory(prefix="schloss-disk-") as folder:
        if mount_tmpfs(folder):
            on_tmpfs(folder)
        elif INSIDE not in os.environ and subprocess.run(["unshare", "-Urm", "true"], capture_output=True).returncode == 0:
            sys.exit(subprocess.run(["unshare", "-Urm", sys.executable, os.path.abspath(__file__), BIN],
                                    env={**os.environ, INSIDE: "1"}).returncode)
        else:
            with_limit(folder)
    finish()


if __name__ == "__main__":
    main()
