#include "checkpoint/gguf_names.h"

#include <fmt/format.h>

#include <cstdlib>
#include <string_view>

#include "config/tensors.h"

namespace weir {
namespace {

constexpr std::string_view kLayers = "model.layers.", kExperts = ".mlp.experts.";

bool is_digits(std::string_view text) {
  return !text.empty() && text.size() <= 6 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

ExpertName split_expert_name(const std::string& name) {
  const size_t at = name.find(kExperts);
  if (at == std::string::npos) return {name, -1};
  const size_t begin = at + kExperts.size(), end = name.find('.', begin);
  if (end == std::string::npos) return {name, -1};
  const std::string digits = name.substr(begin, end - begin);
  if (!is_digits(digits)) return {name, -1};
  return {name.substr(0, begin) + "{}" + name.substr(end), std::atoi(digits.c_str())};
}

std::string expert_name(const std::string& pattern, int expert) {
  std::string name = pattern;
  if (size_t at = name.find("{}"); at != std::string::npos)
    name.replace(at, 2, std::to_string(expert));
  return name;
}

bool has_rope_rows(const std::string& name) {
  return name.find(".self_attn.q_proj.") != std::string::npos ||
         name.find(".self_attn.k_proj.") != std::string::npos;
}

int layer_of(const std::string& name) {
  if (name.rfind(kLayers, 0) != 0) return -1;
  const size_t end = name.find('.', kLayers.size());
  const std::string digits = name.substr(kLayers.size(), end - kLayers.size());
  return end != std::string::npos && is_digits(digits) ? std::atoi(digits.c_str()) : -1;
}

std::string gguf_name(const std::string& name) {
  const int layer = layer_of(name);
  if (layer < 0) return gguf_outer_name(name);
  const std::string pattern = split_expert_name(name).pattern;
  const std::string inner = gguf_layer_name(pattern.substr(pattern.find('.', kLayers.size()) + 1));
  return inner.empty() ? "" : fmt::format("blk.{}.{}", layer, inner);
}

}  // namespace weir
