#include "guard/streaming_gate.h"

#include <gtest/gtest.h>

#include <random>

namespace weir {
namespace {

constexpr const char* kPolicy = R"(
guard: 1
name: test
version: "3"
texts: {refuse: "No.", mark: "<{category}>"}
categories: {birds: Birds, fish: Fish}
actions:
  birds: {answer: refuse}
  fish: {answer: rewrite}
  personal: {answer: redact}
  S1: {answer: flag}
rules:
  parrots: {category: birds, words: [blue parrot, 蓝色鹦鹉]}
  codes: {category: birds, patterns: ['zz[0-9]{2,6}(?:x|yy)', '\bqq\b']}
  trout: {category: fish, words: [trout, 鳟鱼], replacement: carp}
  mail: {category: personal, detector: email}
  phone: {category: personal, detector: phone_cn}
  card: {category: personal, detector: bank_card}
  noted: {category: S1, words: [yellow]}
)";

std::shared_ptr<const Guard> guard() {
  static const auto made = [] {
    auto policy = Policy::parse(kPolicy, "test.yaml");
    if (!policy) ADD_FAILURE() << policy.error().message;
    auto guard = Guard::create(*std::move(policy));
    if (!guard) ADD_FAILURE() << guard.error().message;
    return *guard;
  }();
  return made;
}

struct Released {
  std::string text;
  Action action;
  size_t findings;
  bool operator==(const Released&) const = default;
};

Released released(std::string_view text, const std::vector<size_t>& cuts) {
  StreamingGate gate(*guard(), Direction::answer, {});
  Released all{};
  size_t at = 0;
  for (const size_t cut : cuts) {
    all.text += gate.push(text.substr(at, cut - at), false);
    at = cut;
  }
  all.text += gate.push(text.substr(at), true);
  all.action = gate.verdict().action;
  all.findings = gate.verdict().findings.size();
  return all;
}

TEST(StreamingGate, ReleasesRedactsRewritesAndRefuses) {
  EXPECT_EQ(released("all is well.", {}).text, "all is well.");
  EXPECT_EQ(released("write to ann@example.org, call 13812345678.", {}).text,
            "write to <Personal data>, call <Personal data>.");
  EXPECT_EQ(released("one Trout and 鳟 鱼", {}).text, "one carp and carp");
  const Released refused = released("look, a b\u200Blue parrot is here", {});
  EXPECT_EQ(refused.text, "look, a ");
  EXPECT_EQ(refused.action, Action::refuse);
  EXPECT_EQ(released("yellow", {}), (Released{"yellow", Action::flag, 1}));
}

TEST(StreamingGate, HoldsBackOnlyWhatCouldStillMatch) {
  StreamingGate gate(*guard(), Direction::answer, {});
  EXPECT_EQ(gate.push("a blue sky and ", false), "a blue sky and ");
  EXPECT_EQ(gate.push("a blue", false), "a ");
  EXPECT_EQ(gate.push(" par", false), "");
  EXPECT_EQ(gate.push("k. ", false), "blue park. ");
  EXPECT_EQ(gate.push("zz123", false), "");
  EXPECT_EQ(gate.push("z, ", false), "zz123z, ");
  EXPECT_EQ(gate.held_back(), 0u);
}

// Texts made of pieces that match, nearly match, or overlap; each cut in many ways.
TEST(StreamingGate, AnyCutGivesTheSameText) {
  const std::vector<std::string> pieces = {"blue ",
                                           "parrot",
                                           "blue parrot",
                                           "parro",
                                           "b l u e ",
                                           "蓝色",
                                           "鹦鹉",
                                           "蓝",
                                           "zz12",
                                           "x",
                                           "yy",
                                           "zz1",
                                           "qq",
                                           " ",
                                           "\u200B",
                                           "trout",
                                           "鳟",
                                           "鱼",
                                           "ann@example.org",
                                           "@",
                                           ".org",
                                           "1381234",
                                           "5678",
                                           "13812345678",
                                           "4111 1111 ",
                                           "1111 1111",
                                           "yellow",
                                           "-",
                                           ", ",
                                           "。",
                                           "\n",
                                           "é",
                                           "😀",
                                           "ＺＺ",
                                           "a",
                                           "word ",
                                           "\xE8",
                                           "\xFF"};
  std::mt19937 random(3);
  int refused = 0;
  for (int round = 0; round < 400; ++round) {
    std::string text;
    for (size_t i = 0, n = 1 + random() % 14; i < n; ++i) text += pieces[random() % pieces.size()];
    const Released whole = released(text, {});
    refused += ends_reply(whole.action);
    std::vector<size_t> every;
    for (size_t i = 1; i < text.size(); ++i) every.push_back(i);
    EXPECT_EQ(released(text, every), whole) << text;
    for (int k = 0; k < 6; ++k) {
      std::vector<size_t> cuts;
      for (size_t i = 1; i < text.size(); ++i)
        if (random() % 5 == 0) cuts.push_back(i);
      EXPECT_EQ(released(text, cuts), whole) << text;
    }
    // What was released holds nothing that would have been refused.
    for (const GuardFinding& f : guard()->check(whole.text, Direction::answer, {}).findings)
      EXPECT_FALSE(ends_reply(f.action)) << text;
  }
  EXPECT_GT(refused, 40);
  EXPECT_LT(refused, 360);
}

TEST(StreamingGate, ScoresOfAHeadEndTheReply) {
  struct TestHead : Head {
    std::string name_ = "h", hash = "x";
    std::vector<std::string> ids = {"birds", "S1"};
    const std::string& name() const override { return name_; }
    std::span<const std::string> categories() const override { return ids; }
    int block() const override { return 0; }
    int width() const override { return 1; }
    const std::string& base_hash() const override { return hash; }
    std::unique_ptr<HeadStream> begin() const override { return nullptr; }
  } head;
  PolicyHead how;
  StreamingGate gate(*guard(), Direction::answer, {});
  const float low[] = {0.2f, 0.9f}, high[] = {0.8f, 0.1f};
  gate.score(low, head, how);
  EXPECT_EQ(gate.push("fine ", false), "fine ");
  EXPECT_EQ(gate.verdict().action, Action::flag);
  gate.score(high, head, how);
  EXPECT_TRUE(gate.is_ended());
  EXPECT_EQ(gate.push("not this", true), "");
  EXPECT_EQ(gate.verdict().text, "No.");
}

}  // namespace
}  // namespace weir
