// A question with what is known about its answer: the unit that supervised tuning renders,
// reinforcement learning samples, and evaluation counts.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "chat/conversation.h"

namespace weir {

struct Problem {
  std::string family;    // "sums", "facts", "refuse" ...: a row of the report
  int difficulty = 0;    // number of terms, steps, numbers ...; 0 where it means nothing
  std::string language;  // of the question and so of the thinking: "en", "zh"; "" when neither
  std::string style;  // which kind of reply `messages` ends with: "worked", "direct" ...; "" if one
  // The whole conversation; its last message is the assistant's model reply (for training). A
  // user's file without replies has none: then the last message is the user's.
  std::vector<Message> messages;
  // False when the model reply is not meant to be right: a search that gave up, or the poor manners
  // of a base model that later stages are to cure. Its verdict is then whatever it is.
  bool claims_right = true;
  std::string verifier;  // name of the verifier of replies; "" when replies are not checked
  std::string gold;      // the right answer, in the verifier's form
  // A worse reply to the same question, for preferences; none without has_rejected.
  Message rejected = {Role::assistant};
  bool has_rejected = false;
  // What makes it this problem, whatever its words: "sums total 3 7 7". Problems that share it are
  // on one side of the split. "": a set that has no such form.
  std::string canonical;
  // How often the data's own random search finds the answer within its limit: what chance alone
  // gives, in [0, 1]. Negative: no search.
  double chance = -1;
  // Where it came from, for messages: "sums #12" or "file.jsonl:7".
  std::string place;

  bool has_reply() const { return !messages.empty() && messages.back().role == Role::assistant; }
  // The part the model is asked with.
  std::vector<Message> question() const {
    return {messages.begin(), messages.end() - (has_reply() ? 1 : 0)};
  }
};

}  // namespace weir
