#!/bin/bash
# langchain-openai 1.7.4, ChatOpenAI with tools against a server of a model that thinks (reasoning_content, as DeepSeek's API).
# Guess: the thought of a turn that called a tool is kept and sent back with the call's result, as DeepSeek's models since V3.2
# and their templates expect inside of a loop of calls.
# Seen: the thought is dropped when the reply is read; the next request has the call without it. litellm 1.110.2 keeps it.
. "$(dirname "$0")/common.sh"
install langchain-openai==1.7.4 langchain-core==1.8.3 openai==3.3.0 litellm==1.110.2
run <<'PY'
import json, os
from importlib.metadata import version
from json_server import chat_completion, serve
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
print("langchain-openai", version("langchain-openai"), "litellm", version("litellm"))
call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}}

message = {"role": "assistant", "content": "", "reasoning_content": "I should call f.", "tool_calls": [call]}
url, seen = serve(lambda path: chat_completion(message))
url += "/v1"
tools = [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}}}}]

model = ChatOpenAI(model="m", base_url=url, api_key="none").bind_tools(tools)
history = [HumanMessage("go")]
reply = model.invoke(history)
model.invoke(history + [reply, ToolMessage("7", tool_call_id="call_1")])
sent = [m for m in seen[-1][1]["messages"] if m["role"] == "assistant"][0]
print("langchain-openai sends back:", json.dumps(sent))
assert sent["tool_calls"] and "reasoning_content" not in sent and "I should call f." not in json.dumps(sent)

messages = [{"role": "user", "content": "go"}]
reply = litellm.completion(model="openai/m", api_base=url, api_key="none", messages=messages, tools=tools)
messages += [reply.choices[0].message, {"role": "tool", "tool_call_id": "call_1", "content": "7"}]
litellm.completion(model="openai/m", api_base=url, api_key="none", messages=messages, tools=tools)
sent = [m for m in seen[-1][1]["messages"] if m["role"] == "assistant"][0]
print("litellm sends back:", json.dumps(sent))
assert sent["reasoning_content"] == "I should call f."
PY
