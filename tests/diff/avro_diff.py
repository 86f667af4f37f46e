#!/usr/bin/env python3
"""Differential test: random Avro schemas, rules and records through Avro plans, and through a plain reading of the rules.

    avro_diff.py DRIVER [SECONDS [SEED]]

DRIVER is build/*/tests/avro_driver. Needs the Python package fastavro. A record is made as a tree that keeps the branch
of each union; fastavro writes it. The transformed bytes must be what fastavro writes for the tree after the same
transform, reading must give the record back, and so must every other way of writing it (blocks cut and sized, long
numbers). Damaged bytes must be refused exactly where a plain decoder and the rules refuse them, and else mean the same
to fastavro."""
import base64
import io
import json
import random
import struct
import subprocess
import sys
import time

import fastavro
from json_diff import pattern_hit

TAG = "PII"
PRIMITIVE = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
MANY = 100000  # values without bytes; the product's own limit lies above


class Refused(Exception):
    """The bytes do not fit the schema, or the rule refuses the record."""


class Endless(Exception):
    """More empty values than anybody should look at."""


# ---- schemas: dicts as in JSON, named types by full name in `named` ----

LOGICAL = {"int": ["date", "time-millis"], "long": ["timestamp-millis", "time-micros", "local-timestamp-micros"],
           "string": ["uuid"], "bytes": ["decimal"], "fixed": ["decimal", "duration"]}


class Maker:
    """Makes one schema with the schemas that it refers to."""

    def __init__(self, r):
        self.r, self.named, self.n = r, {}, 0
        self.open = []  # records that are being made: they may be referred to behind a union or container
        self.refs = []

    def schema(self):
        for _ in range(self.r.choice([0, 0, 0, 1, 2])):
            ref = self.record(2)
            self.refs.append(ref)
        return self.record(4) if self.r.random() < 0.9 else self.type(3, None)

    def name(self):
        self.n += 1
        return self.r.choice(["", "", "a.b", "c"]), "N%d" % self.n

    def known(self, space, loose):
        """The name of a type that exists, relative where that is the same."""
        names = [n for n in self.named if loose or n not in self.open]
        if not names:
            return None
        full = self.r.choice(names)
        inside, _, short = full.rpartition(".")
        return short if inside == (space or "") and self.r.random() < 0.5 else full if inside or not space else None

    def put(self, space, outer, out):
        full = space + "." + out["name"] if space else out["name"]
        if self.r.random() < 0.3 and space:
            out["name"] = full
        elif space != outer:  # also "": the null namespace inside another one
            out["namespace"] = space
        self.named[full] = out
        return full

    def record(self, depth, outer=""):
        space, short = self.name()
        out = {"type": "record", "name": short, "fields": []}
        full = self.put(space, outer, out)
        self.open.append(full)
        for i in range(self.r.randrange(5)):
            t = self.type(depth - 1, space)
            f = {"name": "f%d" % i, "type": t}
            if self.r.random() < 0.4:
                f["confluent:tags"] = [self.r.choice([TAG, TAG, "OTHER"])]
            if isinstance(t, list) and "null" in t[:1]:
                f["default"] = None
            elif t in ("string", "bytes", "long") and self.r.random() < 0.3:
                f["default"] = 7 if t == "long" else "d"
            if self.r.random() < 0.1:
                f["doc"] = "x"
            out["fields"].append(f)
        if self.r.random() < 0.2:
            out["confluent:tags"] = [TAG]  # of the type: nobody looks
        self.open.remove(full)
        return out

    def type(self, depth, space, union=False, loose=False):
        kinds = ["string"] * 4 + ["primitive"] * 2 + ["bytes", "logical", "enum", "fixed"]
        if depth > 0:
            kinds += ["record", "known", "array", "map"] + ([] if union else ["nullable", "union", "union"])
        kind = self.r.choice(kinds)
        if kind == "primitive":
            return self.r.choice(PRIMITIVE)
        if kind == "logical":
            t = self.r.choice([k for k in LOGICAL if k != "fixed"])
            out = {"type": t, "logicalType": self.r.choice(LOGICAL[t])}
            return dict(out, precision=4, scale=2) if t == "bytes" else out
        if kind == "enum":
            return self.leaf(space, {"type": "enum", "symbols": ["A", "B", "C"][:self.r.randint(1, 3)]})
        if kind == "fixed":
            return self.leaf(space, {"type": "fixed", "size": self.r.choice([0, 1, 12])})
        if kind == "record":
            return self.record(depth - 1, space or "")
        if kind == "known":
            return self.known(space, loose) or "string"
        if kind == "array":
            return {"type": "array", "items": self.type(depth - 1, space, loose=True)}
        if kind == "map":
            return {"type": "map", "values": self.type(depth - 1, space, loose=True)}
        if kind == "nullable":
            pair = ["null", self.other(depth, space)]
            return pair if self.r.random() < 0.7 else pair[::-1]
        if kind == "union":
            return self.union(depth, space)
        return kind

    def leaf(self, outer, out):
        space, out["name"] = self.name()
        self.put(space, outer or "", out)
        return out

    def other(self, depth, space):
        while True:
            t = self.type(depth - 1, space, union=True, loose=True)
            if t != "null":
                return t

    def union(self, depth, space):
        out, seen = [], set()
        for _ in range(self.r.randint(1, 4)):
            t = self.type(depth - 1, space, union=True, loose=True)
            mark = self.kind_mark(t, space)
            if mark not in seen:
                seen.add(mark)
                out.append(t)
        return out

    @staticmethod
    def kind_mark(t, space):
        if isinstance(t, dict):
            if "name" in t:
                short = t["name"]
                inside = t.get("namespace", space or "")
                return short if "." in short or not inside else inside + "." + short
            return t["type"]
        return t if t in PRIMITIVE or "." in t or not space else space + "." + t


