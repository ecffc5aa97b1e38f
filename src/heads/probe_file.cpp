// Heads as a file: the weights as tensors, everything else as JSON in the metadata.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "formats/safetensors.h"
#include "heads/probe_head.h"

namespace weir {
namespace {

constexpr const char* kKey = "weir.heads";
constexpr int kVersion = 1;
constexpr size_t kCategoriesMax = 256;

Json part_json(const ProbeWeights& part) {
  Json json = Json::object();
  json.set("block", part.block);
  json.set("platt_a", part.scale.a);
  json.set("platt_b", part.scale.b);
  json.set("threshold", part.threshold);
  json.set("false_positives", part.false_positives);
  json.set("report", part.report);
  return json;
}

std::span<const std::byte> bytes_of(const std::vector<float>& numbers) {
  return std::as_bytes(std::span(numbers));
}

Result<std::vector<float>> floats_of(const SafetensorsFile& file, const std::string& name,
                                     const std::vector<uint64_t>& shape) {
  const TensorInfo* tensor = file.find(name);
  if (!tensor) return Error{fmt::format("has no tensor '{}'", name)};
  if (tensor->dtype != "F32" || tensor->shape != shape)
    return Error{
        fmt::format("tensor '{}' must be F32 of shape [{}]", name, fmt::join(shape, ", "))};
  std::vector<float> numbers(tensor->elements());
  std::memcpy(numbers.data(), file.data(*tensor).data(), numbers.size() * sizeof(float));
  if (!std::all_of(numbers.begin(), numbers.end(), [](float x) { return std::isfinite(x); }))
    return Error{fmt::format("tensor '{}' has numbers that are not finite", name)};
  return numbers;
}

Result<ProbeWeights> read_part(const SafetensorsFile& file, const Json& json,
                               const std::string& name, size_t outputs, int width) {
  ProbeWeights part;
  part.block = int(TRY(json.int_at("block")));
  if (part.block < -1 || part.block > 100'000) return Error{"'block' must be -1 or more"};
  part.scale.a = TRY(json.double_at("platt_a"));
  part.scale.b = TRY(json.double_at("platt_b"));
  part.threshold = TRY(json.double_at("threshold"));
  part.false_positives = TRY(json.double_at("false_positives"));
  if (const Json* report = json.find("report")) part.report = *report;
  part.weights = TRY(floats_of(file, name + ".weight", {outputs, 2 * uint64_t(width)}));
  part.bias = TRY(floats_of(file, name + ".bias", {outputs}));
  return part;
}

Result<ProbeFile> read(const SafetensorsFile& file) {
  const auto found = file.metadata().find(kKey);
  if (found == file.metadata().end())
    return Error{"is no file of heads; weir guard train makes one"};
  const Json json = TRY(parse_json(found->second, {.bytes = size_t(4) << 20}));
  if (TRY(json.int_at("version")) != kVersion)
    return Error{"was written by another version of weir; train the heads again"};
  ProbeFile probes;
  probes.base = TRY(json.string_at("base"));
  probes.base_hash = TRY(json.string_at("base_hash"));
  const int64_t width = TRY(json.int_at("width"));
  if (width < 1 || width > (1 << 20)) return Error{"'width' is out of range"};
  probes.width = int(width);
  const Json* categories = TRY(json.at("categories"));
  for (const Json& category : categories->items())
    probes.categories.push_back(TRY(category.as_string()));
  if (probes.categories.empty() || probes.categories.size() > kCategoriesMax)
    return Error{fmt::format("must have 1 to {} categories", kCategoriesMax)};
  const size_t outputs = probes.categories.size() + 1;
  const Json* prompt = TRY(json.at("prompt"));
  probes.prompt = TRY(read_part(file, *prompt, "prompt", outputs, probes.width));
  if (const Json* answer = json.find("answer"))
    probes.answer = TRY(read_part(file, *answer, "answer", outputs, probes.width));
  return probes;
}

}  // namespace

Result<void> write_probes(const std::string& path, const ProbeFile& file) {
  Json json = Json::object(), categories = Json::array();
  for (const std::string& category : file.categories) categories.push(category);
  json.set("version", kVersion);
  json.set("base", file.base);
  json.set("base_hash", file.base_hash);
  json.set("width", file.width);
  json.set("categories", std::move(categories));
  json.set("prompt", part_json(file.prompt));
  std::vector<TensorSource> tensors;
  const auto add = [&](const std::string& name, const ProbeWeights& part) {
    const uint64_t outputs = part.bias.size(), columns = 2 * uint64_t(file.width);
    tensors.push_back({name + ".weight", "F32", {outputs, columns}, bytes_of(part.weights)});
    tensors.push_back({name + ".bias", "F32", {outputs}, bytes_of(part.bias)});
  };
  add("prompt", file.prompt);
  if (!file.answer.weights.empty()) {
    json.set("answer", part_json(file.answer));
    add("answer", file.answer);
  }
  TRY(write_safetensors(path, std::move(tensors), {{kKey, json.dump()}}));
  return {};
}

Result<ProbeFile> read_probes(const std::string& path) {
  const SafetensorsFile file = TRY(SafetensorsFile::open(path));
  return TRY_IN(path, read(file));
}

}  // namespace weir
