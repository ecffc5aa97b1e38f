// Whether a tool call follows from what the user said. A document or a tool's result may contain
// instructions, and a model may obey them; it is not asked to resist. Instead, where a text that
// the user did not write has entered the conversation, a call must rest on the user's own words:
// somebody asked for such a call, and nothing in its arguments comes from the other text alone.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace weir {

struct GroundedTool {
  std::string name;
  // Reads and changes nothing outside: may be called at any time.
  bool is_free = false;
  // Words of a user's text that ask for it, as "发邮件"; beside those of its name ("send", "mail").
  std::vector<std::string> asked_by = {};
};

struct CallTexts {
  std::string user;       // all that the user and the system prompt wrote
  std::string documents;  // all documents and results of tools
};

struct Grounding {
  bool is_grounded = true;
  std::string reason = {};  // a sentence of why it is not
};

// `arguments`: of the call, a JSON object. A tool that is not in `tools` is not grounded. Texts are
// compared without case and blanks; an argument counts as the documents' if it, or one of its parts
// between blanks and punctuation marks with a digit, '@' or '/' in it, is found there and not in
// the user's text.
Grounding check_grounding(std::string_view name, const Json& arguments, const CallTexts& texts,
                          const std::vector<GroundedTool>& tools);

}  // namespace weir
