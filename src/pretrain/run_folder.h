// The folder of a run: whose it is, what is in it, what is newest.
//   config.json tokenizer.json tokenizer_config.json model.safetensors   as HuggingFace has them
//   recipe.yaml metrics.jsonl report.html
//   checkpoints/step-00000100/...                                        see checkpoint.h
// model.safetensors is always the newest checkpoint's, replaced in one step.
#pragma once
#include <optional>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "train/training_checkpoint.h"

namespace weir {

class RunFolder {
 public:
  // Makes the folder or opens an earlier run, takes its lock and removes what a killed run left
  // half written. A folder with anything else in it is refused, so that no model or document is
  // overwritten.
  static Result<RunFolder> open(const std::string& path);

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return join_path(path_, name); }
  std::string checkpoints() const { return file("checkpoints"); }

  // The newest checkpoint's verified state; nothing on a new run. A damaged one is an error with
  // the remedy in it; nothing is changed.
  Result<std::optional<CheckpointState>> newest() const;
  std::string checkpoint(int64_t step) const {
    return join_path(checkpoints(), checkpoint_name(step));
  }

  // Makes model.safetensors that of the checkpoint (a hard link, or a copy where links are
  // impossible) and removes all but the newest `keep` checkpoints.
  Result<void> publish(int64_t step, int keep) const;

 private:
  RunFolder(std::string path, FileLock lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  FileLock lock_;
};

}  // namespace weir
