// A slower opinion for what the cheap layers leave undecided: a model with a rubric. Bounded in
// time.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "guard/direction.h"

namespace weir {

struct JudgeScore {
  std::string category;  // id
  float score = 0;       // 0 to 1
};

class Judge {
 public:
  virtual ~Judge() = default;
  virtual const std::string& name() const = 0;
  // The likeliest of `categories` (ids) for the text; a score of 0 where none fits. Nothing: no
  // answer within `seconds`, or one that can not be read; the policy says what then happens.
  virtual std::optional<JudgeScore> judge(std::string_view text, Direction direction,
                                          std::span<const std::string> categories,
                                          double seconds) = 0;
};

}  // namespace weir
