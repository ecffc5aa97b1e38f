#include "pretrain/run_folder.h"

#include <fmt/format.h>

#include "base/atomic_output.h"

namespace weir {
namespace {

constexpr char kLock[] = ".lock";

Result<void> remove_leftovers(const std::string& checkpoints) {
  for (const std::string& name : TRY(list_directory(checkpoints)))
    if (name.starts_with(".removing-")) TRY(remove_all(join_path(checkpoints, name)));
  return {};
}

}  // namespace

Result<void> check_is_run(const std::string& path, const std::string& marker,
                          const std::string& kind) {
  if (!is_directory(path)) {
    if (file_exists(path)) return Error{path + ": is a file; choose another 'run' folder"};
    return {};
  }
  if (is_directory(join_path(path, marker))) return {};
  for (const std::string& name : TRY(list_directory(path)))
    if (name != kLock)
      return Error{fmt::format(
          "{}: holds '{}' and no {}, so it is not the folder of {}; choose another 'run' folder",
          path, name, marker, kind)};
  return {};
}

Result<RunFolder> RunFolder::open(const std::string& path, const std::string& weights) {
  TRY_IN("run folder", check_is_run(path, "checkpoints", "a run"));
  TRY_IN("run folder", make_directories(path));
  FileLock lock = TRY_IN("run folder", FileLock::acquire(join_path(path, kLock)));
  RunFolder folder(path, weights, std::move(lock));
  TRY_IN("run folder", make_directories(folder.checkpoints()));
  TRY_IN("run folder", remove_leftovers(folder.checkpoints()));
  TRY_IN("run folder", remove_stale_asides(path));
  if (file_exists(folder.file(weights)) && TRY(list_checkpoints(folder.checkpoints())).empty())
    return Error{
        fmt::format("run folder: {} holds a model but no checkpoint to continue from; choose "
                    "another 'run' folder, or delete this one to start over",
                    path)};
  return folder;
}

Result<std::optional<CheckpointState>> RunFolder::newest() const {
  std::vector<int64_t> steps = TRY(list_checkpoints(checkpoints()));
  if (steps.empty()) return std::optional<CheckpointState>();
  Result<CheckpointState> state = verify_checkpoint(checkpoint(steps.back()));
  if (state) return std::optional<CheckpointState>(*std::move(state));
  const std::string remedy =
      steps.size() > 1
          ? fmt::format("delete {} to continue from step {}", checkpoint(steps.back()),
                        steps[steps.size() - 2])
          : fmt::format("there is no earlier checkpoint: delete {} to start over", path_);
  return Error{state.error().message + "; " + remedy};
}

Result<void> RunFolder::save(const Learner& learner, CheckpointState state, int keep,
                             const Model* reference) const {
  const int64_t step = state.step;
  if (const std::string bad = first_weight_not_finite(learner.model()); !bad.empty())
    return Error{
        fmt::format("step {}: {}; it is not saved, the checkpoints before it are as they were. {}",
                    step, bad, learner.remedy())};
  TRY(save_checkpoint(checkpoints(), learner.model(), learner.optimizer(), std::move(state),
                      reference));
  return publish(step, keep);
}

Result<void> RunFolder::publish(int64_t step, int keep) const {
  TRY(link_file_atomic(join_path(checkpoint(step), "model.safetensors"), file(weights_)));

  std::vector<int64_t> steps = TRY(list_checkpoints(checkpoints()));
  for (size_t i = 0; i + size_t(keep) < steps.size(); ++i) {
    // Renamed first: a folder under its own name is always whole.
    const std::string doomed = join_path(checkpoints(), fmt::format(".removing-{}", steps[i]));
    TRY(rename_path(checkpoint(steps[i]), doomed));
    TRY(remove_all(doomed));
  }
  return {};
}

}  // namespace weir
