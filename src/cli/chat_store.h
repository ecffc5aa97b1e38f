// Conversations as files: one JSON object {"messages": [...]} in one line, the form that training
// reads too.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "chat/chat_form.h"

namespace weir {

struct Conversation {
  std::string system;
  std::vector<ChatTurn> turns;
};

Json conversation_to_json(const Conversation& conversation);
// An object with 'messages', or the list alone, of roles system (first), user, assistant and tool.
// Errors name the message.
Result<Conversation> conversation_from_json(const Json& json);

// Replaces a file only if it holds a conversation.
Result<void> save_conversation(const Conversation& conversation, const std::string& path);
// At most 16 MiB.
Result<Conversation> load_conversation(const std::string& path);

}  // namespace weir