def resolve(t, space, types):
    """The schema as a tree of tuples without names; types: full name -> resolved record, enum or fixed."""
    if isinstance(t, list):
        return ("union", [resolve(b, space, types) for b in t])
    if isinstance(t, str):
        if t in PRIMITIVE:
            return (t,)
        return ("ref", t if "." in t or not space else space + "." + t)
    kind = t["type"]
    if kind in ("array", "map"):
        return (kind, resolve(t["items" if kind == "array" else "values"], space, types))
    if kind not in ("record", "enum", "fixed"):
        return (kind,)
    full = t["name"] if "." in t["name"] else (t.get("namespace", space) or "") + "." + t["name"]
    full = full.lstrip(".")
    inside = full.rpartition(".")[0]
    if kind == "enum":
        types[full] = ("enum", len(t["symbols"]), t["symbols"])
    elif kind == "fixed":
        types[full] = ("fixed", t["size"])
    else:
        fields = []
        types[full] = ("record", fields)
        for f in t["fields"]:
            fields.append((full + "." + f["name"], f.get("confluent:tags", []), resolve(f["type"], inside, types)))
    return ("ref", full)


class Schema:
    def __init__(self, r):
        while True:
            maker = Maker(r)
            self.root_text = maker.schema()
            self.ref_texts = maker.refs
            self.types = {}
            for ref in self.ref_texts:
                resolve(ref, "", self.types)
            self.root = resolve(self.root_text, "", self.types)
            if self.size(self.root, ()) is not None:
                break
        self.bare = fastavro.parse_schema(self.inlined(self.root, set()))

    def inlined(self, t, seen):
        """The schema for fastavro: in one piece, names without namespaces, nothing that it would convert."""
        kind, short = t[0], t[-1].rpartition(".")[2] if t[0] == "ref" else ""
        if kind == "union":
            return [self.inlined(b, seen) for b in t[1]]
        if kind != "ref":
            return {"type": kind, "items": self.inlined(t[1], seen)} if kind == "array" else {
                "type": kind, "values": self.inlined(t[1], seen)} if kind == "map" else kind
        if short in seen:
            return short
        seen.add(short)
        s = self.of(t)
        if s[0] == "record":
            return {"type": "record", "name": short,
                    "fields": [{"name": f[0].rpartition(".")[2], "type": self.inlined(f[2], seen)} for f in s[1]]}
        return {"type": s[0], "name": short, **({"symbols": s[2]} if s[0] == "enum" else {"size": s[1]})}

    def of(self, t):
        return self.types[t[1]] if t[0] == "ref" else t

    def size(self, t, within):
        """None when no value can be finite."""
        if t[0] == "ref":
            if t[1] in within:
                return None
            within += (t[1],)
        s = self.of(t)
        if s[0] == "record":
            return None if any(self.size(f[2], within) is None for f in s[1]) else 0
        if s[0] == "union":
            return 0 if any(self.size(b, within) is not None for b in s[1]) else None
        return 0


# ---- values: null None, numbers int, float and double their bytes, text bytes, enum its index, map pairs in a list,
# union (branch, value), record a list ----

TEXTS = [b"", b"x", "Köln".encode(), b"E:", b"y" * 63, b"z" * 64, b"w" * 200, b"\0"]


