#!/usr/bin/env python3
"""Compares prompts of DeepSeek-V3.2 and calls of V3.2, V4 and V4.1 with other programs' on generated conversations.

    tools/check_calls.py [build/src/chat/weir_chat_test] [--cases 2000]

Needs `pip install deepseek-recipe mlx-lm sglang` (the last two with --no-deps: only their encoders, plain Python, are loaded).
Prompts: weir's template against mlx-lm's and sglang's copies of the encoder that DeepSeek published (sglang's text about tools
lost its blank lines: compared without them). Calls: what a client joins from weir's stream, cut at random places, against
deepseek-recipe's stream (V4, V4.1) and sglang's parser (V3.2). Prints agreement and the first differences of each kind.
"""
import argparse
import collections
import importlib.util
import json
import os
import random
import re
import subprocess
import sys
import sysconfig
import tempfile
import types

DSML = "｜DSML｜"
TOOLS = [
    {"type": "function", "function": {"name": "f", "description": "does ü", "parameters": {"type": "object", "properties": {"x": {"type": "string"}}}}},
    {"type": "function", "function": {"name": "g", "parameters": {"type": "object", "properties": {}}}},
]
VALUES = ['a "b"\n\tc', "", "ü 你好", "<tag> </x>", "1", 2, 1.5, -0.25, None, True, [1, {"q": "ü", "r": []}], {}, {"a": {"b": "c\n"}}]


def load(path, name):
    """A module of an installed package by its file, without the package's imports."""
    file = os.path.join(sysconfig.get_paths()["purelib"], path)
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_encoders():
    stub = types.ModuleType("transformers.utils.chat_template_utils")
    stub.get_json_schema = None
    for name in ("transformers", "transformers.utils"):
        sys.modules.setdefault(name, types.ModuleType(name))
    sys.modules[stub.__name__] = stub
    return load("mlx_lm/chat_templates/deepseek_v32.py", "mlx_v32"), load("sglang/srt/entrypoints/openai/encoding_dsv32.py", "sglang_v32")


def arguments(r, keys=("x", "y", "long name", "ß")):
    return {key: r.choice(VALUES) for key in r.sample(keys, r.randint(0, 3))}


def conversation(r):
    messages = [{"role": "system", "content": "S\nü"}] if r.random() < 0.6 else []
    for _ in range(r.randint(1, 3)):
        messages.append({"role": "user", "content": r.choice(["u1", " u2\n", "你好", "<think>"])})
        for _ in range(r.randint(0, 2)):
            calls = [{"id": "c", "type": "function", "function": {"name": r.choice("fg"), "arguments": arguments(r)}} for _ in range(r.randint(1, 3))]
            messages.append({"role": "assistant", "content": r.choice(["", "hi"]), "reasoning_content": r.choice(["think", "R\n"]), "tool_calls": calls})
            messages += [{"role": "tool", "content": f"o{i}", "tool_call_id": "c"} for i in range(len(calls))]
        if r.random() < 0.7:
            messages.append({"role": "assistant", "content": "answer", "reasoning_content": "done"})
    return messages


def encoded(encoder, messages, tools, thinking):
    messages = json.loads(json.dumps(messages))
    if tools and messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": ""})
    if tools:
        messages[0]["tools"] = tools
    for message in messages:
        for call in message.get("tool_calls", []):
            call["function"]["arguments"] = json.dumps(call["function"]["arguments"])
    return encoder.encode_messages(messages, "thinking" if thinking else "chat")


def without_blank_lines(text):
    begin, end = text.find("## Tools"), text.find("</functions>")
    return text if begin < 0 else text[:begin] + re.sub("\n+", "\n", text[begin:end]) + text[end:]


def reply(r, block, gap, broken):
    """A reply with calls; `broken`: what may be wrong with one."""
    text = r.choice(["", "I look.", "a < b"])
    calls = []
    for _ in range(r.randint(1, 3)):
        parameters = []
        keys = ("x", "y", "z", "ß") if block != "function_calls" else ("x", "y", "long name", "ß")  # deepseek-recipe loses blanks
        for key, value in arguments(r, keys).items():
            kind = "true" if isinstance(value, str) else "false"
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            parameters.append(f'<{DSML}{gap}parameter name="{key}" string="{kind}">{shown}</{DSML}{gap}parameter>\n')
        if broken == "number" and r.random() < 0.5:
            parameters.append(f'<{DSML}{gap}parameter name="n" string="false">01</{DSML}{gap}parameter>\n')
        if broken == "twice" and parameters:
            parameters.append(parameters[0])
        calls.append(f'<{DSML}{gap}invoke name="{r.choice("fg")}">\n{"".join(parameters)}</{DSML}{gap}invoke>\n')
    text += f"\n\n<{DSML}{gap}{block}>\n{''.join(calls)}</{DSML}{gap}{block}>"
    return text[: r.randrange(len(text))] if broken == "cut" else text


