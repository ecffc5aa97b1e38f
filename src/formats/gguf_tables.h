// The one kind of tensors of whole numbers that models have in GGUF files: tables that tell which
// experts a token is for (DeepSeek-V4's hash layers). The file types them I32; GgufTensor and
// GgufWriter::Tensor, which know types of weights alone, type them f32, of the same size.
#pragma once
#include <string_view>

namespace weir {

// "blk.0.ffn_gate_tid2eid.weight".
inline bool is_expert_table(std::string_view name) {
  return name.ends_with(".ffn_gate_tid2eid.weight");
}
constexpr int kGgufInt32 = 26;

}  // namespace weir
