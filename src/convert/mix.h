// Which type each tensor of a quantized GGUF file gets: one type for all, or the usual mixes that
// spend more bits where they matter (llama.cpp, llama-quant.cpp; docs/quantization.md has the
// table).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernels/blocks.h"
#include "model/config.h"

namespace weir {

bool is_float(WeightType type);  // f32, f16 or bf16

// A name users write: "q4_k_m", "q6_k", "bf16" ...
struct Mix {
  std::string name;
  WeightType base = WeightType::f32;
  int file_type = 0;  // general.file_type
  enum class Extra { none, small, medium, large } extra = Extra::none;
};
Result<Mix> find_mix(const std::string& name);
std::vector<std::string> mix_names();

// What chooses a tensor's type, beside the mix.
struct MixModel {
  int layers = 0;
  int experts = 0;
  int heads_per_kv_head = 1;
  bool is_tied = false;  // no output.weight
};
MixModel mix_model(const ModelConfig& config);

// `name` as in GGUF, `shape` row-major. Vectors, norms and gates stay f32. Where the rows do not
// divide into the type's blocks, the type with blocks of 32 that is no worse, and f16 where 32 does
// not divide them either.
WeightType choose_type(const Mix& mix, const MixModel& model, const std::string& name,
                       const std::vector<uint64_t>& shape);

}  // namespace weir
