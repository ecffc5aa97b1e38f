#!/usr/bin/env python3
"""Calls of tools as the official clients see them, against a running server.

    weir serve qwen2.5-coder-0.5b-instruct-q4_k_m.gguf --port 8080 &
    tools/check_tool_clients.py http://localhost:8080

Needs `pip install openai anthropic ollama pydantic`. Each check is a whole use: forced, named, strict, streamed and parallel
calls, loops with results, parse() and stream(). Prints one line for each; ends with an error when one fails.
"""
import json
import sys
import traceback
from importlib.metadata import version
from typing import Literal, Optional

import anthropic
import ollama
import openai
from pydantic import BaseModel

WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 30},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 1, "maximum": 7},
    },
    "required": ["city", "unit", "days"],
    "additionalProperties": False,
}
CLOCK = {"type": "object", "properties": {"zone": {"type": "string", "maxLength": 30}}, "required": ["zone"], "additionalProperties": False}
QUESTION = [{"role": "user", "content": "What is the weather in Oslo for the next 3 days, in celsius?"}]


def functions(**more):
    described = [("get_weather", "The weather of a city", WEATHER), ("get_time", "The time in a zone", CLOCK)]
    return [{"type": "function", "function": {"name": n, "description": d, "parameters": p, **more}} for n, d, p in described]


def check_weather(text):
    arguments = json.loads(text) if isinstance(text, str) else text
    assert set(arguments) == {"city", "unit", "days"} and arguments["unit"] in ("celsius", "fahrenheit") and 1 <= arguments["days"] <= 7, arguments


class Weather(BaseModel):
    """The weather of a city"""

    city: str
    unit: Literal["celsius", "fahrenheit"]
    note: Optional[str]


def openai_checks(client, model):
    ask = lambda **more: client.chat.completions.create(model=model, messages=QUESTION, temperature=0, max_tokens=300, **more)

    def required():
        choice = ask(tools=functions(), tool_choice="required").choices[0]
        assert choice.finish_reason == "tool_calls" and choice.message.tool_calls, choice

    def named():
        call = ask(tools=functions(), tool_choice={"type": "function", "function": {"name": "get_time"}}).choices[0].message.tool_calls[0]
        assert call.function.name == "get_time" and list(json.loads(call.function.arguments)) == ["zone"], call

    def strict_auto():
        message = ask(tools=functions(strict=True)).choices[0].message
        for call in message.tool_calls or []:
            if call.function.name == "get_weather":
                check_weather(call.function.arguments)
        return f"{len(message.tool_calls or [])} calls"

    def none():
        assert not ask(tools=functions(), tool_choice="none").choices[0].message.tool_calls

    def one_at_most():
        choice = ask(tools=functions(), tool_choice="required", parallel_tool_calls=False).choices[0]
        assert len(choice.message.tool_calls) == 1, choice

    def streamed():
        names, text, pieces = [], "", 0
        for chunk in ask(tools=functions(), tool_choice={"type": "function", "function": {"name": "get_weather"}}, stream=True, parallel_tool_calls=False):
            for delta in chunk.choices[0].delta.tool_calls or []:
                names += [delta.function.name] if delta.function.name else []
                text += delta.function.arguments or ""
                pieces += 1
        check_weather(text)
        assert names == ["get_weather"] and pieces > 5, (names, pieces)
        return f"{pieces} deltas"

    def loop():
        messages = list(QUESTION)
        first = client.chat.completions.create(model=model, messages=messages, tools=functions(), tool_choice="required", temperature=0, max_tokens=300, parallel_tool_calls=False)
        messages.append(first.choices[0].message)
        messages.append({"role": "tool", "tool_call_id": first.choices[0].message.tool_calls[0].id, "content": "Sunny, 21 degrees on all days"})
        last = client.chat.completions.create(model=model, messages=messages, tools=functions(), temperature=0, max_tokens=200)
        assert last.choices[0].message.content, last
        return last.choices[0].message.content[:60]

    def parallel():
        message = client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "Get the weather in Oslo and also the weather in Rome, 2 days, celsius: two calls."}],
            tools=functions(strict=True), tool_choice="required", temperature=0, max_tokens=400).choices[0].message
        assert len({call.id for call in message.tool_calls}) == len(message.tool_calls)
        return f"{len(message.tool_calls)} calls"

    def parse_format():
        parsed = client.chat.completions.parse(model=model, messages=QUESTION, response_format=Weather, temperature=0, max_tokens=300).choices[0].message.parsed
        assert isinstance(parsed, Weather), parsed

    def parse_tool():
        call = client.chat.completions.parse(model=model, messages=QUESTION, tools=[openai.pydantic_function_tool(Weather)], tool_choice="required",
                                             temperature=0, max_tokens=300).choices[0].message.tool_calls[0]
        assert isinstance(call.function.parsed_arguments, Weather), call

    def stream_helper():
        done = 0
        with client.chat.completions.stream(model=model, messages=QUESTION, tools=[openai.pydantic_function_tool(Weather)], tool_choice="required",
                                            temperature=0, max_tokens=300, parallel_tool_calls=False) as stream:
            for event in stream:
                done += event.type == "tool_calls.function.arguments.done"
            call = stream.get_final_completion().choices[0].message.tool_calls[0]
        assert done == 1 and isinstance(call.function.parsed_arguments, Weather), call

    def form_or_call():
        message = client.chat.completions.parse(model=model, messages=QUESTION, tools=[openai.pydantic_function_tool(Weather)], response_format=Weather,
                                                temperature=0, max_tokens=300).choices[0].message
        assert message.tool_calls or isinstance(message.parsed, Weather), message
        return "call" if message.tool_calls else "form"

    def refused():
        for more in [{"tools": functions(), "tool_choice": {"type": "function", "function": {"name": "nothing"}}}, {"tool_choice": "required"}]:
            try:
                ask(**more)
            except openai.BadRequestError as error:
                assert "tool_choice" in error.message, error
            else:
                raise AssertionError(more)

    return [required, named, strict_auto, none, one_at_most, streamed, loop, parallel, parse_format, parse_tool, stream_helper, form_or_call, refused]


