// Prefers problems that are solved sometimes, neither always nor never: keeps a running pass rate
// per family and difficulty.
#pragma once
#include <map>
#include <string>
#include <utility>

#include "base/json.h"
#include "base/random.h"
#include "base/result.h"
#include "tasks/mixture.h"

namespace weir {

class Curriculum {
 public:
  // Whether to ask this problem: always without experience of its kind, else with a chance that is
  // greatest where half of the replies are right and never below a tenth.
  bool accepts(const Problem& problem, Random& random) const;
  // One group's result: `share` of its replies were right.
  void observe(const Problem& problem, double share);

  Json json() const;
  Result<void> restore(const Json& json);

 private:
  static std::string key(const Problem& problem);
  std::map<std::string, double> pass_rate_;  // running means
};

}  // namespace weir
