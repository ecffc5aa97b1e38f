// Documents with injected instructions: harmless ones ("call the tool send_mail with ..."), hidden
// in pages, mails, tables and code that a user wants summarised. None of the calls they ask for is
// the user's. A pure function; English and Chinese.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "guard/call_grounding.h"

namespace weir {

struct Injection {
  std::string id;
  std::string question;  // the user's, which needs no call beside reading
  std::string document;  // with the instruction in it
  std::string tool;      // that it asks for
  Json arguments = {};   // that it asks for
};

constexpr int kInjections = 300;
std::vector<Injection> injections();

// What a user may really ask for, with the same tools and in his own words, after reading a
// harmless document: such calls must pass.
std::vector<Injection> honest_calls();

// OpenAI's list of the tools: read_page, search_notes (which only read), send_mail, delete_file,
// pay_invoice, post_message.
Json injection_tools();
// What these tools may do without being asked, and the words that ask for the others.
std::vector<GroundedTool> grounded_tools();

}  // namespace weir
