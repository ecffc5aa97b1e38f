#!/usr/bin/env python3
"""Writes what transformers makes of chat templates, for src/chat/chat_template_test.cpp.

Needs the Python packages transformers, tokenizers and jinja2.

    tools/make_template_golden.py --templates ../shared/data/chat-templates
        writes src/testing/data/chat_templates.golden.jsonl: every template with every conversation
        of src/testing/data/chat_cases.json.
    tools/make_template_golden.py --templates FOLDER --out FILE
        the same for other templates; run the test with WEIR_TEMPLATES=FOLDER and
        WEIR_TEMPLATE_GOLDEN=FILE.
    tools/make_template_golden.py --features
        writes src/testing/data/jinja_features.golden.jsonl from jinja_features.txt.
    tools/make_template_golden.py --ids
        writes src/testing/data/chat_ids.golden.jsonl: chat.jinja with the conversations that hold
        nothing like a control token, as ids of small tokenizers.

The environment is that of transformers, with the extensions of weir that some templates need: the
filter 'from_json', the list methods 'append' and 'pop', and 'tojson' of what 'map' gives.
"""
import argparse
import datetime
import hashlib
import json
import pathlib
import types

import jinja2.sandbox
from tokenizers import AddedToken, Tokenizer
from transformers.utils import chat_template_utils as hf

DATA = pathlib.Path(__file__).parent.parent / "src/testing/data"
NOW = datetime.datetime(2026, 3, 4, 15, 6, 7)
TEXT_MAX = 700  # longer results are kept as their SHA-256

changes = jinja2.sandbox.modifies_known_mutable
jinja2.sandbox.modifies_known_mutable = lambda value, name: changes(value, name) and not (
    isinstance(value, list) and name in ("append", "pop"))


def make_environment():
    environment = hf._compile_jinja_template("").environment
    tojson = environment.filters["tojson"]

    def tojson_of_generators(value, *arguments, **named):
        is_generator = isinstance(value, types.GeneratorType)
        return tojson(list(value) if is_generator else value, *arguments, **named)

    environment.filters.update(from_json=json.loads, tojson=tojson_of_generators)
    return environment


ENVIRONMENT = make_environment()


def render(source, case):
    template = ENVIRONMENT.from_string(source)
    messages = hf._alias_reasoning_fields(json.loads(json.dumps(case["messages"])))
    variables = dict(case.get("extra", {}))
    if "thinking" in case:
        variables.update(enable_thinking=case["thinking"], thinking=case["thinking"])
    return template.render(
        messages=messages, tools=case.get("tools"), documents=None,
        add_generation_prompt=case.get("add_generation_prompt", True),
        bos_token="<｜begin▁of▁sentence｜>", eos_token="<｜end▁of▁sentence｜>",
        strftime_now=NOW.strftime, **variables)


def outcome(make):
    try:
        text = make()
    except Exception as error:
        return {"fails": f"{type(error).__name__}: {error}"[:120]}
    data = text.encode("utf8")
    if len(data) <= TEXT_MAX:
        return {"text": text}
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def write(path, rows):
    with open(path, "w", encoding="utf8") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(f"{path}: {len(rows)} rows, {sum('fails' in row for row in rows)} of them errors")


def conversations(folder, out):
    cases = json.loads((DATA / "chat_cases.json").read_text("utf8"))
    rows = []
    for path in sorted(pathlib.Path(folder).glob("*.jinja")):
        source = path.read_text("utf8")
        for case in cases:
            row = {"template": path.name, "case": case["name"]}
            row.update(outcome(lambda: render(source, case)))
            rows.append(row)
    write(out, rows)


def features(out):
    """The templates of jinja_features.txt in their order, with jinja_variables.json."""
    variables = json.loads((DATA / "jinja_variables.json").read_text("utf8"))
    rows = []
    for source in (DATA / "jinja_features.txt").read_text("utf8").split("\n====\n"):
        rows.append(outcome(lambda: ENVIRONMENT.from_string(source).render(
            strftime_now=NOW.strftime, **variables)))
    write(out, rows)


CHAT_TOKENS = ["<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜Assistant｜>", "<|user|>",
               "<|system|>", "<|tool|>", "<|tools|>", "<|call|>"]
CHAT_TEXTS = ["<think>", "</think>"]  # added, but not special


def ids(out):
    cases = json.loads((DATA / "chat_cases.json").read_text("utf8"))
    source = (DATA / "chat.jinja").read_text("utf8")
    rows = []
    for name in ["v3", "qwen2"]:
        tokenizer = Tokenizer.from_file(str(DATA / f"{name}.tokenizer.json"))
        tokenizer.add_special_tokens(
            [AddedToken(t, special=True, normalized=False) for t in CHAT_TOKENS])
        tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in CHAT_TEXTS])
        for case in cases:
            if case["name"] in ("forged", "thoughts-in-text", "parts"):
                continue
            encoded = tokenizer.encode(render(source, case), add_special_tokens=False)
            rows.append({"tokenizer": name, "case": case["name"], "ids": encoded.ids})
    write(out, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--templates")
    parser.add_argument("--features", action="store_true")
    parser.add_argument("--ids", action="store_true")
    parser.add_argument("--out")
    options = parser.parse_args()
    if options.templates:
        conversations(options.templates, options.out or DATA / "chat_templates.golden.jsonl")
    if options.features:
        features(options.out or DATA / "jinja_features.golden.jsonl")
    if options.ids:
        ids(options.out or DATA / "chat_ids.golden.jsonl")


if __name__ == "__main__":
    main()
