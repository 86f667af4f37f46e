#!/usr/bin/env python3
"""Differential test: random messages through Protobuf plans and through a plain walk over google.protobuf messages.

    protobuf_diff.py DRIVER [SECONDS] [SEED]

DRIVER is build/*/tests/protobuf_driver. Needs protoc and the Python package protobuf. For each message: the transformed
bytes equal what google.protobuf writes after the same transform (bytes for bytes where the input was canonical, as
parsed messages where fields were shuffled, repeated or torn apart), reading gives the message back, and both directions
of JSON agree with google.protobuf's."""
import base64
import json
import math
import pathlib
import random
import subprocess
import sys
import tempfile
import time

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory, unknown_fields
from google.protobuf.descriptor import FieldDescriptor as FD

HERE = pathlib.Path(__file__).resolve().parent / "protobuf"
TAG = "PII"
PATTERNS = {"t.All.MbEntry.value": [TAG], "t.Old.MEntry.value": [TAG], "google.protobuf.StringValue.value": [TAG]}


def compile_files():
    with tempfile.TemporaryDirectory() as tmp:
        out = pathlib.Path(tmp) / "set"
        subprocess.run(["protoc", f"-I{HERE}", f"--descriptor_set_out={out}", "--include_imports", "shapes.proto",
                        "old.proto"], check=True, cwd=HERE)
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    return {f.name: f for f in files.file}


def editions_of(proto3):
    """The proto3 file as edition 2023: implicit presence for the file, explicit for some fields, one delimited."""
    f = descriptor_pb2.FileDescriptorProto.FromString(proto3.SerializeToString())
    f.name, f.package, f.syntax, f.edition = "editions.proto", "e", "editions", descriptor_pb2.EDITION_2023
    features = descriptor_pb2.FeatureSet
    f.options.features.field_presence = features.IMPLICIT

    def fix(m):
        fields = [x for x in m.field if x.proto3_optional]
        synthetic = sorted({x.oneof_index for x in fields}, reverse=True)
        for x in m.field:
            if x.type_name.startswith(".t."):
                x.type_name = ".e." + x.type_name[3:]
            if x.proto3_optional:
                x.options.features.field_presence = features.EXPLICIT
                x.ClearField("proto3_optional")
                x.ClearField("oneof_index")
            if x.name in ("inner", "inners", "pm", "deeper"):
                x.options.features.message_encoding = features.DELIMITED
            if x.options.HasField("packed"):
                x.options.ClearField("packed")
                x.options.features.repeated_field_encoding = features.EXPANDED
        for index in synthetic:
            del m.oneof_decl[index]
        for n in m.nested_type:
            fix(n)

    for m in f.message_type:
        fix(m)
    return f


def metadata(package):
    tags = {k.replace("t.", package + ".", 1) if k.startswith("t.") else k: v for k, v in PATTERNS.items()}
    return {"tags": tags}


# ---- the plain walk ----

def inline_tags(fd):
    tags, raw = [], fd.GetOptions()
    text = descriptor_pb2.FieldOptions.FromString(raw.SerializeToString())
    for number, value in unknown(text.SerializeToString()):
        if number == 1088:
            tags += [v.decode() for n, v in unknown(value) if n == 3]
    return tags


def varint(b, at):
    v = shift = 0
    while True:
        v |= (b[at] & 0x7F) << shift
        shift += 7
        at += 1
        if b[at - 1] < 0x80:
            return v, at


def unknown(b):
    """Length-delimited fields of a small message of which nothing else is wanted."""
    at = 0
    while at < len(b):
        tag, at = varint(b, at)
        if tag & 7 == 2:
            n, at = varint(b, at)
            yield tag >> 3, b[at:at + n]
            at += n
        elif tag & 7 == 0:
            _, at = varint(b, at)
        else:
            at += 8 if tag & 7 == 1 else 4


