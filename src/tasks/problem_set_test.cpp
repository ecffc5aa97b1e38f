// What holds for every kind of generated problems.
#include "tasks/problem_set.h"

#include <set>
#include <unordered_set>

#include "base/text.h"
#include "testing/problem_fixture.h"

namespace weir {
namespace {

// Each kind with default options, and with others.
constexpr const char* kSets[] = {
    "{kind: sums}",
    "{kind: sums, terms: [7, 11], styles: {worked: 1, brief: 1, direct: 2}}",
    "{kind: sums, terms: 2, first: [1, 900]}",
    "{kind: sums, task: most, list: 2, terms: [2, 4]}",
    "{kind: words}",
    "{kind: words, steps: [5, 10], languages: zh, styles: {worked: 1, mixed: 1, direct: 1}}",
    "{kind: countdown}",
    "{kind: countdown, numbers: [2, 4], range: [1, 50], target_max: 60, trials: 2, styles: direct}",
    "{kind: recall}",
    "{kind: recall, pairs: [1, 64]}",
    "{kind: facts}",
    "{kind: facts, topics: [days, legs], styles: {direct: 1, terse: 1, vague: 1, wrong: 1}}",
    "{kind: facts, languages: zh, styles: {statement: 1, direct: 1}}",
    "{kind: chat}",
    "{kind: chat, languages: en, styles: {polite: 1, poor: 3}}",
    "{kind: safety}",
    "{kind: safety, harmful: 0.1, styles: {aligned: 1, naive: 1}}",
    "{kind: composed}",
    "{kind: composed, languages: en, styles: {worked: 1, direct: 1}}",
    "{kind: words, suffix: Work it out step by step.}",
};
constexpr uint64_t kMany = 2000;

std::string text_of(const Problem& p) {
  std::string text = p.family + '|' + std::to_string(p.difficulty) + '|' + p.language + '|' +
                     p.style + '|' + p.verifier + '|' + p.gold + '|' + p.place;
  for (const Message& m : p.messages)
    text += std::string("|") + role_name(m.role) + m.thinking + '/' + m.content;
  return text + '|' + p.rejected.content;
}

TEST(ProblemSet, NoQuestionIsOnBothSides) {
  for (const char* yaml : kSets) {
    const auto set = must_set(yaml);
    ASSERT_NE(set, nullptr);
    std::set<std::string> train;
    for (uint64_t i = 0; i < kMany; ++i) train.insert(asked(must_make(*set, i)));
    for (uint64_t i = 0; i < kMany; ++i) {
      for (uint64_t seed : {1, 2}) {
        const std::string question = asked(must_make(*set, i, Split::held_out, seed));
        ASSERT_FALSE(train.contains(question)) << yaml << ": " << question;
      }
    }
  }
}

// What the options of recipes/quickstart.yaml and countdown.yaml make.
TEST(ProblemSet, NoCanonicalFormIsOnBothSides) {
  struct Drawn {
    const char* yaml;
    uint64_t draws;
  };
  for (const Drawn& drawn : {Drawn{"{kind: sums, terms: [4, 8]}", 50'000},
                             Drawn{"{kind: sums, task: most, terms: [2, 11]}", 8'000},
                             Drawn{"{kind: words, steps: [1, 3]}", 50'000},
                             Drawn{"{kind: recall, pairs: [1, 2]}", 8'000},
                             Drawn{"{kind: countdown, numbers: [2, 4], range: [1, 8]}", 2'000},
                             Drawn{"{kind: safety}", 8'000}, Drawn{"{kind: composed}", 4'000}}) {
    const auto set = must_set(drawn.yaml);
    ASSERT_NE(set, nullptr);
    EXPECT_TRUE(set->holds_out_meanings());
    std::unordered_set<std::string> train;
    for (uint64_t i = 0; i < drawn.draws; ++i) {
      Problem problem = must_make(*set, i);
      ASSERT_FALSE(problem.canonical.empty()) << drawn.yaml;
      train.insert(std::move(problem.canonical));
    }
    for (uint64_t i = 0; i < drawn.draws / 40; ++i) {
      const Problem problem = must_make(*set, i, Split::held_out, 1 + i % 2);
      ASSERT_FALSE(train.contains(problem.canonical)) << drawn.yaml << ": " << problem.canonical;
    }
  }
}

TEST(ProblemSet, ACanonicalFormDoesNotDependOnOrderNamesOrLanguage) {
  // Every drawn problem's form is that of its question, computed from the text alone.
  const auto numbers_in = [](const std::string& text) {
    std::vector<int> numbers;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] < '0' || text[i] > '9') continue;
      numbers.push_back(std::stoi(text.substr(i)));
      while (i + 1 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '9') ++i;
    }
    return numbers;
  };
  const auto words = must_set("{kind: words, steps: [1, 6]}");
  std::map<std::string, std::set<std::string>> languages;
  for (uint64_t i = 0; i < 4'000; ++i) {
    const Problem problem = must_make(*words, i);
    std::vector<int> said = numbers_in(asked(problem)), kept = numbers_in(problem.canonical);
    ASSERT_EQ(said[0], kept[0]) << "the first number is what there was";
    std::sort(said.begin() + 1, said.end());
    std::sort(kept.begin() + 1, kept.end());
    ASSERT_EQ(said, kept) << asked(problem) << " " << problem.canonical;
    languages[problem.canonical].insert(problem.language);
  }
  const auto in_both = std::count_if(languages.begin(), languages.end(),
                                     [](const auto& form) { return form.second.size() == 2; });
  EXPECT_GT(in_both, 100) << "stories of both languages share forms";
  const auto sums = must_set("{kind: sums, terms: [2, 5]}");
  for (uint64_t i = 0; i < 2000; ++i) {
    const Problem problem = must_make(*sums, i);
    std::vector<int> said = numbers_in(asked(problem));
    std::erase(said, 0);
    std::sort(said.begin(), said.end());
    ASSERT_EQ(said, numbers_in(problem.canonical)) << asked(problem);
  }
}

TEST(ProblemSet, TooFewDifferentProblemsAreOneSentence) {
  // Nine forms each, of which chance holds out none.
  for (const char* yaml : {"{kind: sums, terms: 2, first: 5, list: 2}",
                           "{kind: sums, task: most, terms: 2, first: 9, list: 2}"}) {
    const auto set = must_set(yaml);
    ASSERT_NE(set, nullptr);
    const auto held_out = set->make(1, Split::held_out, 0);
    ASSERT_FALSE(held_out) << yaml << ": " << held_out->canonical;
    EXPECT_NE(held_out.error().message.find("widen '"), std::string::npos)
        << held_out.error().message;
    EXPECT_EQ(held_out.error().message.find('\n'), std::string::npos);
  }
}

TEST(ProblemSet, AProblemIsAFunctionOfSeedSplitAndIndex) {
  for (const char* yaml : kSets) {
    const auto set = must_set(yaml), again = must_set(yaml);
    ASSERT_NE(set, nullptr);
    for (uint64_t i : {0, 1, 17, 99'999'999}) must_make(*again, i, Split::held_out, i);
    int same_under_another_seed = 0;
    for (uint64_t i = 0; i < 200; ++i) {
      for (Split split : {Split::train, Split::held_out})
        ASSERT_EQ(text_of(must_make(*set, 199 - i, split)),
                  text_of(must_make(*again, 199 - i, split)))
            << yaml;
      same_under_another_seed += asked(must_make(*set, i)) == asked(must_make(*set, i, {}, 2));
    }
    EXPECT_LT(same_under_another_seed, 40) << yaml;
  }
}

TEST(ProblemSet, ModelRepliesAreRightWhereTheyClaimToBe) {
  // Styles whose replies are wrong on purpose, and those that are right when lucky.
  const std::set<std::string> wrong = {"vague", "wrong"}, either = {"poor", "naive"};
  for (const char* yaml : kSets) {
    const auto set = must_set(yaml);
    ASSERT_NE(set, nullptr);
    for (uint64_t i = 0; i < kMany; ++i) {
      const Problem problem = must_make(*set, i, i % 2 ? Split::train : Split::held_out);
      ASSERT_TRUE(problem.has_reply()) << yaml;
      ASSERT_FALSE(replied(problem).empty()) << yaml << ": " << asked(problem);
      const bool is_right = verdict_of(problem, replied(problem)) == Verdict::right;
      const bool gives_up = replied(problem) == "not found";
      if (!either.contains(problem.style)) {
        ASSERT_EQ(is_right, !gives_up && !wrong.contains(problem.style))
            << problem.place << ": " << asked(problem) << " -> " << replied(problem);
      }
    }
  }
}

TEST(ProblemSet, RejectedRepliesAreWrongOrCutOff) {
  for (const char* yaml : {"{kind: facts, styles: {direct: 1, terse: 1, statement: 1}}",
                           "{kind: chat}", "{kind: safety}"}) {
    const auto set = must_set(yaml);
    ASSERT_NE(set, nullptr);
    for (uint64_t i = 0; i < kMany; ++i) {
      const Problem problem = must_make(*set, i);
      ASSERT_TRUE(problem.has_rejected) << yaml;
      const std::string& worse = problem.rejected.content;
      ASSERT_NE(worse, replied(problem));
      ASSERT_EQ(first_invalid_utf8(worse), std::string::npos) << yaml;
      const bool is_cut = replied(problem).starts_with(worse);
      ASSERT_TRUE(is_cut || verdict_of(problem, worse) != Verdict::right)
          << asked(problem) << " -> " << worse;
    }
  }
}

TEST(ProblemSet, DifficultiesCoverTheRangeAskedFor) {
  struct Range {
    const char* yaml;
    int low, high;
  };
  for (const Range& range :
       {Range{"{kind: sums, terms: [2, 11]}", 2, 11}, Range{"{kind: words, steps: [1, 10]}", 1, 10},
        Range{"{kind: recall, pairs: [3, 12]}", 3, 12},
        Range{"{kind: countdown, numbers: [2, 4]}", 2, 4}, Range{"{kind: sums, terms: 5}", 5, 5}}) {
    const auto set = must_set(range.yaml);
    ASSERT_NE(set, nullptr);
    std::set<int> seen, wanted;
    for (int d = range.low; d <= range.high; ++d) wanted.insert(d);
    for (uint64_t i = 0; i < 1000; ++i) seen.insert(must_make(*set, i).difficulty);
    EXPECT_EQ(seen, wanted) << range.yaml;
  }
}

TEST(ProblemSet, StylesComeInTheSharesAskedFor) {
  const auto set = must_set("{kind: facts, styles: {direct: 0.1, vague: 0.6, statement: 0.3}}");
  std::map<std::string, int> count;
  for (uint64_t i = 0; i < kMany; ++i) ++count[must_make(*set, i).style];
  EXPECT_NEAR(count["direct"], 0.1 * kMany, 0.03 * kMany);
  EXPECT_NEAR(count["vague"], 0.6 * kMany, 0.03 * kMany);
  EXPECT_NEAR(count["statement"], 0.3 * kMany, 0.03 * kMany);
}

TEST(ProblemSet, EachWrongOptionIsOneSentenceWithItsPlace) {
  const std::map<std::string, std::string> errors = {
      {"{kind: fact}",
       "test.yaml:1: 'kind' must be a kind of problems, not 'fact'; did you mean "
       "'facts'?"},
      {"{kind: facts, topics: capitols}", "'topics' has no topic 'capitols'; there are: capitals"},
      {"{kind: facts, topics: english, languages: en}", "'topics' has nothing in the languages"},
      {"{kind: facts, styles: worked}", "'styles' has no style 'worked' here; there are: direct"},
      {"{kind: chat, languages: fr}", "'languages' knows 'en' and 'zh'"},
      {"{kind: chat, languages: []}", "'languages' must not be empty"},
      {"{kind: safety, harmful: 2}", "'harmful' must be between 0 and 1"},
      {"{kind: sums, terms: [6, 2]}", "'terms' must be a whole number or a range [low, high]"},
      {"{kind: sums, term: 3}", "term"},
      {"{kind: countdown, numbers: 5}", "'numbers' must be a whole number or a range"},
      {"{kind: countdown, order: best}", "'order' must be"},
  };
  for (const auto& [yaml, message] : errors) {
    EXPECT_NE(set_error(yaml).find(message), std::string::npos) << yaml << ": " << set_error(yaml);
    EXPECT_EQ(set_error(yaml).find('\n'), std::string::npos) << yaml;
  }
}

TEST(ProblemSet, ASuffixFollowsTheQuestionAndChangesNothingElse) {
  const auto plain = must_set("{kind: sums}"), set = must_set("{kind: sums, suffix: Show work.}");
  for (Split split : {Split::train, Split::held_out})
    for (uint64_t i = 0; i < 50; ++i) {
      Problem wanted = must_make(*plain, i, split);
      wanted.messages.front().content += "\nShow work.";
      EXPECT_EQ(text_of(must_make(*set, i, split)), text_of(wanted));
    }
}

// One reply a form that does as asked, and one that does not.
TEST(ProblemSet, PatternsOfInstructionsKnowWhetherTheyWereFollowed) {
  const auto set = must_set("{kind: instructions}");
  ASSERT_NE(set, nullptr);
  std::set<std::string> train;
  for (uint64_t i = 0; i < kMany; ++i) train.insert(asked(must_make(*set, i)));
  int forms = 0;
  for (uint64_t i = 0; i < 14; ++i) {
    const Problem problem = must_make(*set, i, Split::held_out);
    const std::string& ask = asked(problem);
    EXPECT_FALSE(train.contains(ask)) << ask;
    EXPECT_FALSE(problem.has_reply());
    const auto quoted = [&](size_t number) {  // the word in the quotation marks
      size_t at = 0;
      for (size_t k = 0; k < 2 * number; ++k) at = ask.find('"', at) + 1;
      const size_t begin = ask.find('"', at) + 1;
      return ask.substr(begin, ask.find('"', begin) - begin);
    };
    const auto has = [&](const char* part) { return ask.find(part) != std::string::npos; };
    std::string good, bad;
    if (has("capital letters")) good = "IT IS 9 O'CLOCK.", bad = "IT IS so.";
    if (has("small letters")) good = "all is calm.", bad = "All is calm.";
    if (has("three things")) good = "- a\n- b c\n- d", bad = "Here:\n- a\n- b\n- c";
    if (has("and nothing else.") && has("Reply with the word")) {
      good = quoted(0) + ".";
      bad = "The word is " + quoted(0);
    }
    if (has("ends with")) good = "It is " + quoted(0) + ".", bad = quoted(0) + " it is.";
    if (has("begins with the word")) good = quoted(0) + " it is.", bad = "It is " + quoted(0) + ".";
    if (has("any comma")) good = "It flows.", bad = "Yes, it flows.";
    if (has("exactly two")) good = "It is so. It was so.", bad = "It is so.";
    if (has("six words")) good = "It is very nice to see.", bad = "It is so very nice to see it.";
    if (has("three times")) {
      good = quoted(0) + ", " + quoted(0) + ", " + quoted(0);
      bad = quoted(0) + ", " + quoted(0);
    }
    if (has("quotation marks")) good = "\"It is so.\"", bad = "It is \"so\".";
    if (has("<<title>>")) good = "<<A Day>>", bad = "\"A Day\"";
    if (has("in it.")) {
      good = "The " + quoted(1) + " is " + quoted(0) + ".";
      bad = "The " + quoted(1) + "is " + quoted(0) + ".";
    }
    if (has("JSON")) good = "{\"" + quoted(0) + "\": \"so\"}", bad = "{\"a\": \"so\"}";
    ASSERT_FALSE(good.empty()) << ask;
    ++forms;
    EXPECT_EQ(verdict_of(problem, good), Verdict::right) << ask << " -> " << good;
    EXPECT_EQ(verdict_of(problem, bad), Verdict::wrong) << ask << " -> " << bad;
  }
  EXPECT_EQ(forms, 14);
}

TEST(ProblemSet, StoriesNeverGoBelowNothing) {
  const auto set = must_set("{kind: words, steps: 10}");
  for (uint64_t i = 0; i < kMany; ++i) {
    const Problem problem = must_make(*set, i);
    ASSERT_EQ(problem.messages.back().thinking.find("=-"), std::string::npos) << asked(problem);
    ASSERT_NE(problem.gold[0], '-') << asked(problem);
  }
}

}  // namespace
}  // namespace weir
