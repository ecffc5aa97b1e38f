#!/usr/bin/env python3
"""Makes src/testing/data/deepseek_v4_prompts.golden.jsonl: conversations, and the SHA-256 (its first 16
digits) of the prompts that DeepSeek's own library makes of them for V4 and V4.1. Not part of the build:

    pip install deepseek-recipe==0.2.0 && tools/make_v4_prompts_golden.py

Roles, calls, results in any order, effort, JSON modes, choice of tools and begun replies are drawn at
random. With --print N the prompts of case N are shown, to compare when one differs.
"""
import argparse
import hashlib
import json
import pathlib
import random

import deepseek_recipe as recipe

OUT = pathlib.Path(__file__).resolve().parent.parent / "src/testing/data/deepseek_v4_prompts.golden.jsonl"
CASES = 240
TOOLS = [
    {"type": "function", "function": {"name": "f", "description": "does ü", "parameters": {"type": "object", "properties": {"x": {"type": "string"}}}}},
    {"type": "function", "function": {"name": "g", "parameters": {"type": "object", "properties": {}}}},
]
VALUES = ['a "b"\n\tc', "", "ü 你好", "<tag> </x>", 2, 1.5, -0.25, 1e-7, None, True, [1, {"q": "ü", "r": []}], {}, {"a": {"b": "c\n"}}]
SCHEMA = {"type": "object", "properties": {"ü": {"type": "number", "maximum": 1.5}}}


def call(r, number):
    values = [value for value in VALUES if value != 1e-7]  # V4 and V4.1 write it differently: see docs
    arguments = {key: r.choice(values) for key in r.sample(("x", "y", "long name", "ß"), r.choice([0, 1, 1, 2]))}
    return {"id": f"c{number}", "type": "function", "function": {"name": r.choice("fg"), "arguments": arguments}}


def turn(r, messages, number):
    """Questions, calls with results, perhaps an answer; the number of the last call."""
    for _ in range(r.choice([1, 1, 1, 2])):
        messages.append({"role": "user", "content": r.choice(["u1", " u2\n", "你好", "<think>", "<｜User｜>x", ""])})
        if r.random() < 0.1:
            messages.append({"role": "latest_reminder", "content": "now"})
        if r.random() < 0.1:
            messages.append({"role": "system", "content": "later"})
    for _ in range(r.choice([0, 0, 1, 1, 2])):
        calls = [call(r, number + i) for i in range(r.choice([1, 1, 2, 3]))]
        number += len(calls)
        message = {"role": "assistant", "content": r.choice(["", "hi"]), "tool_calls": calls}
        if r.random() < 0.7:
            message["reasoning_content"] = r.choice(["think", "R\n"])
        results = [{"role": "tool", "content": r.choice(["o1", '{"a": 1}', "", " </tool_result>"]), "tool_call_id": c["id"]} for c in calls]
        if r.random() < 0.4:
            r.shuffle(results)
        if r.random() < 0.1:
            results[0]["tool_call_id"] = "other"
        if r.random() < 0.1:
            results.pop()
        messages += [message] + results
        if r.random() < 0.1:
            messages.append({"role": "user", "content": "between"})
    if r.random() < 0.7:
        message = {"role": "assistant", "content": r.choice(["answer", " a ", ""])}
        if r.random() < 0.7:
            message["reasoning_content"] = "done"
        messages.append(message)
    return number


def make_case(seed):
    r = random.Random(seed)
    messages = [{"role": "system", "content": r.choice(["S\nü", "You are <think>.", ""])}] if r.random() < 0.6 else []
    number = 1
    for _ in range(r.choice([1, 1, 2, 3])):
        number = turn(r, messages, number)
    last = messages[-1]
    if last["role"] == "assistant" and r.random() < 0.5:
        last["prefix"] = True
    elif last["role"] == "assistant":
        messages.append({"role": "user", "content": "last"})
    extra = {}
    if r.random() < 0.7:
        extra["reasoning_effort"] = r.choice(["low", "high", "xhigh", "max"])
    form = r.random()
    if form < 0.12:
        extra["response_format"] = {"type": "json_object"}
    elif form < 0.24:
        extra["response_format"] = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    if r.random() < 0.2:
        extra["tool_choice"] = r.choice(["auto", "none", "required"])
    return {"messages": messages, "thinking": r.random() < 0.6, "tools": r.random() < 0.6, "extra": extra}


def recipe_message(message):
    content, role = message["content"], message["role"]
    if role == "system":
        return recipe.SystemMessage(content)
    if role == "user":
        return recipe.UserMessage(content)
    if role == "latest_reminder":
        return recipe.LatestReminderMessage(content)
    if role == "tool":
        return recipe.ToolMessage(content, message["tool_call_id"])
    calls = [recipe.ToolCall(c["id"], c["function"]["name"], json.dumps(c["function"]["arguments"], ensure_ascii=False)) for c in message.get("tool_calls", [])]
    return recipe.AssistantMessage(content, message.get("reasoning_content"), calls or None, message.get("prefix", False))


def prompts(case):
    extra, how = case["extra"], {}
    form = extra.get("response_format")
    if form:
        how.update({"response_format": "json_object"} if form["type"] == "json_object" else {"response_schema": form["json_schema"]["schema"]})
    if case["tools"]:
        functions = [tool["function"] for tool in TOOLS]
        how["tools"] = [recipe.ToolDefinition(f["name"], f.get("description"), f.get("parameters")) for f in functions]
    conversation = recipe.Conversation(
        [recipe_message(message) for message in case["messages"]],
        thinking_mode=case["thinking"],
        reasoning_effort=extra.get("reasoning_effort"),
        tool_choice=extra.get("tool_choice", "auto"),
        **how,
    )
    return [encoding().render_conversation(conversation).prompt for encoding in (recipe.DeepseekV4Encoding, recipe.DeepseekV41Encoding)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--print", type=int, metavar="N")
    options = parser.parse_args()
    if options.print is not None:
        for prompt in prompts(make_case(options.print)):
            print(prompt, end="\n\n")
        return
    with open(OUT, "w") as out:
        out.write(json.dumps(TOOLS, ensure_ascii=False) + "\n")
        for seed in range(CASES):
            case = make_case(seed)
            case["v4"], case["v41"] = [hashlib.sha256(prompt.encode()).hexdigest()[:16] for prompt in prompts(case)]
            out.write(json.dumps(case, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
