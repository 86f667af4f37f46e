#!/usr/bin/env python3
"""Differential test of JSON plans: random schemas, rules and records, walked by json_driver and by a plain reading of the
rules over Python's json module. Both put marks around values instead of encrypting them; results must be equal, and
so must be the refusal of a record.

    tests/diff/json_diff.py DRIVER [SECONDS [SEED]]     30 seconds by default; prints the first difference and stops
"""
import itertools
import json
import random
import re
import subprocess
import sys
import time

TAG = "PII"


REFUSED = object()


class Refused(Exception):
    """The record (or the schema under the rule) is refused."""


# ---- the reference: spec client-encryption 1.5, 3.6 to 3.9, in the plainest form ----


def deref(schema, root):
    for _ in range(64):
        if set(schema) - {"confluent:tags"} != {"$ref"}:
            break
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


def tags_of(schema, root):
    """Tags of a property: on its schema and along the references from there."""
    found = list(schema.get("confluent:tags", []))
    for _ in range(64):
        if "$ref" not in schema:
            break
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
        found += schema.get("confluent:tags", [])
    return found


def types_of(schema):
    t = schema.get("type", [])
    return [t] if isinstance(t, str) else t


def fits_type(name, value):
    if name == "null":
        return value is None
    if name == "boolean":
        return isinstance(value, bool)
    if name == "string":
        return isinstance(value, str)
    if name == "object":
        return isinstance(value, dict)
    if name == "array":
        return isinstance(value, list)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and (name == "number" or value == int(value))


def valid(schema, value, root):
    if "$ref" in schema and not valid(root["$defs"][schema["$ref"].rsplit("/", 1)[1]], value, root):
        return False
    if types_of(schema) and not any(fits_type(t, value) for t in types_of(schema)):
        return False
    if "enum" in schema and not any(type(e) is type(value) and e == value for e in schema["enum"]):
        return False
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0) or len(value) > schema.get("maxLength", 10**9):
            return False
        if "pattern" in schema and not re.search(schema["pattern"], value):
            return False
    if isinstance(value, dict):
        if any(name not in value for name in schema.get("required", [])):
            return False
        for name, inner in value.items():
            if name in schema.get("properties", {}):
                if not valid(schema["properties"][name], inner, root):
                    return False
            elif schema.get("additionalProperties") is False:
                return False
    if isinstance(value, list) and "items" in schema and not all(valid(schema["items"], v, root) for v in value):
        return False
    if not all(valid(s, value, root) for s in schema.get("allOf", [])):
        return False
    if "anyOf" in schema and not any(valid(s, value, root) for s in schema["anyOf"]):
        return False
    return "oneOf" not in schema or sum(valid(s, value, root) for s in schema["oneOf"]) == 1


def is_null(schema, root):
    return types_of(deref(schema, root)) == ["null"]


def combined(schema, root):
    """Is the declared type COMBINED? Two alternatives, one of them null, are a nullable value instead."""
    schema = deref(schema, root)
    parts = [k for k in ("$ref", "anyOf", "oneOf") if k in schema]
    shaped = any(k in schema for k in ("type", "properties", "items", "enum"))
    if "allOf" in schema or len(parts) > 1 or (parts and shaped) or ("enum" in schema and "type" in schema):
        return True
    alternatives = schema.get("anyOf") or schema.get("oneOf")
    if alternatives:
        return len(alternatives) != 2 or not any(is_null(s, root) for s in alternatives)
    types = set(types_of(schema))
    return len(types) > 2 or (len(types) == 2 and "null" not in types)


def pattern_hit(pattern, name):
    """rules of 3.8: ** anything, * anything but a dot, ? one character but a dot."""
    out = ""
    for piece in re.findall(r"\*\*\.\*|\*\*|\*|\?|.", pattern):
        out += {"**.*": ".*", "**": ".*", "*": "[^.]*", "?": "[^.]"}.get(piece, re.escape(piece))
    return re.fullmatch(out, name, re.DOTALL) is not None


