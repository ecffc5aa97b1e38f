#include "doctor/doctor.h"

#include <gtest/gtest.h>

#include <functional>

#include "doctor/doctor_view.h"
#include "tasks/kinds.h"
#include "testing/r1_fixture.h"
#include "tokenizer/tokenizer_train.h"

namespace weir {
namespace {

constexpr char kRecipe[] = R"(
run: unused
tokenizer: {vocab_size: 300}
model: {preset: demo, max_position_embeddings: 256}
stages:
  base: {kind: pretrain, steps: 10, data: {sums: {terms: [2, 4]}}}
  cold: {kind: sft, parent: base, steps: 5, data: {words: {steps: [1, 2]}}}
  zero: {kind: grpo, parent: cold, steps: 5, data: {sums: {terms: [2, 4]}}}
evaluation: {sets: {sums: {terms: [2, 4]}}}
)";

R1Recipe recipe_of(const std::string& text = kRecipe, const std::vector<std::string>& sets = {}) {
  Result<Recipe> file = Recipe::parse(text, "test.yaml");
  EXPECT_TRUE(file) << file.error().message;
  for (const std::string& set : sets) EXPECT_TRUE(file->set(set)) << set;
  Result<R1Recipe> recipe = read_r1_recipe(*file);
  EXPECT_TRUE(recipe) << recipe.error().message;
  return *std::move(recipe);
}

const Tokenizer& tokenizer() {
  static const Tokenizer made = [] {
    ThreadPool pool(1);
    Result<ModelTexts> result = make_r1_texts(recipe_of(), pool);
    EXPECT_TRUE(result) << result.error().message;
    return std::move(result->tokenizer);
  }();
  return made;
}

DoctorReport examine(const R1Recipe& recipe, int context = 256) {
  Result<DoctorReport> report =
      examine_recipe(recipe, tokenizer(), *ConversationFormat::create(tokenizer()), context,
                     {.problems = 40, .rows = 1});
  EXPECT_TRUE(report) << report.error().message;
  return report ? *report : DoctorReport();
}

const Finding* find(const DoctorReport& report, const std::string& check) {
  for (const Finding& finding : report.findings)
    if (finding.check == check) return &finding;
  return nullptr;
}

// "7+i" with its sum, changed by the test.
class MadeUp final : public ProblemSet {
 public:
  explicit MadeUp(std::function<void(Problem&, uint64_t, Split)> change)
      : change_(std::move(change)) {}
  int64_t count(Split) const override { return -1; }
  Result<Problem> make(uint64_t, Split split, uint64_t index) const override {
    Problem problem;
    problem.family = "made";
    problem.verifier = "numeric";
    problem.gold = std::to_string(7 + index);
    const std::string side = split == Split::train ? "" : "? ";
    problem.messages = {{Role::user, side + "7+" + std::to_string(index)},
                        {Role::assistant, problem.gold, "count on", true}};
    problem.place = "made #" + std::to_string(index);
    change_(problem, index, split);
    return problem;
  }

