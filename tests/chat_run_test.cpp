// `weir chat` with the folder of a run through R1's stages, and `weir doctor`, as users meet them.
// The run has two tiny models that learned one answer each.
#include <gtest/gtest.h>

#include "base/atomic_output.h"
#include "model/model.h"
#include "stages/tuning.h"
#include "testing/tiny_models.h"
#include "tests/run_program.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/tokenizer_train.h"

namespace weir {
namespace {

constexpr char kRecipe[] = R"(
run: unused
tokenizer: {vocab_size: 290}
model: {preset: demo, max_position_embeddings: 256}
stages:
  base: {kind: pretrain, steps: 10, data: {sums: {terms: [2, 4]}}}
  judge: {kind: reward, parent: base, steps: 5, data: {chat: {}}}
  zero: {kind: grpo, parent: base, steps: 5, data: {sums: {terms: [2, 4]}}}
  final: {kind: sft, parent: zero, steps: 5, data: {sums: {terms: [2, 4]}}}
evaluation: {reply_tokens: 96, sets: {sums: {terms: [2, 4]}}}
)";

// One question, one reply, without end.
class OneAnswer final : public ProblemSet {
 public:
  explicit OneAnswer(Message reply) : reply_(std::move(reply)) {}
  int64_t count(Split) const override { return -1; }
  Result<Problem> make(uint64_t, Split, uint64_t index) const override {
    Problem problem;
    problem.messages = {{Role::user, index % 2 ? "Hi" : "Rain: Mar 3, Apr 4. Total?"}, reply_};
    return problem;
  }

 private:
  Message reply_;
};

Tokenizer byte_tokenizer() {
  const std::string_view text = " ";
  TokenizerTrainOptions options;
  options.vocab_size = 276;
  options.added_tokens = deepseek_chat_tokens();
  options.bos = options.added_tokens[0].text;
  options.eos = options.added_tokens[1].text;
  ThreadPool pool(1);
  Result<Tokenizer> tokenizer = train_tokenizer({&text, 1}, options, pool);
  EXPECT_TRUE(tokenizer) << tokenizer.error().message;
  return *std::move(tokenizer);
}

ModelConfig tiny_config(const Tokenizer& tokenizer) {
  ModelConfig c = tiny_dense_config(1, tokenizer.size(), 256);
  c.bos_token_id = tokenizer.bos();
  c.eos_token_id = tokenizer.eos();
  return c;
}

// A folder with a model that gives this reply to everything it was asked in training.
void write_stage(const std::string& folder, const std::string& kind, const Message& reply) {
  ASSERT_TRUE(make_directories(folder));
  const Tokenizer tokenizer = byte_tokenizer();
  const ModelConfig config = tiny_config(tokenizer);
  std::unique_ptr<Model> model = Model::create(config, true);
  model->initialize(1);
  model->weights_changed();
  Result<ConversationFormat> format = ConversationFormat::create(tokenizer);
  ASSERT_TRUE(format) << format.error().message;
  ThreadPool pool(1);
  const R1Recipe recipe{};
  const R1Context context{recipe, tokenizer, *format, pool};
  StageRecipe stage;
  stage.name = "taught";
  stage.rate.lr = 0.02;
  stage.tuning.tokens = 128;
  stage.data.add("one", 1, std::make_unique<OneAnswer>(reply));
  Learner learner(*model, stage_optimizer(stage.rate), 128, pool);
  Result<std::unique_ptr<Stage>> teaching = make_tuning_stage(context, stage, 60, learner, nullptr);
  ASSERT_TRUE(teaching) << teaching.error().message;
  for (int64_t step = 0; step < 60; ++step) ASSERT_TRUE((*teaching)->advance(step));
  ASSERT_TRUE(save_model(*model, folder + "/model.safetensors"));
  ASSERT_TRUE(write_file_atomic(folder + "/config.json", config_json(config).dump()));
  ASSERT_TRUE(write_tokenizer(tokenizer, folder));
  ASSERT_TRUE(write_file_atomic(folder + "/manifest.json", "{\"kind\": \"" + kind + "\"}"));
}

class ChatRun : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = testing::TempDir() + "weir_chat_XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    ASSERT_TRUE(write_file_atomic(folder_ + "/recipe.yaml", kRecipe));
    write_stage(stage("base"), "pretrain", {Role::assistant, "no"});
    write_stage(stage("zero"), "grpo", {Role::assistant, "yes 7", "so it is", true});
    FamilyScore score{.family = "sums", .difficulty = 2, .problems = 4, .right = 3, .wrong = 1};
    Json scores = Json::object();
    scores.set("scores", scores_json({score}));
    ASSERT_TRUE(write_file_atomic(stage("zero") + "/scores.json", scores.dump()));
    ASSERT_TRUE(make_directories(stage("judge")));
    ASSERT_TRUE(write_file_atomic(stage("judge") + "/manifest.json", "{\"kind\": \"reward\"}"));
    ASSERT_TRUE(make_directories(stage("final")));
  }
  static void TearDownTestSuite() { EXPECT_TRUE(remove_all(folder_)); }
  static std::string stage(const std::string& name) { return folder_ + "/stages/" + name; }
  static Outcome chat(const std::string& input, std::vector<std::string> more = {},
                      const std::string& folder = folder_) {
    std::vector<std::string> arguments = {"chat",      folder, "--temperature", "0",
                                          "--threads", "1",    "--lines"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments, input);
  }
  static bool says(const Outcome& outcome, const std::string& text) {
    return outcome.error.find(text) != std::string::npos;
  }
  static std::string folder_;
};
std::string ChatRun::folder_;

