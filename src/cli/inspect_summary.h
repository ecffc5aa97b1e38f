// The first five lines of `weir inspect`: what a model is, its size on disk, the memory it takes,
// how fast it would be now, and what it can do.
#pragma once
#include <map>
#include <string>

#include "base/json.h"
#include "base/thread_pool.h"
#include "chat/abilities.h"
#include "checkpoint/checkpoint.h"
#include "convert/mix.h"
#include "tensor/cache_layout.h"

namespace weir {

// The bytes of weights, by type.
struct StoredBytes {
  std::map<WeightType, double> by_type;
  double all = 0;
  double per_token = 0;  // read for one token: no embedding table, only the chosen experts
  double experts = 0, experts_per_token = 0;  // of `all` and `per_token`
  double tables = 0;                          // of n-grams, of `all`
  bool is_cut = false;                        // the file ends before its data do
  // The main type: the one with the most bytes.
  WeightType main_type() const;
};
// As the files have them; a GGUF file may be cut behind its header.
StoredBytes stored_bytes(const Checkpoint& checkpoint);
// As `weir quantize` would write them.
Result<StoredBytes> planned_bytes(const ModelConfig& config, const Mix& mix);

// What a token costs where the weights do not fit the memory.
struct DiskForecast {
  double rate = 0;          // bytes per second of the file, measured past the page cache
  double kept = 0;          // share of the experts in memory: of those chosen, were all as likely
  double bytes = 0;         // from the disk for a token
  double memory_bytes = 0;  // from memory
  double tokens_per_second = 0;  // 0: not predicted
  std::string reason;            // why not
};

struct Summary {
  std::string name;
  ModelConfig config;
  bool is_planned = false;  // the bytes are those of `type_name`, no file holds them
  std::string type_name;
  StoredBytes stored;
  bool head_repeats = false;  // the head is a second copy of the embedding's table
  Abilities abilities;
  bool knows_abilities = false;  // there are files that say so
  int64_t context = 0;
  CacheType cache_type = CacheType::f32;
  double cache = 0, packed = 0;  // bytes: of the cache, of packed copies of f32 weights
  double free_bytes = 0;         // 0: unknown
  double tokens_per_second = 0;  // 0: not measured
  std::string file;              // of the weights, to measure the disk; "": there is none
  DiskForecast disk;             // of weights that do not fit
  bool fits() const { return free_bytes <= 0 || memory() <= free_bytes; }
  double memory() const { return stored.all + packed + cache; }
};

// Fills in cache, packed copies and speed.
void measure(Summary& summary, ThreadPool& pool);
// Whether a file's head holds the numbers of its embedding's table once more, up to rounding.
bool head_repeats_embedding(const Checkpoint& checkpoint);

std::string summary_text(const Summary& summary);
Json summary_json(const Summary& summary);

}  // namespace weir
