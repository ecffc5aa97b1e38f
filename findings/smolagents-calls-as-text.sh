#!/bin/bash
# smolagents 1.26.0, ToolCallingAgent with an OpenAI-style server: the second request of a loop of calls.
# Guess: it has the call as `tool_calls` of the assistant and the result as a message of the role "tool".
# Seen: the call is a text of the assistant, "Calling tools:" and a Python list, the result a text of the user, "Observation:".
# A model's own form of calls, which its chat template writes and it was trained on, never appears in the history.
. "$(dirname "$0")/common.sh"
install "smolagents[openai]==1.26.0"
run <<'PY'
import json, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from smolagents import OpenAIServerModel, Tool, ToolCallingAgent
print("smolagents", version("smolagents"))
seen = []
call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}}

class Server(BaseHTTPRequestHandler):
    def do_POST(self):
        seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        body = json.dumps({"id": "c", "object": "chat.completion", "created": 1, "model": "m",
                           "choices": [{"index": 0, "message": {"role": "assistant", "content": "", "tool_calls": [call]}, "finish_reason": "tool_calls"}],
                           "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass

server = HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()

class Double(Tool):
    name, description, output_type = "f", "Doubles.", "integer"
    inputs = {"x": {"type": "integer", "description": "a number"}}
    def forward(self, x: int) -> int: return 2 * x

model = OpenAIServerModel(model_id="m", api_base=f"http://127.0.0.1:{server.server_port}/v1", api_key="none")
ToolCallingAgent(tools=[Double()], model=model, max_steps=2, verbosity_level=0).run("go")
messages = seen[1]["messages"]
text = lambda m: m["content"] if isinstance(m["content"], str) else m["content"][0]["text"]
for m in messages[1:]:
    print(m["role"], "|", json.dumps(text(m)))
assert seen[1]["tools"], "the request has the tools in OpenAI's form"
assert all(m["role"] in ("system", "user", "assistant") and not m.get("tool_calls") for m in messages)
assert text(messages[2]).strip().startswith("Calling tools:") and text(messages[3]).startswith("Observation:")
PY
