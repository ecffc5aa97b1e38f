#!/usr/bin/env python3
"""Writes what transformers says the assistant wrote, for src/chat/template_conversation_test.cpp.

Needs the Python packages transformers and jinja2. The templates of mask_cases.json mark the
assistant's part with {% generation %}; return_assistant_tokens_mask finds it. Each line of
src/testing/data/mask_cases.golden.jsonl has the rendered text and the spans of characters.
"""
import json
import pathlib

from transformers.utils import chat_template_utils as hf

DATA = pathlib.Path(__file__).parent.parent / "src/testing/data"


def main():
    cases = json.loads((DATA / "mask_cases.json").read_text())
    with open(DATA / "mask_cases.golden.jsonl", "w") as out:
        for name, template in cases["templates"].items():
            for case, messages in cases["conversations"].items():
                if messages[0]["role"] == "system" and not template["takes_system"]:
                    continue
                texts, spans = hf.render_jinja_template(
                    conversations=[messages], chat_template=template["source"],
                    return_assistant_tokens_mask=True, add_generation_prompt=False,
                    bos_token="<s>", eos_token="</s>")
                row = {"template": name, "case": case, "text": texts[0],
                       "spans": [list(span) for span in spans[0]]}
                out.write(json.dumps(row, ensure_ascii=False) + "\n")


main()
