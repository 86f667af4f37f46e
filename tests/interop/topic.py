"""What really lies on the topics, seen by a reader that knows nothing of Schloss nor of the clients' serializers: raw bytes
from the broker, decoded as plain Avro. Also what lies on the broker's disk and in the registry's files."""
import base64
import io
import os
import time

import fastavro
from confluent_kafka import Consumer, TopicPartition

import cells

HEADER = "__value_schema_id"


def fetch(bootstrap, topics, count, timeout):
    """Raw messages by topic."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "interop-raw", "enable.auto.commit": False})
    consumer.assign([TopicPartition(t, 0, 0) for t in topics])
    raw = {t: [] for t in topics}
    end = time.monotonic() + timeout
    quiet = 0
    while time.monotonic() < end and quiet < 4 and any(len(m) < count for m in raw.values()):
        m = consumer.poll(0.5)
        quiet = quiet + 1 if m is None else 0
        if m is not None and not m.error():
            raw[m.topic()].append(m)
    consumer.close()
    return raw


def disguises(text):
    """A text as it would show in clear, and in base64 at each of the three offsets (without the ends, which depend on
    what stands beside it)."""
    data = text.encode()
    return [data] + [base64.b64encode(b"\0" * shift + data)[4 if shift else 0:-4] for shift in range(3)]


def leaks(data, text):
    return any(d in data for d in disguises(text))


def check_cipher(case, data, plain_length, what):
    """data: one ciphertext as bytes."""
    prefix = 5 if case.expiry else 0
    if len(data) != plain_length + cells.OVERHEAD[case.algorithm] + prefix:
        return "%s: %d bytes of ciphertext for %d of plaintext" % (what, len(data), plain_length)
    if case.expiry and data[:5] != b"\0\0\0\0\1":
        return "%s: no DEK version in front of the ciphertext" % what
    return None


def check_fields(case, body, record):
    """Decodes the body as Avro; every tagged value must be a ciphertext of the right length, the others plain."""
    seen = fastavro.schemaless_reader(io.BytesIO(body), fastavro.parse_schema(cells.schema(case.inline)))
    if (seen["id"], seen["marker"], seen["home"]["zip"]) != (record["id"], record["marker"], record["home"]["zip"]):
        return "an untagged field is not what was written"
    if (seen["phone"] is None) != (record["phone"] is None):
        return "null became a value or the reverse"
    pairs = [("ssn", seen["ssn"], record["ssn"]), ("street", seen["home"]["street"], record["home"]["street"])]
    pairs += [("aliases", *p) for p in zip(seen["aliases"], record["aliases"], strict=True)]
    pairs += [("notes", seen["notes"][k], record["notes"][k]) for k in record["notes"]]
    if record["phone"] is not None:
        pairs.append(("phone", seen["phone"], record["phone"]))
    for name, cipher, plain in pairs:
        wrong = check_cipher(case, base64.b64decode(cipher, validate=True), len(plain.encode()), name)
        if wrong:
            return wrong
    return check_cipher(case, seen["photo"], len(record["photo"]) // 2, "photo")


def check(case, messages, records):
    """None when the topic holds what it should, else what is wrong."""
    if len(messages) != len(records):
        return "%d of %d records lie on the topic" % (len(messages), len(records))
    for m, record in zip(messages, records):
        value, headers = m.value(), dict(m.headers() or [])
        if case.framing == "header":
            if len(headers.get(HEADER, b"")) != 17 or headers[HEADER][0] != 1:
                return "no GUID in the header"
            body = value
        else:
            if value[0] != 0 or HEADER in headers:
                return "no schema id in front of the value"
            body = value[5:]
        if leaks(value, cells.CANARY):
            return "PLAINTEXT on the topic"
        plain = io.BytesIO()
        fastavro.schemaless_writer(plain, fastavro.parse_schema(cells.schema(False)),
                                   dict(record, photo=bytes.fromhex(record["photo"])))
        try:
            if not case.payload:
                wrong = check_fields(case, body, record)
            elif leaks(value, cells.MARKER):
                wrong = "PLAINTEXT on the topic: the payload is not encrypted"
            elif case.expiry and body[:5] != b"\0\0\0\0\1":
                wrong = "no DEK version in front of the ciphertext"
            else:
                # Blocks of arrays may be written with their size in bytes: a few bytes more.
                extra = len(body) - len(plain.getvalue()) - cells.OVERHEAD[case.algorithm] - (5 if case.expiry else 0)
                wrong = "payload: %d bytes too many" % extra if not 0 <= extra <= 8 else None
        except (ValueError, KeyError, EOFError, IndexError) as e:
            wrong = "not the expected Avro: %s: %s" % (type(e).__name__, e)
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
