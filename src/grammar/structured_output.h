// What the command line and a server ask for: a form of the output, compiled for a model's tokens.
#pragma once
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/result.h"
#include "grammar/token_grammar.h"

namespace weir {

enum class OutputKind {
  json_object,         // any object; `text` is ""
  json_schema,         // `text`: the schema, in JSON
  regular_expression,  // the whole output matches
  gbnf,                // llama.cpp's grammars
};

struct OutputForm {
  OutputKind kind = OutputKind::json_object;
  std::string text = {};
  bool operator==(const OutputForm&) const = default;
};

// Errors say what of the text is wrong or not supported, and where. Takes milliseconds.
Result<PushdownAutomaton> compile(const OutputForm& form);
// The same for a vocabulary; GrammarFilter applies it to a sequence.
Result<std::shared_ptr<TokenGrammar>> compile(const OutputForm& form,
                                              std::shared_ptr<const TokenVocabulary> vocabulary);

// Compiled forms, the last ones kept, so that requests of the same form share masks. May be used
// from many threads.
class OutputGrammars {
 public:
  explicit OutputGrammars(std::shared_ptr<const TokenVocabulary> vocabulary, size_t kept = 16)
      : vocabulary_(std::move(vocabulary)), kept_(kept) {}
  Result<std::shared_ptr<TokenGrammar>> get(const OutputForm& form);

 private:
  const std::shared_ptr<const TokenVocabulary> vocabulary_;
  const size_t kept_;
  std::mutex mutex_;
  std::list<std::pair<OutputForm, std::shared_ptr<TokenGrammar>>> grammars_;  // newest first
};

}  // namespace weir