class Walk:
    def __init__(self, patterns):
        self.patterns, self.known = patterns["tags"], {}

    def covered(self, fd):
        if fd.full_name not in self.known:
            self.known[fd.full_name] = TAG in inline_tags(fd) + self.patterns.get(fd.full_name, [])
        return self.known[fd.full_name] and fd.type in (FD.TYPE_STRING, FD.TYPE_BYTES)

    @staticmethod
    def write(fd, v):
        return "E:" + v if fd.type == FD.TYPE_STRING else b"E:" + v

    def run(self, msg):
        for fd in msg.DESCRIPTOR.fields:
            value = getattr(msg, fd.name)
            if fd.message_type is not None and fd.message_type.GetOptions().map_entry:
                inner = fd.message_type.fields_by_name["value"]
                for k in list(value):
                    if inner.message_type is not None:
                        self.run(value[k])
                    elif self.covered(inner):
                        value[k] = self.write(inner, value[k])
            elif fd.message_type is not None:
                if repeated(fd):
                    for v in value:
                        self.run(v)
                elif msg.HasField(fd.name):
                    self.run(value)
            elif self.covered(fd):
                if repeated(fd):
                    new = [self.write(fd, v) for v in value]
                    del value[:]
                    value.extend(new)
                elif not fd.has_presence or msg.HasField(fd.name):
                    setattr(msg, fd.name, self.write(fd, value))
        return msg


def repeated(fd):
    return fd.is_repeated if hasattr(fd, "is_repeated") else fd.label == FD.LABEL_REPEATED


# ---- random messages ----

TEXTS = ["", "a", "x" * 40, "Köln", "日本", "\0", "E:", "\"\\\n", "y" * 130, "z" * 17000]


def scalar(rng, fd):
    small = rng.choice([0, 1, 2, 127, 128, 300])
    if fd.type == FD.TYPE_STRING:
        return rng.choice(TEXTS[:-1] if rng.random() < 0.99 else TEXTS)
    if fd.type == FD.TYPE_BYTES:
        return rng.choice([b"", b"\0", b"\xff" * 20, b"E:", bytes(200)])
    if fd.type == FD.TYPE_BOOL:
        return rng.random() < 0.5
    if fd.type in (FD.TYPE_DOUBLE, FD.TYPE_FLOAT):
        return rng.choice([0.0, -0.0, 1.5, -2.0 ** 70, 1e-30, float("inf"), 0.1 if fd.type == FD.TYPE_DOUBLE else 0.25])
    if fd.type == FD.TYPE_ENUM:
        return rng.choice([0, 1, -3] + ([] if fd.enum_type.is_closed else [77]))
    wide = fd.type in (FD.TYPE_INT64, FD.TYPE_UINT64, FD.TYPE_FIXED64, FD.TYPE_SFIXED64, FD.TYPE_SINT64)
    natural = fd.type in (FD.TYPE_UINT32, FD.TYPE_UINT64, FD.TYPE_FIXED32, FD.TYPE_FIXED64)
    bits = 64 if wide else 32
    return rng.choice([small, (1 << bits) - 1] if natural else [small, -small, -(1 << (bits - 1)), (1 << (bits - 1)) - 1])


def known_type(rng, msg):
    name = msg.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        msg.seconds, msg.nanos = rng.choice([0, -62135596800, 253402300799, 951782400, -1]), rng.choice([0, 5, 10 ** 6])
    elif name == "google.protobuf.Duration":
        sign = rng.choice([-1, 1])
        msg.seconds, msg.nanos = sign * rng.choice([0, 3, 315576000000]), sign * rng.choice([0, 1000, 10 ** 8])
    elif name == "google.protobuf.FieldMask":
        msg.paths.extend(rng.sample(["a", "b_c.d", "e"], rng.randrange(3)))
    elif name == "google.protobuf.Struct":
        msg.update(rng.choice([{}, {"k": [1.5, None, "t", {"deep": True}]}, {"a": "b"}]))
    elif name == "google.protobuf.Value":
        json_format.ParseDict(rng.choice([None, 1.25, "v", False, {"o": 1.0}, [None]]), msg)
    elif name == "google.protobuf.Any":
        msg.type_url = "x/t.Plain"
        msg.value = rng.choice([b"", b"\x0a\x01q"])
    else:
        return False
    return True


