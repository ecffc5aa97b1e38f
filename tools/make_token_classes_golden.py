"""Classes of tokens that read alike, as DeepSeek's code for Engram makes them with `tokenizers`:
tools/make_token_classes_golden.py FILE (default src/testing/data/token_classes.json). Learns a small byte-level BPE on
text in which cases, accents, ligatures, widths, blanks and parts of characters differ."""
import json
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

TEXT = ["The the THE thé Thé théâtre THÉÂTRE the\u0301 café CAFÉ cafe", "ﬁne fine Ｆｉｎｅ ﬀ ff № No ① 1 １ ¹ ½ 1/2 Å A\u030a å",
        "Σίσυφος ΣΊΣΥΦΟΣ σ ς İstanbul istanbul ISTANBUL ı", "\t\n \r\n  \n\n   \u3000\u00a0 \u2003", "中文 字 日本語 カタカナ ｶﾀｶﾅ が か\u3099 हिन्दी नमस्ते",
        "ẞ ß ǅ ǆ Ǆ Ⅷ ⅷ K K Ω Ω ½ ﷺ ẛ̣ ạ̈ é", "a  b\ta\nb", "🙂🙃👩‍👩‍👧", "don't Don't DON'T ’ '"] * 8


def classes(tokenizer):
    fold = normalizers.Sequence([
        normalizers.NFKC(), normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase(),
        normalizers.Replace(Regex(r"[ \t\r\n]+"), " "), normalizers.Replace(Regex(r"^ $"), "\ue000"), normalizers.Strip(),
        normalizers.Replace("\ue000", " ")])
    known, out = {}, []
    for token in range(tokenizer.get_vocab_size(with_added_tokens=True)):
        text = tokenizer.decode([token], skip_special_tokens=False)
        key = tokenizer.id_to_token(token) if "\ufffd" in text else (fold.normalize_str(text) or text)
        out.append(known.setdefault(key, len(known)))
    return out


def main():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(TEXT, trainers.BpeTrainer(
        vocab_size=620, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    tokenizer.add_special_tokens([AddedToken("<｜User｜>", special=True), AddedToken("<｜USER｜>", special=True)])
    with open(sys.argv[1] if len(sys.argv) > 1 else "src/testing/data/token_classes.json", "w") as f:
        json.dump({"tokenizer": json.loads(tokenizer.to_str()), "classes": classes(tokenizer)}, f, ensure_ascii=True,
                  separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()
