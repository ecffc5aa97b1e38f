// Which type each tensor of a quantized GGUF file gets: one type for all, or the usual mixes that
// spend more bits where they matter (llama.cpp, llama-quant.cpp; docs/quantization.md has the
// table).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "kernels/quant/blocks.h"

namespace weir {

bool is_float(WeightType type);  // f32, f16 or bf16

// A name users write: "q4_k_m", "q6_k", "bf16" ...
struct Mix {
  std::string name;
  WeightType base = WeightType::f32;
  int file_type = 0;  // general.file_type
  enum class Extra { none, small, medium, large } extra = Extra::none;
  bool is_weighed = false;  // the importance of columns is known, which changes a few choices
};
Result<Mix> find_mix(const std::string& name);
std::vector<std::string> mix_names();

// What chooses a tensor's type, beside the mix.
struct MixModel {
  int layers = 0;  // those of multi-token prediction included
  int experts = 0;
  int heads_per_kv_head = 1;
  bool is_tied = false;  // no output.weight
  bool is_70b = false;   // 80 layers whose values are a small part of the model
};
MixModel mix_model(const ModelConfig& config);

// What the mix wants for a tensor: `name` as in GGUF, `shape` row-major. Vectors, norms and gates
// stay f32.
WeightType wanted_type(const Mix& mix, const MixModel& model, const std::string& name,
                       const std::vector<uint64_t>& shape);
// `type` where its blocks divide rows of `columns`, else the type with blocks of 32 that takes its
// place, and f16 where 32 does not divide them either.
WeightType fitting_type(WeightType type, uint64_t columns);
// The type that a tensor gets: both of the above.
WeightType choose_type(const Mix& mix, const MixModel& model, const std::string& name,
                       const std::vector<uint64_t>& shape);

}  // namespace weir