def fill(rng, msg, depth=0):
    if known_type(rng, msg):
        return msg
    chance = rng.choice([0.1, 0.4, 0.9]) / (1 + depth)
    for fd in msg.DESCRIPTOR.fields:
        if rng.random() > chance:
            continue
        if fd.message_type is not None and fd.message_type.GetOptions().map_entry:
            k, v = fd.message_type.fields_by_name["key"], fd.message_type.fields_by_name["value"]
            target = getattr(msg, fd.name)
            for _ in range(rng.randrange(3)):
                if v.message_type is not None:
                    fill(rng, target[scalar(rng, k)], depth + 1)
                else:
                    target[scalar(rng, k)] = scalar(rng, v)
        elif fd.message_type is not None:
            if depth > 5:
                continue
            for _ in range(rng.randrange(3) if repeated(fd) else 1):
                if repeated(fd):
                    fill(rng, getattr(msg, fd.name).add(), depth + 1)
                else:
                    getattr(msg, fd.name).SetInParent()
                    fill(rng, getattr(msg, fd.name), depth + 1)
        elif repeated(fd):
            getattr(msg, fd.name).extend(scalar(rng, fd) for _ in range(rng.randrange(4)))
        else:
            setattr(msg, fd.name, scalar(rng, fd))
    return msg


# ---- other ways of writing the same ----

def fields_of(b):
    """Top-level fields of canonical bytes, each with its tag; groups whole."""
    out, at = [], 0
    while at < len(b):
        start = at
        at = skip(b, at)
        out.append(b[start:at])
    return out


def skip(b, at):
    tag, at = varint(b, at)
    kind = tag & 7
    if kind == 0:
        return varint(b, at)[1]
    if kind in (1, 5):
        return at + (8 if kind == 1 else 4)
    if kind == 2:
        n, at = varint(b, at)
        return at + n
    while True:
        inner, after = varint(b, at)
        if inner & 7 == 4:
            return after
        at = skip(b, at)


EXTRA = [b"", b"\xfa\xff\x07\x03abc", b"\xf8\xff\x07\x05", b"\xfb\xff\x07\x08\x01\xfc\xff\x07", b"\xfd\xff\x07abcd"]


def disturb(rng, cls, a, b):
    """Bytes of two messages, torn apart and mixed."""
    way = rng.randrange(4)
    parts = fields_of(a)
    if way == 0:
        rng.shuffle(parts)
    elif way == 1:
        parts += fields_of(b)
    elif way == 2:
        parts += fields_of(b)
        rng.shuffle(parts)
    parts.insert(rng.randrange(len(parts) + 1), rng.choice(EXTRA))
    if rng.random() < 0.3 and parts:
        parts.append(rng.choice(parts))
    return b"".join(parts)


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


def wrong(what, *details):
    for d in details:
        print("  ", d.hex() if isinstance(d, bytes) else d)
    raise SystemExit(what)


def same_message(cls, x, y):
    return cls.FromString(x).SerializeToString(deterministic=True) == cls.FromString(y).SerializeToString(
        deterministic=True)


def check_plan(d, walk, cls, record, canonical):
    try:
        message = cls.FromString(record)
    except Exception:
        message = None
    rc, out, error = d.run("write", record)
    if message is None:
        return  # google.protobuf refuses more, such as strings that nothing touches and that are not UTF-8
    if rc != "OK":
        wrong(f"write refuses what google.protobuf reads: {rc} {error}", record)
    expect = walk.run(cls.FromString(record)).SerializeToString(deterministic=True)
    if canonical and out != expect:
        wrong("write gives other bytes", record, out, expect)
    if not same_message(cls, out, expect):
        wrong("write gives another message", record, out, expect)
    for cipher in (out, expect):
        rc, back, error = d.run("read", cipher)
        if rc != "OK":
            wrong(f"what was written cannot be read: {rc} {error}", record, cipher)
        if not same_message(cls, back, message.SerializeToString()):
            wrong("another message came back", record, cipher, back)
    if canonical and back != record:
        wrong("other bytes came back", record, back)


