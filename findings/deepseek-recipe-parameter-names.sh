#!/bin/bash
# deepseek-recipe 0.2.0: DeepSeek's own converter between the prompts of V4 and the APIs, here as a reader of a reply with a call.
# Guess: what its encoder writes, its parser reads back.
# Seen: a parameter whose name has a blank is written as it is, and read as JSON that is none: the name ends at the blank and its
# closing quote is lost. Names of properties with blanks are valid JSON Schema. Names without blanks come back.
. "$(dirname "$0")/common.sh"
install deepseek-recipe==0.2.0
run <<'PY'
import json
from importlib.metadata import version
import deepseek_recipe as d
print("deepseek-recipe", version("deepseek-recipe"))

def round_trip(name):
    call = d.ToolCall("c", "f", json.dumps({name: 1}))
    conversation = d.Conversation([d.UserMessage("u"), d.AssistantMessage("", None, [call]), d.ToolMessage("r", "c")], thinking_mode=False,
                                  tools=[d.ToolDefinition("f", "", {"type": "object", "properties": {name: {"type": "integer"}}})])
    prompt = d.DeepseekV4Encoding().render_conversation(conversation).prompt
    reply = prompt[prompt.rindex("<｜DSML｜tool_calls>"):prompt.rindex("<｜end▁of▁sentence｜>")]
    body = {"model": "m", "stream": True, "thinking": {"type": "disabled"}, "messages": [{"role": "user", "content": "u"}],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]}
    request = d.ChatCompletionRequest(body).convert(d.ConversionOptions().with_model_alias("m", d.ModelVersion.DeepseekV4Pro))
    options = request.parsing_options
    parser = d.StreamProcessor(d.ChatCompletionRequest.chunk_generator(request, "id", "m"), options)
    chunks = parser.push(d.InferenceChunk.ready()) + parser.push(d.InferenceChunk.text("\n\n" + reply, 1))
    chunks += parser.push(d.InferenceChunk.finish(d.InferenceFinishReason.Stop)) + parser.finish()
    deltas = [choice["delta"] for chunk in chunks for choice in json.loads(chunk.to_json())["choices"]]
    return "".join(call["function"].get("arguments", "") for delta in deltas for call in delta.get("tool_calls", []))

for name, seen in [("city_name", '{"city_name": 1}'), ("city name", '{"city: 1}')]:
    got = round_trip(name)
    print(f"{name!r}: {got}")
    assert got == seen
PY
