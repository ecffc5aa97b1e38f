// One checkpoint: a folder step-00000100 with model.safetensors, trainer.safetensors (the
// optimizer's moments) and state.json. Written aside and renamed, so it is there whole or not at
// all; read only after its checksums have been compared.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "model/model.h"
#include "train/optimizer.h"

namespace weir {

// State of a run beside weights and moments.
struct CheckpointState {
  int64_t step = 0;    // updates done
  int64_t tokens = 0;  // trained
  double seconds = 0;  // of training
  // For the guard against a loss that explodes (trainer.h): running mean and its lowest value; 0
  // while there is none.
  double mean_loss = 0, best_loss = 0;
  Json recipe = Json::object();  // resolved
  Json cursor;                   // what else the next step depends on; null: nothing
  std::string data_sha256, tokenizer_sha256, tokenizer_source_sha256, config_sha256;
  // Of the files; save_checkpoint() fills them. The last one is empty without a reference model.
  std::string model_sha256, trainer_sha256, reference_sha256;
};

std::string checkpoint_name(int64_t step);  // "step-00000100"

// Writes FOLDER/.writing-..., syncs it and renames it to FOLDER/step-...; on an error FOLDER is as
// before. `reference` (may be null): a second model that the
// work needs, kept as reference/model.safetensors.
Result<void> save_checkpoint(const std::string& folder, const Model& model,
                             const Optimizer& optimizer, CheckpointState state,
                             const Model* reference = nullptr);

// Steps of the checkpoints in FOLDER, ascending. Other names are ignored.
Result<std::vector<int64_t>> list_checkpoints(const std::string& folder);

// state.json of one checkpoint folder, after comparing its own checksum and those of both files:
// any changed byte in any of them is an error that names the file.
Result<CheckpointState> verify_checkpoint(const std::string& checkpoint);

// Weights and moments of a verified checkpoint, and the reference model if it has one.
Result<void> load_checkpoint(const std::string& checkpoint, Model& model, Optimizer& optimizer,
                             Model* reference = nullptr);

}  // namespace weir