def any_value(s, r, t, depth):
    t = s.of(t)
    kind = t[0]
    if kind == "union":
        fitting = [i for i, b in enumerate(t[1]) if depth < 8 or s.of(b)[0] in PRIMITIVE + ["enum", "fixed"]]
        i = r.choice(fitting or [i for i, b in enumerate(t[1]) if s.size(b, ()) is not None])
        return (i, any_value(s, r, t[1][i], depth + 1))
    if kind in ("array", "map"):
        n = r.choice([0, 1, 1, 2, 3, 5]) if depth < 8 else 0
        items = [any_value(s, r, t[1], depth + 1) for _ in range(n)]
        return items if kind == "array" else list(zip([b"k%d" % i for i in range(n)], items))
    if kind == "record":
        return [any_value(s, r, f[2], depth + 1) for f in t[1]]
    if kind in ("int", "long"):
        top = 1 << (31 if kind == "int" else 63)
        return r.choice([0, -1, 63, 64, -65, 8191, 8192, 1 << 20, 1 << 30, top - 1, -top])
    return {"null": lambda: None, "boolean": lambda: r.random() < 0.5,
            "float": lambda: struct.pack("<f", r.choice([0.0, 1.5, -2.0 ** 70])),
            "double": lambda: struct.pack("<d", r.choice([0.0, 1.5, 1e300])),
            "bytes": lambda: r.choice(TEXTS + [b"\xff\0"]), "string": lambda: r.choice(TEXTS),
            "enum": lambda: r.randrange(t[1]), "fixed": lambda: bytes(r.randrange(256) for _ in range(t[1]))}[kind]()


def for_fastavro(s, t, v, tuples):
    """A value as fastavro wants it (tuples: union branches told by name) or gives it."""
    t = s.of(t)
    kind = t[0]
    if kind == "union":
        branch = t[1][v[0]]
        made = for_fastavro(s, branch, v[1], tuples)
        return (branch[1].rpartition(".")[2] if branch[0] == "ref" else branch[0], made) if tuples else made
    if kind == "array":
        return [for_fastavro(s, t[1], x, tuples) for x in v]
    if kind == "map":
        return {k.decode(): for_fastavro(s, t[1], x, tuples) for k, x in v}
    if kind == "record":
        return {f[0].rpartition(".")[2]: for_fastavro(s, f[2], x, tuples) for f, x in zip(t[1], v)}
    if kind in ("float", "double"):
        return struct.unpack("<f" if kind == "float" else "<d", v)[0]
    if kind == "string":
        return v.decode()
    return t[2][v] if kind == "enum" else v


def number(v, r=None):
    """Zigzag varint; with r sometimes longer than needed."""
    v = (v << 1) ^ (v >> 63)
    v &= (1 << 64) - 1
    out = bytearray()
    while v > 0x7F:
        out.append(v & 0x7F | 0x80)
        v >>= 7
    out.append(v)
    for _ in range(r.randrange(1, 3) if r is not None and len(out) < 8 and r.random() < 0.1 else 0):
        out[-1] |= 0x80
        out.append(0)
    return bytes(out)


def encode(s, t, v, r):
    """One of the ways to write it."""
    t = s.of(t)
    kind = t[0]
    if kind == "null":
        return b""
    if kind == "boolean":
        return b"\1" if v else b"\0"
    if kind in ("int", "long", "enum"):
        return number(v, r)
    if kind in ("float", "double", "fixed"):
        return v
    if kind in ("string", "bytes"):
        return number(len(v), r) + v
    if kind == "union":
        return number(v[0], r) + encode(s, t[1][v[0]], v[1], r)
    if kind == "record":
        return b"".join(encode(s, f[2], x, r) for f, x in zip(t[1], v))
    out, at = b"", 0
    while at < len(v):
        n = r.randint(1, len(v) - at)
        items = [encode(s, t[1], x, r) if kind == "array" else number(len(x[0]), r) + x[0] + encode(s, t[1], x[1], r)
                 for x in v[at:at + n]]
        body = b"".join(items)
        out += (number(-n, r) + number(len(body), r) if r.random() < 0.5 else number(n, r)) + body
        at += n
    return out + number(0, r)


