// For tests only: the vocabulary of a GGUF file that has nothing else. Trusts the file.
#pragma once
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace weir {

class GgufVocabulary {
 public:
  explicit GgufVocabulary(const std::string& bytes) : at_(bytes.data() + 16) {
    uint64_t entries = number<uint64_t>();
    for (uint64_t i = 0; i < entries; ++i) {
      std::string key = text();
      value(key, number<uint32_t>());
    }
  }

  // The tokenizer with the named preset's splitting.
  Result<Tokenizer> tokenizer(const std::string& preset) const {
    constexpr int64_t kControl = 3, kUserDefined = 4;
    TokenizerSpec spec;
    spec.pre_tokenizer = TRY(PreTokenizer::preset(preset));
    spec.tokens = texts_.at("tokenizer.ggml.tokens");
    const std::vector<int64_t>& types = numbers_.at("tokenizer.ggml.token_type");
    for (size_t id = 0; id < spec.tokens.size(); ++id) {
      if (types[id] != kControl && types[id] != kUserDefined) continue;
      spec.added.push_back({int(id), spec.tokens[id], types[id] == kControl, false});
    }
    for (const std::string& merge : texts_.at("tokenizer.ggml.merges")) {
      size_t space = merge.find(' ', 1);
      spec.merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
    }
    return Tokenizer::create(std::move(spec));
  }

 private:
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  std::string text() {
    size_t size = number<uint64_t>();
    std::string made(at_, size);
    at_ += size;
    return made;
  }
  void value(const std::string& key, uint32_t type) {
    constexpr size_t kBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    constexpr uint32_t kInt32 = 5, kText = 8, kArray = 9;
    if (type == kText) {
      texts_[key].push_back(text());
    } else if (type == kInt32) {
      numbers_[key].push_back(number<int32_t>());
    } else if (type == kArray) {
      uint32_t element = number<uint32_t>();
      uint64_t count = number<uint64_t>();
      for (uint64_t i = 0; i < count; ++i) value(key, element);
    } else {
      at_ += kBytes[type];
    }
  }
  const char* at_;
  std::map<std::string, std::vector<std::string>> texts_;
  std::map<std::string, std::vector<int64_t>> numbers_;
};

}  // namespace weir
