#!/bin/bash
# trl 1.16.0: preference rows of two strings without a prompt ("implicit prompt").
# Guess: the shared beginning, cut at a word, becomes the prompt; nothing shared means an empty prompt.
# Seen: it is cut between letters; when one string begins with the other, the last shared letter goes to
# the replies; when nothing is shared and `chosen` ends in a space, all of `chosen` but that space becomes the
# prompt, and `rejected` keeps its last letter alone.
. "$(dirname "$0")/common.sh"
install datasets==5.2.0 transformers==5.24.0
install --no-deps trl==1.16.0
run <<'PY'
from importlib.metadata import version
from trl.data_utils import extract_prompt
print("trl", version("trl"))
for chosen, rejected, seen in [
    ("The sky is blue.", "The sky is black.", ("The sky is bl", "ue.", "ack.")),
    ("Yes", "Yes, sure", ("Ye", "s", "s, sure")),
    ("Blue ", "Green", ("Blue", " ", "n")),
]:
    row = extract_prompt({"chosen": chosen, "rejected": rejected})
    print(repr((chosen, rejected)), "->", row)
    assert (row["prompt"], row["chosen"], row["rejected"]) == seen
PY
