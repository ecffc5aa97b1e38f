// The options that give a reply its form: JSON, a JSON Schema, a regular expression, a grammar.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/command_builder.h"
#include "grammar/structured_output.h"

namespace weir {

struct OutputFormFlags {
  bool json_object = false;
  std::string schema, grammar;       // files; "": none
  std::optional<std::string> regex;  // the expression
};

void add_output_form(CommandBuilder& command, OutputFormFlags& flags);

// A form for replies of one model.
class OutputFormOption {
 public:
  // Reads the files. Errors name the option and what is wrong with its text.
  static Result<OutputFormOption> read(const OutputFormFlags& flags);
  bool is_set() const { return automaton_.has_value(); }
  // For a model's tokens; `ends`: the ids that end a reply.
  Result<void> use(const Tokenizer& tokenizer, const std::vector<int>& ends);
  // Of one sequence, as GrammarFilter; nullptr when no form is set.
  std::unique_ptr<TokenFilter> filter(size_t prompt, std::optional<int> begins_after = {}) const;

 private:
  std::optional<PushdownAutomaton> automaton_;
  std::shared_ptr<TokenGrammar> grammar_;
};

}  // namespace weir
