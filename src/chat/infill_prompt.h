// The prompt that makes a model write what is missing between two texts, with other files as
// context. A text never becomes one of the tokens that mark the hole.
//
// Prompts of an editor differ by what was typed since the last one. So that the prefix cache holds
// nearly all of the next prompt, with the prefix first its last lines stand behind the middle
// token, as the beginning of what the model writes:
//   <prefix> earlier lines <suffix> suffix <middle> last lines
// Which lines these are changes every kInfillStep lines only. What is left out of a long prefix
// also changes in steps. A model does not expect the tokens of half a word in a text that it
// continues, so the last word or run of blanks is left out of the prompt and the reply is made to
// begin with it (token healing; HealingFilter).
#pragma once
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "chat/infill_tokens.h"
#include "engine/token_filter.h"

namespace weir {

constexpr int kInfillStep = 16;

struct InfillFile {
  std::string path = {}, text = {};
};

struct InfillText {
  std::string prefix = {}, suffix = {};
  std::string path = {};               // of the file with the hole; "": unknown
  std::string repository = {};         // its name; "": unknown
  std::vector<InfillFile> files = {};  // others, the most important last
  bool is_edited = false;              // true: as above; false: the form that the families publish
};

struct InfillLimits {
  int prompt = 0;  // tokens of the prompt; 0: nothing is left out
  int window = 0;  // tokens of prefix and suffix together, a quarter of them the suffix's unless
                   // the prefix is short; 0: no limit of its own
};

struct InfillPrompt {
  std::vector<int> tokens;
  std::string begun = {};  // the end of the prefix that the reply has to begin with
  // Left out: tokens far from the hole, and whole files.
  int prefix_cut = 0, suffix_cut = 0, files_cut = 0;
};

// The tokens exist(). Fails where the vocabulary can not write a text.
Result<InfillPrompt> make_infill_prompt(const Tokenizer& tokenizer, const InfillTokens& marks,
                                        const InfillText& text, const InfillLimits& limits);

// Lets a reply begin with a text, whatever its tokens are. One for each sequence.
class HealingFilter : public TokenFilter {
 public:
  // `prompt`: its number of tokens. The tokenizer outlives the filter.
  HealingFilter(const Tokenizer& tokenizer, size_t prompt, std::string begun)
      : tokenizer_(tokenizer), prompt_(prompt), begun_(std::move(begun)) {}
  void forbid(std::span<const int> tokens, std::span<const float> logits,
              std::span<uint8_t> is_forbidden) override;

 private:
  const Tokenizer& tokenizer_;
  const size_t prompt_;
  const std::string begun_;
};

}  // namespace weir
