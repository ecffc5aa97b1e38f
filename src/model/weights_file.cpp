// Weights to and from safetensors, under their HuggingFace names.
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <set>

#include "formats/safetensors.h"
#include "kernels/kernels.h"
#include "model/model.h"

namespace weir {
namespace {

std::string group_name(const std::string& pattern, int group) {
  std::string name = pattern;
  if (size_t at = name.find("{}"); at != std::string::npos)
    name.replace(at, 2, std::to_string(group));
  return name;
}

float half_to_float(uint16_t h) {
  uint32_t sign = uint32_t(h & 0x8000) << 16, exponent = (h >> 10) & 31, mantissa = h & 1023;
  if (exponent == 0) {  // zero and subnormals: mantissa * 2^-24
    float value = float(mantissa) * 0x1p-24f;
    return sign ? -value : value;
  }
  uint32_t bits = exponent == 31 ? sign | 0x7f800000 | mantissa << 13
                                 : sign | (exponent + 112) << 23 | mantissa << 13;
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

std::string shape_text(const std::vector<uint64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

// Widens one tensor to f32.
Result<void> widen(const std::string& dtype, std::span<const std::byte> bytes, float* to,
                   size_t count) {
  if (dtype == "F32") {
    std::memcpy(to, bytes.data(), count * sizeof(float));
    return {};
  }
  if (dtype != "BF16" && dtype != "F16")
    return Error{"dtype " + dtype +
                 " can not be loaded as weights; convert it to F32, BF16 or F16"};
  constexpr size_t kStep = 4096;  // the file's bytes may be unaligned
  uint16_t narrow[kStep];
  for (size_t i = 0; i < count; i += kStep) {
    size_t n = std::min(kStep, count - i);
    std::memcpy(narrow, bytes.data() + i * 2, n * 2);
    if (dtype == "BF16")
      kernels().bf16_to_f32(narrow, to + i, n);
    else
      for (size_t j = 0; j < n; ++j) to[i + j] = half_to_float(narrow[j]);
  }
  return {};
}

Result<void> load_slice(const SafetensorsFolder& folder, const NamedSlice& slice, float* to) {
  auto found = TRY(folder.find(slice.name));
  if (found.info->shape != slice.shape)
    return Error{fmt::format(
        "{}: tensor '{}' has shape {}, but config.json asks for {}; the weights belong "
        "to another configuration",
        found.file->path(), slice.name, shape_text(found.info->shape), shape_text(slice.shape))};
  TRY_IN(fmt::format("{}: tensor '{}'", found.file->path(), slice.name),
         widen(found.info->dtype, found.bytes(), to, slice.count));
  for (size_t i = 0; i < slice.count; ++i)
    if (!std::isfinite(to[i]))
      return Error{
          fmt::format("{}: tensor '{}' holds a value that is not finite at element {}; the file is "
                      "damaged or its training diverged",
                      found.file->path(), slice.name, i)};
  return {};
}

std::vector<Weight*> all_weights(const Model& model) {
  std::vector<Weight*> all = model.parameters();
  all.insert(all.end(), model.buffers().begin(), model.buffers().end());
  return all;
}

}  // namespace

std::vector<NamedSlice> named_slices(const Weight& weight) {
  std::vector<NamedSlice> slices;
  const size_t size = weight.count() / size_t(weight.groups);
  const bool grouped = weight.name.find("{}") != std::string::npos;
  for (int g = 0; g < weight.groups; ++g) {
    std::vector<uint64_t> shape{uint64_t(weight.group_rows()), uint64_t(weight.cols)};
    if (weight.rows == 1 && !grouped) shape.erase(shape.begin());
    slices.push_back({group_name(weight.name, g), std::move(shape), size * size_t(g), size});
  }
  return slices;
}

Result<std::string> save_model(const Model& model, const std::string& path) {
  std::vector<TensorSource> tensors;
  for (const Weight* w : all_weights(model)) {
    CHECK(w->type == WeightType::f32);
    for (NamedSlice& slice : named_slices(*w))
      tensors.push_back(
          {slice.name, "F32", slice.shape,
           std::as_bytes(std::span<const float>(w->f32() + slice.begin, slice.count))});
  }
  return write_safetensors(path, std::move(tensors), {{"format", "pt"}});
}

Result<std::vector<std::string>> load_weights(Model& model, const std::string& folder) {
  auto files = TRY(SafetensorsFolder::open(folder));
  std::set<std::string> known;
  for (Weight* w : all_weights(model))
    for (const NamedSlice& slice : named_slices(*w)) {
      TRY(load_slice(files, slice, w->f32() + slice.begin));
      known.insert(slice.name);
    }
  model.weights_changed();
  std::vector<std::string> unexpected;
  for (std::string& name : files.names())
    if (!known.count(name)) unexpected.push_back(std::move(name));
  return unexpected;
}

Result<std::unique_ptr<Model>> load_model(const std::string& folder, bool trainable) {
  ModelConfig config = TRY(read_config(join_path(folder, "config.json")));
  std::unique_ptr<Model> model = Model::create(config, trainable);
  TRY(load_weights(*model, folder));
  return model;
}

}  // namespace weir
