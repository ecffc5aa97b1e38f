#include "pretrain/continue_run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/sha256.h"
#include "pretrain/model_setup.h"
#include "train/schedule.h"

namespace weir {
namespace {

Result<void> check_steps(const RunFolder& folder, const CheckpointState& state,
                         const TrainRecipe& recipe) {
  const Json* recorded = TRY_IN(folder.path(), state.recipe.at("steps"));
  const int64_t then = TRY_IN(folder.path(), recorded->as_int());
  if (recipe.steps < state.step)
    return Error{
        fmt::format("{} has {} steps behind it, more than 'steps' {}; raise 'steps' or choose "
                    "another 'run'",
                    folder.path(), state.step, recipe.steps)};
  TrainRecipe before = recipe;
  before.steps = then;
  // Whether the model has gate biases or MTP modules is in its config; asking for both is the safe
  // side.
  ModelConfig config = TRY(read_config(folder.file("config.json")));
  const ScheduleUse use{config.has_gate_bias, config.num_nextn_predict_layers > 0};
  if (then == recipe.steps || same_so_far(before, recipe.steps, state.step, use)) return {};
  return Error{
      fmt::format("'steps' changed from {} to {}, but then the steps done so far ({}) would have "
                  "been different: the "
                  "schedule '{}' (and 'moe.bias_freeze_at', 'mtp.switch_at') look at the end of "
                  "the run; set 'steps' "
                  "back or choose another 'run'. Schedule 'constant', and 'wsd' before its decay, "
                  "can be lengthened",
                  then, recipe.steps, state.step, recipe.schedule.name)};
}

}  // namespace

Result<void> check_same_run(const RunFolder& folder, const CheckpointState& state,
                            const TrainRecipe& recipe, const std::string& data_sha256) {
  std::vector<std::string> changed = changed_keys(state.recipe, recipe_json(recipe));
  if (!changed.empty())
    return Error{
        fmt::format("{} was begun with other values of '{}'; set them back (see {}) or choose "
                    "another 'run'",
                    folder.path(), fmt::join(changed, "', '"), folder.file("recipe.yaml"))};
  if (data_sha256 != state.data_sha256)
    return Error{
        fmt::format("{} was begun with other data: the documents have SHA-256 {}... now and had "
                    "{}... then; restore the files of 'data.paths' or choose another 'run'",
                    folder.path(), data_sha256.substr(0, 12), state.data_sha256.substr(0, 12))};
  const std::string source = TRY(tokenizer_source_sha256(recipe));
  if (source != state.tokenizer_source_sha256)
    return Error{fmt::format(
        "{} was begun with another tokenizer than that of 'tokenizer.path' '{}'; restore "
        "it or choose another 'run'",
        folder.path(), recipe.tokenizer.path)};
  return check_steps(folder, state, recipe);
}

Result<void> check_same_file(const RunFolder& folder, const std::string& name,
                             const std::string& sha256) {
  const std::string path = folder.file(name);
  const std::string now = TRY(sha256_file(path));
  if (now == sha256) return {};
  return Error{
      fmt::format("{} is not the file that the run was begun with (SHA-256 {}... now, {}... then); "
                  "restore it to continue",
                  path, now.substr(0, 12), sha256.substr(0, 12))};
}

}  // namespace weir
