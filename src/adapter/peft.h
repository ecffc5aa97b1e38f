// The folder of HuggingFace's PEFT: adapter_config.json and adapter_model.safetensors.
#pragma once
#include "adapter/lora.h"
#include "base/json.h"

namespace weir {

constexpr const char* kPeftConfig = "adapter_config.json";
constexpr const char* kPeftWeights = "adapter_model.safetensors";

// Reads names of both generations: an expert's own ("mlp.experts.3.up_proj.lora_A"), and those of
// transformers 5, which keeps a layer's experts as two tensors ("mlp.experts.lora_A" and
// "mlp.experts.base_layer.lora_A"; which of both is gate_up_proj follows from the shapes). What
// weir has no place for is an error that says so: other methods than LoRA and DoRA, DoRA of
// experts, trained biases, modules_to_save, adapters of embedding and head.
Result<LoraAdapter> read_peft(const std::string& folder, const ModelConfig& config);

// The folder's two files. Experts under their own names, which PEFT reads for every version of
// transformers. The weights' SHA-256 is returned.
Result<std::string> write_peft_weights(const std::string& path, const LoraAdapter& adapter);
Result<void> write_peft_config(const std::string& path, const LoraAdapter& adapter,
                               const ModelConfig& config);
// The numbers of a file that write_peft_weights() made into an adapter of the same modules.
Result<void> read_peft_weights(const std::string& path, LoraAdapter& adapter);

// What adapter_config.json says about scales; also for the fuzz target.
class PeftSettings {
 public:
  static Result<PeftSettings> parse(const Json& json);
  // Of a module by its name without "base_model.model.", as PEFT matches its patterns
  // (peft/utils/other.py, get_pattern_key).
  Result<float> scale_of(const std::string& module, int rank) const;
  const std::string& base() const { return base_; }
  bool is_rank_stabilized() const { return rank_stabilized_; }
  bool has_magnitudes() const { return has_magnitudes_; }

 private:
  std::string base_;
  double alpha_ = 8;
  bool rank_stabilized_ = false, has_magnitudes_ = false;
  std::vector<std::pair<std::string, double>> alpha_patterns_;
};

}  // namespace weir
