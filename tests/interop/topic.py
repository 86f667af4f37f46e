"""What really lies on the topics, seen by a reader that knows nothing of Schloss nor of the clients' serializers: raw bytes
from the broker, decoded as plain Avro, Protobuf or JSON. Also what lies on the broker's disk and in the registry's files."""
import base64
import io
import json
import os
import time

import fastavro
from confluent_kafka import Consumer, TopicPartition
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

import cells

HEADER = "__value_schema_id"


def _message_class():
    pool = descriptor_pool.DescriptorPool()
    pool.Add(descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(cells.proto_descriptor(False))))
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(cells.MESSAGE))


PERSON = _message_class()


def fetch(bootstrap, counts, timeout):
    """Raw messages by topic; counts: how many to expect of each."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "interop-raw", "enable.auto.commit": False})
    consumer.assign([TopicPartition(t, 0, 0) for t in counts])
    raw = {t: [] for t in counts}
    missing = sum(counts.values())
    end = time.monotonic() + timeout
    quiet = 0
    while missing > 0 and time.monotonic() < end and quiet < 4:
        m = consumer.poll(0.5)
        quiet = quiet + 1 if m is None else 0
        if m is not None and not m.error():
            raw[m.topic()].append(m)
            missing -= 1
    consumer.close()
    return raw


def disguises(text):
    """A text as it would show in clear, and in base64 at each of the three offsets (without the ends, which depend on
    what stands beside it)."""
    data = text.encode()
    return [data] + [base64.b64encode(b"\0" * shift + data)[4 if shift else 0:-4] for shift in range(3)]


def leaks(data, text):
    return any(d in data for d in disguises(text))


def version_prefix(case, version):
    return b"\0" + version.to_bytes(4, "big") if case.expiry else b""


def check_cipher(case, data, plain_length, what, version):
    """data: one ciphertext as bytes; version: of the DEK that must have been used."""
    prefix = version_prefix(case, version)
    if len(data) != plain_length + cells.OVERHEAD[case.algorithm] + len(prefix):
        return "%s: %d bytes of ciphertext for %d of plaintext" % (what, len(data), plain_length)
    if not data.startswith(prefix):
        return "%s: not version %d of the DEK in front of the ciphertext" % (what, version)
    return None


def decode(case, body):
    """The body in a form like the neutral one, values as they lie there (bytes stay bytes)."""
    if case.format == "AVRO":
        return fastavro.schemaless_reader(io.BytesIO(body), fastavro.parse_schema(cells.avro_schema(case.inline)))
    if case.format == "JSON":
        return json.loads(body)
    m = PERSON.FromString(body)
    return {"id": m.id, "marker": m.marker, "ssn": m.ssn, "photo": m.photo, "phone": m.phone if m.HasField("phone") else None}


def check_fields(case, body, record, version):
    """Every tagged value must be a ciphertext of the right length, the others plain."""
    seen = decode(case, body)
    if (seen["id"], seen["marker"]) != (record["id"], record["marker"]):
        return "an untagged field is not what was written"
    if (seen["phone"] is None) != (record["phone"] is None):
        return "null became a value or the reverse"
    pairs = [("ssn", seen["ssn"], record["ssn"])]
    if "home" in record:
        if seen["home"]["zip"] != record["home"]["zip"]:
            return "an untagged field is not what was written"
        pairs.append(("street", seen["home"]["street"], record["home"]["street"]))
    pairs += [("aliases", *p) for p in zip(seen.get("aliases", []), record.get("aliases", []), strict=True)]
    pairs += [("notes", seen["notes"][k], v) for k, v in record.get("notes", {}).items()]
    if record["phone"] is not None:
        pairs.append(("phone", seen["phone"], record["phone"]))
    if case.format == "JSON":
        pairs.append(("photo", seen["photo"], record["photo"]))
    for name, cipher, plain in pairs:
        wrong = check_cipher(case, base64.b64decode(cipher, validate=True), len(plain.encode()), name, version)
        if wrong:
            return wrong
    if case.format == "JSON":
        return None
    return check_cipher(case, seen["photo"], len(record["photo"]) // 2, "photo", version)


def plain_length(case, record):
    """Length of the encoded record without encryption, and how much longer another encoder may make it."""
    r = dict(record, photo=bytes.fromhex(record["photo"]))
    if case.format == "AVRO":  # blocks of arrays may be written with their size in bytes
        plain = io.BytesIO()
        fastavro.schemaless_writer(plain, fastavro.parse_schema(cells.avro_schema(False)), r)
        return len(plain.getvalue()), 8
    if case.format == "JSON":  # blanks between tokens
        return len(json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()), 80
    return len(PERSON(**{k: v for k, v in r.items() if v is not None}).SerializeToString()), 0


def check_payload(case, value, body, record, version):
    if leaks(value, cells.MARKER):
        return "PLAINTEXT on the topic: the payload is not encrypted"
    prefix = version_prefix(case, version)
    if not body.startswith(prefix):
        return "not version %d of the DEK in front of the ciphertext" % version
    length, slack = plain_length(case, record)
    extra = len(body) - length - cells.OVERHEAD[case.algorithm] - len(prefix)
    return "payload: %d bytes too many" % extra if not 0 <= extra <= slack else None


def unframe(case, m):
    """(body, what is wrong)"""
    value, headers = m.value(), dict(m.headers() or [])
    index = b"\0" if case.format == "PROTOBUF" else b""  # the first message of the file
    if case.framing == "header":
        header = headers.get(HEADER, b"")
        if len(header) != 17 + len(index) or header[0] != 1 or header[17:] != index:
            return value, "no GUID in the header"
        return value, None
    if value[0] != 0 or HEADER in headers or value[5:5 + len(index)] != index:
        return value, "no schema id in front of the value"
    return value[5 + len(index):], None


def check(case, messages):
    """None when the topic holds what it should, else what is wrong."""
    expected = [(r, version) for version, batch in enumerate(case.batches(), 1) for r in batch]
    if len(messages) != len(expected):
        return "%d of %d records lie on the topic" % (len(messages), len(expected))
    for m, (record, version) in zip(messages, expected):
        if leaks(m.value(), cells.CANARY):
            return "PLAINTEXT on the topic"
        body, wrong = unframe(case, m)
        try:
            if not wrong and case.payload:
                wrong = check_payload(case, m.value(), body, record, version)
            elif not wrong:
                wrong = check_fields(case, body, record, version)
        except (ValueError, KeyError, EOFError, IndexError, TypeError, DecodeError) as e:
            wrong = "not the expected %s: %s: %s" % (case.format, type(e).__name__, e)
        if wrong:
            return wrong
    return None


def files_with(folder, text):
    """Files below a folder (or one file) that hold the text in clear or in base64."""
    found = []
    names = [folder] if os.path.isfile(folder) else [os.path.join(d, f) for d, _, fs in os.walk(folder) for f in fs]
    for name in names:
        with open(name, "rb") as f:
            if leaks(f.read(), text):
                found.append(name)
    return found
