#!/usr/bin/env python3
"""`kill -9` of the registry during 1,000 concurrent registrations: everything acknowledged is there after a restart,
no id is given twice, and the registry goes on. Then backup and restore of its SQLite file, and files that it refuses.

    tests/e2e/kill_test.py build/release/bin/schloss

Ends with `N passed, M failed, K skipped`.
"""
import asyncio
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading

from crash_lib import BIN, SLOW, Registry, check, finish, missing, raise_open_files, schema_text

SCRATCH = tempfile.TemporaryDirectory(prefix="schloss-kill-")
CLIENTS = 1000


def path(name):
    return os.path.join(SCRATCH.name, name)


async def one(registry, subject, text, ready, go, acknowledged, refused):
    """One connection, one registration: connects, waits for the others, sends."""
    try:
        reader, writer = await asyncio.open_connection(registry.host, registry.port)
    except OSError:
        ready.release()
        return
    ready.release()
    await go.wait()
    body = json.dumps({"schema": text}).encode()
    try:
        writer.write(f"POST /subjects/{subject}/versions HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n"
                     f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        head = await reader.readuntil(b"\r\n\r\n")
        length = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
        answer = json.loads(await reader.readexactly(length[0]))
        if head.split(b" ")[1] == b"200":
            acknowledged[subject] = (answer["id"], text)
        else:
            refused.append((head, answer))
    except (OSError, asyncio.IncompleteReadError, ValueError):
        pass  # killed before it answered: anything may have happened to this one
    finally:
        writer.close()


async def storm(registry, number, kill_after):
    """1,000 connections at once; SIGKILL when so many are acknowledged."""
    acknowledged, refused = {}, []
    ready, go = asyncio.Semaphore(0), asyncio.Event()
    tasks = [asyncio.create_task(one(registry, f"storm{number}-{i}-value", schema_text(f"S{number}_{i}"), ready, go,
                                     acknowledged, refused)) for i in range(CLIENTS)]
    for _ in tasks:
        await ready.acquire()
    go.set()
    while len(acknowledged) < kill_after and not all(t.done() for t in tasks):
        await asyncio.sleep(0)
    registry.kill()
    await asyncio.gather(*tasks)
    return acknowledged, refused


def sound(file):
    db = sqlite3.connect(file)
    try:
        return db.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        db.close()


def kill_rounds():
    store = path("storm.db")
    everything = {}
    for number, kill_after in enumerate((1, 40, 250, 600, CLIENTS)):
        registry = Registry(store)
        acknowledged, refused = asyncio.run(storm(registry, number, kill_after))
        check(f"round {number}: killed with {len(acknowledged)} of {CLIENTS} acknowledged",
              len(acknowledged) >= min(kill_after, 1), registry.stderr.decode())
        check(f"round {number}: nothing was refused", not refused, refused[:3])
        everything.update(acknowledged)
        registry = Registry(store)
        lost = missing(registry, acknowledged if number < 4 else everything)
        check(f"round {number}: every acknowledged schema is there after the restart", not lost, len(lost), lost[:3])
        status, answer = registry.register(f"after{number}-value", schema_text(f"After{number}"))
        newer = status == 200 and all(answer["id"] > i for i, _ in everything.values())
        check(f"round {number}: a new schema gets a new id", newer, status, answer,
              max(i for i, _ in everything.values()))
        if status == 200:
            everything[f"after{number}-value"] = (answer["id"], schema_text(f"After{number}"))
        registry.kill()
        check(f"round {number}: the file is sound", sound(store) == "ok")
    ids = [i for i, _ in everything.values()]
    check(f"{len(ids)} acknowledged ids are unique", len(set(ids)) == len(ids))


def kill_keys():
    """The same for KEKs and DEKs, on connections that stay."""
    store = path("keys.db")
    registry = Registry(store)
    status, _ = registry.call("POST", "/dek-registry/v1/keks",
                              {"name": "kek1", "kmsType": "local-kms", "kmsKeyId": "k", "shared": False})
    check("KEK registered", status == 200, status)
    acknowledged, lock = {}, threading.Lock()
    enough = threading.Event()

    def work(number):
        c = registry.connection()
        for i in range(200):
            subject, material = f"t{number}-{i}-value", f"bWF0ZXJpYWwt{number:04d}{i:04d}"
            status, _ = registry.call("POST", f"/dek-registry/v1/keks/kek1/deks/{subject}",
                                      {"subject": subject, "version": 1, "algorithm": "AES256_GCM",
                                       "encryptedKeyMaterial": material}, c)
            if status == 0:
                return
            with lock:
                acknowledged[subject] = material if status == 200 else status
                if len(acknowledged) > 300:
                    enough.set()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    enough.wait(60 * SLOW)
    registry.kill()
    for t in threads:
        t.join()
    refused = {s: m for s, m in acknowledged.items() if not isinstance(m, str)}
    check(f"killed with {len(acknowledged)} DEKs acknowledged, none refused", len(acknowledged) > 300 and not refused,
          refused)
    registry = Registry(store)
    lost, c = [], registry.connection()
    for subject, material in acknowledged.items():
        status, dek = registry.call("GET", f"/dek-registry/v1/keks/kek1/deks/{subject}?algorithm=AES256_GCM",
                                    connection=c)
        if status != 200 or dek["encryptedKeyMaterial"] != material:
            lost.append((subject, status, dek))
    check("every acknowledged DEK is there after the restart", not lost, len(lost), lost[:3])
    check("stops by itself on SIGTERM", registry.stop() == 0)


def backup_restore():
    """SQLite's online backup while the registry writes, and a plain copy after it has stopped."""
    store, copy, plain = path("live.db"), path("backup.db"), path("plain.db")
    registry = Registry(store)
    before, after, stop = {}, {}, threading.Event()
    for i in range(50):
        status, answer = registry.register(f"b{i}-value", schema_text(f"B{i}"))
        if status == 200:
            before[f"b{i}-value"] = (answer["id"], schema_text(f"B{i}"))

    def write():
        c, i = registry.connection(), 0
        while not stop.is_set():
            status, answer = registry.register(f"c{i}-value", schema_text(f"C{i}"), c)
            if status == 200:
                after[f"c{i}-value"] = (answer["id"], schema_text(f"C{i}"))
            i += 1

    writer = threading.Thread(target=write)
    writer.start()
    source, target = sqlite3.connect(store), sqlite3.connect(copy)
    source.backup(target)
    target.close()
    source.close()
    stop.set()
    writer.join()
    check("the registry goes on writing during a backup", len(before) == 50 and len(after) > 0, len(before))
    check("stops by itself on SIGTERM", registry.stop() == 0)
    shutil.copy(store, plain)
    check("nothing lies beside the file after a stop", not os.path.exists(store + "-wal"))
    restored = Registry(copy)
    lost = missing(restored, before)
    check("an online backup holds what was acknowledged before it", not lost, lost[:3])
    status, answer = restored.register("new-value", schema_text("New"))
    check("a restored backup takes new schemas", status == 200, status, answer)
    restored.stop()
    restored = Registry(plain)
    lost = missing(restored, {**before, **after})
    check("a copy of the stopped registry's file holds everything", not lost, lost[:3])
    restored.stop()


def refuses(what, file, *words):
    kept = open(file, "rb").read()
    p = subprocess.run([BIN, "registry", "--listen", "127.0.0.1:0", "--store", "sqlite:" + file], capture_output=True,
                       timeout=30 * SLOW, stdin=subprocess.DEVNULL)
    text = p.stderr.decode()
    check(f"{what} is refused by name", p.returncode != 0 and all(w in text for w in words), p.returncode, text)
    check(f"{what} is left as it was", open(file, "rb").read() == kept)


def refused_files():
    newer = path("newer.db")
    registry = Registry(newer)
    registry.register("a-value", schema_text("A"))
    registry.stop()
    db = sqlite3.connect(newer)
    version = db.execute("PRAGMA user_version").fetchone()[0]
    db.execute(f"PRAGMA user_version={version + 1}")
    db.commit()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    for beside in ("-wal", "-shm"):
        if os.path.exists(newer + beside):
            os.unlink(newer + beside)
    refuses("a store of a newer version", newer, newer, str(version + 1))
    foreign = path("foreign.db")
    db = sqlite3.connect(foreign)
    db.execute("CREATE TABLE theirs (x)")
    db.commit()
    db.close()
    refuses("another program's database", foreign, foreign)
    text = path("text.db")
    with open(text, "w") as f:
        f.write("this is no database, but it is long enough to look at\n" * 40)
    refuses("a file that is no database", text, text)


if __name__ == "__main__":
    raise_open_files(4096)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    kill_rounds()
    kill_keys()
    backup_restore()
    refused_files()
    finish()
