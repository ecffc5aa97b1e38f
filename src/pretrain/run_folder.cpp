#include "pretrain/run_folder.h"

#include <fmt/format.h>

#include "base/atomic_output.h"

namespace weir {
namespace {

constexpr char kLock[] = ".lock";

// Empty, or made by open() before.
Result<void> check_is_run(const std::string& path) {
  if (!is_directory(path)) {
    if (file_exists(path)) return Error{path + ": is a file; choose another 'run' folder"};
    return {};
  }
  std::vector<std::string> names = TRY(list_directory(path));
  if (names.empty() || is_directory(join_path(path, "checkpoints"))) return {};
  if (names.size() == 1 && names[0] == kLock) return {};
  return Error{
      fmt::format("{}: holds '{}' and no checkpoints, so it is not the folder of a run; choose "
                  "another 'run' folder",
                  path, names[0] == kLock ? names[1] : names[0])};
}

Result<void> remove_leftovers(const std::string& checkpoints) {
  for (const std::string& name : TRY(list_directory(checkpoints)))
    if (name.starts_with(".removing-")) TRY(remove_all(join_path(checkpoints, name)));
  return {};
}

}  // namespace

Result<RunFolder> RunFolder::open(const std::string& path) {
  TRY_IN("run folder", check_is_run(path));
  TRY_IN("run folder", make_directories(path));
  FileLock lock = TRY_IN("run folder", FileLock::acquire(join_path(path, kLock)));
  RunFolder folder(path, std::move(lock));
  TRY_IN("run folder", make_directories(folder.checkpoints()));
  TRY_IN("run folder", remove_leftovers(folder.checkpoints()));
  TRY_IN("run folder", remove_stale_asides(path));
  if (file_exists(folder.file("model.safetensors")) &&
      TRY(list_checkpoints(folder.checkpoints())).empty())
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

Result<void> RunFolder::publish(int64_t step, int keep) const {
  TRY(link_file_atomic(join_path(checkpoint(step), "model.safetensors"),
                       file("model.safetensors")));

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
