// Replies that call tools, as a grammar: the calls in a model's own form, their arguments held to
// the functions' JSON Schemas, and beside them free text or a text of another form.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "grammar/grammar.h"
#include "grammar/token_trie.h"

namespace weir {

// How a model writes calls: begin, then for each call `call` NAME `arguments` {...} `call_end`,
// with `between` between two of them, then end. Where the vocabulary has a token of a mark's text
// (<tool_call>), that very token is demanded.
struct CallSpelling {
  std::string begin = {}, call = {}, arguments = {}, call_end = {}, between = {}, end = {};
  bool is_single = false;  // the form has no second call
  // Each argument is an element with its name and whether it is a text, which then stands there as
  // it is: DeepSeek-V3.2 and later. `dsml`: what begins a tag's name ("｜DSML｜", "｜DSML｜ ").
  std::string dsml = {};

  static CallSpelling hermes();           // Qwen, Hermes, SmolLM
  static CallSpelling deepseek_fenced();  // V3, R1
  static CallSpelling deepseek();         // V3.1
  static CallSpelling llama();            // also for models whose form is not known
  // `block`: "function_calls" (V3.2), "tool_calls" (V4), "calls" (V4.1, after a blank).
  static CallSpelling deepseek_elements(const std::string& block);

  // What a text before the calls must not have: it begins them.
  std::string opening() const;
};

struct CallRules {
  CallSpelling spelling = {};
  struct Function {
    std::string name;
    Json parameters;         // a schema; null: any arguments
    bool is_strict = false;  // a schema that a grammar can not express is an error, else dropped
  };
  std::vector<Function> functions = {};  // that may be called
  bool is_forced = false;                // a call must come; else text may come instead, or before
  bool is_single = false;                // at most one call
};

// `text`: what may stand instead of calls (a text before them is not possible then); -1: any text.
// `vocabulary`: may be null: marks are text. Errors name the function.
Result<Grammar::Rule> build_call_grammar(const CallRules& rules, Grammar::Expression text,
                                         const TokenVocabulary* vocabulary, Grammar& grammar);

}  // namespace weir
