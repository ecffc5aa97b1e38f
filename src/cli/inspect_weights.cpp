#include "cli/inspect_weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "checkpoint/gguf_names.h"
#include "convert/conversion_plan.h"
#include "engine/kv_cache.h"

namespace weir {
namespace {

std::string types_text(const WeightCheck& weights) {
  std::string text;
  for (const auto& [name, count] : weights.dtypes)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, name);
  return text;
}

double cache_bytes(const ModelConfig& config, const RunningQuestion& question, bool latent) {
  return cache_bytes(config, latent ? CacheForm::latent : CacheForm::expanded, question.cache_type,
                     question.context);
}

std::string fit_text(const WeightCheck& weights, double cache, const RunningQuestion& question) {
  const double needed = double(weights.bytes + weights.joined_bytes) + cache;
  const std::string parts = fmt::format(
      "{} of weights, mapped, {}{} of cache for {} tokens", format_bytes(double(weights.bytes)),
      weights.joined_bytes ? format_bytes(double(weights.joined_bytes)) +
                                 " of keys and values joined in memory, and "
                           : "and ",
      format_bytes(cache), question.context);
  if (question.free_bytes <= 0) return parts;
  if (needed <= question.free_bytes)
    return fmt::format("fits into memory: {}; {} free", parts, format_bytes(question.free_bytes));
  return fmt::format(
      "larger than memory: {}; {} free. It runs, but weights are read from the disk again and "
      "again, at the disk's speed",
      parts, format_bytes(question.free_bytes));
}

}  // namespace

Result<WeightCheck> planned_weights(const ModelConfig& config, const Mix& mix) {
  const GgufPlan plan = TRY(plan_gguf(config, find_nothing, mix));
  WeightCheck weights;
  for (const PlannedTensor& tensor : plan.tensors) {
    ++weights.tensors;
    ++weights.dtypes[type_name(tensor.type)];
    weights.bytes += tensor.bytes();
    weights.bytes_per_token += share_per_token(config, tensor.name) * double(tensor.bytes());
  }
  return weights;
}

std::string weights_report(const ModelConfig& config, const WeightCheck& weights,
                           const RunningQuestion& question) {
  std::string text =
      fmt::format("\nweights {}: {} tensors, {} ({})\n", question.name, weights.tensors,
                  format_bytes(double(weights.bytes)), types_text(weights));
  if (weights.matches() && question.name.rfind("in ", 0) == 0)
    text += "  every name and shape is as the configuration says\n";
  for (const std::string& sentence : weights.examples)
    text += fmt::format("  {}\n", printable(sentence));
  const bool is_latent = config.attention == AttentionKind::mla;
  for (bool latent : {true, false}) {
    if (latent != is_latent && latent) continue;
    text +=
        fmt::format("  {}{}\n", is_latent ? (latent ? "latent cache: " : "expanded cache: ") : "",
                    fit_text(weights, cache_bytes(config, question, latent), question));
  }
  text += fmt::format("  a token reads {} of weights\n", format_bytes(weights.bytes_per_token));
  return text;
}

Json weights_json(const ModelConfig& config, const WeightCheck& weights,
                  const RunningQuestion& question) {
  Json types = Json::object(), problems = Json::array(), json = Json::object();
  for (const auto& [name, count] : weights.dtypes) types.set(name, uint64_t(count));
  for (const std::string& sentence : weights.examples) problems.push(sentence);
  const bool is_latent = config.attention == AttentionKind::mla;
  const double cache = cache_bytes(config, question, is_latent);
  json.set("tensors", uint64_t(weights.tensors));
  json.set("bytes", weights.bytes);
  json.set("dtypes", std::move(types));
  json.set("matches_config", weights.matches());
  json.set("missing", uint64_t(weights.missing));
  json.set("wrong_shape", uint64_t(weights.misshapen));
  json.set("unexpected", uint64_t(weights.unexpected));
  json.set("problems", std::move(problems));
  json.set("bytes_per_token", weights.bytes_per_token);
  json.set("cache_bytes", cache);
  json.set("free_bytes", question.free_bytes);
  json.set("fits_memory", double(weights.bytes) + cache <= question.free_bytes);
  return json;
}

}  // namespace weir
