#include "heads/probe_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/check.h"
#include "engine/model_key.h"
#include "guard/policy.h"
#include "heads/probe_stream.h"
#include "kernels/kernels.h"
#include "model/model.h"

namespace weir {
std::string base_hash_of(const Model& model) { return model_key(model, {}, ""); }

ProbeHead::ProbeHead(std::string name, const ProbeFile& file, const ProbeWeights& weights)
    : name_(std::move(name)),
      base_hash_(file.base_hash),
      categories_(file.categories),
      width_(file.width),
      weights_(weights) {
  CHECK_EQ(weights_.bias.size(), categories_.size() + 1);
  CHECK_EQ(weights_.weights.size(), weights_.bias.size() * 2 * size_t(width_));
  const auto width = std::ptrdiff_t(width_);
  for (auto row = weights_.weights.begin(); row != weights_.weights.end(); row += 2 * width)
    reads_mean_ =
        reads_mean_ || std::any_of(row + width, row + 2 * width, [](float w) { return w != 0; });
}

std::unique_ptr<HeadStream> ProbeHead::begin() const {
  return std::make_unique<ProbeStream>(*this);
}

double ProbeHead::harmful(std::span<const float> pooled) const {
  const float z =
      kernels().dot(pooled.data(), weights_.weights.data(), 2 * width_) + weights_.bias[0];
  return weights_.scale.probability(z);
}

void ProbeHead::score(std::span<const float> pooled, std::span<float> scores) const {
  const size_t size = 2 * size_t(width_);
  float high = -INFINITY;
  for (size_t k = 0; k < categories_.size(); ++k) {
    const float* w = weights_.weights.data() + (k + 1) * size;
    scores[k] = kernels().dot(pooled.data(), w, int(size)) + weights_.bias[k + 1];
    high = std::max(high, scores[k]);
  }
  const auto any = float(harmful(pooled));
  for (float& score : scores) score = any * std::exp(score - high);
}

Result<OpenHeads> open_heads(const std::string& path, const Model& model) {
  const ProbeFile file = TRY(read_probes(path));
  if (file.width != model.config().hidden_size)
    return Error{
        fmt::format("{}: these heads are for {}, whose hidden states have {} numbers; this "
                    "model's have {}. Train heads for it: weir guard train",
                    path, file.base, file.width, model.config().hidden_size)};
  const int blocks = model.config().num_hidden_layers;
  if (std::max(file.prompt.block, file.answer.block) >= blocks)
    return Error{fmt::format("{}: these heads read block {} of {}; this model has {} blocks", path,
                             std::max(file.prompt.block, file.answer.block), file.base, blocks)};
  if (file.base_hash != base_hash_of(model))
    return Error{
        fmt::format("{}: these heads are for other weights ({}) than this model's; heads of "
                    "one model say nothing about another. Train some for it: weir guard "
                    "train",
                    path, file.base)};
  const std::string name = std::filesystem::path(path).filename().string();
  OpenHeads open;
  open.prompt = std::make_shared<ProbeHead>(name, file, file.prompt);
  if (open.prompt->reads_mean()) open.memory = std::make_shared<PoolMemory>();
  if (!file.answer.weights.empty())
    open.answer = std::make_shared<ProbeHead>(name, file, file.answer);
  return open;
}

PolicyHeads open_heads(const Policy& policy, const Model& model, std::string& errors) {
  for (const PolicyHead& how : policy.heads) {
    auto heads = open_heads(how.file, model);
    if (heads) return {std::make_shared<const OpenHeads>(*std::move(heads)), &how};
    errors += "\n  " + heads.error().message;
  }
  return {};
}

}  // namespace weir
