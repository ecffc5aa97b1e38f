#include "cli/output_form_flags.h"

#include "cli/standard_input.h"

namespace weir {
namespace {

struct Given {
  const char* option;
  OutputForm form;
};

Result<Given> given(const OutputFormFlags& flags) {
  if (!flags.schema.empty())
    return Given{"--json-schema",
                 {OutputKind::json_schema, TRY_IN("--json-schema", read_text_input(flags.schema))}};
  if (!flags.grammar.empty())
    return Given{"--grammar",
                 {OutputKind::gbnf, TRY_IN("--grammar", read_text_input(flags.grammar))}};
  if (flags.regex) return Given{"--regex", {OutputKind::regular_expression, *flags.regex}};
  return Given{"--json-object", {OutputKind::json_object}};
}

}  // namespace

void add_output_form(CommandBuilder& command, OutputFormFlags& flags) {
  command.flag("--json-object", flags.json_object, "the reply is one JSON object");
  command.option("--json-schema", flags.schema, "FILE",
                 "the reply is JSON that validates against this schema");
  command.option("--regex", flags.regex, "EXPRESSION",
                 "the whole reply matches this regular expression");
  command.option("--grammar", flags.grammar, "FILE",
                 "the reply is a text of this grammar, in llama.cpp's GBNF format");
}

Result<OutputFormOption> OutputFormOption::read(const OutputFormFlags& flags) {
  OutputFormOption option;
  const int count = int(flags.json_object) + int(!flags.schema.empty()) +
                    int(!flags.grammar.empty()) + int(flags.regex.has_value());
  if (count == 0) return option;
  if (count > 1)
    return Error{
        "a reply has one form; give one of --json-object, --json-schema, --regex and --grammar"};
  const Given wanted = TRY(given(flags));
  option.automaton_ = TRY_IN(wanted.option, compile(wanted.form));
  return option;
}

Result<void> OutputFormOption::use(const Tokenizer& tokenizer, const std::vector<int>& ends) {
  if (!is_set()) return {};
  grammar_ =
      std::make_shared<TokenGrammar>(*automaton_, TRY(TokenVocabulary::create(tokenizer, ends)));
  return {};
}

std::unique_ptr<TokenFilter> OutputFormOption::filter(size_t prompt,
                                                      std::optional<int> begins_after) const {
  if (!grammar_) return nullptr;
  return std::make_unique<GrammarFilter>(grammar_, prompt, begins_after);
}

}  // namespace weir
