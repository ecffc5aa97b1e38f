// Sums of hidden states after beginnings of texts that were read, so that the mean over a text
// whose first rows come from the prefix cache has the bits it has without one.
#pragma once
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "heads/pooled_states.h"
#include "tensor/cache_layout.h"

namespace weir {

class PoolMemory {
 public:
  // What was used longest ago is forgotten beyond `bytes_max`.
  explicit PoolMemory(size_t bytes_max = size_t(64) << 20) : bytes_max_(bytes_max) {}
  // `key`: of a beginning (TextKeys).
  void keep(const std::string& key, const PooledState& state);
  bool has(const std::string& key);
  // Nothing: the beginning is not known.
  std::optional<PooledState> find(const std::string& key);

 private:
  struct Entry {
    std::string key;
    PooledState state;
  };
  // The entry, used now; end(): none.
  std::list<Entry>::iterator look_up(const std::string& key);
  static size_t bytes_of(const Entry& entry);

  const size_t bytes_max_;
  std::mutex mutex_;  // guards the rest
  size_t bytes_ = 0;
  std::list<Entry> entries_;  // the newest first
  std::unordered_map<std::string, std::list<Entry>::iterator> places_;
};

// Names of the beginnings of one text: SHA-256 over its tokens, page by page. `whose`: texts of
// others have other names.
class TextKeys {
 public:
  explicit TextKeys(std::string whose) : pages_{std::move(whose)} {}
  int size() const { return int(tokens_.size()); }
  void add(int token);
  // Of the first `count` tokens.
  std::string key(int count) const;

 private:
  std::vector<int> tokens_;
  std::vector<std::string> pages_;  // of 0, 1, 2 ... whole pages
};

}  // namespace weir
