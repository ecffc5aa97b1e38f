// A conversion before it runs: every tensor to be written, with its type and where its rows come
// from. Sources are opened one at a time, so a plan of any size takes little memory. The checkpoint
// outlives its plan.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "config/size.h"
#include "convert/mix.h"
#include "convert/stored_rows.h"

namespace weir {

struct PlannedTensor {
  // Folders keep mxfp4 in two tensors: codes, two a byte, and scales, one for 32 (row_scales.h).
  // numbers: whole ones of eight bytes, copied under the type f32, two for each.
  enum class Piece { whole, codes, scales, numbers };

  std::string name;
  WeightType type = WeightType::f32;
  std::vector<uint64_t> shape;  // row-major; of a piece in bytes
  std::function<Result<StoredRows>()> open;
  WeightType source = WeightType::f32;
  Piece piece = Piece::whole;

  const char* dtype() const;  // in a folder
  uint64_t columns() const;   // numbers of a row
  uint64_t row_bytes() const;
  uint64_t rows() const;
  uint64_t bytes() const;
};

struct GgufPlan {
  GgufMetadata metadata;
  std::vector<PlannedTensor> tensors;
  // One sentence about tensors whose rows do not divide into blocks of the type that the mix wants,
  // or "".
  std::string fallbacks;
};
// Where a source is quantized and gets other types, one sentence that says so, or "".
std::string requantization_note(const std::vector<PlannedTensor>& tensors);
// Where the tensors of a configuration come from, by HuggingFace name.
using FindTensor = std::function<Result<StoredTensor>(const std::string& name,
                                                      const std::vector<uint64_t>& shape)>;
// For plans of models that are nowhere.
inline Result<StoredTensor> find_nothing(const std::string&, const std::vector<uint64_t>&) {
  return StoredTensor{};
}
Result<GgufPlan> plan_gguf(const ModelConfig& config, const FindTensor& find,
                           const std::optional<Mix>& mix);
// From a folder or from another GGUF file, whose other metadata and tensors stay as they are.
// Without a mix every tensor keeps its type, as far as GGUF has it (f8_e4m3 becomes bf16).
// The tokenizer's keys are not part of a plan made from a folder.
Result<GgufPlan> plan_gguf(const Checkpoint& checkpoint, const std::optional<Mix>& mix);

struct FolderPlan {
  ModelConfig config;
  std::vector<PlannedTensor> tensors;  // under their HuggingFace names, of float types
};
// `type`: f32, f16 or bf16 for all matrices; mxfp4 for experts, the others in bf16; without it
// float types stay and others become bf16. Vectors that GGUF has widened to f32 get the type of the
// matrices where no value changes.
Result<FolderPlan> plan_folder(const Checkpoint& checkpoint, std::optional<WeightType> type);
// DeepSeek-V4's files have names of their own, of which transformers knows those of its memory.
void use_names_of_files(FolderPlan& plan);

}  // namespace weir
