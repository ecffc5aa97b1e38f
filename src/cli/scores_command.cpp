// `weir scores`: runs of R1's stages beside each other, mean and spread over their seeds.
#include <fmt/format.h>

#include "base/atomic_output.h"
#include "cli/commands.h"
#include "pipeline/run_stages.h"
#include "report/run_scores.h"

namespace weir {
namespace {

struct ScoresCommand {
  std::vector<std::string> runs;  // folders, each with "ARM=" before it or not
  std::string stage;              // shown of each arm
  std::string json;               // a file
};

// Runs by the arm that is named before their folder.
Result<std::vector<RunArm>> read_arms(const std::vector<std::string>& runs) {
  std::vector<RunArm> arms;
  for (const std::string& run : runs) {
    // A folder's own name may have a '='.
    const size_t equals = has_stages(run) ? std::string::npos : run.rfind('=');
    const std::string name = equals == std::string::npos ? "" : run.substr(0, equals);
    const std::string folder = equals == std::string::npos ? run : run.substr(equals + 1);
    RunArm* arm = nullptr;
    for (RunArm& known : arms)
      if (known.name == name) arm = &known;
    if (!arm) arm = &arms.emplace_back(RunArm{name, {}});
    arm->runs.push_back(TRY(read_run_reports(folder)));
  }
  return arms;
}

Result<void> scores(const ScoresCommand& command) {
  const std::vector<RunArm> arms = TRY(read_arms(command.runs));
  const bool has_arms = arms.size() > 1 || !arms.front().name.empty() || !command.stage.empty();
  const MeanTable table =
      has_arms ? mean_of_arms(arms, command.stage) : mean_of_stages(arms.front());
  fmt::print("{}", mean_markdown(table));
  if (!command.json.empty()) TRY(write_file_atomic(command.json, mean_json(table).dump(1) + "\n"));
  return {};
}

}  // namespace

void add_scores(CommandGroup& commands) {
  auto [c, o] = commands.add("scores", "compare runs of R1's stages over seeds or arms", scores);
  c.argument("[ARM=]RUN", o.runs, "folders of runs; those of one ARM differ in their seed")
      .required();
  c.option("--stage", o.stage, "NAME", "of each arm the scores of this stage [the last]");
  c.option("--json", o.json, "FILE", "write means and deviations as JSON, too");
}

}  // namespace weir
