#!/usr/bin/env python3
"""Which rules run, and what happens when one fails: tried against `schloss dev`, and compared with the tables of
docs/rules.md, which this script writes.

    tests/e2e/rules_test.py build/release/bin/schloss [--page]     --page: write the tables

Ends with `N passed, M failed, K skipped`.
"""
import itertools
import sys

sys.dont_write_bytecode = True
import tried  # noqa: E402

KEY = {"encrypt.kek.name": "rules", "encrypt.kms.type": "local-kms", "encrypt.kms.key.id": "rules"}


def rule(name="pii", kind="ENCRYPT", params=None, **more):
    return dict({"name": name, "kind": "TRANSFORM", "mode": "WRITEREAD", "type": kind, "tags": ["PII"],
                 "params": dict(KEY, **(params or {}))}, **more)


def case(*rules, domain=True, enable=None, number=itertools.count(), **more):
    """One customer under rules. Each has a schema of its own: the registry, as the official one, knows a schema with its
    rules by a hash that does not tell in which list a rule stands."""
    rule_set = {"domainRules" if domain else "encodingRules": list(rules)}
    if enable:
        rule_set["enableAt"] = enable
    return dict({"rules": rule_set, "value": {"ssn": "111-22-3333"}, "schema": {
        "type": "record", "name": "Customer", "doc": f"case {next(number)}", "fields": [
            {"name": "ssn", "type": "string", "confluent:tags": ["PII"]}]}}, **more)


STRICT, GUARD = "schloss.rules.strict=true", "schloss.require.rules=true"
NONE = "rule.executors._ENCRYPT_.onFailure=NONE"
ROWS = {
    "runs": [
        ("a rule of type `ENCRYPT`", case(rule())),
        ("`disabled: true` in the rule", case(rule(disabled=True))),
        ("the same, `rule.executors.pii.disabled=false`", case(rule(disabled=True),
                                                               conf=["rule.executors.pii.disabled=false"])),
        ("`rule.executors._ENCRYPT_.disabled=true`", case(rule(), conf=["rule.executors._ENCRYPT_.disabled=true"])),
        ("`enableAt: CLIENT`", case(rule(), enable="CLIENT")),
        ("`enableAt: GATEWAY`", case(rule(), enable="GATEWAY")),
        ("`enableAt: GATEWAY`, `execution.environment=GATEWAY`", case(rule(), enable="GATEWAY",
                                                                      conf=["execution.environment=GATEWAY"])),
        ("mode `WRITE`", case(rule(mode="WRITE"))),
        ("mode `READ` (the record was written in clear)", case(rule(mode="READ"))),
        ("two rules with the same tags", case(rule("one"), rule("two"))),
        ("the first of two with the same tags is disabled", case(rule("one", disabled=True), rule("two"))),
        ("two rules with other tags that both cover the field", case(rule("one"), rule("two", tags=["PII", "X"]))),
        ("a tag that no field has", case(rule(tags=["X"]))),
        ("no tags: every string and bytes field", case(rule(tags=[]))),
        ("no rule", case()),
        (f"no rule, `{GUARD}`", case(conf=[GUARD])),
        (f"a rule that covers nothing, `{GUARD}`", case(rule(tags=["X"]), conf=[GUARD])),
        ("`ENCRYPT_PAYLOAD` among `domainRules`", case(rule(kind="ENCRYPT_PAYLOAD"))),
        ("`ENCRYPT` among `encodingRules`", case(rule(), domain=False)),
        ("a type without an executor, such as `CEL`", case(rule(kind="CEL"))),
        ("the same, `onFailure: NONE`", case(rule(kind="CEL", onFailure="NONE"), rule("two"))),
    ],
    "fails": [
        ("the key cannot be had", case(rule(), secret=False)),
        ("`onFailure: NONE`", case(rule(onFailure="NONE"), secret=False)),
        ("`onFailure: NONE,ERROR` (writing, reading)", case(rule(onFailure="NONE,ERROR"), secret=False)),
        ("`onFailure: ERROR,NONE`, the writer has no key", case(rule(onFailure="ERROR,NONE"), secret=False)),
        ("`onFailure: ERROR,NONE`, the reader has no key", case(rule(onFailure="ERROR,NONE"), can_read=False)),
        (f"`onFailure: NONE`, `{STRICT}`", case(rule(onFailure="NONE"), secret=False, conf=[STRICT])),
        (f"`onFailure: NONE`, `{GUARD}`", case(rule(onFailure="NONE"), secret=False, conf=[GUARD])),
        ("`rule.executors._ENCRYPT_.onFailure=NONE`, the reader has no key", case(rule(), can_read=False,
                                                                                  reading=[NONE])),
        ("the reader has no key", case(rule(), can_read=False)),
        ("`onFailure: DLQ`, no topic or no sink", case(rule(onFailure="DLQ"), secret=False)),
        ("an action that nobody knows", case(rule(onFailure="PANIC"), secret=False)),
        ("no failure, `onSuccess: ERROR`", case(rule(onSuccess="ERROR"))),
        ("a wrong parameter (`encrypt.dek.algorithm`)", case(rule(params={"encrypt.dek.algorithm": "ROT13"}))),
    ],
}

if __name__ == "__main__":
    sys.exit(tried.main("docs/rules.md", ROWS, {"runs": "Rules and settings", "fails": "What fails, and how"}, {}))
