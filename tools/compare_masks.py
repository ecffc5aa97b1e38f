#!/usr/bin/env python3
"""Times llguidance and xgrammar on the schemas and replies of weir's test RealVocabulary.MasksTakeLittleTime.

    tools/compare_masks.py real-models/deepseek-v3-tokenizer/tokenizer.json llguidance|xgrammar

Needs `pip install llguidance==1.9.1 numpy`, or `pip install --no-deps xgrammar==0.2.9 apache-tvm-ffi==0.1.15.post2` and `pip install
numpy pydantic typing-extensions`. For each schema: the time to compile it, and mean and slowest time for a mask.
"""
import json
import statistics
import sys
import time
from unittest.mock import MagicMock

import numpy as np

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 80},
        "email": {"type": "string", "format": "email"},
        "born": {"type": "string", "format": "date"},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "note": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 20}, "maxItems": 5},
        "kind": {"enum": ["admin", "user", "guest"]},
    },
    "required": ["name", "age", "kind"],
    "additionalProperties": False,
}
REPLY = '''{"name": "Ada Lovelace, Countess of Lovelace", "email": "ada@example.org", "born": "1815-12-10",
  "age": 36, "note": "She wrote the first program; \\"the Analytical Engine weaves algebraical patterns\\".",
  "tags": ["mathematics", "computing", "日本語"], "kind": "user"}'''


def wide(count):
    return {"type": "object", "properties": {f"p{i}": {"type": "integer"} for i in range(count)}}


ROWS = [
    ("schema", PERSON, REPLY),
    ("object", {"type": "object"}, REPLY),
    ("100 properties", wide(100), '{"p3": 1, "p42": 5, "p99": 2, "other": [3]}'),
    ("1500 properties", wide(1500), '{"p3": 1, "p42": 5, "p1499": 2, "other": [3]}'),
]


class Vocabulary:
    """Bytes of every token; texts become the longest tokens, which is near enough to the real ones."""

    bos_token_id = None

    def __init__(self, path):
        with open(path) as file:
            spec = json.load(file)
        printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
        others = [b for b in range(256) if b not in printable]
        byte_of = {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}
        added = {t["content"]: t["id"] for t in spec["added_tokens"]}
        ids = spec["model"]["vocab"] | added
        self.tokens = [b""] * (max(ids.values()) + 1)
        for text, number in ids.items():
            self.tokens[number] = text.encode() if text in added else bytes(byte_of[c] for c in text)
        self.special_token_ids = sorted(added.values())
        self.eos_token_id = added["<｜end▁of▁sentence｜>"]
        special = set(self.special_token_ids)
        self.number = {t: i for i, t in enumerate(self.tokens) if t and i not in special}

    def __call__(self, text):
        rest, result = text if isinstance(text, bytes) else text.encode(), []
        while rest:
            size = next(n for n in range(20, 0, -1) if rest[:n] in self.number)
            result.append(self.number[rest[:size]])
            rest = rest[size:]
        return result


def with_llguidance(vocabulary):
    import llguidance
    import llguidance.numpy as masks

    tokenizer = llguidance.LLTokenizer(llguidance.TokenizerWrapper(vocabulary))

    def compile_schema(schema):
        matcher = llguidance.LLMatcher(tokenizer, llguidance.LLMatcher.grammar_from_json_schema(json.dumps(schema)))
        return lambda mask: masks.fill_next_token_bitmask(matcher, mask, 0), matcher.consume_token

    return compile_schema


def with_xgrammar(vocabulary):
    for name in ["torch", "transformers", "triton"]:  # imported, and used for tensors of masks alone
        sys.modules[name] = MagicMock(**{kind: type(kind, (), {}) for kind in ["Tensor", "dtype", "device", "Size"]})
    import xgrammar

    info = xgrammar.TokenizerInfo(vocabulary.tokens, vocab_type=xgrammar.VocabType.RAW, stop_token_ids=[vocabulary.eos_token_id])
    compiler = xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)

    def compile_schema(schema):
        matcher = xgrammar.GrammarMatcher(compiler.compile_json_schema(json.dumps(schema), strict_mode=False))
        return matcher.fill_next_token_bitmask, matcher.accept_token

    return compile_schema


def main():
    vocabulary = Vocabulary(sys.argv[1])
    compile_schema = {"llguidance": with_llguidance, "xgrammar": with_xgrammar}[sys.argv[2]](vocabulary)
    mask = np.zeros((1, (len(vocabulary.tokens) + 31) // 32), dtype=np.int32)
    for name, schema, reply in ROWS:
        begin = time.perf_counter()
        fill, accept = compile_schema(schema)
        compiled, times = time.perf_counter() - begin, []
        for token in [*vocabulary(reply), vocabulary.eos_token_id]:
            begin = time.perf_counter()
            fill(mask)
            times.append(time.perf_counter() - begin)
            if not int(mask[0][token // 32]) >> token % 32 & 1 or not accept(token):
                print(f"{name}: stops at token {len(times)}")
                break
        print(f"{name}: compiled in {compiled * 1e3:.1f} ms, {len(times)} masks, mean {statistics.mean(times) * 1e3:.3f} ms, slowest {max(times) * 1e3:.2f} ms", flush=True)


if __name__ == "__main__":
    main()
