// Numbers byte strings 0, 1, 2 ... in the order in which they first came: the vocabulary's index
// and the trainer's word list. Open addressing over one block of text; nothing is ever removed.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

// A hash for tables; eight bytes a step. Not a defence against chosen collisions.
uint64_t hash_bytes(std::string_view bytes);

class WordTable {
 public:
  WordTable() : begins_{0} {}
  int find(std::string_view word) const;  // -1 when unseen
  int insert(std::string_view word);      // the number, old or new
  void reserve(size_t words);
  size_t size() const { return begins_.size() - 1; }
  std::string_view operator[](int number) const {
    size_t begin = begins_[size_t(number)];
    return std::string_view(text_).substr(begin, begins_[size_t(number) + 1] - begin);
  }

 private:
  struct Slot {
    uint32_t hash = 0;
    int32_t number = -1;
  };
  size_t slot_of(std::string_view word, uint64_t hash) const;
  void grow(size_t slots);

  std::string text_;
  std::vector<size_t> begins_;  // of each word in text_, and the end of the last
  std::vector<Slot> slots_;     // a power of two, at most half full
};

}  // namespace weir
