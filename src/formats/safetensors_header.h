// The JSON header of a safetensors file, read straight into TensorInfo. A header may be 100 MB from
// an unknown hand: a document tree of it would need gigabytes, so this reads exactly the shape that
// the format allows and nothing else. Offsets, sizes and types are checked by safetensors.cpp.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "formats/safetensors.h"

namespace weir {

constexpr size_t kTensorsMax = 1'000'000;
constexpr size_t kTensorNameMax = 1024;  // bytes
constexpr size_t kTensorRankMax = 8;
constexpr size_t kMetadataMax = 100'000;  // entries

// {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, "__metadata__": {"k": "v"}}
// in the order of the text. `text` must be valid UTF-8. Other keys, other types and duplicate names
// are refused, so nothing can nest deeper than three levels.
Result<std::vector<TensorInfo>> scan_header(std::string_view text,
                                            std::map<std::string, std::string>* metadata);

}  // namespace weir