class Reader:
    """The decoder of the Avro specification in its plainest and strictest form."""

    def __init__(self, s, b):
        self.s, self.b, self.at, self.empty = s, b, 0, 0

    def whole(self):
        v = self.value(self.s.root, 0)
        if self.at != len(self.b):
            raise Refused("bytes behind the record")
        return v

    def take(self, n):
        if n < 0 or n > len(self.b) - self.at:
            raise Refused("cut")
        self.at += n
        return self.b[self.at - n:self.at]

    def number(self):
        v = shift = 0
        while True:
            byte = self.take(1)[0]
            v |= (byte & 0x7F) << shift
            shift += 7
            if v >> 64 or shift > 70:
                raise Refused("number")
            if byte < 0x80:
                return (v >> 1) ^ -(v & 1)

    def value(self, t, depth):
        if depth > 120:
            raise Endless
        t = self.s.of(t)
        kind = t[0]
        if kind == "null":
            return None
        if kind == "boolean":
            v = self.take(1)[0]
            if v > 1:
                raise Refused("boolean")
            return v == 1
        if kind in ("int", "long"):
            v = self.number()
            if kind == "int" and not -1 << 31 <= v < 1 << 31:
                raise Refused("int")
            return v
        if kind in ("float", "double", "fixed"):
            return self.take({"float": 4, "double": 8}.get(kind) or t[1])
        if kind in ("string", "bytes"):
            return self.take(self.number())
        if kind in ("enum", "union"):
            v = self.number()
            if not 0 <= v < (t[1] if kind == "enum" else len(t[1])):
                raise Refused(kind)
            return v if kind == "enum" else (v, self.value(t[1][v], depth + 1))
        if kind == "record":
            return [self.value(f[2], depth + 1) for f in t[1]]
        return self.items(t, kind == "map", depth)

    def items(self, t, is_map, depth):
        out = []
        while True:
            n, end = self.number(), None
            if n == -1 << 63:
                raise Refused("count")
            if n < 0:
                n, size = -n, self.number()
                if not 0 <= size <= len(self.b) - self.at:
                    raise Refused("size")
                end = self.at + size
            if n == 0:
                if end not in (None, self.at):
                    raise Refused("size")
                return out
            for _ in range(n):
                before = self.at
                key = self.take(self.number()) if is_map else None
                v = self.value(t[1], depth + 1)
                out.append((key, v) if is_map else v)
                if self.at == before:
                    self.empty += 1
                    if self.empty > MANY:
                        raise Endless
            if end not in (None, self.at):
                raise Refused("size")


# ---- the rules: spec client-encryption 3.6 to 3.9 ----

class Walk:
    def __init__(self, s, job, writing):
        self.s, self.job, self.writing = s, job, writing

    def covered(self, full, tags):
        if not self.job["tags"]:
            return True
        hit = [t for p, ts in self.job["metadata"]["tags"].items() if pattern_hit(p, full) for t in ts]
        return bool(set(tags + hit) & set(self.job["tags"]))

    def combined(self, t):
        return t[0] == "union" and not (len(t[1]) == 2 and any(b[0] == "null" for b in t[1]))

    def run(self, t, v, field=None):
        """field: of the field that the value lies in: (covered, combined)."""
        t = self.s.of(t)
        kind = t[0]
        if kind == "record":
            out = []
            for (full, tags, ft), x in zip(t[1], v):
                inner = (self.covered(full, tags), self.combined(ft))
                if not inner[0] and self.job["inherit"] and ft[0] in PRIMITIVE:
                    inner = field
                out.append(self.run(ft, x, inner))
            return out
        if kind == "array":
            return [self.run(t[1], x, field) for x in v]
        if kind == "map":
            return [(k, self.run(t[1], x, field)) for k, x in v]
        if kind == "union":
            return (v[0], self.run(t[1][v[0]], v[1], field))
        if kind == "null" or field is None or not field[0]:
            return v
        if kind in ("string", "bytes"):
            return self.mark(v, kind == "string")
        if self.writing and not field[1] and not self.job["leave_others"]:
            raise Refused("type")
        return v

    def mark(self, v, is_string):
        if not self.writing and v[:2] != b"E:":
            raise Refused("no mark")
        made = b"E:" + v if self.writing else v[2:]
        if is_string:
            try:
                made.decode()
            except UnicodeDecodeError as e:
                raise Refused("UTF-8") from e
        return made


# ---- comparing ----

class Driver:
    def __init__(self, path):
        self.p = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, **line):
        self.p.stdin.write(json.dumps(line).encode() + b"\n")
        self.p.stdin.flush()
        out = self.p.stdout.readline()
        if not out:
            raise SystemExit(f"the driver died over {line}")
        return json.loads(out)

    def run(self, op, record):
        a = self.ask(op=op, record=base64.b64encode(record).decode())
        return a["rc"], base64.b64decode(a.get("out", "")), a.get("error", "")


