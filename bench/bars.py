"""The tables of figures and the bars: what was asked for, what was measured, and whether it holds. A bar is a tuple
(what, value, limit, is it met)."""
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile

IMPLS = ["floor-ipsecmb", "schloss-ipsecmb", "floor-openssl", "schloss-openssl", "schloss-bytes", "go", "python", "javascript", "rust"]
FORMATS = ["avro", "json", "protobuf"]
OPS = (("serialize", "ser"), ("deserialize", "de"))
FLOOR = {"avro": 3, "json": 4, "protobuf": 3}
GO = {("avro", 0): 4, ("avro", 1): 20, ("avro", 3): 15, ("protobuf", 1): 20, ("protobuf", 3): 15, ("json", 1): 8, ("json", 3): 8}


def tables(results):
    impls = [i for i in IMPLS if any(e["impl"] == i for e in results)]
    cpu = {(e["bench"], e["case"], e["op"], e["threads"], e["impl"]): e["cpu_us"] for e in results}
    lines = ["CPU microseconds per record, warm caches; ser = serialize, de = deserialize, x2 = two threads at once.",
             "The record has 12 fields (298 bytes as Avro), with 20 encrypted fields 29; payloads are Avro records of one field."]
    for bench in FORMATS + ["payload"]:
        rows = []
        for b, case, op, threads, _ in cpu:
            if b == bench and (case, op, threads) not in rows:
                rows.append((case, op, threads))
        rows.sort(key=lambda r: r[2])  # two threads at the end; the order of the cases stays
        lines += ["", "%-24s" % bench + "".join("%16s" % i for i in impls)]
        for case, op, threads in rows:
            cells = [cpu.get((bench, case, op, threads, i)) for i in impls]
            lines.append("%-24s" % ("%s %s%s" % (case, dict(OPS)[op], " x2" if threads > 1 else "")) +
                         "".join("%16s" % ("-" if c is None else "%.3f" % c) for c in cells))
    return lines


def _most(what, value, limit, unit=""):
    return what, "%.2f%s" % (value, unit), "<= %g%s" % (limit, unit), value <= limit


def _least(what, value, limit):
    return what, "%.1f" % value, ">= %g" % limit, value >= limit


class Figures:
    def __init__(self, results):
        self.cpu = {(e["bench"], e["case"], e["op"], e["threads"], e["impl"]): e["cpu_us"] for e in results}
        # what the library takes by itself on this machine; AES-SIV has one back-end
        self.chosen = "ipsecmb" if any(k[4] == "floor-ipsecmb" for k in self.cpu) else "openssl"

    def __call__(self, bench, case, op, impl, threads=1):
        return self.cpu.get((bench, case, op, threads, impl))

    def ours(self, bench, case, op):
        return self(bench, case, op, "schloss-" + self.chosen)


def _fields(f):
    for bench in FORMATS:
        for fields in (0, 1, 3, 20):
            case = "%df/AES256_GCM" % fields
            for op, short in OPS:
                for backend in ("ipsecmb", "openssl") if fields else ():
                    ours, floor = f(bench, case, op, "schloss-" + backend), f(bench, case, op, "floor-" + backend)
                    if ours and floor:
                        yield _most("%s %df %s, %s: times the floor" % (bench, fields, short, backend), ours / floor, FLOOR[bench])
                go = f(bench, case, op, "go")
                if go and (bench, fields) in GO:
                    yield _least("%s %df %s: records per CPU second, times Go" % (bench, fields, short),
                                 go / f.ours(bench, case, op), GO[bench, fields])


def _siv(f):
    """One field costs what the record with it costs more than the one without; a payload is the cipher and little else."""
    for op, short in OPS:
        cost = [f("avro", "1f/AES256_SIV", op, i) - f("avro", "0f/AES256_GCM", op, i) for i in ("schloss-openssl", "floor-openssl")]
        yield _most("AES256_SIV, one field %s: times CMAC plus CTR" % short, cost[0] / cost[1], 1.5)
        for size in ("1KiB", "100KiB"):
            ours, floor = (f("payload", size + "/AES256_SIV", op, i) for i in ("schloss-bytes", "floor-openssl"))
            yield _most("AES256_SIV, payload %s %s: times CMAC plus CTR" % (size, short), ours / floor, 1.5)
        go = f("avro", "1f/AES256_SIV", op, "go")
        if go:
            yield _least("AES256_SIV, avro 1f %s: times Go" % short, go / f.ours("avro", "1f/AES256_SIV", op), 15)