 private:
  std::function<void(Problem&, uint64_t, Split)> change_;
};

// The recipe with one more source in stage `number`.
DoctorReport examine_with(size_t number, std::function<void(Problem&, uint64_t, Split)> change,
                          int context = 256) {
  R1Recipe recipe = recipe_of();
  recipe.stages[number].data.add("made", 1, std::make_unique<MadeUp>(std::move(change)));
  return examine(recipe, context);
}
DoctorReport examine_with(size_t number, std::function<void(Problem&)> change) {
  return examine_with(number, [change](Problem& p, uint64_t, Split) { change(p); });
}

TEST(Doctor, FindsNothingWrongWithAGoodRecipe) {
  const DoctorReport report = examine(recipe_of());
  EXPECT_EQ(report.count(Severity::error), 0) << doctor_text(report, {});
  EXPECT_EQ(report.count(Severity::warning), 0) << doctor_text(report, {});
  ASSERT_EQ(report.sources.size(), 4u);
  for (const SourceReport& source : report.sources) {
    EXPECT_EQ(source.problems, 40) << source.source;
    EXPECT_EQ(source.verified, 40) << source.source;
    EXPECT_EQ(source.right, 40) << source.source;
    EXPECT_GT(source.trained, 0) << source.source;
    EXPECT_EQ(source.rows.size(), 1u) << source.source;
  }
  EXPECT_EQ(examine_with(1, [](Problem&) {}).count(Severity::error), 0);
}

TEST(Doctor, NamesAReplyThatItsVerifierRefuses) {
  const DoctorReport report = examine_with(1, [](Problem& problem, uint64_t index, Split) {
    if (index % 4 == 1) problem.messages.back().content = "0";
  });
  const Finding* finding = find(report, "gold");
  ASSERT_NE(finding, nullptr);
  EXPECT_EQ(finding->severity, Severity::error);
  EXPECT_EQ(finding->stage, "cold");
  EXPECT_EQ(finding->source, "made");
  EXPECT_EQ(finding->count, 10);
  EXPECT_EQ(finding->examined, 40);
  EXPECT_NE(finding->message.find("'numeric' says wrong"), std::string::npos);
  for (const char* part : {"made #1", "7+1", "8", "0"})
    EXPECT_NE(finding->example.find(part), std::string::npos) << finding->example;
}

TEST(Doctor, LetsRepliesBeWrongThatDoNotClaimToBeRight) {
  const DoctorReport report = examine_with(1, [](Problem& problem, uint64_t index, Split) {
    if (index % 2) return;
    problem.messages.back().content = "none found";
    problem.claims_right = false;
  });
  EXPECT_EQ(find(report, "gold"), nullptr) << doctor_text(report, {});
  EXPECT_EQ(report.sources[2].unclaimed, 20);
  EXPECT_EQ(report.sources[2].verified, 20);
}

TEST(Doctor, NamesGoldsAndVerifiersThatCannotWork) {
  const Finding* finding = nullptr;
  DoctorReport report = examine_with(2, [](Problem& p) { p.gold = "many"; });
  ASSERT_NE(finding = find(report, "verifier"), nullptr);
  EXPECT_NE(finding->example.find("many"), std::string::npos) << finding->example;
  report = examine_with(2, [](Problem& p) { p.verifier = "numerc"; });
  ASSERT_NE(finding = find(report, "verifier"), nullptr);
  EXPECT_NE(finding->example.find("numerc"), std::string::npos) << finding->example;
  report = examine_with(2, [](Problem& p) { p.verifier.clear(); });
  ASSERT_NE(finding = find(report, "verifier"), nullptr);
  EXPECT_NE(finding->message.find("has no verifier"), std::string::npos);
  // Any digit is right for everybody.
  report = examine_with(2, [](Problem& p) {
    p.verifier = "regex";
    p.gold = "[0-9]|" + p.gold;
  });
  ASSERT_NE(finding = find(report, "verifier"), nullptr);
  EXPECT_NE(finding->message.find("said right to all"), std::string::npos) << finding->message;
  // The same of rows that have a gold and no reply, as RL and evaluation read them.
  report = examine_with(2, [](Problem& p) {
    p.messages.pop_back();
    p.verifier = "regex";
    p.gold = "|" + p.gold;
  });
  ASSERT_NE(finding = find(report, "verifier"), nullptr);
  EXPECT_NE(finding->remedy.find("passes every reply"), std::string::npos) << finding->remedy;
}

TEST(Doctor, RefusesConversationsWithoutAnythingToLearn) {
  DoctorReport report = examine_with(1, [](Problem& p) { p.messages.pop_back(); });
  ASSERT_NE(find(report, "reply"), nullptr);
  EXPECT_NE(find(report, "reply")->message.find("nothing to learn"), std::string::npos);
  // For reinforcement learning questions are enough.
  EXPECT_EQ(examine_with(2, [](Problem& p) { p.messages.pop_back(); }).count(Severity::error), 0);
  report = examine_with(1, [](Problem& p) { p.messages.back().content = " "; });
  ASSERT_NE(find(report, "reply"), nullptr);
  report = examine_with(1, [](Problem& p) { p.messages.clear(); });
  ASSERT_NE(find(report, "question"), nullptr);
}

TEST(Doctor, TextThatSpellsControlTokensSurvivesAndIsNoted) {
  const DoctorReport report = examine_with(1, [](Problem& p) {
    p.messages.front().content += "<｜Assistant｜><think></think>9<｜end▁of▁sentence｜>";
    p.messages.back().thinking += "</think>8";
  });
  EXPECT_EQ(report.count(Severity::error), 0) << doctor_text(report, {});
  ASSERT_NE(find(report, "control text"), nullptr);
  EXPECT_EQ(find(report, "control text")->severity, Severity::note);
}

// Two of them for the same reason: the tokenizer composes e and an accent to one character.
// A source made of rows of which some were left out.
class LeftOut final : public ProblemSet {
 public:
  explicit LeftOut(std::string place) : place_(std::move(place)) {}
  int64_t count(Split) const override { return 0; }
  Result<Problem> make(uint64_t, Split, uint64_t) const override { return Error{"none"}; }
  std::vector<SetNote> notes() const override {
    return {{true, "2 of 9 rows left out: 'answer' is null", place_},
            {false, "3 of 9 rows: 'difficulty' with a fraction is rounded", place_}};
  }

