#include "stages/rejection.h"

#include "base/atomic_output.h"
#include "base/file.h"
#include "testing/r1_fixture.h"
#include "testing/training_fixture.h"

namespace weir {
namespace {

SampledReply reply(const std::string& question, const std::string& thinking,
                   const std::string& answer, bool is_right = true) {
  SampledReply sample;
  sample.problem = made_problem(question, answer, "gold");
  sample.problem.messages.back().thinking = thinking;
  sample.problem.messages.back().has_thinking = !thinking.empty();
  sample.problem.style = "sampled";
  sample.problem.place = "made #1";
  sample.is_right = is_right;
  sample.is_well_formed = true;
  return sample;
}

TEST(KeepGood, LeavesOutWhatIsWrongMalformedMixedOrRepeated) {
  std::vector<SampledReply> samples = {
      // Of the first problem the two shortest different ones.
      reply("q", "long way round", "4"), reply("q", "short", "4"), reply("q", "short", "4"),
      reply("q", "medium", "4"), reply("q", "", "5", false),
      // Of the second none.
      reply("r", "a", "1"), reply("r", "b", "1"), reply("r", "c", "1", false),
      reply("r", "d", "1", false), reply("r", "e", "1", false)};
  samples[5].is_well_formed = false;
  samples[6].language = 0.8;
  ReplySamplesRecipe recipe;
  recipe.per_problem = 5;
  recipe.keep = 2;
  recipe.language_min = 0.9;
  SampleCounts counts;
  const std::vector<Problem> kept = keep_good(samples, recipe, counts);
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].messages.back().thinking, "short");
  EXPECT_EQ(kept[1].messages.back().thinking, "medium");
  EXPECT_EQ(counts.drawn, 10);
  EXPECT_EQ(counts.kept, 2);
  EXPECT_EQ(counts.wrong, 4);
  EXPECT_EQ(counts.malformed, 1);
  EXPECT_EQ(counts.mixed_language, 1);
  EXPECT_EQ(counts.repeated, 2);
  EXPECT_EQ(counts.drawn, counts.kept + counts.wrong + counts.malformed + counts.mixed_language +
                              counts.repeated);
  EXPECT_EQ(counts.text(),
            "10 replies drawn: 2 kept, 4 wrong, 1 badly formed, 1 in mixed language, 2 beyond what "
            "a problem needs");
}

TEST(KeepGood, AnIncompleteLastGroupCounts) {
  ReplySamplesRecipe recipe;
  recipe.per_problem = 2;
  SampleCounts counts;
  EXPECT_EQ(
      keep_good({reply("q", "", "1"), reply("q", "", "1"), reply("r", "", "2")}, recipe, counts)
          .size(),
      2u);
  EXPECT_TRUE(keep_good({}, recipe, counts).empty());
}

class SampleFiles : public testing::Test {
 protected:
  std::string path() const { return folder_.file("samples.jsonl"); }
  std::string error_of(const std::string& text) {
    EXPECT_TRUE(write_file_atomic(path(), text));
    Result<std::vector<SampledReply>> read = read_samples(path());
    return read ? "" : read.error().message;
  }
  TemporaryFolder folder_;
};

TEST_F(SampleFiles, AreReadAsTheyWereWritten) {
  SampledReply full = reply("a question\nof two lines", "think \"hard\"", "42");
  full.problem.messages.insert(full.problem.messages.begin(), {Role::system, "be brief"});
  full.problem.difficulty = 3;
  full.problem.language = "zh";
  full.problem.rejected = {Role::assistant, "no", "because", true};
  full.problem.has_rejected = true;
  full.gold = {Role::assistant, "forty-two", "", false};
  full.has_gold = true;
  full.language = 1.0 / 3;
  SampledReply plain = reply("q", "", "5", false);
  plain.is_well_formed = false;
  plain.problem.verifier = "numeric";
  ASSERT_TRUE(write_samples(path(), {full, plain}));
  Result<std::vector<SampledReply>> read = read_samples(path());
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->size(), 2u);
  const SampledReply& again = read->front();
  ASSERT_EQ(again.problem.messages.size(), 3u);
  EXPECT_EQ(again.problem.messages[0].role, Role::system);
  EXPECT_EQ(again.problem.messages[1].content, "a question\nof two lines");
  EXPECT_EQ(again.problem.messages[2].thinking, "think \"hard\"");
  EXPECT_TRUE(again.problem.messages[2].has_thinking);
  EXPECT_EQ(again.problem.difficulty, 3);
  EXPECT_EQ(again.problem.language, "zh");
  EXPECT_EQ(again.problem.rejected.thinking, "because");
  EXPECT_TRUE(again.problem.has_rejected);
  EXPECT_EQ(again.gold.content, "forty-two");
  EXPECT_TRUE(again.has_gold);
  EXPECT_TRUE(again.is_right);
  EXPECT_EQ(again.language, 1.0 / 3);
  EXPECT_FALSE(read->back().has_gold);
  EXPECT_FALSE(read->back().is_right);
  EXPECT_FALSE(read->back().problem.has_rejected);
  EXPECT_FALSE(read->back().problem.messages.back().has_thinking);
  EXPECT_EQ(read->back().problem.verifier, "numeric");
  const std::string before = *read_file(path());
  ASSERT_TRUE(write_samples(path(), *read));
  EXPECT_EQ(*read_file(path()), before);
}

