// docs/r1.md's "Your rows, a fresh small model" as a reader would follow it: its row format, 200
// such rows, its recipe, the doctor and a run of a few steps.
#include <gtest/gtest.h>

#include "base/atomic_output.h"
#include "base/json.h"
#include "tests/run_program.h"

namespace weir {
namespace {

class OwnRows : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    document_ = *read_file(std::string(WEIR_SOURCE_DIR) + "/docs/r1.md");
    ASSERT_TRUE(write_file_atomic(folder_ + "/shop.jsonl", rows(200)));
    std::string recipe = block("**Your rows, a fresh small model.**", "yaml");
    replace(recipe, "run: runs/shop", "run: " + folder_ + "/run");
    replace(recipe, "path: shop.jsonl", "path: " + folder_ + "/shop.jsonl");
    ASSERT_TRUE(write_file_atomic(path("shop.yaml"), recipe));
  }
  void TearDown() override { (void)remove_all(folder_); }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  // The first fenced block of a language after `heading`.
  std::string block(const std::string& heading, const std::string& language) const {
    const size_t at = document_.find(heading), begin = document_.find("```" + language + "\n", at);
    EXPECT_NE(at, document_.npos) << heading;
    EXPECT_NE(begin, document_.npos) << language;
    const size_t first = document_.find('\n', begin) + 1;
    return document_.substr(first, document_.find("```", first) - first);
  }
  static void replace(std::string& text, const std::string& from, const std::string& to) {
    const size_t at = text.find(from);
    ASSERT_NE(at, text.npos) << from;
    text.replace(at, from.size(), to);
  }

  // Sums and differences of ten goods, in the form that the document shows.
  static std::string rows(int count) {
    static const char* const kGoods[] = {"tea",  "cake",  "milk", "bread", "apple",
                                         "soup", "juice", "egg",  "pie",   "salad"};
    std::string text;
    for (int i = 0; i < count; ++i) {
      const int a = i % 10, b = (i / 10 + a + 1) % 10, more = i / 100;
      const int first = a + 2 + more, second = b + 3;
      Json row = Json::object();
      row.set("question", std::string("What do a ") + kGoods[a] + " and a " + kGoods[b] +
                              " cost together on day " + std::to_string(i) + "?");
      row.set("answer", std::string("<think>") + kGoods[a] + " " + std::to_string(first) + "; " +
                            kGoods[b] + " +" + std::to_string(second) + "=" +
                            std::to_string(first + second) + "</think>" +
                            std::to_string(first + second));
      text += row.dump() + "\n";
    }
    return text;
  }

  std::string folder_ = testing::TempDir() + "weir_rows_XXXXXX";
  std::string document_;
};

TEST_F(OwnRows, N15TheDocumentsRowIsOne) {
  ASSERT_TRUE(write_file_atomic(path("shop.jsonl"),
                                block("**Your rows, a fresh small model.**", "json") + rows(20)));
  const Outcome outcome = run({"doctor", path("shop.yaml"), "--rows", "1", "--threads", "1"});
  EXPECT_EQ(outcome.code, 0) << outcome.error << outcome.out;
}

TEST_F(OwnRows, N15N17TwoHundredRowsAreARunWithTheDocumentsRecipe) {
  const Outcome doctor = run({"doctor", path("shop.yaml"), "--rows", "0", "--threads", "1"});
  EXPECT_EQ(doctor.code, 0) << doctor.error << doctor.out;
  // The default vocabulary is what the rows support.
  EXPECT_NE(doctor.out.find("all that the data supports (tokenizer.vocab_size is 512 by default)"),
            std::string::npos)
      << doctor.out;
  std::vector<std::string> command = {"r1", path("shop.yaml"), "--threads", "1"};
  for (const char* set :
       {"stages.base.share=0", "stages.base.steps=3", "stages.base.tokens=256", "stages.rl.share=0",
        "stages.rl.steps=1", "stages.rl.prompts=2", "stages.rl.group=2", "stages.rl.reply_tokens=4",
        "evaluation.problems=2", "evaluation.samples=1", "evaluation.reply_tokens=4", "rows=256"}) {
    command.push_back("--set");
    command.push_back(set);
  }
  const Outcome outcome = run(command);
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_NE(outcome.out.find("talk with it: weir chat"), std::string::npos) << outcome.out;
  EXPECT_TRUE(file_exists(path("run/stages/rl/manifest.json")));
  // The model is described before anything is measured.
  EXPECT_LT(outcome.error.find("model  "), outcome.error.find("measuring this machine"));
  EXPECT_NE(outcome.error.find("run/report.html, written again after every stage"),
            std::string::npos)
      << outcome.error;
}

