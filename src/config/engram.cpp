#include "config/engram.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "config/numpy_random.h"

namespace weir {
namespace {

constexpr uint32_t kSeedOfLayer = 10007;

bool is_prime(int64_t n) {
  if (n < 4) return n > 1;
  if (n % 2 == 0) return false;
  for (int64_t d = 3; d * d <= n; d += 2)
    if (n % d == 0) return false;
  return true;
}

}  // namespace

int engram_number(const ModelConfig& c, int layer) {
  const auto at = std::find(c.engram_layer_ids.begin(), c.engram_layer_ids.end(), layer);
  return at == c.engram_layer_ids.end() ? -1 : int(at - c.engram_layer_ids.begin());
}

std::vector<NgramHash> engram_hashes(const ModelConfig& c) {
  std::vector<NgramHash> hashes;
  const int64_t most = std::numeric_limits<int64_t>::max();
  const uint64_t bound = uint64_t(most / c.engram_compressed_vocab_size / 2);
  int64_t prime = int64_t(c.engram_vocab_size) - 1;
  for (int layer : c.engram_layer_ids) {
    NgramHash& hash = hashes.emplace_back();
    hash.heads = c.engram_n_heads;
    NumpyRandom random(kSeedOfLayer * uint32_t(layer));
    for (int n = 0; n < c.engram_max_ngram_size; ++n)
      hash.multipliers.push_back(random.below(bound) * 2 + 1);
    int64_t offset = 0;
    for (int column = 0; column < engram_columns(c); ++column) {
      do ++prime;
      while (!is_prime(prime));
      hash.primes.push_back(prime);
      hash.offsets.push_back(offset);
      offset += prime;
    }
  }
  return hashes;
}

std::vector<TensorShape> engram_tensors(const ModelConfig& c, int layer) {
  const int number = engram_number(c, layer);
  if (number < 0) return {};
  const std::string prefix = fmt::format("model.layers.{}.engram.", layer);
  const uint64_t hidden = uint64_t(c.hidden_size), streams = uint64_t(engram_streams(c));
  const uint64_t read = uint64_t(engram_columns(c)) * uint64_t(c.engram_head_dim);
  std::vector<uint64_t> gains{streams, hidden};
  if (streams == 1) gains = {hidden};
  return {{prefix + "embed.weight",
           {uint64_t(c.engram_num_embeddings[size_t(number)]), uint64_t(c.engram_head_dim)},
           ModelPart::embedding,
           1,
           false},
          {prefix + "wkv.weight", {(streams + 1) * hidden, read}, ModelPart::attention},
          {prefix + "q_weight", gains, ModelPart::norms},
          {prefix + "k_weight", gains, ModelPart::norms}};
}

bool is_engram_table(std::string_view name) { return name.ends_with(".engram.embed.weight"); }
bool is_engram_gain(std::string_view name) {
  return name.ends_with(".engram.q_weight") || name.ends_with(".engram.k_weight");
}

int64_t engram_table_elements(const ModelConfig& c) {
  int64_t elements = 0;
  for (int rows : c.engram_num_embeddings) elements += int64_t(rows) * c.engram_head_dim;
  return elements;
}

std::string engram_words(const ModelConfig& c) {
  return fmt::format(
      "{} rows of {} in layers {}; {} a position: n-grams of 2 to {} tokens, {} hashes; {} classes "
      "of "
      "tokens",
      fmt::join(c.engram_num_embeddings, " and "), c.engram_head_dim,
      fmt::join(c.engram_layer_ids, " and "), engram_columns(c), c.engram_max_ngram_size,
      c.engram_n_heads, c.engram_compressed_vocab_size);
}

}  // namespace weir
