#include "adapt/bot_file.h"

#include <algorithm>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr size_t kSuggestedMax = 12;
constexpr const char* kName = "bot.json";

Result<std::string> path_at(const Json& json, const char* member, const std::string& folder,
                            bool is_optional) {
  const std::string& text = json.text_at(member);
  if (text.empty() && is_optional) return text;
  if (text.empty()) return Error{std::string("'") + member + "' is missing"};
  const std::string path = text[0] == '/' ? text : join_path(folder, text);
  if (!file_exists(path)) return Error{std::string("'") + member + "': " + path + " is not there"};
  return path;
}

Result<BotFile> parse(const Json& json, const std::string& folder) {
  BotFile bot;
  bot.name = TRY(json.string_at("name"));
  bot.base = TRY(path_at(json, "base", folder, false));
  bot.adapter = TRY(path_at(json, "adapter", folder, true));
  bot.knowledge = TRY(path_at(json, "knowledge", folder, false));
  bot.welcome = json.text_at("welcome");
  if (json.find("sources")) {
    const int64_t sources = TRY(json.int_at("sources"));
    if (sources < 1 || sources > 20) return Error{"'sources' must be in [1, 20]"};
    bot.sources = int(sources);
  }
  if (json.find("searched")) {
    const int64_t searched = TRY(json.int_at("searched"));
    if (searched < 0 || searched > 100) return Error{"'searched' must be in [0, 100]"};
    bot.searched = int(searched);
  }
  if (const std::string& quotes = json.text_at("quotes"); !quotes.empty()) {
    const auto named = std::ranges::find(kQuotes, quotes, quotes_name);
    if (named == kQuotes.end())
      return Error{"'quotes' must be none, fallback or beside, not " + printable(quotes)};
    bot.quotes = *named;
  }
  if (const Json* list = json.find("suggested"))
    for (const Json& question : list->items())
      if (bot.suggested.size() < kSuggestedMax && !question.text().empty())
        bot.suggested.push_back(question.text());
  return bot;
}

}  // namespace

Result<BotFile> read_bot(const std::string& folder) {
  const std::string path = join_path(folder, kName);
  const Json json = TRY(read_json_file(path));
  return TRY_IN(path, parse(json, folder));
}

Result<void> write_bot(const std::string& folder, const BotFile& bot) {
  Json json = Json::object(), suggested = Json::array();
  for (const std::string& question : bot.suggested) suggested.push(question);
  json.set("name", bot.name);
  json.set("welcome", bot.welcome);
  json.set("base", bot.base);
  if (!bot.adapter.empty()) json.set("adapter", bot.adapter);
  json.set("knowledge", bot.knowledge);
  json.set("sources", int64_t(bot.sources));
  json.set("searched", int64_t(bot.searched));
  json.set("quotes", quotes_name(bot.quotes));
  json.set("suggested", std::move(suggested));
  return write_file_atomic(join_path(folder, kName), json.dump() + "\n");
}

}  // namespace weir