def check_json(d, cls, record, pool, canonical):
    message = cls.FromString(record)
    try:
        text = json_format.MessageToJson(message, descriptor_pool=pool)
    except Exception:
        return
    rc, out, error = d.run("from_json", text.encode())
    if rc != "OK":
        wrong(f"from_json refuses what google.protobuf wrote: {rc} {error}", text)
    again = json_format.Parse(text, cls(), descriptor_pool=pool)
    if out != again.SerializeToString(deterministic=True) and not same_message(cls, out, again.SerializeToString()):
        wrong("from_json gives another message", text, out, again.SerializeToString())
    rc, out, error = d.run("to_json", record)
    if rc != "OK":
        wrong(f"to_json refuses: {rc} {error}", record)
    if json_format.Parse(out.decode(), cls(), descriptor_pool=pool) != again:
        wrong("to_json gives another message", record, out.decode(), text)


def damage(rng, record):
    b = bytearray(record or b"\0")
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(b))
        what = rng.randrange(3)
        if what == 0:
            b[at] ^= 1 << rng.randrange(8)
        elif what == 1:
            b[at:at + rng.randrange(4)] = b""
            b = b or bytearray(1)
        else:
            b[at:at] = bytes([rng.randrange(256)])
    return bytes(b)


def odd(msg):
    """Does it hold a declared field as an unknown one? (Other wire type, map entry with more than key and value.)"""
    declared = msg.DESCRIPTOR.fields_by_number
    if any(u.field_number in declared for u in unknown_fields.UnknownFieldSet(msg)):
        return True
    for fd, value in msg.ListFields():
        if fd.message_type is None:
            continue
        if fd.message_type.GetOptions().map_entry:
            if fd.message_type.fields_by_name["value"].message_type is not None and any(map(odd, value.values())):
                return True
        elif any(map(odd, value)) if repeated(fd) else odd(value):
            return True
    return False


def check_damaged(d, walk, cls, record):
    """Whatever passes must be understood as google.protobuf understands it."""
    rc, out, _ = d.run("write", record)
    try:
        message = cls.FromString(record)
    except Exception:
        return
    if rc != "OK" or odd(message):
        return
    try:
        expect = walk.run(message).SerializeToString(deterministic=True)
    except UnicodeError:  # of a key, which nothing touches
        return
    if not same_message(cls, out, expect):
        wrong("damaged bytes are understood in another way", record, out, expect)


def main():
    driver, seconds = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 30
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 30)
    print(f"protobuf_diff: seed {seed}", flush=True)
    rng = random.Random(seed)
    files = compile_files()
    files["editions.proto"] = editions_of(files["shapes.proto"])
    pool = descriptor_pool.DescriptorPool()
    for f in files.values():
        pool.Add(f)
    roots = [("shapes.proto", "t.All"), ("old.proto", "t.Old"), ("editions.proto", "e.All")]
    d, n, until = Driver(driver), 0, time.time() + seconds
    while time.time() < until:
        for file, name in roots:
            cls = message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
            meta = metadata(name[0])
            walk = Walk(meta)
            a = d.ask(op="open", schema=base64.b64encode(files[file].SerializeToString()).decode(), refs=[],
                      message=name, tags=[TAG], metadata=meta)
            if a["rc"] != "OK":
                wrong(f"{file}: {a}")
            for _ in range(100):
                first = fill(rng, cls()).SerializeToString(deterministic=True)
                second = fill(rng, cls()).SerializeToString(deterministic=True)
                check_plan(d, walk, cls, first, True)
                mixed = disturb(rng, cls, first, second)
                check_plan(d, walk, cls, mixed, False)
                check_damaged(d, walk, cls, damage(rng, rng.choice([first, mixed])))
                if file == "shapes.proto":
                    check_json(d, cls, first, pool, True)
                    check_json(d, cls, mixed, pool, False)
                n += 1
    print(f"protobuf_diff: {n} messages agree")


if __name__ == "__main__":
    main()
