// For tests only: problem sets from one line of a recipe, and verdicts.
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "base/options.h"
#include "tasks/problem_set.h"
#include "verify/verifier.h"

namespace weir {

inline Result<std::unique_ptr<ProblemSet>> try_set(const std::string& yaml) {
  Result<Recipe> recipe = Recipe::parse(yaml, "test.yaml");
  if (!recipe) return recipe.error();
  return read_problem_set(OptionReader(*recipe));
}
inline std::unique_ptr<ProblemSet> must_set(const std::string& yaml) {
  auto set = try_set(yaml);
  if (set) return std::move(*set);
  ADD_FAILURE() << yaml << ": " << set.error().message;
  return nullptr;
}
// "" when the options are accepted.
inline std::string set_error(const std::string& yaml) {
  auto set = try_set(yaml);
  return set ? "" : set.error().message;
}

inline Problem must_make(const ProblemSet& set, uint64_t index, Split split = Split::train,
                         uint64_t seed = 1) {
  auto problem = set.make(seed, split, index);
  if (problem) return std::move(*problem);
  ADD_FAILURE() << "#" << index << ": " << problem.error().message;
  return {};
}

// Of a reply to `problem` by the problem's own verifier, whose gold has to fit.
inline Verdict verdict_of(const Problem& problem, const std::string& reply) {
  static std::map<std::string, std::unique_ptr<Verifier>> made;
  std::unique_ptr<Verifier>& verifier = made[problem.verifier];
  if (verifier == nullptr) {
    auto fresh = make_verifier(problem.verifier);
    EXPECT_TRUE(fresh) << problem.verifier;
    if (!fresh) return Verdict::unparseable;
    verifier = std::move(*fresh);
  }
  auto fits = verifier->check_gold(problem.gold);
  EXPECT_TRUE(fits) << problem.place << ": " << (fits ? "" : fits.error().message);
  return verifier->check(reply, problem.gold);
}

inline std::string asked(const Problem& problem) { return problem.messages.front().content; }
inline std::string replied(const Problem& problem) { return problem.messages.back().content; }

}  // namespace weir
