// The folder of a run through R1's stages:
//   recipe.yaml plan.json report.html config.json tokenizer.json tokenizer_config.json
//   model.safetensors kept.json             of the newest finished stage, or the best one
//   stages/NAME/ config.json tokenizer.json tokenizer_config.json model.safetensors
//                manifest.json metrics.jsonl scores.json samples.jsonl samples.sha256 checkpoints/
// A stage is finished exactly when its manifest.json is there.
#pragma once
#include <optional>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "base/result.h"
#include "stages/scores.h"

namespace weir {

class R1Folder {
 public:
  // Makes the folder or opens an earlier run, and takes its lock. A folder with anything else in it
  // is refused. Nothing but the lock is written.
  static Result<R1Folder> open(const std::string& path);
  // Whether a stage has learned something: it is finished or has a checkpoint. Until then the
  // shared files may be written anew, for another recipe too.
  bool has_begun() const;

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return join_path(path_, name); }
  std::string stage(const std::string& name) const { return join_path(file("stages"), name); }
  std::string stage_file(const std::string& stage_name, const std::string& name) const {
    return join_path(stage(stage_name), name);
  }

  // Of a finished stage, its model compared with the recorded SHA-256; nothing when it is not
  // finished.
  Result<std::optional<Json>> manifest(const std::string& stage_name) const;
  // What the report shows of a finished stage.
  Result<StageReport> report(const std::string& stage_name) const;
  // What a stage learned: its model.safetensors, or its adapter (adapter/peft.h).
  std::string learned(const std::string& stage_name) const;
  // Makes the run's model.safetensors, or adapter, that of the stage.
  Result<void> publish(const std::string& stage_name) const;

 private:
  R1Folder(std::string path, FileLock lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::string path_;
  FileLock lock_;
};

Json reply_json(const SampleReply& sample);

}  // namespace weir
