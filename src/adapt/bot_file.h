// bot.json: a bot that `weir serve` reads: a model with an adapter, a knowledge base, and how it
// presents itself.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "knowledge/answer.h"

namespace weir {

struct BotFile {
  std::string name;
  std::string base;  // the model: a folder or GGUF file, relative to the bot's folder or absolute
  std::string adapter;                 // a folder, relative; "": none
  std::string knowledge;               // a file, relative
  int sources = 3;                     // chunks shown for a question
  int searched = 0;                    // AskOptions::searched
  Quotes quotes = Quotes::none;        // "none", "fallback", "beside"
  std::vector<std::string> suggested;  // questions
  std::string welcome;
};

// Of a bot's folder. Errors name the file and the member. The paths of the result are absolute.
Result<BotFile> read_bot(const std::string& folder);
Result<void> write_bot(const std::string& folder, const BotFile& bot);

}  // namespace weir
