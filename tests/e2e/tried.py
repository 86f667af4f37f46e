"""What the tests of documented behaviour share (formats_test.py, rules_test.py): a `schloss dev`, one record that is
written and read under a schema and its rules, the outcome in the words of the page, and the tables of a page, which are
checked or written."""
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.realpath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build/release/bin/schloss"))
RULES = {"domainRules": [{
    "name": "pii", "kind": "TRANSFORM", "mode": "WRITEREAD", "type": "ENCRYPT", "tags": ["PII"],
    "params": {"encrypt.kek.name": "formats", "encrypt.kms.type": "local-kms", "encrypt.kms.key.id": "formats"}}]}


LEFT = "stays readable"


def leaves(value):
    if isinstance(value, dict):
        return [x for v in value.values() for x in leaves(v)]
    if isinstance(value, list):
        return [x for v in value for x in leaves(v)]
    return [] if value is None else [value]


class World:
    def __init__(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="schloss-formats-")
        self.server = subprocess.Popen([BIN, "dev"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("SCHLOSS_")}
        self.env.update(LOCAL_SECRET="test-only secret", NO_COLOR="1")
        for line in self.server.stdout:
            name, _, value = line.strip().partition("=")
            if name in ("registry", "bootstrap"):
                self.env["SCHLOSS_" + name.upper()] = value
            if line.startswith("ready"):
                break

    def close(self):
        self.server.terminate()
        self.server.wait(30)
        self.scratch.cleanup()

    def file(self, name, text):
        path = os.path.join(self.scratch.name, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def run(self, *args, stdin="", secret=True):
        env = self.env if secret else {k: v for k, v in self.env.items() if k != "LOCAL_SECRET"}
        return subprocess.run([BIN, *args], input=stdin, capture_output=True, text=True, env=env, timeout=120)

    def outcome(self, topic, kind, row):
        """Writes and reads row's value under its schema, rules and settings; what happened, in the words of the page."""
        schema = row["schema"]
        args = ["schema", "create", "--subject", topic + "-value", "--type", kind,
                "--schema", self.file(topic + ".schema", schema if kind == "protobuf" else json.dumps(schema)),
                "--ruleset", self.file(topic + ".rules", json.dumps(row.get("rules", RULES)))]
        if "metadata" in row:
            args += ["--metadata", self.file(topic + ".metadata", json.dumps(row["metadata"]))]
        made = self.run(*args)
        if made.returncode != 0:
            return "not registered: " + made.stderr
        conf = [x for c in row.get("conf", []) for x in ("-X", c)]
        wrote = self.run("produce", topic, "-v", *conf, *row.get("produce", []), stdin=json.dumps(row["value"]) + "\n",
                         secret=row.get("secret", True))
        if wrote.returncode != 0:
            return refusal("writing", wrote)
        said = " with a warning" if "IN CLEAR" in wrote.stderr else ""
        conf = [x for c in row.get("reading", row.get("conf", [])) for x in ("-X", c)]
        raw = self.run("consume", topic, "--raw", "-n", "1", "--timeout", "60")
        read = self.run("consume", topic, "-n", "1", "-v", "--timeout", "60", *conf, secret=row.get("can_read", True))
        if raw.returncode:
            return f"not read: {raw.stderr}"
        raw = json.loads(raw.stdout)
        before, lying = leaves(row["value"]), leaves(raw)
        if read.returncode:
            return refusal("reading", read)
        after = leaves(json.loads(read.stdout))
        if kind == "protobuf" and lying and not before:
            return "encrypted" if after in ([], [""]) else f"strange: {raw} {after}"
        if not before:
            return "nothing to encrypt"
        if before != lying and after == lying:
            return "read as ciphertext"
        if before != after:
            return f"read differently: {before} {after}"
        changed = [a != b for a, b in zip(before, lying)]
        return LEFT + said if not any(changed) else "encrypted" if all(changed) else "partly encrypted"


def refusal(doing, run):
    """`CODE` out of the first line of an error."""
    code = re.search(r"\b(%s)\b" % "|".join(CODES), run.stderr)
    return f"{doing} fails: `{code[1]}`" if code else f"{doing} fails: {run.stderr}"


with open(os.path.join(ROOT, "include/schloss/error_codes.h"), encoding="utf-8") as header:
    CODES = re.findall(r"X\(([A-Z_0-9]+), -", header.read())


def tables(world, sections, heads, formats):
    out = {}
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for kind, rows in sections.items():
            def try_row(n, kind=kind, rows=rows):
                tries = rows[n][1] if isinstance(rows[n][1], list) else [rows[n][1]]
                return " or ".join(dict.fromkeys(world.outcome(f"{kind}{n}-{i}", formats.get(kind, "avro"), row)
                                                 for i, row in enumerate(tries)))
            results = pool.map(try_row, range(len(rows)))
            lines = [f"| {text} | {' '.join(result.split())} |" for (text, _), result in zip(rows, results)]
            out[kind] = "\n".join([f"| {heads[kind]} | |", "|---|---|", *lines])
    return out


def main(page_name, sections, heads, formats):
    """sections: name -> rows (text, what to try or a list of it); heads: name -> first column's title."""
    page_path = os.path.join(ROOT, page_name)
    script = "tests/e2e/" + os.path.basename(sys.argv[0])
    world = World()
    try:
        made = tables(world, sections, heads, formats)
    finally:
        world.close()
    with open(page_path, encoding="utf-8") as f:
        page = f.read()
    passed = failed = 0
    for kind, table in made.items():
        pattern = re.compile(rf"(<!-- {kind}: written by {script} -->\n).*?(<!-- end -->)", re.DOTALL)
        have = pattern.search(page)
        if "--page" in sys.argv:
            page = pattern.sub(lambda m: m[1] + table + "\n" + m[2], page)
            continue
        there = have[0].splitlines() if have else []
        for line in table.splitlines()[2:]:
            ok = line in there
            passed, failed = passed + ok, failed + (not ok)
            print(("ok      " if ok else "FAILED  ") + f"{kind}: {line}", flush=True)
    if "--page" in sys.argv:
        with open(page_path, "w", encoding="utf-8") as f:
            f.write(page)
        return 0
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not passed else 0
