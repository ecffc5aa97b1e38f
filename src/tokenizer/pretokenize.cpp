// Runs the steps one after another; two patterns that an engine would match slowly are done by
// hand.
#include "tokenizer/pretokenize.h"

#include <algorithm>
#include <optional>

#include "text/unicode.h"
#include "tokenizer/split_patterns.h"
#include "tokenizer/split_regex.h"
#include "tokenizer/split_syntax.h"

namespace weir {
namespace {

constexpr size_t kStepsMax = 64;
constexpr size_t kPartBytes = 1 << 20;
constexpr size_t kPatternBytesMax = 64 << 10;

bool is_white_space(char32_t c) {
  return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

// The first byte of the character that ends before text[end]; end > 0.
size_t character_before(std::string_view text, size_t end) {
  size_t at = end - 1;
  while (at > 0 && end - at < 4 && (text[at] & 0xC0) == 0x80) --at;
  return at;
}

// What a step does, as a tree.
Result<SplitNode> meaning_of(const SplitStep& step) {
  using Kind = SplitStep::Kind;
  switch (step.kind) {
    case Kind::each_digit:
      return parse_split_pattern(R"(\p{N})");
    case Kind::digit_run:
      return parse_split_pattern(R"(\p{N}+)");
    case Kind::gpt2:
      return parse_split_pattern(kGpt2Pattern);
    case Kind::regex:
      return parse_split_pattern(step.pattern);
    case Kind::literal:
      break;
  }
  SplitNode text;
  for (size_t at = 0; at < step.pattern.size();) {
    const Utf8Character c = decode_utf8(step.pattern, at);
    SplitNode character;
    character.kind = SplitNode::Kind::set;
    character.set = CodePointSet({{c.code, c.code}});
    text.parts.push_back(std::move(character));
    at += size_t(c.bytes);
  }
  if (text.parts.size() != 1) return text;
  return std::move(text.parts[0]);
}

struct PresetMeaning {
  std::string name;
  std::vector<SplitNode> steps;
};

const std::vector<PresetMeaning>& preset_meanings() {
  static const std::vector<PresetMeaning> meanings = [] {
    std::vector<PresetMeaning> all;
    for (const SplitPreset& preset : split_presets()) {
      PresetMeaning meaning{preset.name, {}};
      for (const SplitStep& step : preset.steps) meaning.steps.push_back(*meaning_of(step));
      all.push_back(std::move(meaning));
    }
    return all;
  }();
  return meanings;
}

const SplitNode& known_meaning(const char* pattern) {
  static const SplitNode trailing_space = *parse_split_pattern(kTrailingSpacePattern);
  static const SplitNode every_character = *parse_split_pattern(kEveryCharacterPattern);
  return pattern == kTrailingSpacePattern ? trailing_space : every_character;
}

}  // namespace

SplitScratch::SplitScratch() : engine_(std::make_unique<RegexEngine>()) {}
SplitScratch::SplitScratch(SplitScratch&&) noexcept = default;
SplitScratch::~SplitScratch() = default;

// A step made ready: either a pattern's code or one of the kinds that need none.
struct PreTokenizer::Compiled {
  enum class How { pattern, literal, trailing_space, every_character };
  How how = How::pattern;
  SplitNode meaning = {};
  std::optional<SplitRegex> regex = {};        // of a pattern
  std::optional<SplitAlphabet> alphabet = {};  // of the others
  std::string text = {};                       // the literal

  const SplitAlphabet& classes() const { return regex ? regex->alphabet() : *alphabet; }

  using Pieces = std::vector<std::string_view>;

  Result<void> run(std::string_view piece, RegexEngine& engine, Pieces& out) const {
    switch (how) {
      case How::pattern:
        return regex->split(piece, engine, out);
      case How::literal:
        run_literal(piece, out);
        break;
      case How::trailing_space:
        run_trailing_space(piece, out);
        break;
      case How::every_character:
        for (size_t at = 0, n; at < piece.size(); at += n) {
          n = size_t(decode_utf8(piece, at).bytes);
          out.push_back(piece.substr(at, n));
        }
        break;
    }
    return {};
  }

