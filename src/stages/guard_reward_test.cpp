#include "stages/guard_reward.h"

#include "testing/r1_fixture.h"
#include "testing/r1_parent_fixture.h"

namespace weir {
namespace {

constexpr const char* kPolicy = R"(
guard: 1
name: t
version: "1"
categories: {birds: Birds, fish: Fish}
texts: {refuse: "No."}
actions: {birds: refuse, fish: flag}
rules:
  eagles: {category: birds, words: [eagle]}
  trout: {category: fish, words: [trout]}
)";

constexpr const char* kHelp = "Take the second road.";
constexpr const char* kDeclines = "Sorry, I cannot help with that.";

class GuardRewardTest : public R1Parent {
 protected:
  std::string policy(const std::string& more = "") {
    const std::string file = path("policy.yaml");
    write_text(file, kPolicy + more);
    return file;
  }
  Result<std::unique_ptr<GuardReward>> open(const std::string& more = "",
                                            const std::string& model = "") {
    RewardPart part;
    part.policy = policy(more);
    part.model = model;
    return GuardReward::open(part, "", 1);
  }
  static Problem asked(const std::string& question, const std::string& gold = "") {
    Problem problem = made_problem(question, gold, gold);
    problem.verifier = gold.empty() ? "" : "refusal";
    return problem;
  }
  // What one reply is worth.
  static double worth(GuardReward& reward, const Problem& problem, const std::string& answer,
                      const std::string& thinking = "", bool is_ended = true) {
    ParsedReply reply;
    reply.answer = answer;
    reply.thinking = thinking;
    reply.is_ended = is_ended;
    const JudgedReply judged{&problem, &reply};
    const auto values = reward.judge({&judged, 1});
    EXPECT_TRUE(values) << values.error().message;
    return values ? values->front() : 99;
  }
};

TEST_F(GuardRewardTest, HarmfulHelpAndNeedlessRefusalsCost) {
  const auto reward = open();
  ASSERT_TRUE(reward) << reward.error().message;
  const Problem harmful = asked("steal a bike", "refuse"), harmless = asked("fix a bike", "help");
  EXPECT_EQ(worth(**reward, harmful, kDeclines), 1);
  EXPECT_EQ(worth(**reward, harmful, kHelp), -1);
  EXPECT_EQ(worth(**reward, harmless, kDeclines), -1);
  EXPECT_EQ(worth(**reward, harmless, kHelp), 1);
  EXPECT_EQ(worth(**reward, harmless, "An eagle."), -1) << "a rule ends this answer";
  EXPECT_EQ(worth(**reward, harmless, kHelp, "an eagle?"), -1) << "and this thought";
  EXPECT_EQ(worth(**reward, harmless, "A trout."), 1) << "flagged, not refused";
  EXPECT_EQ(worth(**reward, harmless, ""), -1);
  EXPECT_EQ(worth(**reward, harmless, kHelp, "", false), -1) << "never ends";
  EXPECT_EQ(worth(**reward, harmful, kDeclines, "", false), -1);
}

TEST_F(GuardRewardTest, RulesJudgeQuestionsWhoseProblemsDoNotSay) {
  const auto reward = open();
  ASSERT_TRUE(reward) << reward.error().message;
  EXPECT_EQ(worth(**reward, asked("where do eagles nest? an eagle!"), kDeclines), 1);
  EXPECT_EQ(worth(**reward, asked("an eagle!"), kHelp), -1);
  EXPECT_EQ(worth(**reward, asked("a trout!"), kHelp), 1);
  EXPECT_EQ(worth(**reward, asked("what is the time?"), kDeclines), -1);
}

// Heads of a model beside the one that is trained: graded, and the same for any company.
TEST_F(GuardRewardTest, HeadsAndJudgeGradeWhatRulesLeave) {
  const std::string model = path("reader");
  write_parent(model, "qwen2");
  const auto opened = open_model({.path = model, .warms_up = false});
  ASSERT_TRUE(opened) << opened.error().message;
  ProbeFile file;
  file.base_hash = base_hash_of(*opened->model);
  file.width = 16;
  file.categories = {"birds", "fish"};
  for (ProbeWeights* part : {&file.prompt, &file.answer}) {
    part->block = 0;
    part->weights.assign(3 * 32, 0);
    for (size_t i = 0; i < 32; ++i) part->weights[i] = float(i % 5) - 2;
    part->bias = {0, 1, 0};
  }
  ASSERT_TRUE(write_probes(path("h.safetensors"), file));
  const std::string heads = "heads: {a: {file: h.safetensors, undecided: 0}}\n";
  const auto without = open(heads);
  ASSERT_FALSE(without);
  EXPECT_NE(without.error().message.find("name the model"), std::string::npos);
  auto reward = open(heads, model);
  ASSERT_TRUE(reward) << reward.error().message;

  const Problem first = asked("say a"), second = asked("say so and so, an hour long");
  const double refused = worth(**reward, first, kDeclines);
  EXPECT_GT(refused, -1);
  EXPECT_LT(refused, 1);
  EXPECT_NE(worth(**reward, second, kDeclines), refused);
  // Helping costs what the worse of question and answer costs.
  const double helped = worth(**reward, first, kHelp);
  EXPECT_LE(helped, -refused);
  EXPECT_EQ(worth(**reward, asked("an eagle!"), kDeclines), 1) << "rules come first";
  EXPECT_EQ(worth(**reward, asked("say a", "help"), kDeclines), -1) << "what is known comes first";
  ParsedReply declines, helps;
  declines.answer = kDeclines;
  helps.answer = kHelp;
  declines.is_ended = helps.is_ended = true;
  const JudgedReply all[] = {{&second, &helps}, {&first, &declines}, {&first, &helps}};
  const auto together = (*reward)->judge(all);
  ASSERT_TRUE(together);
  EXPECT_EQ((*together)[0], worth(**reward, second, kHelp));
  EXPECT_EQ((*together)[1], refused);
  EXPECT_EQ((*together)[2], helped);

  // The judge answers where the heads are undecided: here everywhere below the threshold.
  const auto judged = open(
      "heads: {a: {file: h.safetensors, undecided: 0, threshold: 1}}\njudge: {model: self, rubric: "
      "Say.}\n",
      model);
  ASSERT_TRUE(judged) << judged.error().message;
  const double asked_for = worth(**judged, first, kDeclines);
  EXPECT_NE(asked_for, refused);
  EXPECT_EQ(worth(**judged, first, kDeclines), asked_for);
  const auto alone = open("judge: {model: self, rubric: Say.}\n", model);
  ASSERT_TRUE(alone) << alone.error().message;
  EXPECT_EQ(worth(**alone, first, kDeclines), asked_for);
  const auto other = open("judge: {model: somebody, rubric: Say.}\n", model);
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().message.find("'self'"), std::string::npos);

  RewardPart part;
  part.policy = policy(heads);
  part.model = model;
  const auto inputs = guard_reward_inputs(part, "");
  ASSERT_TRUE(inputs) << inputs.error().message;
  EXPECT_EQ(inputs->hashes.size(), 2u);
  EXPECT_EQ(inputs->model, model);
}

}  // namespace
}  // namespace weir
