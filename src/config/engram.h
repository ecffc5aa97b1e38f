// Engram, the memory of n-grams (ops/ngram_ops.h): how a configuration's n-grams are hashed, and
// the tensors of its layers. Models of any type may have it; DeepSeek-V4.1 does.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/tensors.h"
#include "ops/ngram_ops.h"

namespace weir {

// Numbers of a row of a table, at most.
constexpr int kEngramColumnsMost = 8192;

// The number of a layer's memory among engram_layer_ids; -1: the layer has none.
int engram_number(const ModelConfig& config, int layer);
inline bool has_engram(const ModelConfig& config) { return !config.engram_layer_ids.empty(); }

// The hash of each layer of engram_layer_ids, as DeepSeek's code makes it: the primes are the next
// unused ones from engram_vocab_size on, layer by layer, n by n, head by head; the multipliers are
// odd and drawn by NumPy's default_rng(10007 * layer).
std::vector<NgramHash> engram_hashes(const ModelConfig& config);

// Rows that one position reads of a layer's table.
inline int engram_columns(const ModelConfig& config) {
  return (config.engram_max_ngram_size - 1) * config.engram_n_heads;
}
// Streams of the residual that it is added to.
inline int engram_streams(const ModelConfig& config) {
  return config.is_compressed() ? config.hc_mult : 1;
}
// Whether tokens are counted by classes that the tokenizer gives (tokenizer/token_classes.h); else
// every token is a class of its own.
inline bool engram_folds_tokens(const ModelConfig& config) {
  return has_engram(config) && config.engram_compressed_vocab_size != config.vocab_size;
}

// "model.layers.N.engram.embed.weight" and the others of a layer; none where it has no memory. The
// classes of tokens, kEngramClasses, are no tensor of published files and not among them.
std::vector<TensorShape> engram_tensors(const ModelConfig& config, int layer);
constexpr const char* kEngramClasses = "model.engram.token_classes";  // [vocabulary]
bool is_engram_table(std::string_view name);
bool is_engram_gain(std::string_view name);
// Numbers of all tables.
int64_t engram_table_elements(const ModelConfig& config);
// "2 tables of 384,006,168 and 384,016,682 rows of 256, n-grams of 2 to 4 tokens by 8 hashes".
std::string engram_words(const ModelConfig& config);

}  // namespace weir
