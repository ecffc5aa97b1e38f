// The keys of Engram (config/engram.h), which every model type may have, and their rules.
#include <algorithm>
#include <limits>

#include "config/config_fields.h"
#include "config/config_reader.h"
#include "config/engram.h"

namespace weir {
namespace {

using C = ModelConfig;

constexpr int kReachMost = 8, kHashHeadsMost = 64, kColumnsMost = 4096, kTableRowsMost = 1 << 26;
constexpr const char *kLayers = "engram_layer_ids", *kRows = "engram_num_embeddings",
                     *kVocabulary = "engram_vocab_size", *kReach = "engram_max_ngram_size",
                     *kHeads = "engram_n_heads", *kWidth = "engram_head_dim",
                     *kPad = "engram_pad_token_id", *kClasses = "engram_compressed_vocab_size";

// Rows that the hashes of a layer point to.
int64_t rows_of(const NgramHash& hash) { return hash.offsets.back() + hash.primes.back(); }

// What the hashes need.
Result<void> validate_hashes(const C& c) {
  const auto ranged = [](const char* key, int value, int low, int high) {
    return require(value >= low && value <= high,
                   fmt::format("'{}' must be from {} to {}, not {}", key, low, high, value));
  };
  TRY(ranged(kVocabulary, c.engram_vocab_size, 1, kTableRowsMost));
  TRY(ranged(kReach, c.engram_max_ngram_size, 2, kReachMost));
  TRY(ranged(kHeads, c.engram_n_heads, 1, kHashHeadsMost));
  TRY(ranged(kWidth, c.engram_head_dim, 1, kEngramColumnsMost));
  TRY(ranged(kPad, c.engram_pad_token_id, 0, c.vocab_size - 1));
  TRY(ranged(kClasses, c.engram_compressed_vocab_size, 1, c.vocab_size));
  const auto& layers = c.engram_layer_ids;
  TRY(require(std::is_sorted(layers.begin(), layers.end()) && layers.front() >= 0 &&
                  std::adjacent_find(layers.begin(), layers.end()) == layers.end() &&
                  layers.back() < c.num_hidden_layers,
              fmt::format("'{}' must name layers of the model in rising order", kLayers)));
  return require(
      int64_t(layers.size()) * engram_columns(c) <= kColumnsMost &&
          int64_t(engram_columns(c)) * c.engram_head_dim <= kWidthMax &&
          int64_t(engram_columns(c)) * (int64_t(c.engram_vocab_size) + kTableRowsMost / 64) <=
              std::numeric_limits<int32_t>::max(),
      fmt::format("'{}' - 1 times '{}' hashes of '{}' rows of '{}' are too many", kReach, kHeads,
                  kVocabulary, kWidth));
}

// All keys of the memory at once: without layers the others mean nothing.
void read_engram(ConfigReader& in, C& c) {
  in.integers(kLayers, c.engram_layer_ids, 0, kLayersMax, kLayersMax);
  if (c.engram_layer_ids.empty()) {
    c.engram_num_embeddings.clear();
    return;
  }
  if (c.engram_max_ngram_size == 0) c.engram_max_ngram_size = 3, c.engram_n_heads = 4;
  in.integer(kReach, c.engram_max_ngram_size, 2, kReachMost);
  in.integer(kHeads, c.engram_n_heads, 1, kHashHeadsMost);
  for (const auto& [key, value, most] :
       {std::tuple(kVocabulary, &c.engram_vocab_size, kTableRowsMost),
        std::tuple(kWidth, &c.engram_head_dim, kEngramColumnsMost)}) {
    if (*value == 0 && in.lacks(key)) return in.fail(key, "is missing");
    in.integer(key, *value, 1, most);
  }
  in.integer("engram_pad_id", c.engram_pad_token_id, 0, kVocabularyMax);  // of transformers
  in.integer(kPad, c.engram_pad_token_id, 0, kVocabularyMax);
  if (c.engram_compressed_vocab_size == 0) c.engram_compressed_vocab_size = c.vocab_size;
  in.integer(kClasses, c.engram_compressed_vocab_size, 1, kVocabularyMax);
  in.integers(kRows, c.engram_num_embeddings, 1, std::numeric_limits<int32_t>::max(), kLayersMax);
  if (!in.lacks(kRows) || !in.finish() || !validate_hashes(c)) return;
  for (const NgramHash& hash : engram_hashes(c))
    c.engram_num_embeddings.push_back(int(rows_of(hash)));
}

template <const char* const& kKey, auto kMember>
Field written_with_layers() {
  return {kKey, Part::every, Custom{nullptr, [](const C& c) -> std::optional<Json> {
                                      if (!has_engram(c)) return std::nullopt;
                                      if constexpr (std::is_same_v<decltype(kMember), int C::*>) {
                                        return Json(c.*kMember);
                                      } else {
                                        Json list = Json::array();
                                        for (int number : c.*kMember) list.push(number);
                                        return list;
                                      }
                                    }}};
}

}  // namespace

const std::vector<Field>& engram_fields() {
  static const std::vector<Field> kFields = [] {
    std::vector<Field> fields = {written_with_layers<kLayers, &C::engram_layer_ids>(),
                                 written_with_layers<kRows, &C::engram_num_embeddings>(),
                                 written_with_layers<kVocabulary, &C::engram_vocab_size>(),
                                 written_with_layers<kReach, &C::engram_max_ngram_size>(),
                                 written_with_layers<kHeads, &C::engram_n_heads>(),
                                 written_with_layers<kWidth, &C::engram_head_dim>(),
                                 written_with_layers<kPad, &C::engram_pad_token_id>(),
                                 written_with_layers<kClasses, &C::engram_compressed_vocab_size>()};
    std::get<Custom>(fields.front().value).read = read_engram;
    return fields;
  }();
  return kFields;
}

Result<void> validate_engram(const ModelConfig& c) {
  if (!has_engram(c)) return {};
  TRY(validate_hashes(c));
  TRY(require(c.engram_num_embeddings.size() == c.engram_layer_ids.size(),
              fmt::format("'{}' has {} numbers for the {} layers of '{}'", kRows,
                          c.engram_num_embeddings.size(), c.engram_layer_ids.size(), kLayers)));
  const std::vector<NgramHash> hashes = engram_hashes(c);
  for (size_t i = 0; i < hashes.size(); ++i)
    TRY(require(
        c.engram_num_embeddings[i] >= rows_of(hashes[i]),
        fmt::format("'{}' gives layer {} {} rows, but its hashes point to {}", kRows,
                    c.engram_layer_ids[i], c.engram_num_embeddings[i], rows_of(hashes[i]))));
  return {};
}

}  // namespace weir