class Walk:
    def __init__(self, job):
        self.root = json.loads(job["schema"])
        self.tags, self.patterns = job["tags"], job["metadata"]["tags"]
        self.writing, self.leave = job["writing"], job["leave_others"]
        self.lax = job["lax"]

    def covered(self, schema, names):
        if not self.tags or set(tags_of(schema, self.root)) & set(self.tags):
            return True
        return any(set(t) & set(self.tags) and any(pattern_hit(p, n) for n in names)
                   for p, t in self.patterns.items())

    def touched(self, schema, field, names):
        """Can the rule do anything below? Choices that hold nothing covered are not looked at."""
        todo, seen = [(schema, field, names)], set()
        while todo:
            schema, field, names = todo.pop()
            key = (id(schema), field, tuple(names) if self.patterns else ())
            if key in seen or len(names[1]) > 14:
                continue
            seen.add(key)
            if field and field[0] and self.leaf_matters(schema):
                return True
            if "$ref" in schema:
                todo.append((self.root["$defs"][schema["$ref"].rsplit("/", 1)[1]], field, names))
            for name, inner in schema.get("properties", {}).items():
                if not types_of(schema) or "object" in types_of(schema):
                    at = [n + "." + name for n in names]
                    todo.append((inner, (self.covered(inner, at), combined(inner, self.root)), at))
            if "items" in schema and (not types_of(schema) or "array" in types_of(schema)):
                todo.append((schema["items"], field, [names[0] if "[0]" in names[0][-4:] else names[0] + "[0]", names[1]]))
            todo += [(s, field, names) for k in ("allOf", "anyOf", "oneOf") for s in schema.get(k, [])]
        return False

    def leaf_matters(self, schema):
        leaf = self.leaf_types(schema)
        return leaf is not None and (self.writing or "string" in leaf)

    @staticmethod
    def leaf_types(schema):
        """Types of the node itself; None: it only combines others."""
        types = types_of(schema)
        if types:
            return types
        types = (["string"] if {"minLength", "maxLength", "pattern"} & set(schema) else []) + (
            ["object"] if {"properties", "required", "additionalProperties"} & set(schema) else []) + (
            ["array"] if "items" in schema else [])
        if not types and {"$ref", "allOf", "anyOf", "oneOf"} & set(schema):
            return None
        return types

    def resolve(self, schema, field, names, value, within=()):
        """Leaves and containers that apply to a value, choices decided on the value as it came."""
        if id(schema) in within:  # a schema that contains itself at one value adds nothing
            return []
        within += (id(schema),)
        out = []
        if "$ref" in schema:
            inner = self.root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
            out += self.resolve(inner, field, names, value, within)
        leaf = self.leaf_types(schema)
        if field and field[0] and leaf is not None:
            out.append(("leaf", leaf, schema, field))
        if schema.get("properties") and (not types_of(schema) or "object" in types_of(schema)):
            out.append(("object", types_of(schema), schema, field))
        if "items" in schema and (not types_of(schema) or "array" in types_of(schema)):
            out.append(("array", types_of(schema), schema, field))
        for s in schema.get("allOf", []):
            out += self.resolve(s, field, names, value, within)
        for key in ("anyOf", "oneOf"):
            if key not in schema or not any(self.touched(s, field, names) for s in schema[key]):
                continue
            fitting = (s for s in schema[key] if valid(s, value, self.root))
            fitting = list(itertools.islice(fitting, 1 if key == "oneOf" else None))
            if not fitting and value is not None and not self.lax:
                raise Refused("no branch")
            for s in fitting:
                out += self.resolve(s, field, names, value)
        return out

    def mark(self, text):
        if self.writing:
            return "E(" + text + ")"
        if len(text) < 3 or not text.startswith("E(") or not text.endswith(")"):
            raise Refused("no mark")
        return text[2:-1]

    def judge(self, ops, value):
        """How often a value is transformed."""
        times, covered, accepted = 0, False, value is None
        for kind, types, schema, field in ops:
            fits = any(fits_type(t, value) or (t in ("integer", "number") and fits_type("number", value)) for t in types)
            if kind != "leaf":
                if not self.op_touched(kind, schema, field):
                    continue  # it says nothing about what is covered
                shape = isinstance(value, dict) if kind == "object" else isinstance(value, list)
                accepted = accepted or shape
                strict = types and set(types) <= {kind, "null"}
                if not shape and value is not None and strict and self.writing:
                    raise Refused("container")
                continue
            if value is None or not (self.writing or "string" in types):
                continue
            covered = True
            left = field[1] or self.leave
            accepted = accepted or fits or (not types and "enum" in schema)
            if fits and isinstance(value, str):
                times += 1
            elif fits and isinstance(value, (dict, list)):
                continue
            elif not left and self.writing and (fits or "string" not in types):
                raise Refused("type")
            elif not left and not fits and "string" in types:
                raise Refused("mismatch")
        scalar = isinstance(value, (int, float))
        if covered and not accepted and self.writing and not scalar and not (self.leave and not isinstance(value, str)):
            raise Refused("mismatch")
        return times

    def op_touched(self, kind, schema, field):
        names = self.names
        if kind == "array":
            return self.touched(schema["items"], field, [names[0] + "[0]", names[1]])
        for name, inner in schema["properties"].items():
            at = [n + "." + name for n in names]
            if self.touched(inner, (self.covered(inner, at), combined(inner, self.root)), at):
                return True
        return False

    def walk(self, places, value, names):
        if value is None:  # nothing to transform, so no choice is decided
            return None
        ops = []
        for schema, field in places:
            ops += self.resolve(schema, field, names, value)
        self.names = names
        times = self.judge(ops, value)
        if isinstance(value, str):
            for _ in range(times):
                value = self.mark(value)
            return value
        if isinstance(value, dict):
            made = {}
            for name, inner in value.items():
                at = [n + "." + name for n in names]
                below = [(s["properties"][name], (self.covered(s["properties"][name], at),
                                                  combined(s["properties"][name], self.root)))
                         for kind, _, s, _ in ops if kind == "object" and name in s["properties"]]
                made[name] = self.walk(below, inner, at) if below else inner
            return made
        if isinstance(value, list):
            below = [(s["items"], field) for kind, _, s, field in ops if kind == "array"]
            return [self.walk(below, v, [f"{names[0]}[{i}]", names[1]]) if below else v for i, v in enumerate(value)]
        return value