  void run_literal(std::string_view piece, Pieces& out) const {
    size_t cut = 0;
    for (size_t at; (at = piece.find(text, cut)) != piece.npos; cut = at + text.size()) {
      if (at > cut) out.push_back(piece.substr(cut, at - cut));
      out.push_back(piece.substr(at, text.size()));
    }
    if (cut < piece.size()) out.push_back(piece.substr(cut));
  }

  // \s+$ in linear time; a backtracking engine needs the square of a run that does not end a line.
  // Of each run of white space, what precedes the end of the piece or the run's last newline.
  void run_trailing_space(std::string_view piece, Pieces& out) const {
    size_t cut = 0;
    auto take = [&](size_t begin, size_t end) {
      if (begin > cut) out.push_back(piece.substr(cut, begin - cut));
      out.push_back(piece.substr(begin, end - begin));
      cut = end;
    };
    constexpr size_t kNone = std::string_view::npos;
    size_t run = kNone, newline = kNone;
    for (size_t at = piece.find('\n') == kNone ? trailing_space_begin(piece) : 0;
         at < piece.size();) {
      Utf8Character c = decode_utf8(piece, at);
      if (!is_white_space(c.code)) {
        if (run != kNone && newline != kNone && newline > run) take(run, newline);
        run = newline = kNone;
      } else {
        if (run == kNone) run = at;
        if (c.code == '\n') newline = at;
      }
      at += size_t(c.bytes);
    }
    if (run != kNone) take(run, piece.size());
    if (cut < piece.size()) out.push_back(piece.substr(cut));
  }

  static size_t trailing_space_begin(std::string_view piece) {
    size_t begin = piece.size();
    while (begin > 0) {
      size_t at = character_before(piece, begin);
      if (!is_white_space(decode_utf8(piece, at).code)) break;
      begin = at;
    }
    return begin;
  }
};

PreTokenizer::PreTokenizer() : name_("none") {}
PreTokenizer::PreTokenizer(PreTokenizer&&) noexcept = default;
PreTokenizer& PreTokenizer::operator=(PreTokenizer&&) noexcept = default;
PreTokenizer::~PreTokenizer() = default;

const std::vector<std::string>& PreTokenizer::preset_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const SplitPreset& preset : split_presets()) all.push_back(preset.name);
    return all;
  }();
  return names;
}

Result<PreTokenizer> PreTokenizer::preset(std::string_view name, bool isolate_digits) {
  std::string known;
  for (const SplitPreset& preset : split_presets()) {
    if (preset.name == name) {
      std::vector<SplitStep> steps = preset.steps;
      if (isolate_digits) steps.insert(steps.begin(), {SplitStep::Kind::each_digit, ""});
      return from_steps(std::move(steps));
    }
    known += (known.empty() ? "" : ", ") + preset.name;
  }
  return Error{"there is no split pattern named '" + std::string(name) + "'; choose one of " +
               known};
}

Result<PreTokenizer> PreTokenizer::from_steps(std::vector<SplitStep> steps) {
  if (steps.size() > kStepsMax) {
    return Error{"pre-tokenizer: " + std::to_string(steps.size()) + " steps; at most " +
                 std::to_string(kStepsMax) + " are supported"};
  }
  using How = Compiled::How;
  PreTokenizer made;
  for (const SplitStep& step : steps) {
    if (step.pattern.size() > kPatternBytesMax) {
      return split_pattern_error(step.pattern, "longer than 64 KiB");
    }
    if (step.kind == SplitStep::Kind::gpt2 && &step != &steps.back()) {
      return Error{"pre-tokenizer: ByteLevel must be the last step"};
    }
    const bool has_pattern = step.kind == SplitStep::Kind::regex;
    if ((has_pattern || step.kind == SplitStep::Kind::literal) && step.pattern.empty())
      return split_pattern_error("", "an empty pattern splits nothing");
    Compiled compiled;
    compiled.text = step.pattern;
    compiled.meaning = TRY(meaning_of(step));
    if (step.kind == SplitStep::Kind::literal)
      compiled.how = How::literal;
    else if (compiled.meaning == known_meaning(kTrailingSpacePattern))
      compiled.how = How::trailing_space;
    else if (compiled.meaning == known_meaning(kEveryCharacterPattern))
      compiled.how = How::every_character;
    if (compiled.how == How::pattern) {
      compiled.regex = TRY(SplitRegex::compile(compiled.meaning, step.pattern));
    } else {
      Result<SplitAlphabet> alphabet = SplitAlphabet::create(compiled.meaning);
      if (!alphabet) return split_pattern_error(step.pattern, alphabet.error().message);
      compiled.alphabet = *std::move(alphabet);
    }
    made.compiled_.push_back(std::move(compiled));
  }
  made.steps_ = std::move(steps);
  // A preset is recognised with or without leading digit isolation.
  const size_t digits =
      made.steps_.size() > 1 && made.steps_[0].kind == SplitStep::Kind::each_digit;
  const auto is_meant = [](const Compiled& step, const SplitNode& meaning) {
    return step.meaning == meaning;
  };
  made.name_.clear();
  for (const PresetMeaning& preset : preset_meanings())
    if (std::equal(made.compiled_.begin() + long(digits), made.compiled_.end(),
                   preset.steps.begin(), preset.steps.end(), is_meant))
      made.name_ = preset.name;
  return made;
}

