// BERT (Devlin et al. 2019): an encoder whose tokens attend to the whole text, before and behind
// them. Inference only; the decoder models are model.h.
#pragma once
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/encoder_files.h"
#include "ops/encoder_ops.h"
#include "tensor/buffer.h"
#include "tensor/packed.h"
#include "tensor/run.h"

namespace weir {

class Encoder {
 public:
  // Frozen; matrices keep their stored type and are mapped, vectors become f32. Missing tensors,
  // wrong shapes and values of f32 tensors that are not finite are errors.
  static Result<std::unique_ptr<Encoder>> open(std::shared_ptr<const EncoderFiles> files);

  const EncoderConfig& config() const { return files_->config(); }
  const EncoderFiles& files() const { return *files_; }
  // Makes the copies that f32 products read; once, before forward().
  void pack(ThreadPool& pool);
  // Hidden states after the last block, [tokens, hidden]. Each segment of the batch is one text
  // from position 0 on. Positions must be below max_position_embeddings and tokens below
  // vocab_size: callers check.
  Tensor forward(Run& run) const;

 private:
  struct LayerNorm {
    const Matrix *gain = nullptr, *bias = nullptr;
  };
  struct Layer {
    Linear q, k, v, out, up, down;
    LayerNorm attention_norm, mlp_norm;
  };
  explicit Encoder(std::shared_ptr<const EncoderFiles> files) : files_(std::move(files)) {}
  Result<const Matrix*> vector(const std::string& name, int width);
  Result<Matrix*> matrix(const std::string& name, int rows, int columns);
  Result<Linear> linear(const std::string& name, int rows, int columns);
  Result<LayerNorm> norm(const std::string& name);
  Result<void> bind();
  Result<Layer> layer(const std::string& prefix);
  Tensor add_attention(Run& run, const Layer& layer, Tensor x) const;
  Tensor add_mlp(Run& run, const Layer& layer, Tensor x) const;

  std::shared_ptr<const EncoderFiles> files_;
  std::deque<Matrix> matrices_;
  std::deque<Packed> packed_;
  std::vector<Buffer> memory_;
  const Matrix *words_ = nullptr, *places_ = nullptr, *kind_ = nullptr;
  LayerNorm embedding_norm_;
  std::vector<Layer> layers_;
};

}  // namespace weir
