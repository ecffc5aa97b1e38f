#!/bin/bash
# langchain-openai 1.7.4, ChatOpenAI with tools against a server of a model that thinks (reasoning_content, as DeepSeek's API).
# Guess: the thought of a turn that called a tool is kept and sent back with the call's result, as DeepSeek's models since V3.2
# and their templates expect inside of a loop of calls.
# Seen: the thought is dropped when the reply is read; the next request has the call without it. litellm 1.110.2 keeps it.
. "$(dirname "$0")/common.sh"
install langchain-openai==1.7.4 langchain-core==1.8.3 openai==3.3.0 litellm==1.110.2
run <<'PY'
import json, os, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
print("langchain-openai", version("langchain-openai"), "litellm", version("litellm"))
seen = []
call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}}

class Server(BaseHTTPRequestHandler):
    def do_POST(self):
        seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        message = {"role": "assistant", "content": "", "reasoning_content": "I should call f.", "tool_calls": [call]}
        body = json.dumps({"id": "c", "object": "chat.completion", "created": 1, "model": "m",
                           "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
                           "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass

server = HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/v1"
tools = [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}}}}]

model = ChatOpenAI(model="m", base_url=url, api_key="none").bind_tools(tools)
history = [HumanMessage("go")]
reply = model.invoke(history)
model.invoke(history + [reply, ToolMessage("7", tool_call_id="call_1")])
sent = [m for m in seen[-1]["messages"] if m["role"] == "assistant"][0]
print("langchain-openai sends back:", json.dumps(sent))
assert sent["tool_calls"] and "reasoning_content" not in sent and "I should call f." not in json.dumps(sent)

messages = [{"role": "user", "content": "go"}]
reply = litellm.completion(model="openai/m", api_base=url, api_key="none", messages=messages, tools=tools)
messages += [reply.choices[0].message, {"role": "tool", "tool_call_id": "call_1", "content": "7"}]
litellm.completion(model="openai/m", api_base=url, api_key="none", messages=messages, tools=tools)
sent = [m for m in seen[-1]["messages"] if m["role"] == "assistant"][0]
print("litellm sends back:", json.dumps(sent))
assert sent["reasoning_content"] == "I should call f."
PY
