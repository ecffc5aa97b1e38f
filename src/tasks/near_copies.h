// Problems of an evaluation that training has nearly word for word: the same text but for case and
// punctuation, the same with its numbers in another order, or a long run of the same words. For
// people's own files; generated problems are split by their canonical forms.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weir {

// The words of a text: letters and digits in lower case, other writing as it is, Chinese and
// Japanese character by character; no punctuation.
std::vector<std::string> words_of(std::string_view text);
// The words with every number as '#', then the numbers in order of size: equal for texts that
// differ in case, punctuation and the order of their numbers only.
std::string text_meaning(std::string_view text);

enum class CopyKind { same_text, numbers_reordered, overlap };

// One problem of the evaluation, by the nearest text of training that was found.
struct NearCopy {
  CopyKind kind = CopyKind::overlap;
  std::string place, text;                  // of the evaluation
  std::string learned_place, learned_text;  // of training
};

class NearCopies {
 public:
  // First all texts of the evaluation, at most kTextsMax; false when it is full.
  bool add_evaluated(std::string place, std::string text);
  // Then each text of training, whatever their number: no copy of them is kept.
  void compare(const std::string& place, const std::string& text);

  int64_t evaluated() const { return int64_t(texts_.size()); }
  int64_t learned() const { return learned_; }
  // One for each problem of the evaluation that has any, in their order.
  std::vector<NearCopy> copies() const;

  static constexpr size_t kTextsMax = 20'000;

 private:
  // Brown et al. 2020 (GPT-3, appendix C): a run of 13 words in common.
  static constexpr size_t kLongRun = 13;
  // Chowdhery et al. 2022 (PaLM, section 8): 70 % of the runs of 8 words in common, here with one
  // text.
  static constexpr size_t kShortRun = 8;
  static constexpr double kShortShare = 0.7;
  // Runs that more of the evaluation has are its instructions.
  static constexpr double kCommonShare = 0.1;
  static constexpr size_t kCommonMin = 3;

  struct Text {
    std::string place, text;
    uint64_t exact = 0;
    int short_runs = 0;  // that are no instructions
    bool has_copy = false;
    NearCopy copy;
  };
  using Runs = std::unordered_map<uint64_t, std::vector<uint32_t>>;  // hash to texts
  void prepare();
  void found(uint32_t text, CopyKind kind, const std::string& place, const std::string& learned);

  std::vector<Text> texts_;
  Runs meanings_, long_, short_;
  bool is_prepared_ = false;
  int64_t learned_ = 0;
};

}  // namespace weir
