// What a person gets who takes a conversation over: one JSON object, as a line of a mailbox file or
// as the body of a webhook.
#pragma once
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "knowledge/unanswered.h"

namespace weir {

// OpenAI's messages of a conversation that is one question.
Json one_turn(const std::string& question);
// {"time", "base", "question", "reason", "conversation"}
Json hand_off_json(const std::string& base, const UnansweredQuestion& question, Json conversation);
// Adds a line at the end of a file, which is made if need be, readable by its owner alone. Several
// processes may do so at once. `follows_link`: the file may be a symbolic link, as its user made
// it.
Result<void> append_to_mailbox(const std::string& path, std::string_view line,
                               bool follows_link = true);

}  // namespace weir
