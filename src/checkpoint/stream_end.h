// Where a module of multi-token prediction of DeepSeek-V4 ends its streams. llama.cpp has no
// tensors for it and refuses files with tensors that it does not know, so GGUF files have its few
// numbers in their metadata.
#pragma once
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "checkpoint/gguf_names.h"

namespace weir {

// The key of "model.layers.N.hc_head.hc_fn" and its kind; "" for other tensors.
inline std::string stream_end_key(const std::string& name) {
  constexpr std::string_view kEnd = ".hc_head.hc_";
  const size_t at = name.find(kEnd);
  if (layer_of(name) < 0 || at == std::string::npos) return "";
  return fmt::format("weir.nextn.{}.hc_head_{}", layer_of(name), name.substr(at + kEnd.size()));
}

}  // namespace weir