bool PreTokenizer::means(const PreTokenizer& other) const {
  return std::equal(compiled_.begin(), compiled_.end(), other.compiled_.begin(),
                    other.compiled_.end(),
                    [](const Compiled& a, const Compiled& b) { return a.meaning == b.meaning; });
}

void PreTokenizer::append_classes(char32_t code, std::string& classes) const {
  for (const Compiled& step : compiled_) classes += char(step.classes().class_of(code));
}

void PreTokenizer::append_borders(std::vector<char32_t>& borders) const {
  for (const Compiled& step : compiled_) {
    const std::vector<char32_t>& of_step = step.classes().borders();
    borders.insert(borders.end(), of_step.begin(), of_step.end());
  }
}

Result<void> PreTokenizer::split(std::string_view text, SplitScratch& scratch) const {
  std::vector<std::string_view>& pieces = scratch.pieces;
  pieces.clear();
  if (text.empty()) return {};
  if (compiled_.empty()) pieces.push_back(text);
  for (size_t i = 0; i < compiled_.size(); ++i) {
    if (i == 0) {
      TRY(compiled_[i].run(text, *scratch.engine_, pieces));
      continue;
    }
    std::swap(pieces, scratch.before_);
    pieces.clear();
    for (std::string_view piece : scratch.before_) {
      TRY(compiled_[i].run(piece, *scratch.engine_, pieces));
    }
  }
  return {};
}

size_t PreTokenizer::safe_cut(std::string_view text, size_t from) const {
  if (name_.empty() || name_ == "none") return text.size();
  for (size_t at = std::max<size_t>(from, 2); at < text.size(); ++at) {
    size_t line_end = text.find('\n', at - 1);
    if (line_end == text.npos) break;
    at = line_end + 1;
    if (at >= text.size()) break;
    // One newline after a visible character, then a Latin letter or a common ideograph: the newline
    // is the last of its piece whatever precedes it, and a word takes no newline.
    Utf8Character next = decode_utf8(text, at);
    bool letter = (next.code >= 'A' && next.code <= 'Z') ||
                  (next.code >= 'a' && next.code <= 'z') ||
                  (next.code >= 0x4E00 && next.code <= 0x9FA5);
    if (!letter) continue;
    Utf8Character before = decode_utf8(text, character_before(text, line_end));
    if (!is_white_space(before.code)) return at;
  }
  return text.size();
}

std::vector<TextPart> cut_documents(std::span<const std::string_view> documents,
                                    const PreTokenizer& pre_tokenizer) {
  std::vector<TextPart> parts;
  for (size_t d = 0; d < documents.size(); ++d) {
    std::string_view rest = documents[d];
    while (rest.size() > kPartBytes) {
      size_t cut = pre_tokenizer.safe_cut(rest, kPartBytes);
      if (cut == rest.size()) break;
      parts.push_back({d, rest.substr(0, cut)});
      rest.remove_prefix(cut);
    }
    parts.push_back({d, rest});
  }
  return parts;
}

}  // namespace weir
