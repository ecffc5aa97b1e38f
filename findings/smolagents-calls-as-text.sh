#!/bin/bash
# smolagents 1.26.0, ToolCallingAgent with an OpenAI-style server: the second request of a loop of calls.
# Guess: it has the call as `tool_calls` of the assistant and the result as a message of the role "tool".
# Seen: the call is a text of the assistant, "Calling tools:" and a Python list, the result a text of the user, "Observation:".
# A model's own form of calls, which its chat template writes and it was trained on, never appears in the history.
. "$(dirname "$0")/common.sh"
install "smolagents[openai]==1.26.0"
run <<'PY'
import json
from importlib.metadata import version
from json_server import chat_completion, serve
from smolagents import OpenAIServerModel, Tool, ToolCallingAgent
print("smolagents", version("smolagents"))
call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}}

url, seen = serve(lambda path: chat_completion({"role": "assistant", "content": "", "tool_calls": [call]}))

class Double(Tool):
    name, description, output_type = "f", "Doubles.", "integer"
    inputs = {"x": {"type": "integer", "description": "a number"}}
    def forward(self, x: int) -> int: return 2 * x

model = OpenAIServerModel(model_id="m", api_base=url + "/v1", api_key="none")
ToolCallingAgent(tools=[Double()], model=model, max_steps=2, verbosity_level=0).run("go")
messages = seen[1][1]["messages"]
text = lambda m: m["content"] if isinstance(m["content"], str) else m["content"][0]["text"]
for m in messages[1:]:
    print(m["role"], "|", json.dumps(text(m)))
assert seen[1][1]["tools"], "the request has the tools in OpenAI's form"
assert all(m["role"] in ("system", "user", "assistant") and not m.get("tool_calls") for m in messages)
assert text(messages[2]).strip().startswith("Calling tools:") and text(messages[3]).startswith("Observation:")
PY
