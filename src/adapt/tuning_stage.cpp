// The stages of `weir adapt` that write rows from questions and tune the adapter on them.
#include <fmt/format.h>

#include <algorithm>

#include "adapt/adapt_stages.h"
#include "adapt/training_rows.h"
#include "base/atomic_output.h"
#include "base/options.h"
#include "base/stop_signal.h"
#include "chat/chat_tools.h"
#include "knowledge/answer_prompt.h"
#include "pipeline/pipeline.h"
#include "pipeline/tune_recipe.h"
#include "stages/r1_recipe.h"

namespace weir {
namespace {

// A row learned from costs about as much as reading so many prompt rows: forward, backward and the
// recomputed forward, in f32 where prompts have integer products. Measured on a 0.5B (Q4_K_M, rank
// 16, AVX-512): 41 tokens a second and core against 166.
constexpr double kRowCost = 4;
constexpr double kBytesOfToken = 3;
constexpr double kEpochsMin = 0.25;
// Rows without an answer teach a small model to refuse whatever does not repeat the question's
// words (docs/adapt.md); when to refuse is calibrated instead.
constexpr double kRefusalShare = 0;

// A sentence as a reply has it: not as a list item.
std::string_view without_bullet(std::string_view sentence) {
  while (sentence.starts_with("- ") || sentence.starts_with("* ")) sentence.remove_prefix(2);
  return sentence;
}

Json row_of(const QuestionWithSources& shown) {
  const AnswerPrompt prompt = answer_prompt(shown.question.question, shown.sources);
  Json messages = Json::array();
  messages.push(chat_message("system", prompt.system));
  messages.push(chat_message("user", prompt.user));
  messages.push(chat_message(
      "assistant", shown.right < 0 ? std::string(kNoAnswer)
                                   : fmt::format("{} [{}]", without_bullet(shown.question.answer),
                                                 shown.right + 1)));
  Json row = Json::object();
  row.set("messages", std::move(messages));
  return row;
}

}  // namespace

StageResult write_tuning_rows(const AdaptContext& context) {
  KnowledgeSearch search =
      TRY(KnowledgeSearch::open(context.folder.file("knowledge.db"), context.pool));
  const std::vector<MadeQuestion> questions = TRY(questions_of(context, QuestionUse::tuning));
  if (questions.empty())
    return Error{
        "no question is left to tune on; give more documents, more --minutes or a larger "
        "--base (questions.jsonl counts why questions were dropped)"};
  const SourcesOptions options{.shown = context.options.sources,
                               .searched = context.options.searched,
                               .unanswerable_share = kRefusalShare,
                               .seed = uint64_t(context.options.seed)};
  std::string text;
  int64_t unanswerable = 0;
  for (const MadeQuestion& question : questions) {
    const bool is_answerable = !is_shown_without_answer(question, options);
    unanswerable += !is_answerable;
    const QuestionWithSources shown =
        TRY(choose_sources(question, is_answerable, options, search_of(search), weigh_of(search)));
    text += row_of(shown).dump() + "\n";
  }
  TRY(write_file_atomic(context.folder.file("rows.jsonl"), text));
  Json json = Json::object();
  json.set("rows", int64_t(questions.size()));
  json.set("unanswerable", unanswerable);
  json.set("bytes", int64_t(text.size()));
  return std::optional(std::move(json));
}

StageResult tune_adapter(const AdaptContext& context) {
  const AdaptOptions& options = context.options;
  const Json* rows = context.folder.result("rows");
  const Json* rate = context.folder.fact("prompt_rate");
  TuneSettings settings;
  settings.base = options.base;
  settings.data = context.folder.file("rows.jsonl");
  settings.out = context.folder.file("tuning");
  settings.rank = options.rank;
  settings.lr = options.lr;
  settings.seed = options.seed;
  settings.window = 1024;
  settings.verifier = "";  // rows have no gold
  if (const Json* epochs = context.folder.fact("epochs")) {
    settings.epochs = TRY(epochs->as_double());
  } else {
    const double tokens = double(TRY(rows->int_at("bytes"))) / kBytesOfToken;
    const double room = options.minutes * 60 * kTuningShare * TRY(rate->as_double()) / kRowCost;
    settings.epochs = std::clamp(room / tokens, kEpochsMin, options.epochs);
    TRY(context.folder.set_fact("epochs", settings.epochs));
  }
  Recipe file = TRY(Recipe::parse("{}", "weir adapt"));
  file.root = tune_recipe(settings);
  const R1Recipe recipe = TRY(read_r1_recipe(file));
  const R1Summary summary = TRY(run_r1(recipe, {}, context.pool));
  if (summary.is_stopped) return std::optional<Json>();
  Json json = Json::object();
  json.set("epochs", settings.epochs);
  json.set("seconds", summary.seconds_in_all);
  return std::optional(std::move(json));
}

}  // namespace weir
