#include "cli/doctor_command.h"

#include <fmt/format.h>

#include <cstdio>

#include "base/options.h"
#include "base/thread_pool.h"
#include "cli/terminal.h"
#include "doctor/doctor.h"
#include "doctor/doctor_view.h"
#include "pipeline/run_setup.h"

namespace weir {

Result<void> doctor(const DoctorCommand& command) {
  Recipe file = TRY(Recipe::read(command.recipe));
  for (const std::string& assignment : command.sets) TRY(file.set(assignment));
  const R1Recipe recipe = TRY(read_r1_recipe(file));
  ThreadPool pool(command.threads > 0 ? command.threads : recipe.threads);
  const ModelTexts texts = TRY(make_r1_texts(recipe, pool));
  const ModelConfig config = TRY(make_r1_config(recipe, texts.tokenizer));
  const std::string base = base_folder(recipe);
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

}  // namespace weir