def reference(job):
    w = Walk(job)
    try:
        return w.walk([(w.root, None)], json.loads(job["record"]), ["$", "$"])
    except (Refused, RecursionError):  # endless only for schemas that refer to themselves at one value
        return REFUSED


# ---- random schemas and records ----

NAMES = ["a", "b", "ab", "ä", "n"]


def any_schema(r, depth, tagged=False):
    """tagged: at a property, the only place where clients look for tags."""
    kind = r.choice(["string"] * 5 + ["scalar", "types", "enum", "none", "bound"] + ["object", "array", "ref", "allOf",
                    "anyOf", "oneOf", "beside"] * (2 if depth > 0 else 0))
    if kind == "string":
        s = {"type": "string"}
    elif kind == "scalar":
        s = {"type": r.choice(["integer", "number", "boolean", "null"])}
    elif kind == "types":
        s = {"type": r.sample(["string", "null", "integer", "boolean", "object"], r.randint(1, 3))}
    elif kind == "enum":
        s = {"enum": ["x", 1, None]}
        if r.random() < 0.5:
            s["type"] = "string"
    elif kind == "none":
        s = {}
    elif kind == "bound":
        s = {r.choice(["minLength", "maxLength"]): r.randint(0, 3)}
    elif kind == "object":
        s = an_object(r, depth)
    elif kind == "array":
        s = {"items": any_schema(r, depth - 1)}
        if r.random() < 0.7:
            s["type"] = "array"
    elif kind == "ref":
        s = {"$ref": "#/$defs/" + r.choice("xyz")}
    elif kind == "beside":
        s = dict(an_object(r, depth), anyOf=[any_schema(r, depth - 1)])
    else:
        s = {kind: [any_schema(r, depth - 1) for _ in range(r.randint(1, 3))]}
        if r.random() < 0.3:
            s[kind] = [{"type": "null"}, {"type": "string"}]
    if tagged and r.random() < 0.4:
        s["confluent:tags"] = [TAG]
    return s


