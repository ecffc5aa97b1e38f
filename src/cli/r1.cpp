#include "cli/r1.h"

#include <fmt/format.h>

#include "base/options.h"
#include "base/progress.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "r1/pipeline.h"

namespace weir {

Result<Ending> r1(const R1Command& command) {
  Recipe file = TRY(Recipe::read(command.recipe));
  for (const std::string& assignment : command.sets) TRY(file.set(assignment));
  if (command.minutes > 0) TRY(file.set(fmt::format("minutes={}", command.minutes)));
  R1Recipe recipe = TRY(read_r1_recipe(file));
  catch_stop_signals();
  ThreadPool pool(command.threads > 0 ? command.threads : recipe.threads);
  const R1Summary summary = TRY(run_r1(recipe, {command.stage}, pool));
  fmt::print("{}", summary.table);
  if (summary.is_stopped)
    fmt::print("stopped; everything is saved in {}, the same command goes on\n", summary.folder);
  else
    fmt::print("done in {}; the model is in {}, the report in {}/report.html\n",
               format_seconds(summary.seconds), summary.folder, summary.folder);
  return Ending::done;
}

}  // namespace weir