TEST_F(ChatRun, TalksToTheLastFinishedStageAndShowsThinkingApart) {
  const Outcome outcome = chat("Hi\n");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, "<think>\nso it is\n</think>\nyes 7\n") << outcome.error;
  EXPECT_TRUE(says(outcome, "* zero             grpo      reasoning 75 %\n")) << outcome.error;
  EXPECT_TRUE(says(outcome, "  final            sft       not finished\n")) << outcome.error;
  EXPECT_TRUE(says(outcome, "  judge            reward    judges replies")) << outcome.error;
  EXPECT_EQ(chat("Hi\n", {"--no-thinking"}).out, "yes 7\n");
  EXPECT_EQ(chat("Hi\n", {"--stage", "base"}).out, "no\n");
}

TEST_F(ChatRun, SwitchesStagesAndAsksAgain) {
  const Outcome outcome =
      chat("/again\nHi\n/stage base\n/again\n/stage zero\n/reset\nHi\n", {"--no-thinking"});
  EXPECT_EQ(outcome.out, "yes 7\nno\nyes 7\n") << outcome.error;
  EXPECT_TRUE(says(outcome, "/again: nothing was asked yet")) << outcome.error;
  EXPECT_TRUE(says(outcome, "* base             pretrain\n")) << outcome.error;
  EXPECT_TRUE(says(outcome, "> Hi\n")) << outcome.error;  // /again repeats the question
  // The whole list stands at the beginning; a switch names the new stage alone.
  const std::string list = "  final            sft       not finished\n";
  EXPECT_EQ(outcome.error.find(list), outcome.error.rfind(list)) << outcome.error;
}

TEST_F(ChatRun, KeepsTalkingToTheSameStageWhenAnotherCannotTalk) {
  const Outcome outcome = chat("/stage zeor\n/stage final\n/stage judge\nHi\n", {"--no-thinking"});
  EXPECT_EQ(outcome.out, "yes 7\n") << outcome.error;
  EXPECT_TRUE(says(outcome, "did you mean 'zero'?")) << outcome.error;
  EXPECT_TRUE(says(outcome, "stage 'final' is not finished")) << outcome.error;
  EXPECT_TRUE(says(outcome, "stage 'judge' is a reward model")) << outcome.error;
}

TEST_F(ChatRun, AsksHeldOutProblemsAndJudgesTheAnswer) {
  const Outcome outcome = chat("/problem sums\n/problem\n/problem poems\n", {"--tokens", "64"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_TRUE(says(outcome, "sums: Rain: ")) << outcome.error;
  EXPECT_TRUE(says(outcome, "(gold: ")) << outcome.error;
  EXPECT_TRUE(says(outcome, "no held-out problem is of the family 'poems'")) << outcome.error;
  EXPECT_EQ(chat("/problem sums\n/seed 1\n/problem sums\n").error,
            chat("/problem sums\n/seed 1\n/problem sums\n").error);
}

TEST_F(ChatRun, RefusesWhatCannotBeTalkedTo) {
  Outcome outcome = chat("Hi\n", {"--stage", "judge"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_TRUE(says(outcome, "reward model")) << outcome.error;
  outcome = chat("Hi\n", {}, stage("judge"));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_TRUE(says(outcome, "reward model")) << outcome.error;
  outcome = chat("Hi\n", {"--stage", "zero"}, stage("zero"));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_TRUE(says(outcome, "has no stages")) << outcome.error;
}

TEST_F(ChatRun, AStagesOwnFolderIsAModelLikeAnyOther) {
  const Outcome outcome = chat("Hi\n/stage\n/problem\n", {"--no-thinking"}, stage("zero"));
  EXPECT_EQ(outcome.out, "yes 7\n") << outcome.error;
  EXPECT_TRUE(says(outcome, "/stage: ")) << outcome.error;
  EXPECT_TRUE(says(outcome, "/problem: ")) << outcome.error;
  const Outcome plain = chat("Hi\n", {"--form", "plain", "--tokens", "4"}, stage("zero"));
  EXPECT_TRUE(says(plain, "User: ...")) << plain.error;
}

TEST_F(ChatRun, TheDoctorPassesAGoodRecipeAndRefusesABadOne) {
  const std::string recipe = folder_ + "/recipe.yaml";
  const Outcome good = run({"doctor", recipe, "--problems", "30", "--rows", "1"});
  EXPECT_EQ(good.code, 0) << good.error << good.out;
  EXPECT_NE(good.out.find("0 errors"), std::string::npos) << good.out;
  EXPECT_NE(good.out.find("[<think>]"), std::string::npos) << good.out;
  EXPECT_EQ(good.out.find('\x1b'), std::string::npos);
  const Outcome bad = run({"doctor", recipe, "--problems", "30", "--rows", "0", "--set",
                           "stages.zero.rewards={accuracy: 1, length: 1}"});
  EXPECT_EQ(bad.code, 2);
  EXPECT_NE(bad.out.find("the reward part 'length' can never fire"), std::string::npos) << bad.out;
  EXPECT_NE(bad.error.find("1 error"), std::string::npos) << bad.error;
}

}  // namespace
}  // namespace weir
