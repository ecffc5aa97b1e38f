// weir tune: an adapter of a published model from rows of one's own; `weir r1` with a recipe of one
// stage.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "base/options.h"
#include "base/stop_signal.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "cli/commands.h"
#include "cli/model_offers.h"
#include "cli/shared_options.h"
#include "pipeline/pipeline.h"
#include "stages/row_notes.h"

namespace weir {
namespace {

struct TuneOptions {
  std::string base, data, out;
  int rank = 16;
  double alpha = 0;  // 0: twice the rank
  bool rank_stabilized = false;
  std::vector<std::string> targets;
  double epochs = 3;
  int64_t steps = 0;  // 0: by epochs
  double lr = 2e-4;
  int tokens = 0;  // of a step; 0: by the size of the data
  int window = 2048;
  double held_out = 0;
  std::string verifier = "exact";
  int64_t seed = 1;
  std::vector<std::string> sets;
  int threads = 0;
};

constexpr double kBytesOfToken = 4, kStepsOfEpoch = 16;
constexpr int kTokensMin = 256;
constexpr double kPlanningMinutes = 2;

// Rows of a step: few rows of data make many small steps, many make steps of a window.
int tokens_of(const TuneOptions& o) {
  if (o.tokens > 0) return o.tokens;
  std::error_code failed;
  const double bytes = double(std::filesystem::file_size(o.data, failed));
  const double wanted = failed ? 0 : bytes / kBytesOfToken / kStepsOfEpoch;
  return int(std::clamp(wanted, double(std::min(kTokensMin, o.window)), double(o.window)));
}

// The recipe as `weir r1` reads it.
Json recipe_of(const TuneOptions& o) {
  Json adapter = Json::object();
  adapter.set("rank", o.rank);
  if (o.alpha > 0) adapter.set("alpha", o.alpha);
  if (o.rank_stabilized) adapter.set("rank_stabilized", true);
  Json targets = Json::array();
  for (const std::string& target : o.targets) targets.push(target);
  if (targets.size() > 0) adapter.set("targets", std::move(targets));

  Json rows = Json::object();
  rows.set("kind", "file");
  rows.set("path", o.data);
  rows.set("held_out", o.held_out);
  rows.set("verifier", o.verifier);
  Json data = Json::object();
  data.set("rows", rows);

  Json stage = Json::object();
  stage.set("kind", "sft");
  // A path with a slash is a model's, one without an earlier stage's.
  stage.set("parent", o.base.find('/') == std::string::npos ? "./" + o.base : o.base);
  if (o.steps > 0)
    stage.set("steps", o.steps);
  else
    stage.set("epochs", o.epochs);
  stage.set("tokens", tokens_of(o));
  stage.set("lr", o.lr);
  stage.set("warmup_steps", 5);
  stage.set("decay_fraction", 0.5);
  stage.set("weight_decay", 0.0);
  stage.set("data", std::move(data));
  Json stages = Json::object();
  stages.set("tuned", std::move(stage));

  Json evaluation = Json::object();
  evaluation.set("samples", 1);
  evaluation.set("temperature", 0.0);
  if (o.held_out > 0) {
    Json sets = Json::object();
    sets.set("rows", std::move(rows));
    evaluation.set("sets", std::move(sets));
  }

  Json recipe = Json::object();
  recipe.set("run", o.out);
  recipe.set("title", "An adapter of " + base_name(o.base));
  recipe.set("seed", o.seed);
  recipe.set("minutes", kPlanningMinutes);
  recipe.set("rows", o.window);
  recipe.set("checkpoint_every", 20);
  recipe.set("adapter", std::move(adapter));
  recipe.set("evaluation", std::move(evaluation));
  recipe.set("stages", std::move(stages));
  return recipe;
}

Result<Ending> tune(const TuneOptions& o) {
  TRY(check_model_exists(o.base));
  if (!file_exists(o.data)) return Error{o.data + ": no such file; --data is a file of JSON lines"};
  Recipe file = TRY(Recipe::parse("{}", "weir tune"));
  file.root = recipe_of(o);
  for (const std::string& assignment : o.sets) TRY(file.set(assignment));
  const R1Recipe recipe = TRY(read_r1_recipe(file));
  for (const RowNote& row : row_notes(recipe))
    if (row.note.is_warning)
      fmt::print(stderr, "{}: {}; the first at {}\n", row.source, row.note.text, row.note.place);
  catch_stop_signals();
  ThreadPool pool(o.threads);
  const R1Summary summary = TRY(run_r1(recipe, {}, pool));
  if (summary.is_stopped) {
    fmt::print("stopped; everything is saved in {}, the same command goes on\n", summary.folder);
    return Ending::done;
  }
  if (o.held_out > 0) fmt::print("{}\n", summary.table);
  fmt::print("done in {}; the adapter is in {} (for PEFT, too)\n",
             format_seconds(summary.seconds_in_all), summary.folder);
  fmt::print("talk with it: weir chat {0}, or weir chat {1} --adapter {0}\n", summary.folder,
             o.base);
  return Ending::done;
}

}  // namespace

void add_tune(CommandGroup& commands) {
  auto [c, o] = commands.add("tune", "teach a published model rows of your own, as an adapter",
                             tune, Writes::files);
  c.argument("BASE", o.base, kModelHelp).required();
  c.option("--data", o.data, "FILE", "rows of JSON: questions with answers (docs/problems.md)")
      .required();
  c.option("--out", o.out, "DIR", "folder of the run and its adapter; the same one resumes")
      .required();
  c.value("--rank", o.rank, "N", "rank of the adapter").whole_number(1, 64);
  c.option("--alpha", o.alpha, "X", "its scale is alpha / rank [twice the rank]")
      .real_number(0, 1e6);
  c.flag("--rslora", o.rank_stabilized, "scale by alpha / sqrt(rank)");
  c.option("--targets", o.targets, "NAME,NAME",
           "projections that get an adapter, as q_proj,v_proj or experts [all-linear]")
      .comma_separated();
  c.value("--epochs", o.epochs, "X", "passes over the rows").real_number(0.001, 1e6);
  c.option("--steps", o.steps, "N", "updates, instead of --epochs").whole_number(1, 100'000'000);
  c.value("--lr", o.lr, "X", "learning rate").real_number(0, 10);
  c.option("--batch-tokens", o.tokens, "N", "tokens of an update [by the size of the data]")
      .whole_number(16, 1 << 20);
  c.value("--window", o.window, "N", "tokens computed at a time, which decide about memory")
      .whole_number(16, 1 << 20);
  c.value("--held-out", o.held_out, "X", "share of the rows that is kept to measure with")
      .real_number(0, 0.9);
  c.value("--verifier", o.verifier, "NAME", "how held-out answers are judged (docs/verifiers.md)");
  c.value("--seed", o.seed, "N", "of the adapter's first numbers and the order of the rows")
      .whole_number(0, int64_t(1) << 53);
  add_sets(c, o.sets, "override a key of the recipe, e.g. --set stages.tuned.turns=3 (repeatable)");
  add_threads(c, o.threads);
}

}  // namespace weir
