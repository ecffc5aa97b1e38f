// The alphabet of a split pattern: characters that no set of the pattern tells apart share one
// class, and a text becomes one byte a character. PCRE2 then matches bytes and knows nothing of
// Unicode, which is faster and the same on every system.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/split_syntax.h"

namespace weir {

class SplitAlphabet {
 public:
  // At most 512 different sets and 254 classes. '\n' is a class of its own, 0x0A, for ^ and $.
  static Result<SplitAlphabet> create(const SplitNode& tree);

  uint8_t class_of(char32_t code) const { return blocks_[block_of_[code >> 8]][code & 0xFF]; }
  // Where a class begins, in order, the first at 0.
  const std::vector<char32_t>& borders() const { return borders_; }
  // Classes of the characters of `text`, which is valid UTF-8.
  void classify(std::string_view text, std::string& classes) const;
  // The pattern of the tree over classes, as PCRE2 reads it.
  std::string pattern(const SplitNode& tree) const;

 private:
  struct Block {
    uint8_t classes[256];
    uint8_t operator[](size_t i) const { return classes[i]; }
  };
  void fill(CodePointRange range, uint8_t class_id);
  void append(const SplitNode& node, std::string& out) const;
  void append_set(const CodePointSet& set, std::string& out) const;

  std::vector<uint16_t> block_of_;  // by code point / 256
  std::vector<Block> blocks_;
  std::vector<char32_t> borders_;
  std::vector<char32_t> examples_;  // the first code point of each class; 0 and '\n' have theirs
  std::vector<uint8_t> ids_;        // the class of each example
};

}  // namespace weir
