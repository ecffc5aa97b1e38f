#include "tokenizer/gguf_splitting.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/text.h"
#include "text/unicode.h"

namespace weir {
namespace {

constexpr const char* kPre = "tokenizer.ggml.pre";

// Qwen's tokenizer.json normalises to NFC and llama.cpp does not; we do what the model was trained
// with. Kimi's tokens were made by tiktoken, which takes a piece that is a token as it is.
constexpr GgufSplitting kSplittings[] = {
    {.name = "deepseek-llm", .preset = "deepseek-llm"},
    {.name = "deepseek-coder", .preset = "deepseek-coder"},
    {.name = "deepseek-v3", .preset = "deepseek-v3"},
    {.name = "qwen2", .preset = "qwen2", .nfc = true},
    {.name = "deepseek-r1-qwen", .preset = "qwen2", .nfc = true},
    {.name = "llama-bpe", .preset = "llama3", .ignore_merges = true, .adds_bos = true},
    {.name = "llama3", .preset = "llama3", .ignore_merges = true, .adds_bos = true},
    {.name = "llama-v3", .preset = "llama3", .ignore_merges = true, .adds_bos = true},
    {.name = "smaug-bpe", .preset = "llama3"},
    {.name = "dbrx", .preset = "llama3"},
    {.name = "kimi-k2", .preset = "kimi-k2", .ignore_merges = true},
    {.name = "gpt-2", .preset = "gpt-2"},
    {.name = "smollm", .preset = "gpt-2", .isolates_digits = true},
    {.name = "default", .preset = ""},
};

std::string known_names() {
  std::string names;
  for (const GgufSplitting& splitting : kSplittings)
    names += (names.empty() ? "" : ", ") + std::string(splitting.name);
  return names;
}

// Characters that two pre-tokenizers do not tell apart, as classes with one example each.
class JointClasses {
 public:
  JointClasses(const PreTokenizer& a, const PreTokenizer& b) : a_(a), b_(b) {
    std::vector<char32_t> borders = {0};
    a.append_borders(borders);
    b.append_borders(borders);
    for (char32_t code : borders)
      if (code < 0xD800 || code > 0xDFFF) (void)of(code);
  }
  char32_t of(char32_t code) {
    key_.clear();
    a_.append_classes(code, key_);
    b_.append_classes(code, key_);
    const auto [found, is_new] = ids_.emplace(key_, char32_t(examples_.size()));
    if (is_new) {
      examples_.emplace_back();
      append_utf8(examples_.back(), code);
    }
    return found->second;
  }
  const std::vector<std::string>& examples() const { return examples_; }

 private:
  const PreTokenizer &a_, &b_;
  std::string key_;
  std::unordered_map<std::string, char32_t> ids_;
  std::vector<std::string> examples_;
};

// A token's text as classes. Bytes of a character whose rest is in another token are left out;
// then a cut at that end counts too.
struct Shape {
  std::u32string classes;
  bool open_begin = false, open_end = false;
  bool operator==(const Shape&) const = default;
};
struct ShapeHash {
  size_t operator()(const Shape& shape) const {
    return std::hash<std::u32string>()(shape.classes) * 4 + size_t(shape.open_begin) * 2 +
           size_t(shape.open_end);
  }
};

// Nothing to cut in one character, and nothing to know of bytes that are no text.
std::optional<Shape> shape_of(std::string_view text, JointClasses& classes) {
  // A run as long as this has seen every count that a pattern has.
  constexpr size_t kRunMax = 16;
  Shape shape;
  while (!text.empty() && (text[0] & 0xC0) == 0x80) {
    text.remove_prefix(1);
    shape.open_begin = true;
  }
  const size_t tail = unfinished_utf8_tail(text);
  shape.open_end = tail > 0;
  text.remove_suffix(tail);
  if (valid_utf8_prefix(text) != text.size()) return std::nullopt;
  size_t run = 0;
  for (size_t at = 0; at < text.size();) {
    const Utf8Character c = decode_utf8(text, at);
    const char32_t id = classes.of(c.code);
    run = !shape.classes.empty() && shape.classes.back() == id ? run + 1 : 1;
    if (run <= kRunMax) shape.classes += id;
    at += size_t(c.bytes);
  }
  const size_t ends = size_t(shape.open_begin) + size_t(shape.open_end);
  if (shape.classes.empty() || shape.classes.size() + ends < 2) return std::nullopt;
  return shape;
}

// The places from `begin` to `end` (both included) where `splitter` cuts the text.
Result<void> cuts_of(const PreTokenizer& splitter, std::string_view text, size_t begin, size_t end,
                     SplitScratch& scratch, std::vector<size_t>& cuts) {
  cuts.clear();
  TRY(splitter.split(text, scratch));
  size_t at = 0;
  for (std::string_view piece : scratch.pieces) {
    at += piece.size();
    if (at >= begin && at <= end && at < text.size()) cuts.push_back(at);
  }
  return {};
}

}  // namespace

Result<PreTokenizer> GgufSplitting::pre_tokenizer() const {
  if (*preset != '\0') return PreTokenizer::preset(preset, isolates_digits);
  using Kind = SplitStep::Kind;
  return PreTokenizer::from_steps(
      {{Kind::regex, R"([\p{P}\$\+<=>\^~\|]+)"},
       {Kind::regex, R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))"},
       {Kind::regex, R"(\p{N}+)"},
       {Kind::regex, "[0-9][0-9][0-9]"}});
}

