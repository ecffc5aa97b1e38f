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
#include "pipeline/tune_recipe.h"
#include "stages/row_notes.h"

namespace weir {
namespace {

struct TuneOptions {
  TuneSettings settings;
  std::vector<std::string> sets;
  int threads = 0;
};

Result<Ending> tune(const TuneOptions& o) {
  TRY(check_model_exists(o.settings.base));
  if (!file_exists(o.settings.data))
    return Error{o.settings.data + ": no such file; --data is a file of JSON lines"};
  Recipe file = TRY(Recipe::parse("{}", "weir tune"));
  file.root = tune_recipe(o.settings);
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
  if (o.settings.held_out > 0) fmt::print("{}\n", summary.table);
  fmt::print("done in {}; the adapter is in {} (for PEFT, too)\n",
             format_seconds(summary.seconds_in_all), summary.folder);
  fmt::print("talk with it: weir chat {0}, or weir chat {1} --adapter {0}\n", summary.folder,
             o.settings.base);
  return Ending::done;
}

}  // namespace

void add_tune(CommandGroup& commands) {
  auto [c, o] = commands.add("tune", "teach a published model rows of your own, as an adapter",
                             tune, Writes::files);
  c.argument("BASE", o.settings.base, kModelHelp).required();
  c.option("--data", o.settings.data, "FILE",
           "rows of JSON: questions with answers (docs/problems.md)")
      .required();
  c.option("--out", o.settings.out, "DIR",
           "folder of the run and its adapter; the same one resumes")
      .required();
  c.value("--rank", o.settings.rank, "N", "rank of the adapter").whole_number(1, 64);
  c.option("--alpha", o.settings.alpha, "X", "its scale is alpha / rank [twice the rank]")
      .real_number(0, 1e6);
  c.flag("--rslora", o.settings.rank_stabilized, "scale by alpha / sqrt(rank)");
  c.flag("--dora", o.settings.dora, "learn the lengths of the rows apart from them (DoRA)");
  c.option("--targets", o.settings.targets, "NAME,NAME",
           "projections that get an adapter, as q_proj,v_proj or experts [all-linear]")
      .comma_separated();
  c.value("--epochs", o.settings.epochs, "X", "passes over the rows").real_number(0.001, 1e6);
  c.option("--steps", o.settings.steps, "N", "updates, instead of --epochs")
      .whole_number(1, 100'000'000);
  c.value("--lr", o.settings.lr, "X", "learning rate").real_number(0, 10);
  c.option("--batch-tokens", o.settings.tokens, "N",
           "tokens of an update [by the size of the data]")
      .whole_number(16, 1 << 20);
  c.value("--window", o.settings.window, "N",
          "tokens computed at a time, which decide about memory")
      .whole_number(16, 1 << 20);
  c.value("--held-out", o.settings.held_out, "X", "share of the rows that is kept to measure with")
      .real_number(0, 0.9);
  c.value("--verifier", o.settings.verifier, "NAME",
          "how held-out answers are judged (docs/verifiers.md)");
  c.value("--seed", o.settings.seed, "N",
          "of the adapter's first numbers and the order of the rows")
      .whole_number(0, int64_t(1) << 53);
  add_sets(c, o.sets, "override a key of the recipe, e.g. --set stages.tuned.turns=3 (repeatable)");
  add_threads(c, o.threads);
}

}  // namespace weir
