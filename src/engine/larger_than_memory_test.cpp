// Models whose experts are read on demand give the bits of the same models in memory.
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/atomic_output.h"
#include "base/memory.h"
#include "engine/engine.h"
#include "engine/scorer.h"
#include "tensor/table_reader.h"
#include "testing/convert_fixture.h"

namespace weir {
namespace {

class LargerThanMemory : public ConvertTest {
 protected:
  // Three layers, two of which have 8 experts; a token chooses 3.
  std::string make(const std::string& name, const std::string& type) {
    auto config = read_config(golden_model("deepseek_v3") + "/config.json");
    config->vocab_size = 300, config->hidden_size = 64, config->moe_intermediate_size = 32;
    EXPECT_TRUE(write_file_atomic(path("config.json"), config_json(*config).dump()));
    auto made = random_to(path("config.json"), path(name), type);
    EXPECT_TRUE(made) << made.error().message;
    return path(name);
  }
  static Result<std::unique_ptr<Model>> open(const std::string& path, ExpertMemory memory) {
    return Model::open(TRY(Checkpoint::open(path)), memory);
  }
  static std::vector<float> scores(const Model& model, int chunk, int threads, bool exact) {
    constexpr int kTokens = 40;
    ThreadPool pool(threads);
    auto scorer = Scorer::create(model, pool, kTokens, CacheForm::expanded, chunk);
    EXPECT_TRUE(scorer) << scorer.error().message;
    (*scorer)->exact = exact;
    std::vector<int> tokens;
    const int most = std::min(250, model.config().vocab_size - 3);
    for (int i = 0; i < kTokens; ++i) tokens.push_back(3 + i * 37 % most);
    std::vector<float> all;
    const auto scored = (*scorer)->logits(tokens, [&](int, Tensor rows) -> Result<void> {
      all.insert(all.end(), rows.data, rows.data + size_t(rows.rows) * size_t(rows.cols));
      return {};
    });
    EXPECT_TRUE(scored) << scored.error().message;
    return all;
  }
  static constexpr double kWeights = 3 * 64 * 32;  // of an expert
};

TEST_F(LargerThanMemory, ResultsAreTheBitsOfTheModelInMemory) {
  for (const char* type : {"f32", "bf16", "q8_0", "q4_0", "mxfp4", "f8_e4m3"}) {
    const bool is_folder = std::string(type) == "f8_e4m3";
    const std::string file = make(is_folder ? "folder" : std::string(type) + ".gguf", type);
    auto whole = open(file, {});
    ASSERT_TRUE(whole) << whole.error().message;
    EXPECT_EQ((*whole)->expert_cache(), nullptr);
    (*whole)->pack(pool_);
    for (bool exact : {true, false}) {
      const std::vector<float> expected = scores(**whole, 40, 2, exact);
      // An expert in f32 takes 24 KiB; each has two blocks of 4 KiB for its alignment.
      for (int slots : {1, 5}) {
        const double slot = kWeights * 4 + 6 * 4096;
        auto streamed = open(file, {.bytes = slot * slots, .wants_direct = slots == 1});
        ASSERT_TRUE(streamed) << streamed.error().message;
        ASSERT_NE((*streamed)->expert_cache(), nullptr) << type;
        EXPECT_FALSE((*streamed)->streaming_note().empty());
        (*streamed)->pack(pool_);
        for (int chunk : {1, 6, 40})
          EXPECT_TRUE(same_bits(scores(**streamed, chunk, 1 + chunk % 3, exact), expected))
              << type << " exact " << exact << " slots " << slots << " chunk " << chunk;
        const auto statistics = (*streamed)->expert_cache()->statistics();
        EXPECT_GT(statistics.bytes_read, 0);
      }
    }
  }
}

// Engram's tables, E4M3 with scales apart, beside experts.
TEST_F(LargerThanMemory, RowsOfTablesAreThoseOfTheModelInMemory) {
  const std::string folder = golden_model("deepseek_v41_engram");
  auto whole = open(folder, {});
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_EQ((*whole)->table_reader(), nullptr);
  (*whole)->pack(pool_);
  const std::vector<float> expected = scores(**whole, 40, 2, true);
  for (bool is_direct : {true, false}) {
    auto streamed = open(folder, {.bytes = 1e5, .wants_direct = is_direct});
    ASSERT_TRUE(streamed) << streamed.error().message;
    ASSERT_NE((*streamed)->table_reader(), nullptr);
    EXPECT_NE((*streamed)->streaming_note().find("rows of the tables of n-grams"),
              std::string::npos);
    (*streamed)->pack(pool_);
    for (int chunk : {1, 6, 40})
      EXPECT_TRUE(same_bits(scores(**streamed, chunk, 1 + chunk % 3, true), expected)) << chunk;
    // Six rows of each of two tables for 120 tokens, two pieces each; some are neighbours.
    const auto statistics = (*streamed)->table_reader()->statistics();
    EXPECT_EQ(statistics.rows, 3 * 40 * 2 * 6);
    EXPECT_LE(statistics.distinct, statistics.rows);
  }
}

TEST_F(LargerThanMemory, AFileThatIsCutMeanwhileEndsTheSequenceWithTheReason) {
  const std::string file = make("m.gguf", "q8_0");
  auto model = open(file, {.bytes = 1e5});
  ASSERT_TRUE(model) << model.error().message;
  (*model)->pack(pool_);
  auto engine = Engine::create(**model, pool_, {.exact = false});
  ASSERT_TRUE(engine) << engine.error().message;
  const auto run = [&] {
    TokenRequest request;
    request.prompt = {5, 6, 7};
    request.tokens_max = 30;
    EXPECT_TRUE((*engine)->submit(std::move(request)));
    std::string error;
    while (!(*engine)->is_idle())
      for (const Drawn& drawn : (*engine)->step()) error = drawn.error;
    return error;
  };
  EXPECT_EQ(run(), "");
  // The last pages are of the last layers' experts; the mapping of the header stays whole.
  const uint64_t size = *file_size(file);
  ASSERT_EQ(truncate(file.c_str(), off_t(size - 4096)), 0);
  const std::string error = run();
  EXPECT_NE(error.find(file + ": was cut from"), std::string::npos) << error;
}

TEST_F(LargerThanMemory, MemoryThatHoldsNoExpertIsRefused) {
  const std::string file = make("m.gguf", "q8_0");
  const auto none = open(file, {.bytes = 100});
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("hold none of them; one takes"), std::string::npos)
      << none.error().message;
}

}  // namespace
}  // namespace weir
