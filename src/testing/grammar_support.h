// For tests of the grammar room: what a form accepts, and a small vocabulary.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "grammar/stack_sets.h"
#include "grammar/structured_output.h"
#include "text/unicode.h"

namespace weir {

// Which texts a form has; `error` where it can not be compiled.
struct FormJudge {
  explicit FormJudge(OutputKind kind, const std::string& text) {
    Result<PushdownAutomaton> made = compile({kind, text});
    if (!made) {
      error = made.error().message;
      return;
    }
    automaton = std::make_unique<PushdownAutomaton>(*std::move(made));
    stacks = std::make_unique<StackSets>(*automaton);
  }
  bool accepts(std::string_view text) {
    return stacks && stacks->is_complete(stacks->next(stacks->begin(), text));
  }
  bool begins(std::string_view text) {
    return stacks && stacks->next(stacks->begin(), text) != StackSets::kDead;
  }
  std::string error;
  std::unique_ptr<PushdownAutomaton> automaton;
  std::unique_ptr<StackSets> stacks;
};

// Every byte, pieces of JSON and words, an end (special) and another special token.
inline Tokenizer json_tokenizer() {
  TokenizerSpec spec;
  for (int b = 0; b < 256; ++b) spec.tokens.push_back(bytes_to_characters(std::string(1, char(b))));
  for (const char* piece :
       {"{\"",    "\":", "\": ",  "\",",   "\", \"", "\"}",  "}}",   "]}",   "[[",  "{}",
        "[]",     ", ",  "true",  "false", "null",   "name", "age",  "ab",   "abc", "hello",
        " world", "12",  "123",   "0.",    "-1",     "\\n",  "\\\"", "\n  ", "  ",  "ä",
        "日本",   "😀",   "\\u00", "e+",    "\"na",   "me\"", "e\":1"})
    spec.tokens.push_back(bytes_to_characters(piece));
  for (const char* name : {"<end>", "<other>"}) {
    spec.added.push_back({int(spec.tokens.size()), name, true, false});
    spec.tokens.push_back(name);
  }
  spec.eos = int(spec.tokens.size()) - 2;
  return *Tokenizer::create(std::move(spec));
}

inline std::shared_ptr<const TokenVocabulary> json_vocabulary() {
  static const std::shared_ptr<const TokenVocabulary> made = [] {
    const Tokenizer tokenizer = json_tokenizer();
    return *TokenVocabulary::create(tokenizer, {tokenizer.eos()});
  }();
  return made;
}

}  // namespace weir
