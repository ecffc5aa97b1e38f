// The tables of sentences: every part of what is held out is seen in training.
#include <gtest/gtest.h>

#include <set>

#include "tasks/chat_table.h"
#include "tasks/facts_table.h"
#include "tasks/phrases.h"
#include "testing/problem_fixture.h"

namespace weir {
namespace {

constexpr uint64_t kMany = 40'000;

// Questions by gold: one gold is one fact, nearly.
std::map<std::string, std::set<std::string>> questions(const ProblemSet& set, Split split) {
  std::map<std::string, std::set<std::string>> by_gold;
  for (uint64_t i = 0; i < kMany; ++i) {
    const Problem problem = must_make(set, i, split);
    by_gold[problem.language + problem.gold].insert(asked(problem));
  }
  return by_gold;
}

TEST(Facts, EachIsAskedInFourWaysOfWhichOneIsHeldOut) {
  const auto set = must_set("{kind: facts}");
  ASSERT_NE(set, nullptr);
  const auto train = questions(*set, Split::train), held_out = questions(*set, Split::held_out);
  size_t facts = 0;
  for (const FactTopic& topic : fact_topics()) {
    facts += topic.facts.size();
    EXPECT_GE(topic.questions.size(), 4u) << topic.name;
  }
  EXPECT_GE(facts, 150u);
  EXPECT_EQ(train.size(), facts) << "two facts have the same gold";
  ASSERT_EQ(held_out.size(), facts);
  for (const auto& [gold, asked] : train) {
    EXPECT_GE(asked.size(), 3u) << gold;
    EXPECT_EQ(held_out.at(gold).size(), 1u) << gold;
    EXPECT_FALSE(asked.contains(*held_out.at(gold).begin())) << gold;
  }
}

TEST(Facts, EachPhrasingIsBothTrainedAndHeldOutSomewhere) {
  // A topic of a few facts may hold out some phrasings only; of a language's most are.
  const auto set = must_set("{kind: facts, topics: capitals, languages: en}");
  auto seen = [&](Split split, const std::string& beginning) {
    for (uint64_t i = 0; i < 4000; ++i)
      if (asked(must_make(*set, i, split)).starts_with(beginning)) return true;
    return false;
  };
  for (const char* beginning : {"Which city is", "Name the", "Tell me", "Do you know"}) {
    EXPECT_TRUE(seen(Split::train, beginning)) << beginning;
    EXPECT_TRUE(seen(Split::held_out, beginning)) << beginning;
  }
}

TEST(Facts, OnlyTheAnswerAloneOrInAKnownSentenceCounts) {
  const auto set = must_set("{kind: facts, topics: capitals, languages: en}");
  for (uint64_t i = 0; i < 4000; ++i) {
    const Problem problem = must_make(*set, i);
    if (asked(problem).find("France") == std::string::npos) continue;
    for (const char* right : {"Paris", "paris.", " It is Paris!", "The capital of France is Paris.",
                              "Paris is the capital of France."})
      EXPECT_EQ(verdict_of(problem, right), Verdict::right) << right;
    for (const char* bad : {"", "Rome", "Rome Paris", "Paris or Rome", "I do not know. Paris.",
                            "The capital of Italy is Paris.", "Paris Paris"})
      EXPECT_NE(verdict_of(problem, bad), Verdict::right) << bad;
    return;
  }
  FAIL() << "France is never asked for";
}

TEST(Composed, JoinsTwoTaughtFactsWhoseCompositionIsOnOneSide) {
  const auto set = must_set("{kind: composed}");
  ASSERT_NE(set, nullptr);
  std::map<std::string, std::string> taught;  // gold by statement
  for (const FactTopic& topic : fact_topics())
    for (const Fact& fact : topic.facts)
      taught[fill_in(topic.statement, fact.subject, first_answer(fact))] = first_answer(fact);
  std::set<std::string> sides[2];
  for (uint64_t i = 0; i < 800; ++i)
    for (Split split : {Split::train, Split::held_out}) {
      const Problem problem = must_make(*set, i, split);
      sides[split == Split::held_out].insert(problem.canonical);
      if (problem.language != "en") continue;
      // The thinking is two taught statements, word for word; the second has the answer.
      const std::string& thinking = problem.messages.back().thinking;
      const size_t end = thinking.find(". ") + 1;
      ASSERT_TRUE(taught.contains(thinking.substr(0, end))) << thinking;
      ASSERT_TRUE(taught.contains(thinking.substr(end + 1))) << thinking;
      ASSERT_EQ(verdict_of(problem, taught[thinking.substr(end + 1)]), Verdict::right) << thinking;
    }
  EXPECT_EQ(sides[0].size() + sides[1].size(), 24u * 3 + 8) << "all compositions";
  EXPECT_GE(sides[1].size(), 24u) << "recipes/quickstart.yaml asks so many";
  for (const std::string& held_out : sides[1]) EXPECT_FALSE(sides[0].contains(held_out));
}

TEST(Facts, StatementsAreNeverHeldOut) {
  const auto set = must_set("{kind: facts, styles: statement}");
  for (uint64_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(must_make(*set, i, Split::held_out).style, "direct");
    EXPECT_EQ(must_make(*set, i).style, "statement");
  }
}

TEST(Chat, EveryReplyFitsItsIntentAndNothingIsSaidForTwo) {
  std::set<std::string> said;
  for (const ChatIntent& intent : chat_intents()) {
    Problem problem;
    problem.verifier = "regex";
    problem.gold = intent.fits;
    EXPECT_GE(intent.said.size(), 4u) << intent.name;
    EXPECT_GE(intent.replies.size(), 2u) << intent.name;
    for (const std::string& reply : intent.replies)
      EXPECT_EQ(verdict_of(problem, reply), Verdict::right) << intent.name << ": " << reply;
    for (const std::string& text : intent.said)
      EXPECT_TRUE(said.insert(text).second) << "two intents are said as " << text;
  }
  EXPECT_GE(chat_intents().size(), 36u);
}

TEST(Chat, PoorStylesHaveNoPairs) {
  const auto set = must_set("{kind: chat, styles: poor}");
  for (uint64_t i = 0; i < 200; ++i) EXPECT_FALSE(must_make(*set, i).has_rejected);
}

}  // namespace
}  // namespace weir
