"""docs/interop.md from a run: who reads whom, by format."""
import itertools

import cells

NAMES = {"schloss": "libschloss", "javascript": "JavaScript", "python": "Python", "go": "Go"}
HEAD = """# Interoperability, as measured

Written by `tests/interop/run --page docs/interop.md`. On Apache Kafka 4.3.1 and `schloss registry`, libschloss (through
`schloss produce` and `schloss consume`) and the official clients for JavaScript, Python and Go write and read the same
records. A number pair is cells passed / cells tried; a cell is three records (six when the key was rotated in between) that
the reader must return as the writer had them, while an independent reader finds ciphertext of the right form on the topic.

"""


def _pair(run, cases, writer, reader):
    tried = [run.results[i, writer, reader] or run.known.get((i, writer, reader)) for i in cases]
    good = sum(1 for wrong in tried if not wrong)
    return "%d / %d" % (good, len(tried)) if tried else "-"


def _table(run, title, cases):
    lines = ["## " + title, "", "| writes \\ reads | " + " | ".join(NAMES[r] for r in run.everyone) + " |",
             "|---" * (len(run.everyone) + 1) + "|"]
    for writer in run.everyone:
        row = ["-" if reader == writer else _pair(run, cases, writer, reader) for reader in run.everyone]
        lines.append("| %s | %s |" % (NAMES[writer], " | ".join(row)))
    return lines + [""]


def write(path, run):
    """Tables of a finished run (matrix.Run)."""
    formats = {"AVRO": "Avro", "PROTOBUF": "Protobuf", "JSON": "JSON Schema"}
    lines = []
    for (name, text), (payload, kind) in itertools.product(formats.items(), ((False, "fields"), (True, "payload"))):
        chosen = [i for i, c in enumerate(run.cases) if c.format == name and c.payload == payload]
        ways = [run.cases[i] for i in chosen]
        lines += _table(run, "%s, %s" % (text, kind), chosen)
        lines += ["%s; of %d cases %d with a rotated DEK, %d with a shared KEK, %d with GUIDs in headers%s." % (
            ", ".join(sorted({c.algorithm for c in ways})), len(ways), sum(c.expiry == "rotated" for c in ways),
            sum(c.shared for c in ways), sum(c.framing == "header" for c in ways),
            "" if payload else ", %d with tags in the metadata" % sum(not c.inline for c in ways)), ""]
    lines += ["## What does not pass, and why", ""]
    wrong = {}
    for (i, writer, reader), text in {**run.results, **run.known}.items():
        if text:
            wrong.setdefault((writer, reader, run.cases[i].format, text[:240]), []).append(i)
    lines += ["- %s writes, %s reads, %s, %d cells: %s" % (NAMES[w], NAMES[r], f.lower(), len(cases), text)
              for (w, r, f, text), cases in wrong.items()] or ["Nothing: all cells pass."]
    with open(path, "w") as f:
        f.write(HEAD + "\n".join(lines).rstrip() + "\n")
