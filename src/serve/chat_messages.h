// The messages of a conversation from a client, in the form that chat templates read.
#pragma once
#include <string_view>

#include "serve/request_fields.h"

namespace weir {

// OpenAI's 'messages' with texts joined from parts, arguments of calls as objects, the role
// developer as system. Wrong ones are refused with their place ("messages[2].content").
Json read_messages(RequestFields& fields);

// Whether the reply is to continue the last message: vLLM's 'continue_final_message' or DeepSeek's
// 'prefix' of the message if they are given; else whether it is the assistant's and calls nothing,
// as llama.cpp's server has it.
bool read_continues(RequestFields& fields);
// The same of messages that were read, without such fields.
bool ends_with_reply(const Json& messages);

// A content: a text, or parts of which each is one, joined. `place`: of the content, for errors.
std::string read_content(const Json& content, const std::string& place, RequestFields& fields);

// The text of arguments that must be a JSON object; "" is {}. Nothing: it is none.
std::optional<Json> read_arguments(std::string_view text);

}  // namespace weir
