// The messages of a conversation from a client, in the form that chat templates read.
#pragma once
#include <string_view>

#include "serve/request_fields.h"

namespace weir {

// OpenAI's 'messages' with texts joined from parts, arguments of calls as objects, the role
// developer as system. Wrong ones are refused with their place ("messages[2].content").
Json read_messages(RequestFields& fields);

// {"role": role, "content": content}.
Json chat_message(std::string_view role, std::string content);

// A call of an assistant's message, as templates read it.
Json chat_call(std::string id, std::string name, Json arguments);

// The text of arguments that must be a JSON object; "" is {}. Nothing: it is none.
std::optional<Json> read_arguments(std::string_view text);

}  // namespace weir
