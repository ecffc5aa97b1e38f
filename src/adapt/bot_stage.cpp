// The last stage of `weir adapt`: the report, and the bot as the server reads it.
#include <fmt/format.h>

#include <filesystem>

#include "adapt/adapt_report.h"
#include "adapt/adapt_stages.h"
#include "adapt/bot_file.h"
#include "adapt/evaluation.h"
#include "base/atomic_output.h"

namespace weir {
namespace {

constexpr size_t kSuggested = 4;

}  // namespace

StageResult package_bot(const AdaptContext& context) {
  const AdaptOptions& options = context.options;
  const std::vector<Json> answers = TRY(lines_if_any(context.folder.file("answers.jsonl")));
  TRY(write_file_atomic(context.folder.file("report.html"),
                        adapt_page(context.folder, options.name, answers)));
  BotFile bot;
  bot.name = options.name;
  std::error_code error;
  bot.base = std::filesystem::absolute(options.base, error).string();
  const std::string arm = chosen_arm(context.folder);
  const Way way = way_named(arm);
  if (uses_adapter(way.arm)) bot.adapter = "tuning";
  bot.quotes = way.quotes;
  bot.searched = options.searched;
  bot.knowledge = "knowledge.db";
  bot.sources = options.sources;
  // Questions that it answers rightly.
  for (const Json& answer : answers) {
    const auto is_right = answer.bool_at("is_right");
    if (answer.text_at("arm") == arm && is_right && *is_right &&
        !answer.text_at("expected").empty() && bot.suggested.size() < kSuggested)
      bot.suggested.push_back(answer.text_at("question"));
  }
  TRY(write_bot(context.folder.path(), bot));
  return std::optional(Json::object());
}

}  // namespace weir
