// What the command line and a server ask for: a form of the output, compiled for a model's tokens.
#pragma once
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "grammar/call_grammar.h"
#include "grammar/token_grammar.h"

namespace weir {

enum class OutputKind {
  json_object,         // any object; `text` is ""
  json_schema,         // `text`: the schema, in JSON
  regular_expression,  // the whole output matches
  gbnf,                // llama.cpp's grammars
  calls,               // of tools, or something else
};

struct CallOutput;

struct OutputForm {
  OutputKind kind = OutputKind::json_object;
  std::string text = {};
  std::shared_ptr<const CallOutput> calls = {};  // made by form_of_calls()
  bool operator==(const OutputForm& other) const {
    return kind == other.kind && text == other.text;
  }
};

// Calls of tools, and what may come instead.
struct CallOutput {
  CallRules rules;
  std::optional<OutputForm> other = {};  // nothing: text, unless calls are forced
};
// Its text tells equal ones.
OutputForm form_of_calls(CallOutput calls);

// Errors say what of the text is wrong or not supported, and where. Takes milliseconds.
Result<PushdownAutomaton> compile(const OutputForm& form,
                                  const TokenVocabulary* vocabulary = nullptr);
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
