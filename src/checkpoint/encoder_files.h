// The files of an encoder as named tensors: a HuggingFace folder (safetensors) or a GGUF file.
// Decoders have checkpoint.h.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "config/encoder_config.h"

namespace weir {

class EncoderFiles {
 public:
  static Result<std::shared_ptr<const EncoderFiles>> open(const std::string& path);

  const std::string& path() const { return path_; }
  const EncoderConfig& config() const { return config_; }
  const GgufFile* gguf() const { return gguf_ ? &*gguf_ : nullptr; }  // null for a folder
  // By transformers' name in BertModel ("embeddings.word_embeddings.weight"), where the files have
  // it; an error when the shape is another one. Errors name file and tensor.
  Result<StoredTensor> find(const std::string& name, const std::vector<uint64_t>& shape) const;
  uint64_t bytes() const;     // of all tensors
  std::string dtype() const;  // the first matrix's, as the files name it

 private:
  Result<StoredTensor> find(const std::string& name) const;

  std::string path_;
  EncoderConfig config_;
  std::string prefix_;  // of all names: models with a head have "bert."
  std::optional<SafetensorsFolder> folder_;
  std::optional<GgufFile> gguf_;
};

}  // namespace weir
