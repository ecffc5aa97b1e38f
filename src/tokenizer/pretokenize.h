// Cuts text into the pieces inside which byte pairs may merge: the split patterns of DeepSeek,
// Qwen, Llama and GPT-2, or those of any tokenizer.json, run by PCRE2 over classes of characters of
// Unicode 16.0 (split_alphabet.h). All text ends up in some piece.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

class RegexEngine;

// One step: every match becomes a piece, and so does every gap ("Isolated" in tokenizer.json).
struct SplitStep {
  enum class Kind {
    regex,       // {"type": "Split", "pattern": {"Regex": pattern}}
    literal,     // {"type": "Split", "pattern": {"String": pattern}}
    each_digit,  // {"type": "Digits", "individual_digits": true}: \p{N}
    digit_run,   // {"type": "Digits", "individual_digits": false}: \p{N}+
    gpt2,        // {"type": "ByteLevel", "use_regex": true}
  };
  Kind kind = Kind::regex;
  std::string pattern;  // of regex and literal
  bool operator==(const SplitStep&) const = default;
};

// The pieces of the last split and what PCRE2 needs to find them. One per thread.
class SplitScratch {
 public:
  SplitScratch();
  SplitScratch(SplitScratch&&) noexcept;
  ~SplitScratch();
  std::vector<std::string_view> pieces;

 private:
  friend class PreTokenizer;
  std::unique_ptr<RegexEngine> engine_;
  std::vector<std::string_view> before_;
};

class PreTokenizer {
 public:
  // "gpt-2", "deepseek-llm", "deepseek-coder", "deepseek-v3", "qwen2", "llama3", "kimi-k2"; "char"
  // makes every character a piece, "none" cuts nothing. `isolate_digits` also makes every digit a
  // piece.
  static Result<PreTokenizer> preset(std::string_view name, bool isolate_digits = false);
  static const std::vector<std::string>& preset_names();
  // Steps run in order, each on the pieces of the one before. At most 64 steps of 64 KiB.
  static Result<PreTokenizer> from_steps(std::vector<SplitStep> steps);

  PreTokenizer();  // "none"
  PreTokenizer(PreTokenizer&&) noexcept;
  PreTokenizer& operator=(PreTokenizer&&) noexcept;
  ~PreTokenizer();

  // Fills scratch.pieces with views of `text`, which must be valid UTF-8. Fails only when a pattern
  // needs more steps than a pattern for this purpose should.
  Result<void> split(std::string_view text, SplitScratch& scratch) const;

  const std::vector<SplitStep>& steps() const { return steps_; }
  // The preset that these steps mean, with or without isolated digits; "" for others.
  const std::string& name() const { return name_; }
  // Whether all steps mean the same, however their patterns are written.
  bool means(const PreTokenizer& other) const;
  // Appends the class of a character in each step: characters with equal classes are cut alike.
  void append_classes(char32_t code, std::string& classes) const;
  // Appends, in no order, every code point whose classes may differ from those of the one before.
  void append_borders(std::vector<char32_t>& borders) const;

  // The first place at or after `from` where any preset always begins a piece and looks no further
  // back: after a line's end, before a letter. Long texts are cut there and worked on in parallel.
  // text.size() when there is none or when the steps are not a preset's.
  size_t safe_cut(std::string_view text, size_t from) const;

 private:
  struct Compiled;
  std::vector<SplitStep> steps_;
  std::vector<Compiled> compiled_;
  std::string name_;
};

// Documents in parts of about 1 MiB for parallel work, in order, long ones cut where it is safe.
struct TextPart {
  size_t document;
  std::string_view text;
};
std::vector<TextPart> cut_documents(std::span<const std::string_view> documents,
                                    const PreTokenizer& pre_tokenizer);

}  // namespace weir