def anthropic_checks(client, model):
    tools = [{"name": "get_weather", "description": "The weather of a city", "input_schema": WEATHER}]
    more = {"model": model, "max_tokens": 300, "extra_body": {"temperature": 0}, "tools": tools}

    def any_tool():
        message = client.messages.create(messages=QUESTION, tool_choice={"type": "any", "disable_parallel_tool_use": True}, **more)
        assert message.stop_reason == "tool_use" and message.content[-1].name == "get_weather", message
        check_weather(message.content[-1].input)

    def named_and_streamed():
        pieces = []
        with client.messages.stream(messages=QUESTION, tool_choice={"type": "tool", "name": "get_weather"}, **more) as stream:
            for event in stream:
                if event.type == "input_json":
                    pieces.append(event.partial_json)
            message = stream.get_final_message()
        blocks = [block for block in message.content if block.type == "tool_use"]
        check_weather(blocks[0].input)
        assert len(pieces) > 5, pieces
        return f"{len(pieces)} pieces"

    def loop():
        first = client.messages.create(messages=QUESTION, tool_choice={"type": "any", "disable_parallel_tool_use": True}, **more)
        result = {"type": "tool_result", "tool_use_id": first.content[-1].id, "content": "Sunny, 21 degrees"}
        last = client.messages.create(messages=[*QUESTION, {"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}], **more)
        assert last.content, last
        return last.content[0].type

    return [any_tool, named_and_streamed, loop]


def ollama_checks(client, model):
    def whole_calls():
        calls = []
        for part in client.chat(model=model, messages=QUESTION, tools=functions(), stream=True, options={"temperature": 0, "num_predict": 200}):
            calls += part.message.tool_calls or []
        assert all(isinstance(call.function.arguments, dict) or call.function.arguments for call in calls)
        return f"{len(calls)} calls"

    return [whole_calls]


def main():
    url = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8080"
    openai_client = openai.OpenAI(base_url=url + "/v1", api_key="none", max_retries=0, timeout=300)
    model = openai_client.models.list().data[0].id
    groups = [("openai", openai_checks(openai_client, model)),
              ("anthropic", anthropic_checks(anthropic.Anthropic(base_url=url, api_key="none", max_retries=0, timeout=300), model)),
              ("ollama", ollama_checks(ollama.Client(host=url), model))]
    failed = 0
    for name, checks in groups:
        print(name, version(name))
        for check in checks:
            try:
                print(f"  {check.__name__:20} {check() or 'right'}", flush=True)
            except Exception:
                failed += 1
                print(f"  {check.__name__:20} FAILED\n{traceback.format_exc(limit=-3)}", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
