#!/bin/bash
# trl 1.16.0: rows of sharegpt's form, converted to messages as SFTTrainer does.
# Guess: "human" and "gpt" become "user" and "assistant".
# Seen: only the keys are renamed. A ChatML template then prints <|im_start|>human, and whatever looks for role
# "assistant" (masks of what is learned, templates with branches) finds no reply.
. "$(dirname "$0")/common.sh"
install datasets==5.2.0 transformers==5.24.0
install --no-deps trl==1.16.0
run <<'PY'
from importlib.metadata import version
from trl.data_utils import maybe_convert_to_chatml
print("trl", version("trl"))
row = maybe_convert_to_chatml({"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]})
print(row)
assert row == {"messages": [{"role": "human", "content": "hi"}, {"role": "gpt", "content": "hello"}]}
PY