Result<const GgufSplitting*> read_gguf_splitting(const GgufMetadata& metadata) {
  if (!metadata.find(kPre))
    return Error{
        fmt::format("key '{}' is missing, so nothing says how text is split; the file is "
                    "from before May 2024: convert the original model again",
                    kPre)};
  const std::string name = TRY(metadata.string_at(kPre));
  for (const GgufSplitting& splitting : kSplittings)
    if (name == splitting.name) return &splitting;
  return Error{fmt::format("key '{}' is '{}', which is not supported; known are {}", kPre,
                           printable(name), known_names())};
}

Result<bool> gives_same_ids(const Tokenizer& tokenizer, const PreTokenizer& other) {
  const PreTokenizer& own = tokenizer.pre_tokenizer();
  JointClasses classes(own, other);
  std::unordered_set<Shape, ShapeHash> shapes;
  for (int id = 0; id < tokenizer.size(); ++id) {
    if (tokenizer.is_added(id)) continue;
    if (auto shape = shape_of(tokenizer.token_bytes(id), classes)) shapes.insert(*std::move(shape));
  }
  // Each shape alone, behind each class and before each class.
  std::vector<std::pair<std::string, std::string>> contexts = {{"", ""}};
  for (const std::string& example : classes.examples()) {
    contexts.emplace_back(example, "");
    contexts.emplace_back("", example);
  }
  SplitScratch scratch;
  std::vector<size_t> cuts, other_cuts;
  for (const Shape& shape : shapes) {
    std::string token;
    for (char32_t id : shape.classes) token += classes.examples()[id];
    for (const auto& [before, behind] : contexts) {
      const std::string text = before + token + behind;
      const size_t begin = before.size() + (shape.open_begin ? 0 : 1);
      const size_t end = before.size() + token.size() - (shape.open_end ? 0 : 1);
      TRY(cuts_of(own, text, begin, end, scratch, cuts));
      TRY(cuts_of(other, text, begin, end, scratch, other_cuts));
      if (cuts != other_cuts) return false;
    }
  }
  return true;
}

Result<const GgufSplitting*> choose_gguf_splitting(const Tokenizer& tokenizer) {
  const PreTokenizer& own = tokenizer.pre_tokenizer();
  const GgufSplitting* near = nullptr;
  std::vector<std::pair<const GgufSplitting*, PreTokenizer>> others;
  for (const GgufSplitting& splitting : kSplittings) {
    PreTokenizer named = TRY(splitting.pre_tokenizer());
    if (!own.means(named)) {
      if (splitting.ignore_merges == tokenizer.ignores_merges())
        others.emplace_back(&splitting, std::move(named));
      continue;
    }
    if (splitting.ignore_merges == tokenizer.ignores_merges()) return &splitting;
    near = &splitting;
  }
  // DeepSeek's own files isolate digits where llama.cpp's pattern takes runs of them, and weir's
  // tokenizers may do so before everything else. The steps' own preset is tried first.
  std::stable_partition(others.begin(), others.end(), [&](const auto& other) {
    return !own.name().empty() && own.name() == other.first->preset;
  });
  for (const auto& [splitting, named] : others)
    if (TRY(gives_same_ids(tokenizer, named))) return splitting;
  if (near)
    return Error{
        fmt::format("llama.cpp's '{}' splits text as this tokenizer does, but {} "
                    "ignore_merges; GGUF can not say so: keep tokenizer.json",
                    near->name, near->ignore_merges ? "has" : "lacks")};
  return Error{
      fmt::format("GGUF names the way text is split, and none of its names ({}) means "
                  "this tokenizer's way; train it with one of them or keep tokenizer.json",
                  known_names())};
}

}  // namespace weir
