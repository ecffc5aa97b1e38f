#!/usr/bin/env python3
"""Compares weir's JSON Schema grammars with other programs on the JSON-Schema-Test-Suite.

    tools/check_json_schema.py SUITE/tests/draft2020-12 [build/src/grammar/weir_grammar_test]

Needs `pip install llguidance` in the Python that runs it. Every case of the suite is written as JSON and judged by the suite
itself ("valid"), by llguidance and by weir. Prints, for the schemas that weir supports, how many texts are accepted and rejected
as the suite says, which invalid ones are accepted, which valid ones are rejected, and where llguidance decides otherwise.
"""
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile


def suite_cases(folder):
    for path in sorted(pathlib.Path(folder).rglob("*.json")):
        name = str(path.relative_to(folder))[:-5]
        for group in json.loads(path.read_text()):
            for test in group["tests"]:
                yield {
                    "file": name,
                    "group": group["description"],
                    "test": test["description"],
                    "schema": json.dumps(group["schema"], ensure_ascii=False),
                    "text": json.dumps(test["data"], ensure_ascii=False),
                    "valid": test["valid"],
                }


def byte_tokenizer():
    import llguidance

    class Bytes:
        eos_token_id, bos_token_id = 256, None
        tokens = [bytes([i]) for i in range(256)] + [b"<end>"]
        special_token_ids = [256]

        def __call__(self, text):
            return list(text if isinstance(text, bytes) else text.encode())

    return llguidance.LLTokenizer(llguidance.TokenizerWrapper(Bytes()))


def llguidance_accepts(tokenizer, schema, text):
    """True or False, or None where the schema is refused."""
    import llguidance

    try:
        grammar = llguidance.LLMatcher.grammar_from_json_schema(schema)
        matcher = llguidance.LLMatcher(tokenizer, grammar)
    except Exception:
        return None
    if matcher.get_error():
        return None
    tokens = list(text.encode())
    if matcher.try_consume_tokens(tokens) != len(tokens):
        return False
    return matcher.is_accepting()


def main():
    program = sys.argv[2] if len(sys.argv) > 2 else "build/src/grammar/weir_grammar_test"
    cases = list(suite_cases(sys.argv[1]))
    tokenizer = byte_tokenizer()
    for case in cases:
        case["llguidance"] = llguidance_accepts(tokenizer, case["schema"], case["text"])
    with tempfile.TemporaryDirectory() as folder:
        given, made = os.path.join(folder, "cases.jsonl"), os.path.join(folder, "results.jsonl")
        with open(given, "w") as out:
            out.writelines(json.dumps(case) + "\n" for case in cases)
        environment = dict(os.environ, WEIR_SCHEMA_CASES=given, WEIR_SCHEMA_RESULTS=made)
        subprocess.run([program, "--gtest_filter=SchemaCases.OfAFileAreJudged"], env=environment, check=True, stdout=subprocess.DEVNULL)
        results = [json.loads(line) for line in open(made)]
    assert len(results) == len(cases)
    counts, refused, files = collections.Counter(), collections.Counter(), collections.Counter()
    for case, result in zip(cases, results):
        if "error" in result:
            counts["refused"] += 1
            refused[result["error"].split(" at ")[0][:90]] += 1
            counts["refused, llguidance too"] += case["llguidance"] is None
            continue
        accepted = result["accepted"]
        kind = ("accepted" if accepted else "rejected") + (" as the suite says" if accepted == case["valid"] else ", the suite says otherwise")
        counts[kind] += 1
        if case["llguidance"] is not None:
            counts["llguidance agrees" if case["llguidance"] == accepted else "llguidance differs"] += 1
        else:
            counts["llguidance refuses"] += 1
        if accepted != case["valid"]:
            files[(case["file"], kind)] += 1
            print("%s: %s | %s | %s | %s | llguidance %s" % (
                kind, case["file"], case["group"], case["test"], case["text"][:60], case["llguidance"]))
        elif case["llguidance"] not in (None, accepted):
            print("llguidance differs: %s | %s | %s | %s" % (case["file"], case["group"], case["test"], case["text"][:60]))
    print(len(cases), "cases")
    for kind, count in sorted(counts.items()):
        print("%6d %s" % (count, kind))
    print("refused:")
    for error, count in refused.most_common(40):
        print("%6d %s" % (count, error))


main()
