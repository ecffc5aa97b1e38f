#!/bin/bash
# xgrammar 0.2.9: JSON Schemas as constraints of a reply (the default of vLLM and SGLang).
# Guess: a schema that compiles is enforced; what cannot be enforced is an error; what the schema allows can be drawn.
# Seen: uniqueItems and not compile without a word and are not enforced; oneOf whose branches overlap becomes anyOf and of
# two objects in allOf only the first counts, each with a warning on standard error. So replies come that the schema
# forbids. The other way round, an object without additionalProperties gets no further members unless strict_mode is off.
. "$(dirname "$0")/common.sh"
install --no-deps xgrammar==0.2.9 apache-tvm-ffi==0.1.15.post2
install numpy==2.4.6 pydantic==2.13.4 typing-extensions==4.16.0
run <<'PY'
import json, sys
from unittest.mock import MagicMock
for name in ["torch", "transformers", "triton"]:  # imported, and used for tensors of masks alone
    sys.modules[name] = MagicMock(**{kind: type(kind, (), {}) for kind in ["Tensor", "dtype", "device", "Size"]})
from importlib.metadata import version
import xgrammar as xg
print("xgrammar", version("xgrammar"))
info = xg.TokenizerInfo([bytes([i]) for i in range(256)] + [b"<end>"], vocab_type=xg.VocabType.RAW, stop_token_ids=[256])
compiler = xg.GrammarCompiler(info)

def accepts(schema, text, **how):
    matcher = xg.GrammarMatcher(compiler.compile_json_schema(json.dumps(schema), **how))
    return all(matcher.accept_token(b) for b in text.encode()) and matcher.accept_token(256)

def an_object(name):
    return {"type": "object", "properties": {name: {"type": "integer"}}, "required": [name]}

for schema, text, is_valid, seen in [
    ({"type": "array", "items": {"type": "integer"}, "uniqueItems": True}, "[1, 1]", False, True),
    ({"type": "string", "not": {"const": "a"}}, '"a"', False, True),
    ({"oneOf": [{"type": "integer", "minimum": 2}, {"type": "integer", "maximum": 3}]}, "2", False, True),
    ({"allOf": [an_object("a"), an_object("b")]}, '{"a": 1}', False, True),
    ({"type": "integer", "multipleOf": 5}, "7", False, False),
    (an_object("a"), '{"a": 1, "b": 2}', True, False),
]:
    accepted = accepts(schema, text)
    print(f"{json.dumps(schema)[:96]:98} {text:18} valid: {is_valid!s:5} accepted: {accepted}")
    assert accepted == seen
assert accepts(an_object("a"), '{"a": 1, "b": 2}', strict_mode=False)
PY