def _payload(f):
    for op, short in OPS:
        for size, peer, least in (("1KiB", "go", 14), ("100KiB", "python", 3)):
            case = size + "/AES256_GCM"
            if f("payload", case, op, peer):
                yield _least("payload %s %s: times %s" % (size, short, peer.capitalize()),
                             f("payload", case, op, peer) / f.ours("payload", case, op), least)
        for size in ("1KiB", "100KiB"):
            case = size + "/AES256_GCM"
            yield _most("payload %s %s, bytes: times cipher plus copy" % (size, short),
                        f("payload", case, op, "schloss-bytes") / f("payload", case, op, "floor-" + f.chosen), 1.15)


def _threads(f):
    for bench, case in [(b, "%df/AES256_GCM" % n) for b in FORMATS for n in (1, 3)] + [("payload", "1KiB/AES256_GCM")]:
        for op, short in OPS:
            one, two = (f(bench, case, op, "schloss-" + f.chosen, n) for n in (1, 2))
            yield _least("%s %s %s: two threads, times one" % (bench, case.split("/")[0], short), 2 * one / two, 1.9)


def of_records(results):
    f = Figures(results)
    return [*_fields(f), *_siv(f), *_payload(f), *_threads(f)]


# ---- what is not a figure per record ----

def _run(args):
    done = subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def _first(binaries, root):
    code, text = _run([sys.executable, "-B", os.path.join(root, "tests", "e2e", "first_test.py"), os.path.join(binaries, "schloss"), "41"])
    found = re.search(r"median (\d+) us", text)
    if code != 0 or not found:
        sys.exit("bench: the first message: " + text)
    ms = int(found[1]) / 1000
    return "first message of a process, wall time", "%.2f ms" % ms, "<= 1.5 ms", ms <= 1.5


def _expiry(binaries):
    runs = []
    for _ in range(5):
        code, text = _run([os.path.join(binaries, "bench_expiry")])
        if code != 0:
            sys.exit("bench: expiry: " + text)
        runs.append(json.loads(text))
    before, around = (statistics.median(r[k] for r in runs) for k in ("before_ms", "around_ms"))
    return ("DEK expires at 50,000 records/s: slowest record %.2f ms, before" % around, "%+.2f ms" % (around - before), "<= 2 ms",
            around - before <= 2)


def _steady(tests):
    code, text = _run([os.path.join(tests, "fault_hotpath")])
    passed = re.search(r"(\d+) passed, (\d+) failed", text)
    if not passed:
        sys.exit("bench: the hot path: " + text)
    return ("no allocation, lock or system call per record, %s paths" % passed[1], "%s broken" % passed[2], "0 broken", code == 0)


def _flat(binaries):
    code, text = _run([os.path.join(binaries, "bench_schloss"), "flat", "10"])
    if code != 0:
        sys.exit("bench: memory: " + text)
    for line in text.splitlines():
        r = json.loads(line)
        grown = r["last_kib"] - r["first_kib"]
        yield ("%s: resident after 10 million records, %.1f MiB, grown by" % (r["bench"], r["last_kib"] / 1024), "%d KiB" % grown,
               "<= 64 KiB", grown <= 64)


def of_runs(binaries, tests, root):
    return [_first(binaries, root), _expiry(binaries), _steady(tests), *_flat(binaries)]


def sizes(folder):
    for name, path, limit in (("libschloss.so", "lib/libschloss.so", 600), ("schloss", "bin/schloss", 6 * 1024)):
        with tempfile.NamedTemporaryFile() as f:
            subprocess.run(["strip", "-o", f.name, os.path.join(folder, path)], check=True)
            kib = os.path.getsize(f.name) / 1024
        yield "%s, stripped" % name, "%.0f KiB" % kib, "<= %d KiB" % limit, kib <= limit