class Case:
    """One schema under one rule."""

    def __init__(self, r, driver):
        self.r, self.d, self.s = r, driver, Schema(r)
        names = [f[0] for t in self.s.types.values() if t[0] == "record" for f in t[1]]
        patterns = ["**", "**.f0", "N?.f1", "a.**", "*.f2", "c.N*.f?"] + r.sample(names, min(2, len(names)))
        self.job = {"tags": [] if r.random() < 0.1 else [TAG], "inherit": r.random() < 0.3,
                    "leave_others": r.random() < 0.5, "metadata": {"tags": {
                        p: [r.choice([TAG, "OTHER"])] for p in r.sample(patterns, r.choice([0, 0, 1, 2]))}}}
        self.opened = dict(self.job, op="open", schema=json.dumps(self.s.root_text),
                           refs=[[self.ref_name(x), json.dumps(x)] for x in self.s.ref_texts])
        a = driver.ask(**self.opened)
        if a["rc"] != "OK":
            self.wrong(f"the schema is refused: {a}")

    def ref_name(self, x):
        return resolve(x, "", {})[1]

    def wrong(self, what, *details):
        print(json.dumps(self.opened))
        for d in details:
            print("  ", d.hex() if isinstance(d, bytes) else d)
        raise SystemExit("DIFFERENT: " + what)

    def written(self, v):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, self.s.bare, for_fastavro(self.s, self.s.root, v, True))
        return out.getvalue()

    def expect(self, v, writing):
        try:
            return Walk(self.s, self.job, writing).run(self.s.root, v)
        except Refused:
            return Refused

    def record(self, counts):
        """A record as fastavro writes it, and in another spelling."""
        v = any_value(self.s, self.r, self.s.root, 0)
        plain = self.written(v)
        want = self.expect(v, True)
        rc, out, error = self.d.run("write", plain)
        if (rc == "OK") != (want is not Refused):
            self.wrong(f"write: {rc} {error}, want {want}", plain)
        if self.d.run("check", plain)[0] != "OK":
            self.wrong("what fastavro wrote is refused", plain)
        if want is Refused:
            counts["refused"] += 1
            return
        if out != self.written(want):
            self.wrong("write gives other bytes", plain, out, self.written(want))
        rc, back, error = self.d.run("read", out)
        if rc != "OK" or back != plain:
            self.wrong(f"another record came back: {rc} {error}", plain, out, back)
        counts["transformed" if want != v else "untouched"] += 1
        other = encode(self.s, self.s.root, v, self.r)
        self.damaged(other, counts, "spelled")
        b = bytearray(self.r.choice([plain, other, out]))
        for _ in range(self.r.choice([1, 1, 2, 4])):
            at = self.r.randrange(len(b) + 1)
            way = self.r.randrange(4)
            if way == 0 and at < len(b):
                b[at] ^= 1 << self.r.randrange(8)
            elif way == 1:
                del b[at:at + self.r.randrange(1, 4)]
            elif way == 2:
                b[at:at] = bytes([self.r.choice([0, 1, 2, 3, 0x7F, 0x80, 0xFF])] * self.r.randrange(1, 12))
            else:
                del b[at:]
        self.damaged(bytes(b), counts, "damaged")

    def damaged(self, b, counts, kind):
        try:
            v = Reader(self.s, b).whole()
        except Refused:
            v = Refused
        except Endless:
            return
        for op in ("write", "read"):
            want = Refused if v is Refused else self.expect(v, op == "write")
            rc, out, error = self.d.run(op, b)
            if (rc == "OK") != (want is not Refused):
                self.wrong(f"{kind}, {op}: {rc} {error}, want {want}", b)
            if want is Refused:
                continue
            if Reader(self.s, out).whole() != want:
                self.wrong(f"{kind}, {op}: another meaning", b, out)
            try:
                same = for_fastavro(self.s, self.s.root, want, False)
            except UnicodeDecodeError:  # of a value or key that no rule touches
                continue
            read = fastavro.schemaless_reader(io.BytesIO(out), self.s.bare)
            if repr(read) != repr(same):
                self.wrong(f"{kind}, {op}: fastavro reads something else", b, out, read, same)
        counts[kind if v is not Refused else "refused bytes"] += 1


def main():
    driver, seconds = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 30
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(1 << 30)
    print(f"avro_diff: seed {seed}", flush=True)
    r, d = random.Random(seed), Driver(driver)
    counts = dict.fromkeys(["untouched", "transformed", "refused", "spelled", "damaged", "refused bytes"], 0)
    schemas, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        case = Case(r, d)
        schemas += 1
        for _ in range(20):
            case.record(counts)
    print(f"avro_diff: {schemas} schemas, " + ", ".join(f"{v} {k}" for k, v in counts.items()))
    return 0 if min(counts.values()) > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