def an_object(r, depth):
    s = {"properties": {n: any_schema(r, depth - 1, True) for n in r.sample(NAMES, r.randint(1, 3))}}
    if r.random() < 0.7:
        s["type"] = "object"
    if r.random() < 0.2:
        s["required"] = [r.choice(NAMES)]
    if r.random() < 0.1:
        s["additionalProperties"] = False
    return s


def any_value(r, schema, root, depth):
    """Mostly what the schema wants."""
    if depth <= 0 or r.random() < 0.1:
        return r.choice(["", "x", "E(x)", "q\"\\/\n\u0001ä😀", 0, 1.5, -3, True, None, [], {}, {"a": "x"}, ["y"]])
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            made = any_value(r, r.choice(schema[key]), root, depth - 1)
            if isinstance(made, dict) and "properties" in schema:
                more = any_value(r, {"properties": schema["properties"]}, root, depth - 1)
                made = dict(made, **more) if isinstance(more, dict) else made
            return made
    if "$ref" in schema:
        return any_value(r, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root, depth - 1)
    if "properties" in schema:
        names = [n for n in schema["properties"] if r.random() < 0.8]
        made = {n: any_value(r, schema["properties"][n], root, depth - 1) for n in names}
        return made if isinstance(made, dict) else {}
    if "items" in schema:
        return [any_value(r, schema["items"], root, depth - 1) for _ in range(r.randint(0, 3))]
    t = r.choice(types_of(schema) or ["string"])
    return {"string": r.choice(["", "x", "longer text", "E(x)"]), "integer": 7, "number": 2.5, "boolean": False,
            "null": None, "object": {"z": "x"}, "array": ["x"]}[t]


PATTERNS = ["$.a", "$.a*.b", "**.ab", "$.*.n", "$.**", "$.?", "**.*", "$.b.?.a", "$.ä", "**n"]


def a_job(r):
    root = any_schema(r, 4) if r.random() < 0.2 else an_object(r, 4)
    root["$defs"] = {n: any_schema(r, 2) for n in "xyz"}
    tags = [] if r.random() < 0.1 else [TAG]
    metadata = {"tags": {p: [r.choice([TAG, TAG, "OTHER"])] for p in r.sample(PATTERNS, r.choice([0, 0, 0, 1, 2]))}}
    return {"schema": json.dumps(root), "tags": tags, "metadata": metadata, "writing": r.random() < 0.6,
            "leave_others": r.random() < 0.2, "lax": r.random() < 0.3}, root


def spelled(r, value):
    """JSON text in one of many spellings."""
    return json.dumps(value, ensure_ascii=r.random() < 0.5, indent=r.choice([None, None, 1]),
                      separators=r.choice([None, (",", ":"), (" , ", " : ")]))


def main():
    driver, seconds = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 30
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().randrange(1 << 30)
    print(f"json_diff: seed {seed}", flush=True)
    r = random.Random(seed)
    p = subprocess.Popen([driver], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    counts = {"equal": 0, "refused": 0, "transformed": 0, "not compiled": 0}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        job, root = a_job(r)
        for _ in range(4):
            job["record"] = spelled(r, any_value(r, root, root, 8))
            p.stdin.write(json.dumps(job) + "\n")
            p.stdin.flush()
            got = json.loads(p.stdout.readline())
            if got["rc"] in ("UNSUPPORTED", "SCHEMA_PARSE") or (got["rc"] == "LIMIT_EXCEEDED" and "nests" in got["error"]):
                counts["not compiled"] += 1  # tags where no client looks; told apart by the unit tests
                continue
            job["lax"] = job["lax"] and not job["writing"]
            want = reference(job)
            same = want is REFUSED if got["rc"] != "OK" else want is not REFUSED and json.loads(got["out"]) == want
            if not same:
                print(f"seed {seed}: difference\n{json.dumps(job, ensure_ascii=False)}\ngot  {got}\nwant "
                      f"{'refused' if want is REFUSED else json.dumps(want, ensure_ascii=False)}")
                return 1
            counts["refused" if want is REFUSED else "transformed" if got["seen"] else "equal"] += 1
    print(f"json_diff: {sum(counts.values())} records: " + ", ".join(f"{v} {k}" for k, v in counts.items()))
    return 0 if min(counts.values()) > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
