// `weir doctor`: finds errors of a recipe of R1's stages before hours of training.
#include <fmt/format.h>

#include <cstdio>

#include "base/options.h"
#include "base/terminal.h"
#include "base/thread_pool.h"
#include "cli/commands.h"
#include "cli/shared_options.h"
#include "doctor/doctor.h"
#include "doctor/doctor_view.h"
#include "pipeline/run_setup.h"

namespace weir {
namespace {

struct DoctorCommand {
  std::string recipe;             // a YAML file
  std::vector<std::string> sets;  // "run=other", over the file
  int problems = 500;             // of each source
  int rows = 2;                   // examples of each source
  bool plain = false;             // no colours, whatever the terminal
  int threads = 0;
};

// Prints the report to stdout; an error when the report has one.
Result<void> doctor(const DoctorCommand& command) {
  Recipe file = TRY(Recipe::read(command.recipe));
  for (const std::string& assignment : command.sets) TRY(file.set(assignment));
  const R1Recipe recipe = TRY(read_r1_recipe(file));
  ThreadPool pool(command.threads > 0 ? command.threads : recipe.threads);
  const ModelTexts texts = TRY(make_r1_texts(recipe, pool));
  const ModelConfig config = TRY(make_r1_config(recipe, texts.tokenizer));
  const std::string base = recipe.base;
  const ConversationFormat format =
      TRY(make_format(texts.tokenizer, texts.chat, base.empty() ? "tokenizer" : base));
  fmt::print("model: {}\n", model_words(recipe, config));
  const DoctorReport report =
      TRY(examine_recipe(recipe, texts.tokenizer, format, config.max_position_embeddings,
                         {.problems = command.problems, .rows = command.rows}));
  const DoctorViewOptions view{.has_color = !command.plain && stdout_has_color()};
  fmt::print("{}: {}\n", command.recipe, doctor_text(report, view));
  const int64_t errors = report.count(Severity::error);
  if (errors == 0) return {};
  fflush(stdout);  // before the error on the other stream
  return Error{fmt::format("{}: {} error{}, as listed above; nothing should be trained with it",
                           command.recipe, errors, errors == 1 ? "" : "s")};
}

}  // namespace

void add_doctor(CommandGroup& commands) {
  auto [c, o] = commands.add("doctor", "check the data and rewards of an R1 recipe", doctor);
  c.argument("RECIPE", o.recipe, "a YAML file (docs/doctor.md)").required();
  add_sets(c, o.sets, "override a recipe key (repeatable)");
  c.count("--problems", o.problems, 1, 1'000'000, "problems to check per source");
  c.count("--rows", o.rows, 0, 100, "rows to show token by token per source");
  c.flag("--plain", o.plain, "marks instead of colours");
  add_threads(c, o.threads);
}

}  // namespace weir