TEST_F(SampleFiles, DamagedLinesAreNamed) {
  ASSERT_TRUE(write_samples(path(), {reply("q", "t", "4")}));
  const std::string line = *read_file(path());
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = line;
    EXPECT_NE(text.find(from), std::string::npos) << from;
    return text.replace(text.find(from), from.size(), to);
  };
  EXPECT_EQ(error_of(line + "\n" + line), "");
  EXPECT_NE(error_of(line + "\n" + line.substr(0, 40)).find("samples.jsonl:3"), std::string::npos);
  struct Case {
    std::string from, to, word;
  };
  const Case cases[] = {
      {"\"role\":\"user\"", "\"role\":\"tool\"", "'tool'"},
      {"\"role\":\"assistant\"", "\"role\":\"user\"", "does not end with a reply"},
      {"\"family\":\"made\"", "\"family\":7", "'family'"},
      {"\"right\":true", "\"right\":1", "'right'"},
      {"\"difficulty\":0", "\"difficulty\":0.5", "'difficulty'"},
      {"\"messages\":", "\"message\":", "messages"}};
  for (const auto& [from, to, word] : cases) {
    const std::string error = error_of(line + changed(from, to));
    EXPECT_NE(error.find("samples.jsonl:2"), std::string::npos) << error;
    EXPECT_NE(error.find(word), std::string::npos) << error;
  }
  EXPECT_FALSE(read_samples(folder_.file("absent.jsonl")));
}

struct Drawn {
  TinyStages t;
  explicit Drawn(int threads = 1, const std::string& more = "")
      : t("  rl: {kind: grpo, steps: 1, data: {facts: {}}}\n"
          "  tuned: {kind: sft, parent: rl, steps: 1, samples: {from: rl, problems: 70, "
          "per_problem: 3, reply_tokens: 3" +
              more + "}}\n",
          {}, threads) {}
  Result<std::vector<SampledReply>> draw(std::unique_ptr<ProblemSet> set) {
    t.give(std::move(set));
    std::unique_ptr<Model> model = t.fresh_model();
    set_weights(*model, letter_weights());
    return draw_samples(t.context, t.stage(1), t.stage(0).data, *model);
  }
};

TEST(DrawSamples, AsksEveryProblemSoOftenAndJudges) {
  Drawn drawn;
  Result<std::vector<SampledReply>> samples = drawn.draw(letters());
  ASSERT_TRUE(samples) << samples.error().message;
  ASSERT_EQ(samples->size(), 210u);
  int right = 0;
  for (const SampledReply& sample : *samples) {
    const Message& message = sample.problem.messages.back();
    EXPECT_EQ(sample.problem.messages.size(), 2u);
    EXPECT_EQ(sample.is_right, message.content == "a" && sample.is_well_formed);
    EXPECT_TRUE(sample.has_gold);
    right += sample.is_right;
  }
  EXPECT_GT(right, 10);
  EXPECT_LT(right, 200);

  TemporaryFolder folder;
  std::vector<std::string> texts;
  for (int threads : {1, 2}) {
    Drawn again(threads);
    ASSERT_TRUE(write_samples(folder.file("s"), *again.draw(letters())));
    texts.push_back(*read_file(folder.file("s")));
  }
  EXPECT_EQ(texts[0], texts[1]);
}

TEST(DrawSamples, F25AreOfTheTrainingSplitOnly) {
  Drawn drawn;
  Result<std::vector<SampledReply>> samples =
      drawn.draw(std::make_unique<MadeProblems>([](uint64_t, Split split) {
        return made_problem(split == Split::train ? "say" : "held out", "a", "a");
      }));
  ASSERT_TRUE(samples) << samples.error().message;
  ASSERT_EQ(samples->size(), 210u);
  for (const SampledReply& sample : *samples)
    EXPECT_EQ(sample.problem.messages.front().content, "say");
}

TEST(DrawSamples, ProblemsWithoutVerifierArePassedOver) {
  Drawn drawn;
  auto some = std::make_unique<MadeProblems>(
      [](uint64_t index, Split) { return made_problem("say", "a", index % 5 == 0 ? "a" : ""); });
  Result<std::vector<SampledReply>> samples = drawn.draw(std::move(some));
  ASSERT_TRUE(samples) << samples.error().message;
  EXPECT_EQ(samples->size(), 210u);
  for (const SampledReply& sample : *samples) EXPECT_EQ(sample.problem.verifier, "exact");

  Drawn none;
  Result<std::vector<SampledReply>> failed = none.draw(letters(""));
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find("hardly any"), std::string::npos);
}

}  // namespace
}  // namespace weir
