// Marks of holes in small vocabularies, and prompts as text: each byte is a token.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "base/file.h"
#include "chat/infill_prompt.h"
#include "chat/line_limits.h"
#include "chat/open_model.h"
#include "testing/tiny_models.h"
#include "tokenizer/gguf_tokenizer.h"

namespace weir {
namespace {

Tokenizer tokenizer_of(const std::vector<const char*>& names, const char* bos = "") {
  std::vector<NewToken> added;
  for (const char* name : names) added.push_back({name, true});
  return make_byte_tokenizer(std::move(added), bos);
}

const std::vector<const char*> kQwen = {"<|endoftext|>",  "<|fim_prefix|>", "<|fim_suffix|>",
                                        "<|fim_middle|>", "<|repo_name|>",  "<|file_sep|>"};

std::string shown(const Tokenizer& tokenizer, const std::vector<int>& tokens) {
  std::string text;
  for (const int token : tokens) text += tokenizer.token_bytes(token);
  return text;
}

std::string prompt_of(const Tokenizer& tokenizer, const InfillText& text,
                      InfillLimits limits = {}) {
  auto made = make_infill_prompt(tokenizer, find_infill_tokens(tokenizer), text, limits);
  return made ? shown(tokenizer, made->tokens) : made.error().message;
}

std::string lines(int from, int to) {
  std::string text;
  for (int i = from; i < to; ++i) text += "line " + std::to_string(i) + "\n";
  return text;
}

// Each family's prompt as its model card or paper writes it.
TEST(Infill, PromptsHaveThePublishedForms) {
  struct Case {
    std::vector<const char*> names;
    const char* wanted;
  };
  const Case cases[] = {
      {kQwen, "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>"},
      {{"<｜fim▁hole｜>", "<｜fim▁begin｜>", "<｜fim▁end｜>"},
       "<｜fim▁begin｜>P<｜fim▁hole｜>S<｜fim▁end｜>"},
      {{"<fim_prefix>", "<fim_middle>", "<fim_suffix>"}, "<fim_prefix>P<fim_suffix>S<fim_middle>"},
      {{"▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>"}, "▁<PRE>P▁<SUF>S▁<MID>"},
      {{"<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>"},
       "<[fim-suffix]>S<[fim-prefix]>P<[fim-middle]>"},
      {{"[PREFIX]", "[SUFFIX]", "[MIDDLE]"}, "[SUFFIX]S[PREFIX]P"},
  };
  for (const Case& c : cases) {
    const Tokenizer tokenizer = tokenizer_of(c.names);
    EXPECT_EQ(prompt_of(tokenizer, {.prefix = "P", .suffix = "S"}), c.wanted);
    const auto has = [&](std::string_view token) { return std::ranges::count(c.names, token) > 0; };
    EXPECT_TRUE(names_infill_family(has)) << c.wanted;
  }
  EXPECT_FALSE(names_infill_family([](std::string_view token) { return token == "<fim_prefix>"; }));
  const Tokenizer framed =
      tokenizer_of({"<bos>", "<fim_prefix>", "<fim_suffix>", "<fim_middle>"}, "<bos>");
  EXPECT_EQ(prompt_of(framed, {.prefix = "P"}),
            shown(framed, framed.prefix()) + "<fim_prefix>P<fim_suffix><fim_middle>");
}

// Qwen2.5-Coder's technical report, 3.2; StarCoder 2, 5.3; DeepSeek-Coder's README.
TEST(Infill, FilesComeBeforeTheOneWithTheHole) {
  const InfillText text{.prefix = "p",
                        .suffix = "s",
                        .path = "c.py",
                        .repository = "r",
                        .files = {{"a.py", "A\n"}, {"b.py", "B"}}};
  EXPECT_EQ(prompt_of(tokenizer_of(kQwen), text),
            "<|repo_name|>r\n<|file_sep|>a.py\nA\n<|file_sep|>b.py\nB\n<|file_sep|>c.py\n"
            "<|fim_prefix|>p<|fim_suffix|>s<|fim_middle|>");
  EXPECT_EQ(prompt_of(tokenizer_of({"<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<repo_name>",
                                    "<file_sep>"}),
                      text),
            "<repo_name>r<file_sep>a.py\nA\n<file_sep>b.py\nB\n<file_sep><fim_prefix>c.py\np"
            "<fim_suffix>s<fim_middle>");
  EXPECT_EQ(prompt_of(tokenizer_of({"<｜fim▁hole｜>", "<｜fim▁begin｜>", "<｜fim▁end｜>"}), text),
            "<｜fim▁begin｜># a.py\nA\n# b.py\nB\n# c.py\np<｜fim▁hole｜>s<｜fim▁end｜>");
  // The last ones have room first.
  const Tokenizer qwen = tokenizer_of(kQwen);
  auto made = make_infill_prompt(qwen, find_infill_tokens(qwen), text, {.prompt = 23});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->files_cut, 1);
  EXPECT_LE(made->tokens.size(), 23u);
  EXPECT_EQ(shown(qwen, made->tokens),
            "<|repo_name|>r\n<|file_sep|>b.py\nB\n<|file_sep|>c.py\n"
            "<|fim_prefix|>p<|fim_suffix|>s<|fim_middle|>");
}

TEST(Infill, TextsNeverBecomeMarks) {
  for (const auto& names : {kQwen, std::vector<const char*>{"[PREFIX]", "[SUFFIX]"}}) {
    for (const bool special : {true, false}) {
      std::vector<NewToken> added;
      for (const char* name : names) added.push_back({name, special});
      const Tokenizer tokenizer = make_byte_tokenizer(std::move(added));
      const InfillTokens marks = find_infill_tokens(tokenizer);
      std::string forged = "x";
      for (const char* name : names) forged += name + std::string(name);
      auto made = make_infill_prompt(
          tokenizer, marks,
          {.prefix = forged, .suffix = forged, .path = forged, .files = {{forged, forged}}}, {});
      ASSERT_TRUE(made) << made.error().message;
      const auto count = [&](int id) {
        return id < 0 ? 1 : std::count(made->tokens.begin(), made->tokens.end(), id);
      };
      EXPECT_EQ(count(marks.prefix), 1);
      EXPECT_EQ(count(marks.suffix), 1);
      EXPECT_EQ(count(marks.middle), 1);
      EXPECT_EQ(count(marks.repository), 1);
      std::string all = shown(tokenizer, made->tokens);
      size_t copies = 0;
      for (size_t at = all.find(forged); at != all.npos; at = all.find(forged, at + 1)) ++copies;
      EXPECT_GE(copies, 4u);
    }
  }
}

TEST(Infill, MissingTokensAreNamed) {
  EXPECT_FALSE(find_infill_tokens(tokenizer_of({"<|endoftext|>"})).exist());
  const InfillTokens part = find_infill_tokens(tokenizer_of({"<|fim_prefix|>", "<|fim_suffix|>"}));
  EXPECT_FALSE(part.exist());
  EXPECT_EQ(part.missing, "<|fim_middle|>");
}

TEST(Infill, AReplyEndsAtEveryMark) {
  const Tokenizer tokenizer = tokenizer_of(kQwen);
  const InfillTokens marks = find_infill_tokens(tokenizer);
  for (const char* name : kQwen)
    EXPECT_TRUE(std::count(marks.ends.begin(), marks.ends.end(), *tokenizer.find_added(name)))
        << name;
}

TEST(Infill, KeysOfGgufNameTheTokens) {
  const Tokenizer tokenizer = tokenizer_of({"<a>", "<b>", "<c>", "<d>"});
  const auto id = [&](const char* name) { return int64_t(*tokenizer.find_added(name)); };
  GgufMetadata metadata;
  metadata.set("tokenizer.ggml.fim_pre_token_id", id("<a>"));
  metadata.set("tokenizer.ggml.fim_suf_token_id", id("<b>"));
  EXPECT_FALSE(find_infill_tokens(tokenizer, &metadata).exist());
  metadata.set("tokenizer.ggml.fim_mid_token_id", id("<c>"));
  metadata.set("tokenizer.ggml.fim_sep_token_id", id("<d>"));
  const InfillTokens marks = find_infill_tokens(tokenizer, &metadata);
  ASSERT_TRUE(marks.exist());
  auto made = make_infill_prompt(tokenizer, marks, {.prefix = "p", .suffix = "s"}, {});
  EXPECT_EQ(shown(tokenizer, made->tokens), "<a>p<b>s<c>");
  EXPECT_EQ(marks.file, id("<d>"));
  metadata.set("tokenizer.ggml.fim_mid_token_id", int64_t(1) << 40);  // no token
  EXPECT_FALSE(find_infill_tokens(tokenizer, &metadata).exist());
}

TEST(Infill, TheOrderCanBeChosen) {
  const Tokenizer tokenizer = tokenizer_of({"<fim_prefix>", "<fim_middle>", "<fim_suffix>"});
  InfillTokens marks = find_infill_tokens(tokenizer);
  ASSERT_TRUE(set_infill_order("spm", marks));
  auto made = make_infill_prompt(tokenizer, marks, {.prefix = "P", .suffix = "S"}, {});
  EXPECT_EQ(shown(tokenizer, made->tokens), "<fim_suffix>S<fim_prefix>P<fim_middle>");
  InfillTokens codestral = find_infill_tokens(tokenizer_of({"[PREFIX]", "[SUFFIX]"}));
  EXPECT_FALSE(set_infill_order("psm", codestral));
}

// What a prompt shares with the one before is what the prefix cache saves.
TEST(Infill, TypingChangesOnlyTheEndOfAPrompt) {
  const Tokenizer tokenizer = tokenizer_of(kQwen);
  const InfillTokens marks = find_infill_tokens(tokenizer);
  for (const bool is_long : {false, true}) {
    const std::string before = lines(0, is_long ? 300 : 40), typed = "  total += value;\n  return";
    const std::string suffix = lines(0, is_long ? 300 : 20);
    const InfillLimits limits{.prompt = is_long ? 1000 : 0, .window = is_long ? 600 : 0};
    std::vector<int> last;
    int changes = 0;
    for (size_t i = 1; i <= typed.size(); ++i) {
      auto made = make_infill_prompt(
          tokenizer, marks,
          {.prefix = before + typed.substr(0, i), .suffix = suffix, .is_edited = true}, limits);
      ASSERT_TRUE(made);
      EXPECT_LE(made->tokens.size(), is_long ? 600u + 4 : 4000u);
      const std::string text = shown(tokenizer, made->tokens);
      EXPECT_TRUE((text + made->begun).ends_with(typed.substr(0, i)));
      EXPECT_FALSE(made->begun.empty());
      EXPECT_NE(text.find("<|fim_middle|>"), text.npos);
      const size_t same = size_t(
          std::mismatch(last.begin(), last.end(), made->tokens.begin(), made->tokens.end()).first -
          last.begin());
      changes += same != last.size();
      last = made->tokens;
    }
    EXPECT_LE(changes, is_long ? 1 : 0);
  }
}

TEST(Infill, TheLastLinesAreThoseSinceAStep) {
  const Tokenizer tokenizer = tokenizer_of(kQwen);
  const auto tail = [&](const std::string& prefix) {
    const auto made = make_infill_prompt(tokenizer, find_infill_tokens(tokenizer),
                                         {.prefix = prefix, .suffix = "S", .is_edited = true}, {});
    const std::string all = shown(tokenizer, made->tokens) + made->begun;
    const std::string_view mark = "S<|fim_middle|>";
    return all.substr(all.find(mark) + mark.size());
  };
  EXPECT_EQ(tail(""), "");
  EXPECT_EQ(tail("ab"), "ab");
  EXPECT_EQ(tail("\n\nab"), "\n\nab");
  EXPECT_EQ(tail(lines(0, 15) + "x"), lines(0, 15) + "x");
  EXPECT_EQ(tail(lines(0, 16) + "x"), "x");
  EXPECT_EQ(tail(lines(0, 16)), "");
  EXPECT_EQ(tail(lines(0, 50) + "x"), lines(48, 50) + "x");
}

TEST(Infill, AReplyBeginsWithTheWordThatWasBegun) {
  const Tokenizer tokenizer = make_byte_tokenizer({{"<end>", true}, {"ab", false}});
  const auto ids = [&](const char* text) { return *tokenizer.encode(text); };
  HealingFilter filter(tokenizer, 2, "ax");
  const auto allowed = [&](const char* drawn) {
    std::vector<int> tokens = ids("qq");
    for (const int id : ids(drawn)) tokens.push_back(id);
    std::vector<uint8_t> is_forbidden(size_t(tokenizer.size()) + 3);
    filter.forbid(tokens, {}, is_forbidden);
    std::string all;
    for (size_t id = 0; id < is_forbidden.size(); ++id)
      if (!is_forbidden[id])
        all += int(id) < tokenizer.size() ? tokenizer.token_bytes(int(id)) : "?";
    return all;
  };
  EXPECT_EQ(allowed(""), "a");  // not "ab", not an end
  EXPECT_EQ(allowed("a"), "x");
  EXPECT_GT(allowed("ax").size(), 256u);
}

TEST(Infill, WhatIsNearTheHoleIsKept) {
  const Tokenizer tokenizer = tokenizer_of(kQwen);
  const std::string prefix = lines(0, 100), suffix = lines(100, 200);
  const auto made = make_infill_prompt(tokenizer, find_infill_tokens(tokenizer),
                                       {.prefix = prefix, .suffix = suffix}, {.window = 400});
  ASSERT_TRUE(made);
  const std::string text = shown(tokenizer, made->tokens);
  EXPECT_NE(text.find("line 99\n<|fim_suffix|>line 100\n"), text.npos) << text;
  EXPECT_TRUE(text.starts_with("<|fim_prefix|>line ")) << text;  // whole lines
  EXPECT_EQ(made->suffix_cut, int(suffix.size()) - 100);
  EXPECT_GT(made->prefix_cut, int(prefix.size()) - 300);
  EXPECT_LE(made->tokens.size(), 403u);
  EXPECT_GT(made->tokens.size(), 300u);
  // A short prefix leaves its room to the suffix.
  const auto other = make_infill_prompt(tokenizer, find_infill_tokens(tokenizer),
                                        {.prefix = "ab", .suffix = suffix}, {.window = 400});
  EXPECT_EQ(other->suffix_cut, int(suffix.size()) - 350);
}

std::string limited(LineLimits limits, const std::string& text, size_t piece) {
  LineScanner scanner(limits);
  std::string out;
  for (size_t at = 0; at < text.size() && !scanner.found(); at += piece)
    out += scanner.push(text.substr(at, piece));
  return out + scanner.finish();
}

TEST(LineScanner, EndsByLinesAndIndent) {
  for (const size_t piece : {1, 2, 3, 100}) {
    const std::string text = " a;\n\n    b;\n  c;\n}\n";
    EXPECT_EQ(limited({}, text, piece), text);
    EXPECT_EQ(limited({.lines = 1}, text, piece), " a;");
    EXPECT_EQ(limited({.lines = 3}, text, piece), " a;\n\n    b;");
    EXPECT_EQ(limited({.indent = 1}, text, piece), " a;\n\n    b;\n  c;");
    EXPECT_EQ(limited({.indent = 3}, text, piece), " a;\n\n    b;");
    EXPECT_EQ(limited({.indent = 3}, "x\n  ", piece), "x\n  ");  // an empty line so far
    const std::string windows = " a;\r\n  b;\rc\r\n}\r\n";
    EXPECT_EQ(limited({.lines = 1}, windows, piece), " a;");
    EXPECT_EQ(limited({.indent = 1}, windows, piece), " a;\r\n  b;\rc");
    EXPECT_EQ(limited({.lines = 9}, windows, piece), windows);
  }
}

// "" where WEIR_REAL_MODELS names no folder with the model.
std::string real_coder() {
  const char* folder = std::getenv("WEIR_REAL_MODELS");
  const std::string path =
      join_path(folder ? folder : "", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf");
  return folder && file_exists(path) ? path : "";
}

constexpr const char* kNoCoder = "no qwen2.5-coder-0.5b-instruct-q4_k_m.gguf in WEIR_REAL_MODELS";

// Ids of transformers 5.23.0 for the forms of the model's card and technical report, written as one
// text with the marks in it.
TEST(InfillOfRealModel, PromptsHaveTheIdsOfTransformers) {
  if (real_coder().empty()) GTEST_SKIP() << kNoCoder;
  const auto tokenizer = open_tokenizer(real_coder());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const InfillTokens marks = find_infill_tokens(**tokenizer);
  const auto ids = [&](const InfillText& text) {
    return make_infill_prompt(**tokenizer, marks, text, {})->tokens;
  };
  const InfillText sort{
      .prefix =
          "def quicksort(arr):\n    if len(arr) <= 1:\n        return arr\n"
          "    pivot = arr[len(arr) // 2]\n    ",
      .suffix =
          "\n    middle = [x for x in arr if x == pivot]\n    right = [x for x in arr if x > "
          "pivot]\n    return quicksort(left) + middle + quicksort(right)"};
  EXPECT_EQ(
      ids(sort),
      (std::vector<int>{151659, 750,   3974,  6860, 10939, 982,  262,   421, 2422,  10939,  8,
                        2651,   220,   16,    510,  286,   470,  2890,  198, 262,   26045,  284,
                        2890,   24693, 10939, 8,    442,   220,  17,    921, 257,   151661, 198,
                        262,    6149,  284,   508,  87,    369,  856,   304, 2890,  421,    856,
                        621,    26045, 921,   262,  1290,  284,  508,   87,  369,   856,    304,
                        2890,   421,   856,   861,  26045, 921,  262,   470, 3974,  6860,   17671,
                        8,      488,   6149,  488,  3974,  6860, 27704, 8,   151660}));
  EXPECT_EQ(ids({.prefix = "from a import ",
                 .suffix = "\nprint(x)",
                 .path = "b.py",
                 .repository = "library",
                 .files = {{"a.py", "x = 1\n"}}}),
            (std::vector<int>{151663, 18065, 198, 151664, 64,  7197, 198,  87,     284,
                              220,    16,    198, 151664, 65,  7197, 198,  151659, 1499,
                              264,    1159,  220, 151661, 198, 1350, 2075, 8,      151660}));
}

// Holes in functions of several languages, as editors ask for them, at temperature 0.
TEST(InfillOfRealModel, HolesAreFilledWithWhatBelongsThere) {
  if (real_coder().empty()) GTEST_SKIP() << kNoCoder;
  auto open = open_model({.path = real_coder(), .sequences_max = 8, .warms_up = false});
  ASSERT_TRUE(open) << open.error().message;
  struct Hole {
    const char *prefix, *suffix, *wanted;
  };
  const Hole holes[] = {
      {"def add(a, b):\n    \"\"\"Return the sum.\"\"\"\n    return ", "\n\nprint(add(2, 3))\n",
       "a + b"},
      {"int max(int a, int b) {\n  return ", ";\n}\n", "a > b ? a : b"},
      {"function isEven(n) {\n  return ", ";\n}\n\nconsole.log(isEven(4));\n", "n % 2 === 0"},
      {"func Sum(values []int) int {\n\ttotal := 0\n\tfor _, value := range values {\n\t\t",
       "\n\t}\n\treturn total\n}\n", "total += value"},
      {"fn area(width: u32, height: u32) -> u32 {\n    ", "\n}\n\nfn main() {}\n",
       "width * height"},
      {"import json\n\n\ndef load(path):\n    with open(path) as file:\n        return js",
       "\n\n\ndef save(path, value):\n    with open(path, 'w') as file:\n        json.dump(value, "
       "file)\n",
       "on.load(file)"},
  };
  std::vector<Request> requests;
  std::vector<std::unique_ptr<HealingFilter>> filters;
  std::vector<std::string> begun;
  for (const Hole& hole : holes) {
    auto prompt =
        make_infill_prompt(*open->tokenizer, open->infill,
                           {.prefix = hole.prefix, .suffix = hole.suffix, .is_edited = true}, {});
    ASSERT_TRUE(prompt);
    Request& request = requests.emplace_back();
    request.prompt = prompt->tokens;
    request.tokens_max = 8;
    request.sampling.temperature = 0;
    request.stop_ids = open->infill.ends;
    filters.push_back(
        std::make_unique<HealingFilter>(*open->tokenizer, request.prompt.size(), prompt->begun));
    request.token_filter = filters.back().get();
    begun.push_back(prompt->begun);
  }
  const auto completions = open->generator->generate(requests);
  ASSERT_TRUE(completions) << completions.error().message;
  for (size_t i = 0; i < requests.size(); ++i)
    EXPECT_TRUE((*completions)[i].text.starts_with(begun[i] + holes[i].wanted))
        << holes[i].prefix << "\n---\n"
        << (*completions)[i].text;
}

}  // namespace
}  // namespace weir
