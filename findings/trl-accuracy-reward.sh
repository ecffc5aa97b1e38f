#!/bin/bash
# trl 1.16.0, math-verify 0.9.0: accuracy_reward, the reward most GRPO recipes begin with.
# Guess: a reply whose answer is 72 gets 1 for the gold 72, however it is written.
# Seen: only \boxed{} counts of these; the plain number, $72$, bold, and GSM8K's own "#### 72" get 0. A gold that
# is a letter (multiple choice) is skipped with None, even for \boxed{B}.
. "$(dirname "$0")/common.sh"
install datasets==5.2.0 transformers==5.24.0 'math-verify[antlr4_13_2]==0.9.0'
install --no-deps trl==1.16.0
run <<'PY'
from importlib.metadata import version
from trl.rewards import accuracy_reward
print("trl", version("trl"), "math-verify", version("math-verify"))
for reply, gold, seen in [
    (r"\boxed{72}", "72", 1.0), (r"\boxed{72 apples}", "72", 1.0), (r"\boxed{1/2}", "0.5", 1.0),
    ("The answer is 72.", "72", 0.0), ("72", "72", 0.0), ("$72$", "72", 0.0), ("**72**", "72", 0.0),
    ("#### 72", "72", 0.0), (r"\boxed{B}", "B", None),
]:
    reward = accuracy_reward([[{"role": "assistant", "content": reply}]], [gold])[0]
    print(f"{reply!r:24} gold {gold!r:6} reward {reward}")
    assert reward == seen
PY
