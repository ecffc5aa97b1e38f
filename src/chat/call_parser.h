// Finds the calls of tools in the text of a reply while it comes. Read are
//   <tool_call>{"name": ..., "arguments": {...}}</tool_call>    Hermes, Qwen, SmolLM
//   <｜tool▁call▁begin｜>...<｜tool▁call▁end｜>                     DeepSeek-V3, R1, V3.1
//   <｜DSML｜function_calls>, <｜DSML｜tool_calls>, <｜DSML｜ calls>  DeepSeek-V3.2, V4, V4.1
//   {"name": ..., "parameters": {...}}                          Llama: a reply that begins so, and
//                                                               names one of the tools
// A call counts when its name and its whole arguments, a JSON object, were read. Text in the form
// of a call that is none stays text.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "chat/json_prefix.h"

namespace weir {

struct CallEvent {
  enum class Kind {
    text,       // of the answer
    begin,      // of a call: its name
    arguments,  // more of their text
    end,        // the arguments are whole
  } kind = Kind::text;
  std::string text = {};
};

class CallParser {
 public:
  // When a call's parts are handed over: at once, so that one that breaks later has begun already
  // (its rest is text from where it breaks); or when it is whole, and what breaks is text.
  enum class Handing { at_once, whole };
  // `tools`: check_tools(); outlives the parser.
  CallParser(const Json& tools, Handing handing) : tools_(tools), handing_(handing) {}

  void push(std::string_view text, std::vector<CallEvent>& events);
  // At the end of the reply.
  void finish(std::vector<CallEvent>& events);

 private:
  using Events = std::vector<CallEvent>;
  enum class State { text, header, object, arguments, parameters, value, trailer };
  enum class Form { hermes, deepseek, dsml, bare };
  enum class Match { no, yes, more, object };  // more: of the text; object: to be read whole
  struct Header {
    std::string name;
    size_t bytes = 0;  // before the arguments
  };

  bool step(Events& events);  // false: more text is needed
  bool read_text(Events& events);
  bool open(Form form, size_t at, size_t opener, Events& events);
  bool read_header(Events& events);
  bool read_object(Events& events);
  bool read_arguments(Events& events);
  bool read_parameters(Events& events);
  bool read_value(Events& events);
  bool read_trailer();

  Match match_header(Header& header) const;
  Match match_json_header(Header& header) const;
  Match match_deepseek_header(Header& header) const;
  Match match_invoke(Header& header) const;
  bool is_callable(std::string_view name) const;

  void begin(std::string name, Events& events);
  void add_arguments(std::string text, Events& events);
  void end_call(Events& events);
  bool fail(Events& events);  // what was read of a call is text
  void take(size_t bytes);    // from pending_, into raw_ until the call is handed over
  void emit(CallEvent event, Events& events);
  std::string tag(const char* name, bool closes) const;  // of DSML

  const Json& tools_;
  const Handing handing_;
  State state_ = State::text;
  Form form_ = Form::bare;
  std::string pending_;            // not read yet
  std::string blanks_;             // before the call that is being read
  std::string raw_;                // its text
  std::string object_;             // the same, of a call that is read whole
  Events staged_;                  // its parts, until it is handed over
  size_t opener_ = 0;              // bytes of its first mark
  JsonPrefix json_;                // its arguments
  std::vector<std::string> keys_;  // its parameters so far, of DSML
  bool is_string_ = false;         // the parameter that is being read
  bool is_spaced_ = false;         // V4.1 has a blank after its mark
  size_t trailers_ = 0;            // closing marks that were read
  bool is_start_ = true, is_finishing_ = false;
  bool has_calls_ = false;  // handed over
  bool is_handed_ = false;  // the call that is being read
};

}  // namespace weir
