// Any bytes as one of an adapter's files: PEFT's two, llama.cpp's one. An error, or an adapter that
// fits its base.
#include <stdlib.h>
#include <sys/stat.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "adapter/lora.h"
#include "adapter/peft.h"
#include "base/atomic_output.h"
#include "base/file.h"

namespace {

struct Place {
  std::string folder, gguf, weights;  // weights: of an adapter that is read
  weir::ModelConfig config;
};

const Place& place() {
  static const Place made = [] {
    Place p;
    p.config.model_type = "qwen2";
    p.config.hidden_size = 8;
    p.config.intermediate_size = 8;
    p.config.num_hidden_layers = 1;
    p.config.num_attention_heads = p.config.num_key_value_heads = 2;
    p.config.head_dim = 4;
    p.config.vocab_size = 16;
    p.folder = "/tmp/weir_adapter_XXXXXX";
    if (!mkdtemp(p.folder.data())) std::abort();
    p.gguf = p.folder + "/adapter.gguf";
    const auto adapter = weir::make_lora(p.config, {.rank = 2, .targets = {"q_proj"}}, 1);
    if (!adapter || !weir::write_peft_weights(p.folder + "/right", *adapter)) std::abort();
    p.weights = *weir::read_file(p.folder + "/right");
    return p;
  }();
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  const Place& p = place();
  const bool is_gguf = data[0] % 3 == 0, is_config = data[0] % 3 == 1;
  const auto write = [](const std::string& path, const std::string& bytes) {
    if (!weir::write_file_atomic(path, bytes)) std::abort();
  };
  if (is_gguf) {
    write(p.gguf, text);
  } else {
    write(p.folder + "/" + weir::kPeftConfig, is_config ? text : "{\"lora_alpha\": 4}");
    write(p.folder + "/" + weir::kPeftWeights, is_config ? p.weights : text);
  }
  const auto adapter = weir::read_lora(is_gguf ? p.gguf : p.folder, p.config);
  if (!adapter) return 0;
  for (const weir::LoraModule& module : adapter->modules)
    if (module.a.size() != size_t(module.groups) * size_t(module.rank) * size_t(module.inputs) ||
        module.b.size() != size_t(module.groups) * size_t(module.rank) * size_t(module.outputs))
      std::abort();
  return 0;
}
