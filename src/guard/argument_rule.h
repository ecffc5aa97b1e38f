// What a tool may be called with.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "guard/call_grounding.h"
#include "guard/guard.h"

namespace weir {

// "" or a pattern of RE2.
Result<void> check_argument_pattern(const std::string& pattern);

// What came before a call in its conversation.
struct CallContext {
  bool after_injection = false;  // a finding of the category injection in a document or tool result
  bool after_results = false;    // a document or tool result
  CallTexts texts = {};          // who said what
};

// A call of a tool: the allow list, the rules of its arguments, its grounding, links, and the rules
// of the policy over all texts in the arguments (direction tool_call). Redacted and rewritten
// arguments are changed in `arguments`.
GuardVerdict check_call(const Guard& guard, std::string_view tool, Json& arguments,
                        const CallContext& context, const GuardSubject& subject);

// The hosts of http and https links in a text that are not among those allowed.
std::vector<std::string> foreign_hosts(std::string_view text,
                                       const std::vector<std::string>& allowed);

}  // namespace weir
