"""weir's parts of a reward in Python, for TRL: accuracy (the verifier `numeric`), format and language, from a
reply's tokens. They are those of weir on its own replies: `python reply_rewards.py RUN/stages/NAME` counts the
records of that stage (rollouts/*.jsonl) on which they differ, which are none.
"""
import json
import re
import sys
from fractions import Fraction
from pathlib import Path

WEIGHTS = {"accuracy": 1.0, "format": 0.2, "language": 0.2}
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


class Replies:
    """Takes replies apart as weir does."""

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer
        self.end, self.think, self.end_think = (
            tokenizer.convert_tokens_to_ids(t) for t in (tokenizer.eos_token, "<think>", "</think>")
        )

    def text(self, ids):
        return self.tokenizer.decode(ids, skip_special_tokens=False).strip()

    def parts(self, ids, gold, language):
        """accuracy, format, language"""
        ids = list(ids)
        is_ended = self.end in ids
        if is_ended:
            ids = ids[: ids.index(self.end)]
        thinking, answer, is_closed = [], ids, True
        if ids and ids[0] == self.think:
            is_closed = self.end_think in ids
            close = ids.index(self.end_think) if is_closed else len(ids)
            thinking, answer = ids[1:close], ids[close + 1 :]
        text = self.text(answer)
        has_stray_marks = self.think in answer or self.end_think in answer
        return (
            float(is_ended and is_right(text, gold)),
            float(is_ended and is_closed and not has_stray_marks and text != ""),
            language_share(self.text(thinking), language),
        )


def is_right(answer, gold):
    numbers = NUMBER.findall(answer)
    return bool(numbers) and Fraction(numbers[-1]) == Fraction(gold)


def language_share(text, language):
    """Share of the words that are in the question's language; a Chinese character is a word."""
    if language not in ("en", "zh"):
        return 1.0
    latin, chinese = len(re.findall(r"[A-Za-z]+", text)), len(re.findall(r"[\u3400-\u9fff]", text))
    words = latin + chinese
    return 1.0 if words == 0 else (latin if language == "en" else chinese) / words


def check(stage):
    """(records, records with another reward): golds and languages are read off the prompts' stories."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(stage)
    replies, count, other = Replies(tokenizer), 0, 0
    for path in sorted(Path(stage).glob("rollouts/*.jsonl")):
        for line in path.read_text().splitlines():
            record = json.loads(line)
            question = tokenizer.decode(record["prompt"], skip_special_tokens=True)
            gold, language = solve(question)
            parts = replies.parts(record["tokens"], gold, language)
            reward = sum(w * p for w, p in zip(WEIGHTS.values(), parts))
            is_same = (record["outcome"] == "right") == (parts[0] == 1)
            count, other = count + 1, other + (not is_same or abs(reward - record["reward"]) > 1e-9)
    return count, other


def solve(question):
    """Gold and language of a sum or a story, from its text."""
    if question.startswith("Rain:"):
        return str(sum(int(n) for n in re.findall(r"\d+", question))), ""
    is_english = "How many" in question
    losses = "eats sells loses gives uses" if is_english else "吃 卖 丢 送 用"
    form = r"(?:[A-Za-z]+ )?([a-z]+) (\d+)" if is_english else r"(\D)(\d+)个"
    total = 0
    for verb, number in re.findall(form, question):
        total += -int(number) if verb in losses.split() else int(number)
    return str(total), "en" if is_english else "zh"


if __name__ == "__main__":
    records, different = check(sys.argv[1])
    print(f"{records} replies, {different} with another reward than weir's")
    sys.exit(different > 0 or records == 0)
