// The folder of a run: whose it is, what is in it, what is newest.
//   config.json tokenizer.json tokenizer_config.json model.safetensors   as HuggingFace has them
//   recipe.yaml metrics.jsonl report.html
//   checkpoints/step-00000100/...                                        see training_checkpoint.h
// model.safetensors is always the newest checkpoint's, replaced in one step.
#pragma once
#include <optional>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "train/learner.h"
#include "train/training_checkpoint.h"

namespace weir {

// Whether `path` may be the folder of a run: it is absent, empty but for a lock, or has a folder
// `marker`. The error ends with "holds 'x' and no MARKER, so it is not the folder of KIND".
Result<void> check_is_run(const std::string& path, const std::string& marker,
                          const std::string& kind);

class RunFolder {
 public:
  // Makes the folder or opens an earlier run, takes its lock and removes what a killed run left
  // half written. A folder with anything else in it is refused, so that no model or document is
  // overwritten.
  // `weights`: the name under which the newest checkpoint's model.safetensors is published.
  static Result<RunFolder> open(const std::string& path,
                                const std::string& weights = "model.safetensors");

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return join_path(path_, name); }
  std::string checkpoints() const { return file("checkpoints"); }

  // The newest checkpoint's verified state; nothing on a new run. A damaged one is an error with
  // the remedy in it; nothing is changed.
  Result<std::optional<CheckpointState>> newest() const;
  std::string checkpoint(int64_t step) const {
    return join_path(checkpoints(), checkpoint_name(step));
  }

  // Writes a checkpoint and publishes it. Refuses weights that are not finite: finite gradients can
  // push weights out of range when the learning rate is huge. `reference`: see save_checkpoint().
  Result<void> save(const Learner& learner, CheckpointState state, int keep,
                    const Model* reference = nullptr) const;
  // Makes model.safetensors that of the checkpoint (a hard link, or a copy where links are
  // impossible) and removes all but the newest `keep` checkpoints.
  Result<void> publish(int64_t step, int keep) const;

 private:
  RunFolder(std::string path, std::string weights, FileLock lock)
      : path_(std::move(path)), weights_(std::move(weights)), lock_(std::move(lock)) {}
  std::string path_, weights_;
  FileLock lock_;
};

}  // namespace weir