// scripts/ablate: two arms with a pilot and one seed each, a table, and nothing to do afterwards.
TEST_F(OwnRows, AnAblationComparesItsArmsAndKeepsFinishedRuns) {
  ASSERT_TRUE(write_file_atomic(path("arms.yaml"), R"(run: unused
rows: 64
tokenizer: {vocab_size: 280}
model: {preset: demo, hidden_size: 32, num_hidden_layers: 2, num_attention_heads: 2, kv_lora_rank: 16,
        max_position_embeddings: 96}
stages:
  base: {kind: pretrain, steps: 2, tokens: 64, data: {words: {steps: 1}}}
evaluation: {problems: 2, samples: 1, reply_tokens: 2, sets: {words: {steps: 1}}}
)"));
  const std::string command =
      std::string("cd ") + WEIR_SOURCE_DIR + " && WEIR=" + WEIR_PROGRAM + " scripts/ablate " +
      path("arms.yaml") + " --vary stages.base.lr=0.001,as-is --seeds 1 --minutes 0.1 --threads 1" +
      " --out " + path("arms") + " > " + path("out") + " 2> " + path("errors");
  ASSERT_EQ(std::system(command.c_str()), 0) << *read_file(path("errors"));
  const std::string table = *read_file(path("arms/scores.md"));
  EXPECT_EQ(table, *read_file(path("out")));
  EXPECT_NE(table.find("| | stages.base.lr=0.001 | stages.base.lr=as-is |"), table.npos) << table;
  EXPECT_NE(table.find("| core-minutes of the run |"), table.npos) << table;
  EXPECT_TRUE(parse_json(*read_file(path("arms/scores.json"))));
  const std::string settings = *read_file(path("arms/0.001/seed-1/recipe.yaml"));
  EXPECT_NE(settings.find("0.001"), settings.npos) << settings;
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(read_file(path("errors"))->find("== "), std::string::npos) << "nothing is run again";
  // Other seeds may follow; another key may not.
  std::string other = command;
  replace(other, "stages.base.lr=", "stages.base.clip=");
  EXPECT_NE(std::system(other.c_str()), 0);
  EXPECT_NE(read_file(path("errors"))->find("choose another --out"), std::string::npos);
}

TEST_F(OwnRows, N17AStatedVocabularyThatIsTooLargeNamesItsKey) {
  const Outcome outcome = run({"doctor", path("shop.yaml"), "--set", "tokenizer.vocab_size=4096"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.error.find("'tokenizer.vocab_size' 4096 asked, but the text supports only"),
            std::string::npos)
      << outcome.error;
}

TEST_F(OwnRows, N15ExpertsInNoLayerAreNamed) {
  const Outcome outcome = run({"doctor", path("shop.yaml"), "--rows", "0", "--set",
                               "model={preset: deepseek-v3, hidden_size: 96, num_hidden_layers: 3, "
                               "num_attention_heads: 4, max_position_embeddings: 256}"});
  EXPECT_NE(outcome.out.find("no layer has experts: first_k_dense_replace 3 of 3 layers"),
            std::string::npos)
      << outcome.out << outcome.error;
}

TEST_F(OwnRows, N19TheOtherCommandsRecipeIsRecognised) {
  const std::string recipes = std::string(WEIR_SOURCE_DIR) + "/recipes/";
  for (const char* command : {"r1", "doctor"}) {
    const Outcome outcome = run({command, recipes + "demo.yaml"});
    EXPECT_EQ(outcome.code, 2);
    EXPECT_NE(outcome.error.find("this is a recipe of weir train"), std::string::npos)
        << outcome.error;
  }
  const Outcome train = run({"train", recipes + "quickstart.yaml"});
  EXPECT_EQ(train.code, 2);
  EXPECT_NE(train.error.find("this is a recipe of weir r1"), std::string::npos) << train.error;
}

}  // namespace
}  // namespace weir
