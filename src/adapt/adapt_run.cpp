#include "adapt/adapt_run.h"

#include <fmt/format.h>

#include "adapt/adapt_report.h"
#include "adapt/adapt_stages.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/stop_signal.h"
#include "base/text.h"

namespace weir {
namespace {

struct AdaptStage {
  const char* name;
  StageResult (*run)(const AdaptContext&);
};
constexpr AdaptStage kStages[] = {
    {"documents", read_adapt_documents},
    {"questions", make_adapt_questions},
    {"rows", write_tuning_rows},
    {"tuning", tune_adapter},
    {"calibration", calibrate_bot},
    {"evaluation", evaluate_bot},
    {"bot", package_bot},
};

// What decides the result.
Json identity_of(const AdaptOptions& o) {
  Json json = Json::object(), documents = Json::array();
  for (const std::string& folder : o.folders) documents.push(folder);
  for (const std::string& file : o.files)
    if (o.folders.empty()) documents.push(file);
  json.set("base", o.base);
  json.set("documents", std::move(documents));
  json.set("minutes", o.minutes);
  json.set("seed", o.seed);
  json.set("sentences", int64_t(o.sentences));
  json.set("sources", int64_t(o.sources));
  json.set("rank", int64_t(o.rank));
  json.set("epochs", o.epochs);
  json.set("lr", o.lr);
  return json;
}

}  // namespace

Result<AdaptModel> AdaptModel::open(const AdaptContext& context, bool with_adapter) {
  GenerationSetup setup;
  setup.path = context.options.base;
  setup.options.threads = context.options.threads;
  setup.sequences_max = 8;
  setup.keeps_prefixes = true;
  if (with_adapter) setup.options.adapters = {context.folder.file("tuning")};
  AdaptModel model;
  model.open_ = std::make_unique<OpenModel>(TRY(open_model(setup)));
  model.asker_ = TRY(Asker::create(*model.open_, setup.path, stop_requested));
  return model;
}

AskModel AdaptModel::ask() const {
  return [asker = asker_.get()](std::span<const Ask> asked) { return asker->ask(asked); };
}

ChunkScorer AdaptModel::fit() const {
  return [asker = asker_.get()](std::string_view question, std::span<const FoundChunk> chunks) {
    return asker->fit(question, chunks);
  };
}

Result<AdaptSummary> run_adapt(const AdaptOptions& options, ThreadPool& pool) {
  AdaptFolder folder = TRY(AdaptFolder::open(options.out, identity_of(options)));
  const AdaptContext context{options, folder, pool};
  for (const AdaptStage& stage : kStages) {
    if (folder.result(stage.name)) continue;
    const int64_t begin = monotonic_ns();
    std::optional<Json> result = TRY_IN(stage.name, stage.run(context));
    if (!result) return AdaptSummary{.is_stopped = true};
    if (!result->find("seconds")) result->set("seconds", double(monotonic_ns() - begin) * 1e-9);
    TRY(folder.finish(stage.name, *std::move(result)));
  }
  return AdaptSummary{.table = evaluation_table(*folder.result("evaluation")) +
                               choice_sentence(folder) + "\n"};
}

}  // namespace weir
