// Harmful requests and their look-alikes: what is held out has only seen parts, and no single word
// gives the side away.
#include <gtest/gtest.h>

#include <set>

#include "tasks/phrases.h"
#include "tasks/safety_table.h"
#include "testing/problem_fixture.h"
#include "verify/refusal.h"

namespace weir {
namespace {

constexpr uint64_t kMany = 30'000;

std::string wish(const SafetyLanguage& language, const Goal& goal) {
  return std::string(goal.verb) + language.between + goal.object;
}

// By enumeration of all goals.
TEST(Safety, NoGoalIsOnBothSidesInAnyLanguage) {
  const auto set = must_set("{kind: safety}");
  std::set<std::string> sides[2];
  for (uint64_t i = 0; i < kMany; ++i)
    for (Split split : {Split::train, Split::held_out})
      sides[split == Split::held_out].insert(must_make(*set, i, split).canonical);
  std::set<std::string> all;
  size_t harmful = 0;
  for (const SafetyLanguage& language : safety_languages())
    for (const Goal& goal : language.goals) {
      const std::string canonical = "request " + goal_meaning(language, goal);
      const bool is_held_out = sides[1].contains(canonical);
      EXPECT_NE(sides[0].contains(canonical), is_held_out) << canonical;
      harmful += goal.is_harmful() && is_held_out && all.insert(canonical).second;
    }
  EXPECT_GE(harmful, 44u) << "recipes/quickstart.yaml asks so many";
}

TEST(Safety, HeldOutRequestsAreNewWholesOfKnownParts) {
  const auto set = must_set("{kind: safety}");
  std::set<std::string> train, held_out;
  for (uint64_t i = 0; i < kMany; ++i) {
    train.insert(asked(must_make(*set, i)));
    held_out.insert(asked(must_make(*set, i, Split::held_out)));
  }
  for (const SafetyLanguage& language : safety_languages()) {
    std::set<std::string> verbs, objects;  // of goals that are trained on
    const auto is_asked = [&](const std::set<std::string>& side, const Goal& goal) {
      return std::any_of(language.phrasings.begin(), language.phrasings.end(),
                         [&](const std::string& phrasing) {
                           return side.contains(fill_in(phrasing, wish(language, goal)));
                         });
    };
    for (const Goal& goal : language.goals) {
      EXPECT_NE(is_asked(train, goal), is_asked(held_out, goal)) << wish(language, goal);
      if (!is_asked(train, goal)) continue;
      verbs.insert(goal.verb);
      objects.insert(goal.object);
    }
    for (const Goal& goal : language.goals)
      if (goal.is_harmful()) {
        EXPECT_TRUE(verbs.contains(goal.verb)) << goal.verb;
        EXPECT_TRUE(objects.contains(goal.object)) << goal.object;
      }
  }
}

TEST(Safety, EveryHarmfulVerbAndObjectIsAlsoInALookAlike) {
  for (const SafetyLanguage& language : safety_languages()) {
    std::set<std::string> verbs, objects, wishes;
    for (const Goal& goal : language.goals) {
      EXPECT_TRUE(wishes.insert(wish(language, goal)).second) << wish(language, goal);
      if (goal.is_harmful()) continue;
      verbs.insert(goal.verb);
      objects.insert(goal.object);
    }
    for (const Goal& goal : language.goals) {
      if (!goal.is_harmful()) {
        continue;
      }
      EXPECT_TRUE(verbs.contains(goal.verb)) << language.name << " " << goal.verb;
      EXPECT_TRUE(objects.contains(goal.object)) << language.name << " " << goal.object;
    }
  }
}

// How often the best rule that sees one part of a wish only is right, harmful and benign being
// equally frequent.
template <class Part>
double best_by(const SafetyLanguage& language, Part part) {
  std::map<std::string, std::array<double, 2>> counts;
  std::array<double, 2> total = {0, 0};
  for (const Goal& goal : language.goals) {
    const size_t side = goal.is_harmful() ? 0 : 1;
    ++counts[part(goal)][side];
    ++total[side];
  }
  double right = 0;
  for (const auto& [name, sides] : counts)
    right += std::max(sides[0] / total[0], sides[1] / total[1]) / 2;
  return right;
}

TEST(Safety, NeitherVerbNorObjectAloneDecides) {
  for (const SafetyLanguage& language : safety_languages()) {
    EXPECT_LT(best_by(language, [](const Goal& goal) { return goal.verb; }), 0.75) << language.name;
    EXPECT_LT(best_by(language, [](const Goal& goal) { return goal.object; }), 0.8)
        << language.name;
  }
}

TEST(Safety, RefusalsDeclineAndNothingElseDoes) {
  for (const SafetyLanguage& language : safety_languages()) {
    for (const std::string& text : language.refusals) EXPECT_TRUE(declines(text)) << text;
    for (const std::string& text : language.compliant) EXPECT_FALSE(declines(text)) << text;
    for (const Goal& goal : language.goals)
      if (!goal.is_harmful()) {
        EXPECT_FALSE(declines(goal.answer)) << goal.answer;
      }
  }
}

// A judge must learn that any answer to a harmful request is worse than declining it.
TEST(Safety, RejectedRepliesToHarmfulRequestsAreAgreementAndAnswers) {
  std::set<std::string> agreement, answers;
  for (const SafetyLanguage& language : safety_languages()) {
    agreement.insert(language.compliant.begin(), language.compliant.end());
    for (const Goal& goal : language.goals) answers.insert(goal.answer);
  }
  const auto set = must_set("{kind: safety, harmful: 1}");
  int agree = 0, answer = 0;
  for (uint64_t i = 0; i < 4000; ++i) {
    const Problem problem = must_make(*set, i);
    ASSERT_TRUE(problem.has_rejected);
    EXPECT_TRUE(declines(replied(problem)));
    EXPECT_FALSE(declines(problem.rejected.content));
    agree += agreement.contains(problem.rejected.content);
    answer += answers.contains(problem.rejected.content);
  }
  EXPECT_EQ(agree + answer, 4000);
  EXPECT_NEAR(answer, 2000, 140);
}

TEST(Safety, TheShareOfHarmfulRequestsIsTheOneAskedFor) {
  for (double share : {0.0, 0.25, 1.0}) {
    const auto set = must_set("{kind: safety, harmful: " + std::to_string(share) + "}");
    int harmful = 0;
    for (uint64_t i = 0; i < 4000; ++i) harmful += must_make(*set, i).family == "harmful";
    EXPECT_NEAR(harmful, share * 4000, 140) << share;
  }
}

TEST(Safety, NaiveRepliesNeverDecline) {
  const auto set = must_set("{kind: safety, styles: naive}");
  for (uint64_t i = 0; i < 4000; ++i) {
    const Problem problem = must_make(*set, i);
    EXPECT_FALSE(declines(replied(problem))) << replied(problem);
    EXPECT_FALSE(problem.has_rejected);
  }
}

}  // namespace
}  // namespace weir
