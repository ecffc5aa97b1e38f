// Weights of folders that compressed-tensors or ModelOpt quantized: codes in one tensor beside a
// weight's name, scales in others. Which form a weight has, its tensors say:
//   X.weight_packed I32, X.weight_scale, X.weight_shape    whole numbers of 4 or 8 bits, the first
//       in the lowest bits, plus 8 or 128; X.weight_zero_point, packed along rows, and
//       X.weight_g_idx, the group of each column, where they are there (pack-quantized)
//   X.weight_packed U8, X.weight_scale F8_E4M3, X.weight_global_scale    two numbers of E2M1 a
//       byte, the lower half first; a scale for 16 columns, divided by the global one
//       (nvfp4-pack-quantized)
//   X.weight_packed U8, X.weight_scale U8 or F8_E8M0    the same with a power of two for 32 columns
//       (mxfp4-pack-quantized)
//   X.weight U8, X.weight_scale F8_E4M3, X.weight_scale_2    the same as NVFP4, times the second
//       scale (ModelOpt)
//   X.weight I8 or F8_E4M3, X.weight_scale    a scale for the tensor, each row, groups of columns,
//       or squares of 128 (int-quantized, float-quantized, naive-quantized; ModelOpt's FP8)
// Scales of activations are not used: activations are not rounded.
#pragma once
#include <optional>
#include <string>

#include "checkpoint/checkpoint.h"
#include "formats/safetensors.h"

namespace weir {

// Rows that are put together from several tensors of mapped files, which `StoredTensor::owned`
// keeps.
class PackedRows {
 public:
  virtual ~PackedRows() = default;
  // One row as f32, `to` [columns]; each number is code times scale (times the global scale, which
  // is multiplied first), in f32.
  virtual void decode(uint64_t row, float* to) const = 0;
  // One row in the type that the tensor has, type_bytes(type, columns) bytes, without a loss.
  virtual void join(uint64_t row, std::byte* to) const = 0;
};

// The weight `name` ("....weight") of a folder, as f32, or as q4_0 and q8_0 where that loses
// nothing; nothing where the folder has it in no such form. Errors name the tensor.
Result<std::optional<StoredTensor>> find_packed(const SafetensorsFolder& folder,
                                                const std::string& name,
                                                const char* scales = "weight_scale");
// Whether a name of a folder is one of those beside a weight.
bool is_beside_packed(const std::string& name);
// The weight to which a name of codes belongs: "X.weight" of "X.weight_packed"; else the name.
std::string packed_weight_name(const std::string& name);

}  // namespace weir
