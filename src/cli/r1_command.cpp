// weir r1: R1's stages as a recipe says.
#include <fmt/format.h>

#include "base/options.h"
#include "base/stop_signal.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "cli/commands.h"
#include "cli/shared_options.h"
#include "pipeline/pipeline.h"
#include "stages/row_notes.h"

namespace weir {
namespace {

struct R1Command {
  std::string recipe;
  std::vector<std::string> sets;
  std::string stage;
  double minutes = 0;  // 0: the recipe's
  int threads = 0;
};

// Of the whole time: with less in this process, an earlier one did the rest.
constexpr double kResumedShare = 0.95;

Result<Ending> r1(const R1Command& command) {
  Recipe file = TRY(Recipe::read(command.recipe));
  for (const std::string& assignment : command.sets) TRY(file.set(assignment));
  if (command.minutes > 0) TRY(file.set(fmt::format("minutes={}", command.minutes)));
  R1Recipe recipe = TRY(read_r1_recipe(file));
  for (const RowNote& row : row_notes(recipe))
    if (row.note.is_warning)
      fmt::print(stderr, "{}: {}: {}; the first at {}\n", row.stage, row.source, row.note.text,
                 row.note.place);
  catch_stop_signals();
  ThreadPool pool(command.threads > 0 ? command.threads : recipe.threads);
  const R1Summary summary = TRY(run_r1(recipe, {command.stage}, pool));
  fmt::print("{}", summary.table);
  if (!summary.conclusion.empty()) fmt::print("\n{}\n\n", summary.conclusion);
  const std::string report = summary.has_report
                                 ? fmt::format("the report is {}/report.html", summary.folder)
                                 : "the report is written when the first stage ends";
  if (summary.is_stopped) {
    fmt::print("stopped; everything is saved in {}, the same command goes on; {}\n", summary.folder,
               report);
    return Ending::done;
  }
  fmt::print("done in {}{}; the model is in {}, {}\n", format_seconds(summary.seconds_in_all),
             summary.seconds < kResumedShare * summary.seconds_in_all
                 ? fmt::format(" ({} of it now)", format_seconds(summary.seconds))
                 : "",
             summary.folder, report);
  fmt::print("talk with it: weir chat {}\n", summary.folder);
  return Ending::done;
}

}  // namespace

void add_r1(CommandGroup& commands) {
  auto [c, o] = commands.add("r1", "train a model through DeepSeek-R1's stages, or resume the run",
                             r1, Writes::files);
  c.argument("RECIPE", o.recipe, "a YAML file (docs/r1.md)").required();
  add_sets(c, o.sets,
           "override a recipe key, e.g. --set stages.cold-start.rate.lr=1e-3 (repeatable)");
  c.option("--minutes", o.minutes, "X", "time budget of all stages together [the recipe's]")
      .real_number(0.01, 100000);
  c.option("--stage", o.stage, "NAME", "run only this stage");
  add_threads(c, o.threads);
}

}  // namespace weir
