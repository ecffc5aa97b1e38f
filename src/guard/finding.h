// What one layer of the guard found in a text, and what follows from all of it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "guard/direction.h"

namespace weir {

enum class GuardLayer : uint8_t { words, pattern, detector, head, judge, tool, budget };
const char* layer_name(GuardLayer layer);

struct GuardFinding {
  int category = -1;  // of the policy's CategorySet
  GuardLayer layer = GuardLayer::words;
  std::string rule;           // its id; of a head: its file's name
  float score = 1;            // 0 to 1; of a head a calibrated probability
  size_t begin = 0, end = 0;  // bytes [begin, end) of the text as it came
  Action action = Action::allow;
  std::string replacement = {};  // of redact and rewrite: what takes its place
};

constexpr size_t kFindingsMax = 10'000;  // that a verdict keeps

struct GuardVerdict {
  Action action = Action::allow;
  int category = -1;      // that `action` is for
  std::string rule = {};  // that `action` is for
  std::string text = {};  // that the user gets instead; of refuse and hand_over
  // In order of their begin; those with action allow are left out.
  std::vector<GuardFinding> findings = {};
  size_t findings_left_out = 0;  // beyond kFindingsMax
};

}  // namespace weir
