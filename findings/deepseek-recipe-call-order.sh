#!/bin/bash
# deepseek-recipe 0.2.0, DeepSeek's own prompts of V4 and V4.1.
# Guess: a reply's calls stand in the prompt in the order in which they were made, as V4.1 has them.
# Seen: V4 sorts them by their ids as texts: the tenth call ("c10") comes before the second ("c2"), and calls with random ids
# come in random order. Results follow; but a last turn with fewer results than calls keeps the order in which they came.
# A result whose id is no call's comes first in V4.1 and where its id sorts in V4.
. "$(dirname "$0")/common.sh"
install deepseek-recipe==0.2.0
run <<'PY'
import re
from importlib.metadata import version
import deepseek_recipe as d
print("deepseek-recipe", version("deepseek-recipe"))

def order(encoding, calls, results):
    messages = [d.UserMessage("u"), d.AssistantMessage("", "r", [d.ToolCall(i, "n" + i, "{}") for i in calls])]
    messages += [d.ToolMessage("r" + i, i) for i in results]
    prompt = encoding().render_conversation(d.Conversation(messages, tools=[d.ToolDefinition("f", "", {"type": "object"})])).prompt
    return re.findall(r'invoke name="n(\w+)"', prompt), re.findall(r"<tool_result>r(\w+)<", prompt)

for calls, results, v4, v41 in [
    (["c2", "c10"], ["c2", "c10"], (["c10", "c2"], ["c10", "c2"]), (["c2", "c10"], ["c2", "c10"])),
    (["b", "a"], ["b", "a"], (["a", "b"], ["a", "b"]), (["b", "a"], ["b", "a"])),
    (["a", "b", "c"], ["b", "a"], (["a", "b", "c"], ["b", "a"]), (["a", "b", "c"], ["a", "b"])),
    (["a", "b"], ["b", "x"], (["a", "b"], ["b", "x"]), (["a", "b"], ["x", "b"])),
]:
    seen = order(d.DeepseekV4Encoding, calls, results), order(d.DeepseekV41Encoding, calls, results)
    print(f"calls {calls}, results {results}: V4 {seen[0]}, V4.1 {seen[1]}")
    assert seen == (v4, v41)
PY
