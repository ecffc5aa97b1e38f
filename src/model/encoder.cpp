#include "model/encoder.h"

#include <fmt/format.h>

#include <cmath>

namespace weir {
namespace {

Result<void> check_numbers(const StoredTensor& tensor, const float* values) {
  for (uint64_t i = 0; i < tensor.count(); ++i)
    if (!std::isfinite(values[i]))
      return Error{
          fmt::format("{}: holds a value that is not finite at element {}; the file is "
                      "damaged",
                      tensor.place, i)};
  return {};
}

}  // namespace

Result<const Matrix*> Encoder::vector(const std::string& name, int width) {
  const StoredTensor tensor = TRY(files_->find(name, {uint64_t(width)}));
  Matrix& m = matrices_.emplace_back();
  m.name = name;
  m.rows = 1, m.cols = width;
  float* copy = memory_.emplace_back(size_t(width) * sizeof(float)).floats();
  decode(tensor, copy);
  TRY(check_numbers(tensor, copy));
  m.parts = {copy};
  return &m;
}

Result<Matrix*> Encoder::matrix(const std::string& name, int rows, int columns) {
  const StoredTensor tensor = TRY(files_->find(name, {uint64_t(rows), uint64_t(columns)}));
  Matrix& m = matrices_.emplace_back();
  m.name = name;
  m.rows = rows, m.cols = columns;
  m.type = tensor.type;
  m.is_mapped = true;
  m.parts = {tensor.data};
  if (m.type != WeightType::f32) return &m;
  if (reinterpret_cast<uintptr_t>(tensor.data) % alignof(float) != 0) {
    float* copy = memory_.emplace_back(tensor.bytes()).floats();
    decode(tensor, copy);
    m.parts = {copy};
    m.is_mapped = false;
  }
  TRY(check_numbers(tensor, m.f32()));
  return &m;
}

Result<Linear> Encoder::linear(const std::string& name, int rows, int columns) {
  Matrix* weight = TRY(matrix(name + ".weight", rows, columns));
  if (weight->type == WeightType::f32) weight->packed = &packed_.emplace_back(*weight, false);
  return Linear(*weight, TRY(vector(name + ".bias", rows)));
}

Result<Encoder::LayerNorm> Encoder::norm(const std::string& name) {
  const int width = config().hidden_size;
  LayerNorm made;
  made.gain = TRY(vector(name + ".weight", width));
  made.bias = TRY(vector(name + ".bias", width));
  return made;
}

Result<Encoder::Layer> Encoder::layer(const std::string& prefix) {
  const int width = config().hidden_size, inner = config().intermediate_size;
  Layer made;
  made.q = TRY(linear(prefix + "attention.self.query", width, width));
  made.k = TRY(linear(prefix + "attention.self.key", width, width));
  made.v = TRY(linear(prefix + "attention.self.value", width, width));
  made.out = TRY(linear(prefix + "attention.output.dense", width, width));
  made.attention_norm = TRY(norm(prefix + "attention.output.LayerNorm"));
  made.up = TRY(linear(prefix + "intermediate.dense", inner, width));
  made.down = TRY(linear(prefix + "output.dense", width, inner));
  made.mlp_norm = TRY(norm(prefix + "output.LayerNorm"));
  return made;
}

Result<void> Encoder::bind() {
  const EncoderConfig& c = config();
  words_ = TRY(matrix("embeddings.word_embeddings.weight", c.vocab_size, c.hidden_size));
  places_ = TRY(
      matrix("embeddings.position_embeddings.weight", c.max_position_embeddings, c.hidden_size));
  // The first row of the kinds alone: a text is one sentence.
  const Matrix& kinds =
      *TRY(matrix("embeddings.token_type_embeddings.weight", c.type_vocab_size, c.hidden_size));
  Matrix& kind = matrices_.emplace_back(kinds);
  float* copy = memory_.emplace_back(size_t(c.hidden_size) * sizeof(float)).floats();
  const float* row = kinds.row(0, copy);
  if (row != copy) std::copy_n(row, c.hidden_size, copy);
  kind.rows = 1, kind.type = WeightType::f32, kind.is_mapped = false, kind.parts = {copy};
  kind_ = &kind;
  embedding_norm_ = TRY(norm("embeddings.LayerNorm"));
  for (int i = 0; i < c.num_hidden_layers; ++i)
    layers_.push_back(TRY(layer(fmt::format("encoder.layer.{}.", i))));
  return {};
}

Result<std::unique_ptr<Encoder>> Encoder::open(std::shared_ptr<const EncoderFiles> files) {
  std::unique_ptr<Encoder> made(new Encoder(std::move(files)));
  TRY(made->bind());
  return made;
}

void Encoder::pack(ThreadPool& pool) {
  for (Packed& packed : packed_) packed.pack(pool);
}

// x = LN(x + attention(x)).
Tensor Encoder::add_attention(Run& run, const Layer& l, Tensor x) const {
  const Zone zone("attention");
  const EncoderConfig& c = config();
  const AttentionShape shape{.heads = c.num_attention_heads,
                             .kv_heads = c.num_attention_heads,
                             .own = c.head_dim(),
                             .shared = 0,
                             .value = c.head_dim(),
                             .key_step = c.head_dim(),
                             .value_step = c.head_dim(),
                             .value_offset = 0,
                             .scale = 1 / std::sqrt(float(c.head_dim())),
                             .layer = 0};
  const Temporaries temporaries(run);
  const Input n = quantize(run, x, {&l.q, &l.k, &l.v});
  const Tensor q = weir::linear(run, n, l.q), k = weir::linear(run, n, l.k),
               v = weir::linear(run, n, l.v);
  const Tensor y = weir::linear(run, attend_all(run, q, k, v, shape), l.out);
  return add_layer_norm(run, x, y, *l.attention_norm.gain, *l.attention_norm.bias,
                        float(c.layer_norm_eps));
}

// x = LN(x + down(gelu(up(x)))).
Tensor Encoder::add_mlp(Run& run, const Layer& l, Tensor x) const {
  const Zone zone("mlp");
  const Temporaries temporaries(run);
  const Tensor inner = gelu(run, weir::linear(run, quantize(run, x, {&l.up}), l.up));
  const Tensor y = weir::linear(run, inner, l.down);
  return add_layer_norm(run, x, y, *l.mlp_norm.gain, *l.mlp_norm.bias,
                        float(config().layer_norm_eps));
}

Tensor Encoder::forward(Run& run) const {
  const Zone zone("forward");
  CHECK(!run.tape && !run.cache);
  Tensor x = layer_norm(run, embed_placed(run, *words_, *places_, *kind_), *embedding_norm_.gain,
                        *embedding_norm_.bias, float(config().layer_norm_eps));
  for (const Layer& l : layers_) x = add_mlp(run, l, add_attention(run, l, x));
  return x;
}

}  // namespace weir
