#include "tasks/chat_table.h"

#include "tasks/table.h"

namespace weir {
namespace {

std::vector<ChatIntent> read_intents() {
  std::vector<ChatIntent> intents;
  for (const TableRow& row :
       read_table(kChatTable, {{"intent", 3}, {"said", 2}, {"reply", 2}, {"fits", 2}})) {
    const std::string& word = row[0];
    if (word == "intent") intents.emplace_back();
    ChatIntent& intent = intents.back();
    if (word == "intent") intent.name = row[1], intent.language = row[2];
    if (word == "said") intent.said.push_back(row[1]);
    if (word == "reply") intent.replies.push_back(row[1]);
    if (word == "fits") intent.fits = row[1];
  }
  return intents;
}

}  // namespace

std::span<const ChatIntent> chat_intents() {
  static const std::vector<ChatIntent> intents = read_intents();
  return intents;
}

}  // namespace weir
