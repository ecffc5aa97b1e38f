#!/bin/bash
# sglang 0.5.23 and mlx-lm 0.32.2: both carry the Python encoder that DeepSeek published for V3.2, which has no chat template.
# Guess: two copies of one file give the same prompt.
# Seen: with tools they do not. sglang's copy has lost the seven blank lines of the text that explains tools, so a prompt has
# other tokens from its beginning on. Without tools the prompts are equal.
. "$(dirname "$0")/common.sh"
install --no-deps sglang==0.5.23 mlx-lm==0.32.2
run <<'PY'
import importlib.util, re, sys, sysconfig, types
from importlib.metadata import version
for name in ["transformers", "transformers.utils", "transformers.utils.chat_template_utils"]:  # for Python functions as tools
    sys.modules[name] = types.ModuleType(name)
sys.modules[name].get_json_schema = None

def load(package, file):
    print(package, version(package))
    spec = importlib.util.spec_from_file_location(package, sysconfig.get_paths()["purelib"] + "/" + file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

sglang = load("sglang", "sglang/srt/entrypoints/openai/encoding_dsv32.py")
mlx = load("mlx-lm", "mlx_lm/chat_templates/deepseek_v32.py")
tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
for tools in [None, [tool]]:
    messages = [{"role": "system", "content": "S"}, {"role": "user", "content": "u"}]
    if tools:
        messages[0]["tools"] = tools
    a, b = (m.encode_messages(messages, "thinking") for m in (sglang, mlx))
    print("with tools" if tools else "without tools", "equal:", a == b, "blank lines:", a.count("\n\n"), b.count("\n\n"))
    assert (a == b) == (not tools)
    assert re.sub("\n+", "\n", a) == re.sub("\n+", "\n", b)
print(repr(a[a.index("## Tools"):][:60]), repr(b[b.index("## Tools"):][:60]), sep="\n")
PY
