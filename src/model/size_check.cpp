#include "model/size_check.h"

#include <fmt/format.h>

#include <set>

#include "model/size.h"

namespace weir {
namespace {

constexpr size_t kExamplesMax = 10;

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// Tensors beside the model's own that published files may hold.
bool is_known_extra(const ModelConfig& config, const std::string& name) {
  if (ends_with(name, ".weight_scale_inv")) return true;     // scales of F8 weights
  if (ends_with(name, ".rotary_emb.inv_freq")) return true;  // older Llama files
  if (config.tie_word_embeddings && name == "lm_head.weight") return true;
  for (int i = 0; i < config.num_nextn_predict_layers; ++i) {
    std::string at = fmt::format("model.layers.{}.", config.num_hidden_layers + i);
    if (name == at + "embed_tokens.weight" || name == at + "shared_head.head.weight") return true;
  }
  return false;
}

class Checker {
 public:
  Checker(const SafetensorsFolder& folder, WeightCheck& result)
      : folder_(folder), result_(result) {}

  void expect(const TensorShape& tensor) {
    size_t index_at = tensor.name.find("{}");
    for (int copy = 0; copy < tensor.copies; ++copy) {
      std::string name = tensor.name;
      if (index_at != std::string::npos) name.replace(index_at, 2, std::to_string(copy));
      expect(name, tensor.shape);
    }
  }
  void rest_is_unexpected(const ModelConfig& config) {
    for (const std::string& name : folder_.names()) {
      if (expected_.count(name) || is_known_extra(config, name)) continue;
      ++result_.unexpected;
      note(fmt::format("'{}' has no place in this model", name));
    }
  }

 private:
  void expect(const std::string& name, const std::vector<uint64_t>& shape) {
    expected_.insert(name);
    auto found = folder_.find(name);
    if (!found) {
      ++result_.missing;
      return note(fmt::format("'{}' is missing", name));
    }
    if (found->info->shape == shape) return;
    ++result_.misshapen;
    note(fmt::format("'{}' has shape [{}], the configuration asks for [{}]", name,
                     fmt::join(found->info->shape, ", "), fmt::join(shape, ", ")));
  }
  void note(std::string sentence) {
    if (result_.examples.size() < kExamplesMax) result_.examples.push_back(std::move(sentence));
  }
  const SafetensorsFolder& folder_;
  WeightCheck& result_;
  std::set<std::string> expected_;
};

}  // namespace

WeightCheck check_weights(const ModelConfig& config, const SafetensorsFolder& folder) {
  WeightCheck result;
  for (const std::string& name : folder.names()) {
    auto found = folder.find(name);
    ++result.tensors;
    result.bytes += found->bytes().size();
    ++result.dtypes[found->info->dtype];
  }
  Checker checker(folder, result);
  for (const TensorShape& tensor : outer_tensors(config)) checker.expect(tensor);
  int layers = config.num_hidden_layers + config.num_nextn_predict_layers;
  for (int layer = 0; layer < layers; ++layer)
    for (const TensorShape& tensor : layer_tensors(config, layer)) checker.expect(tensor);
  checker.rest_is_unexpected(config);
  return result;
}

}  // namespace weir