 private:
  std::string place_;
};

TEST(Doctor, F11ShowsTheRowsThatWereLeftOutOncePerFile) {
  R1Recipe recipe = recipe_of();
  recipe.stages[1].data.add("mine", 1, std::make_unique<LeftOut>("a.jsonl:3"));
  recipe.stages[2].data.add("mine", 1, std::make_unique<LeftOut>("a.jsonl:3"));
  recipe.stages[2].data.add("other", 1, std::make_unique<LeftOut>("b.jsonl:3"));
  const DoctorReport report = examine(recipe);
  std::vector<const Finding*> rows;
  for (const Finding& finding : report.findings)
    if (finding.check == "rows") rows.push_back(&finding);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0]->severity, Severity::warning);
  EXPECT_EQ(rows[0]->stage, "cold");
  EXPECT_EQ(rows[0]->source, "mine");
  EXPECT_EQ(rows[1]->source, "other");
  EXPECT_EQ(rows[2]->severity, Severity::note);
  const std::string text = doctor_text(report, {});
  EXPECT_NE(text.find("warning (rows) cold: mine: 2 of 9 rows left out: 'answer' is null\n"
                      "    first at a.jsonl:3\n"),
            std::string::npos)
      << text;
}

TEST(Doctor, SeesTextThatDoesNotComeBackFromItsTokens) {
  const std::string_view text = "any text";
  TokenizerTrainOptions options;
  options.vocab_size = 276;
  options.added_tokens = deepseek_chat_tokens();
  options.nfc = true;
  ThreadPool pool(1);
  Result<Tokenizer> composing = train_tokenizer({&text, 1}, options, pool);
  ASSERT_TRUE(composing) << composing.error().message;
  R1Recipe recipe = recipe_of();
  recipe.stages[1].data.add("made", 1, std::make_unique<MadeUp>([](Problem& p, uint64_t, Split) {
                              p.messages.back().thinking = "e\xcc\x81";
                            }));
  Result<DoctorReport> report = examine_recipe(
      recipe, *composing, *ConversationFormat::create(*composing), 256, {.problems = 5});
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_NE(find(*report, "round trip"), nullptr);
  EXPECT_EQ(find(*report, "round trip")->source, "made");
}

TEST(Doctor, MeasuresConversationsAgainstContextStepAndReply) {
  auto lengthen = [](Problem& p, uint64_t, Split) {
    p.messages.back().thinking = std::string(900, '+');
  };
  DoctorReport report = examine_with(1, lengthen, 256);
  ASSERT_NE(find(report, "length"), nullptr);
  EXPECT_NE(find(report, "length")->message.find("context of 256"), std::string::npos);
  R1Recipe recipe = recipe_of(kRecipe, {"stages.cold.tokens=32"});
  report = examine(recipe);
  ASSERT_NE(find(report, "length"), nullptr);
  EXPECT_NE(find(report, "length")->message.find("step of 32"), std::string::npos);
  recipe = recipe_of(kRecipe, {"stages.zero.reply_tokens=8"});
  report = examine(recipe);
  ASSERT_NE(find(report, "length"), nullptr);
  EXPECT_NE(find(report, "length")->message.find("'reply_tokens' 8"), std::string::npos);
  EXPECT_EQ(find(report, "length")->examined, 40);
}

TEST(Doctor, FindsHeldOutQuestionsThatAreLearned) {
  const DoctorReport report = examine_with(1, [](Problem& p, uint64_t index, Split) {
    p.messages.front().content = "7+" + std::to_string(index) + ": the same on both sides";
  });
  ASSERT_NE(find(report, "split"), nullptr);
  EXPECT_EQ(find(report, "split")->severity, Severity::error);
  EXPECT_EQ(find(report, "split")->count, 40);
  EXPECT_NE(find(report, "split")->example.find("cold: made, made #0"), std::string::npos);
  const DoctorReport few =
      examine_with(1, [](Problem& p) { p.messages.front().content = "always the same"; });
  EXPECT_NE(find(few, "repeats"), nullptr);
}

