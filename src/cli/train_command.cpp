// `weir train`: a recipe in, a folder with a model out.
#include <fmt/format.h>

#include "base/options.h"
#include "base/stop_signal.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "cli/commands.h"
#include "cli/shared_options.h"
#include "pretrain/run_training.h"

namespace weir {
namespace {

struct TrainOptions {
  std::string recipe;             // a YAML file
  std::vector<std::string> sets;  // "optimizer.lr=1e-3", over the file
  int threads = 0;                // 0: what the recipe says
};

void print_summary(const TrainSummary& s) {
  if (s.stopped) {
    fmt::print(
        "stopped after step {} of {}; everything is saved in {}, the same command goes on; the "
        "report "
        "so far is {}/report.html\n",
        s.step, s.steps, s.folder, s.folder);
    return;
  }
  fmt::print("done: {} steps in {}", s.step, format_seconds(s.seconds));
  if (s.loss > 0) fmt::print(", loss {:.4f}", s.loss);
  if (s.validation_loss > 0)
    fmt::print(", held-out {:.4f} ({:.3f} bits per byte)", s.validation_loss, s.bits_per_byte);
  fmt::print("; the model is in {}\n", s.folder);
}

// A signal is no failure: everything is saved, and the same command resumes.
Result<void> train(const TrainOptions& options) {
  Recipe file = TRY(Recipe::read(options.recipe));
  for (const std::string& assignment : options.sets) TRY(file.set(assignment));
  TrainRecipe recipe = TRY(read_train_recipe(file));
  catch_stop_signals();
  ThreadPool pool(options.threads > 0 ? options.threads : recipe.threads);
  print_summary(TRY(run_training(recipe, pool)));
  return {};
}

}  // namespace

void add_train(CommandGroup& commands) {
  auto [c, o] =
      commands.add("train", "train a model from a recipe, or resume its run", train, Writes::files);
  c.argument("RECIPE", o.recipe, "a YAML file (docs/recipes.md)").required();
  add_sets(c, o.sets, "override a recipe key, e.g. --set optimizer.lr=1e-3 (repeatable)");
  add_threads(c, o.threads);
}

}  // namespace weir
