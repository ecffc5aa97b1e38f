// Random tensors in the form that DeepSeek publishes V4 and V4.1 in: FP4 experts, tables of E4M3,
// scales.
#include <algorithm>

#include "base/div_up.h"
#include "checkpoint/gguf_names.h"
#include "checkpoint/row_scales.h"
#include "config/compressed_tensors.h"
#include "config/engram.h"
#include "convert/random_output.h"

namespace weir {
namespace {

// 2^-7 and 2^-8, which bring the spreads of random codes, of E4M3 and of E2M1, near 0.02.
constexpr int kScaleOfE4m3 = 120, kScaleOfE2m1 = 119;

// What DeepSeek's folders have in FP8.
bool is_published_narrow(const std::string& name) {
  for (const char* part : {".wq_a.", ".wq_b.", ".attn.wkv.", ".wo_a.", ".wo_b.", "experts.",
                           ".engram.wkv.", ".engram.embed."})
    if (name.find(part) != std::string::npos) return true;
  return false;
}

class Published {
 public:
  Published(const ModelConfig& config, WeightType type)
      : type_(type),
        has_codes_(type == WeightType::mxfp4),
        is_f8_(type == WeightType::f8_e4m3 || has_codes_),
        square_(config.shares_entries() ? 32 : 128) {}

  void add(const std::string& name, const std::vector<uint64_t>& shape) {
    const bool is_vector = shape.size() == 1 || is_engram_gain(name);
    if (name.ends_with("tid2eid")) return put({name, WeightType::f32, shape, "I32"});
    if (name.find("hc_") != std::string::npos || name.ends_with(".bias") ||
        name.ends_with(".attn_sink") || name.ends_with(".ape"))
      return put({name, WeightType::f32, shape});
    if (is_vector || !is_f8_ || !is_published_narrow(name))
      return put({name, is_f8_ ? WeightType::bf16 : type_, shape});
    const std::string scale = name.substr(0, name.rfind('.')) + ".scale";
    const uint64_t rows = shape[0], columns = shape[1], parts = columns / kRowScaleColumns;
    const bool divides = columns % kRowScaleColumns == 0;
    if (has_codes_ && divides && name.find(".experts.") != std::string::npos) {
      put({name, WeightType::f8_e4m3, {rows, columns / 2}, "I8"});
      return put({scale, WeightType::f8_e4m3, {rows, parts}, "F8_E8M0", kScaleOfE2m1});
    }
    if (!is_engram_table(name)) {
      put({name, WeightType::f8_e4m3, shape});
      return put({scale,
                  WeightType::f8_e4m3,
                  {div_up(rows, square_), div_up(columns, square_)},
                  "F8_E8M0",
                  kScaleOfE4m3});
    }
    if (!divides) return put({name, WeightType::bf16, shape});
    put({name, WeightType::f8_e4m3, shape});
    put({scale, WeightType::f8_e4m3, {rows, parts}, "F8_E8M0", kScaleOfE4m3});
  }
  std::vector<RandomOutput> take() { return std::move(outputs_); }

 private:
  void put(RandomOutput output) { outputs_.push_back(std::move(output)); }
  const WeightType type_;
  const bool has_codes_, is_f8_;
  const uint64_t square_;
  std::vector<RandomOutput> outputs_;
};

}  // namespace

std::vector<RandomOutput> published_outputs(const ModelConfig& config, WeightType type) {
  Published published(config, type);
  for (const TensorShape& tensor : all_tensors(config))
    for (int i = 0; i < tensor.copies; ++i)
      published.add(deepseek_name(config, expert_name(tensor.name, i)), tensor.shape);
  return published.take();
}

}  // namespace weir