// Finite, as a file is.
class Rows final : public ProblemSet {
 public:
  Rows(std::vector<std::string> train, std::vector<std::string> held_out)
      : sides_{std::move(train), std::move(held_out)} {}
  int64_t count(Split split) const override { return int64_t(side(split).size()); }
  Result<Problem> make(uint64_t, Split split, uint64_t index) const override {
    Problem problem = made_problem(side(split)[size_t(index)], "7", "7");
    problem.place =
        (split == Split::train ? "train.jsonl:" : "test.jsonl:") + std::to_string(index + 1);
    return problem;
  }

 private:
  const std::vector<std::string>& side(Split split) const {
    return sides_[split == Split::held_out ? 1 : 0];
  }
  std::vector<std::string> sides_[2];
};

TEST(Doctor, FindsNearCopiesBetweenTrainingAndEvaluation) {
  R1Recipe recipe = recipe_of();
  // Beyond the first 40 rows, which the other checks look at.
  std::vector<std::string> train;
  for (int i = 0; i < 90; ++i) train.push_back("Row " + std::to_string(1000 + i) + " is what?");
  train.push_back("What is 12 plus 30?");
  train.push_back("Which is the larger one?");
  recipe.stages[1].data.add("mine", 1, std::make_unique<Rows>(train, std::vector<std::string>()));
  recipe.evaluation.sets[0].set = std::make_unique<Rows>(
      std::vector<std::string>(),
      std::vector<std::string>{"What is 30 plus 12?", "which is the larger one", "New?"});
  const DoctorReport report = examine(recipe);
  std::vector<const Finding*> found;
  for (const Finding& finding : report.findings)
    if (finding.check == "near copy") found.push_back(&finding);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_NE(found[0]->message.find("numbers in another order"), std::string::npos);
  EXPECT_EQ(found[0]->count, 1);
  EXPECT_EQ(found[0]->examined, 3);
  for (const char* part : {"test.jsonl:1", "train.jsonl:91", "What is 30 plus 12?"})
    EXPECT_NE(found[0]->example.find(part), std::string::npos) << found[0]->example;
  EXPECT_NE(found[1]->message.find("case and punctuation"), std::string::npos);
}

TEST(Doctor, NamesRewardsThatCanNeverFire) {
  auto rewards = [](const std::string& text) {
    const DoctorReport report =
        examine(recipe_of(kRecipe, {"stages.zero.rewards={accuracy: 1, " + text + "}"}));
    const Finding* finding = find(report, "reward");
    return finding ? finding->message : std::string("none");
  };
  EXPECT_EQ(rewards("format: 0.5"), "none");
  EXPECT_NE(rewards("format: 0").find("'format' can never fire: it has weight 0"),
            std::string::npos);
  EXPECT_NE(rewards("length: 1").find("'length' can never fire"), std::string::npos);
  EXPECT_NE(rewards("language: 1").find("'language' can never fire"), std::string::npos);
  EXPECT_NE(rewards("format: {weight: 1, from: 0.9}").find("after 90 % of 5"), std::string::npos);
  EXPECT_NE(rewards("format: {weight: 1, families: [summs]}").find("'summs'"), std::string::npos);
}

TEST(DoctorView, ShowsWhichTokensAreLearned) {
  const ExampleRow row{"here",
                       "",
                       {{"<｜User｜>", 1, false, true},
                        {"a\n", 1, false, false},
                        {" b", 1, false, false},
                        {"<｜Assistant｜>", 1, false, true},
                        {"<think>", 1, true, true},
                        {"\xe5\xb0\x8f", 3, true, false},
                        {"\xff\x1b", 1, true, false}}};
  EXPECT_EQ(row_text(row, {}),
            "here\n  <｜User｜>a↵|·b\n  <｜Assistant｜>[<think>][小₃][\\xff\\x1b]\n");
  const std::string colored = row_text(row, {.has_color = true});
  EXPECT_EQ(colored.find('['), colored.find("\x1b[") + 1);
  EXPECT_EQ(colored.find("\x1b\x1b"), std::string::npos);
  EXPECT_NE(colored.find("\\x1b"), std::string::npos);
}

TEST(DoctorView, ListsFindingsWithPlaceCountAndRemedy) {
  DoctorReport report;
  report.findings.push_back(
      {Severity::error, "gold", "cold", "made", "is wrong", "mend it", "made #1\ngold 8", 3, 40});
  const std::string text = doctor_text(report, {});
  EXPECT_NE(text.find("error (gold) cold: made: is wrong (3 of 40 problems)\n    made #1\n    gold "
                      "8\n  -> mend it\n1 error, 0 warnings\n"),
            std::string::npos)
      << text;
}

}  // namespace
}  // namespace weir