def recipe_parse(text, version, step):
    import deepseek_recipe as d

    options = d.ConversionOptions().with_model_alias("m", getattr(d.ModelVersion, version))
    body = {"model": "m", "stream": True, "thinking": {"type": "disabled"}, "messages": [{"role": "user", "content": "u"}], "tools": TOOLS}
    request = d.ChatCompletionRequest(body).convert(options)
    parsing = request.parsing_options
    processor = d.StreamProcessor(d.ChatCompletionRequest.chunk_generator(request, "id", "m"), parsing)
    chunks = processor.push(d.InferenceChunk.ready())
    for at in range(0, len(text), step):
        chunks += processor.push(d.InferenceChunk.text(text[at : at + step], 1))
    chunks += processor.push(d.InferenceChunk.finish(d.InferenceFinishReason.Stop)) + processor.finish()
    content, calls = "", []
    for chunk in chunks:
        for choice in json.loads(chunk.to_json())["choices"]:
            content += choice["delta"].get("content") or ""
            for call in choice["delta"].get("tool_calls", []):
                if call.get("id"):
                    calls.append([call["function"]["name"], ""])
                calls[-1][1] += call["function"].get("arguments", "")
    return {"text": content, "calls": calls}


def sglang_parse(encoder, text):
    try:
        message = encoder.parse_message_from_completion_text(text + encoder.eos_token, "chat")
    except encoder.DS32EncodingError as error:
        return {"error": str(error)}
    return {"text": message["content"], "calls": [[c["function"]["name"], c["function"]["arguments"]] for c in message["tool_calls"]]}


def run(program, cases):
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "cases"), os.path.join(folder, "results")
        with open(source, "w") as file:
            file.writelines(json.dumps(case, ensure_ascii=False) + "\n" for case in cases)
        environment = {**os.environ, "WEIR_ORACLE_CASES": source, "WEIR_ORACLE_RESULTS": target}
        subprocess.run([program, "--gtest_filter=OracleCases.*"], env=environment, check=True, stdout=subprocess.DEVNULL)
        with open(target) as file:
            return [json.loads(line) for line in file]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", nargs="?", default="build/src/chat/weir_chat_test")
    parser.add_argument("--cases", type=int, default=2000)
    options = parser.parse_args()
    mlx, sglang = load_encoders()
    agreed, shown = collections.Counter(), collections.Counter()

    def judge(kind, case, got, wanted):
        agreed[kind, got == wanted] += 1
        shown[kind] += got != wanted
        if got != wanted and shown[kind] <= 2:
            print(f"{kind}: {json.dumps(case, ensure_ascii=False)[:700]}\n  weir  {got!r}\n  other {wanted!r}")

    prompts = []
    for seed in range(options.cases):
        r = random.Random(seed)
        prompts.append({"messages": conversation(r), "tools": r.choice([TOOLS, None]), "thinking": r.random() < 0.5})
    for case, got in zip(prompts, run(options.program, prompts)):
        told = (case["messages"], case["tools"], case["thinking"])
        judge("prompt, mlx-lm", case, got, encoded(mlx, *told))
        judge("prompt, sglang", case, without_blank_lines(got), without_blank_lines(encoded(sglang, *told)))

    forms = [("function_calls", "", None), ("tool_calls", "", "DeepseekV4Pro"), ("calls", " ", "DeepseekV41Flash")]
    replies = []
    for seed in range(options.cases):
        r = random.Random(seed)
        block, gap, version = r.choice(forms)
        broken = r.choice(["", "", "", "number", "twice", "cut"])
        replies.append({"text": reply(r, block, gap, broken), "step": r.randint(1, 40), "version": version, "broken": broken})
    for case, got in zip(replies, run(options.program, replies)):
        version = case["version"]
        wanted = recipe_parse(case["text"], version, case["step"]) if version else sglang_parse(sglang, case["text"])
        kind = f"calls, {version or 'V3.2'}, {case['broken'] or 'well-formed'}"
        judge(kind, case, got, wanted)

    for kind in sorted({kind for kind, _ in agreed}):
        yes, no = agreed[kind, True], agreed[kind, False]
        print(f"{kind}: {yes} of {yes + no} agree")


if __name__ == "__main__":
    main()
