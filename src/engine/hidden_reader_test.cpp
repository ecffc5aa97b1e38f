// Readers of hidden states get what one pass over the whole sequence computes, bit for bit, and
// nobody's tokens change.
#include "engine/hidden_reader.h"

#include <gtest/gtest.h>

#include <numeric>

#include "engine/resuming_reader.h"
#include "testing/engine_fixture.h"

namespace weir {
namespace {

struct Kept : ResumingReader {
  explicit Kept(int block) : block_(block) {}
  int block() const override { return block_; }
  void take_token(int, int token) override { tokens.push_back(token); }
  void take(int position, std::span<const float> hidden) override {
    positions.push_back(position);
    rows.emplace_back(hidden.begin(), hidden.end());
  }
  int may_skip(std::span<const int>, int found) override { return std::min(found, skips); }
  int skips = 1 << 30;
  std::vector<int> positions, tokens;
  std::vector<std::vector<float>> rows;

 private:
  int block_;
};

// The states of all tokens in one packed pass without a cache.
std::vector<std::vector<float>> packed_states(const Model& model, const std::vector<int>& tokens,
                                              int block) {
  struct Copy : BlockObserver {
    int wanted;
    std::vector<std::vector<float>> rows;
    void observe(int block, const Tensor& x) override {
      for (int r = 0; block == wanted && r < x.rows; ++r)
        rows.emplace_back(x.row(r), x.row(r) + x.cols);
    }
  } copy;
  copy.wanted = block;
  std::vector<int> positions(tokens.size());
  std::iota(positions.begin(), positions.end(), 0);
  const std::vector<int> sequences(tokens.size(), 0);
  const Batch batch(tokens, positions, sequences);
  ThreadPool pool(1);
  Arena arena(size_t(256) << 20);
  Run run{arena, pool, batch};
  const Tensor last = model.forward(run, &copy);
  copy.observe(-1, last);
  return copy.rows;
}

TEST(HiddenReader, GetsTheStatesOfOnePackedPassAndChangesNoToken) {
  for (Kind kind : {Kind::latent, Kind::grouped}) {
    const Model& model = tiny_model(kind);
    for (int block : {-1, 0}) {
      ThreadPool pool(2);
      auto engine = engine_of(model, pool, {.sequences_max = 3, .prefill_rows = 7});
      Outputs outputs;
      Kept readers[] = {Kept(block), Kept(block)};
      for (uint64_t i = 0; i < 3; ++i) {
        TokenRequest request = request_of(i, 20, 12);
        request.hidden_reader = i < 2 ? &readers[i] : nullptr;
        ASSERT_TRUE(engine->submit(request).has_value());
        step(*engine, outputs);
      }
      finish(*engine, outputs);
      for (uint64_t i = 0; i < 3; ++i)
        EXPECT_EQ(outputs[SequenceId(i)], alone(model, request_of(i, 20, 12)));
      for (uint64_t i = 0; i < 2; ++i) {
        std::vector<int> tokens = request_of(i, 20, 12).prompt;
        const std::vector<int>& drawn = outputs[SequenceId(i)].tokens;
        tokens.insert(tokens.end(), drawn.begin(), drawn.end() - 1);  // the last is never computed
        std::vector<int> positions(tokens.size());
        std::iota(positions.begin(), positions.end(), 0);
        EXPECT_EQ(readers[i].positions, positions);
        EXPECT_EQ(readers[i].tokens, tokens);
        EXPECT_EQ(readers[i].rows, packed_states(model, tokens, block));
      }
    }
  }
}

// Prompts that the cache has whole: a reader that says so sees rows that were found there, too.
TEST(HiddenReader, SaysHowMuchOfTheCacheMayBeLeftOut) {
  const Model& model = roomy_model(Kind::grouped);
  ThreadPool pool(2);
  auto engine = engine_of(model, pool, {.prefill_rows = 7, .keeps_prefixes = true});
  const TokenRequest request = request_of(5, 75, 4);
  const std::vector<std::vector<float>> expected = packed_states(model, request.prompt, 0);
  const std::pair<int, int> cases[] = {{0, 0}, {1 << 30, 74}, {40, 32}, {0, 0}, {64, 64}, {74, 74}};
  bool is_first = true;
  for (const auto& [skips, first] : cases) {
    Kept reader(0);
    reader.skips = skips;
    TokenRequest asked = request;
    asked.hidden_reader = &reader;
    ASSERT_TRUE(engine->submit(asked).has_value());
    Outputs outputs;
    finish(*engine, outputs);
    ASSERT_FALSE(reader.positions.empty());
    EXPECT_EQ(reader.positions.front(), is_first ? 0 : first) << skips;
    EXPECT_EQ(reader.positions.back() + 1, 75 + 3);
    for (size_t i = 0; reader.positions[i] < 75; ++i)
      EXPECT_EQ(reader.rows[i], expected[size_t(reader.positions[i])]) << i;
    EXPECT_EQ(outputs.begin()->second, alone(model, request));
    is_first = false;
  }
}

TEST(HiddenReader, SeesEachPositionOnceWithGuessesAndAfterPreemption) {
  const Model& model = tiny_model(Kind::grouped);
  ThreadPool pool(1);
  EngineOptions options{.sequences_max = 6, .prefill_rows = 10};
  options.cache_bytes_max = bytes_for(model, 192);
  options.speculation.ngrams = true;
  options.speculation.adapts = false;
  auto engine = engine_of(model, pool, options);
  std::vector<Kept> readers(6, Kept(0));
  std::vector<TokenRequest> requests;
  for (uint64_t i = 0; i < 6; ++i) {
    requests.push_back(request_of(i, 20, 80));
    requests.back().sampling.temperature = 0;  // repeats itself, so guesses come true
    requests.back().hidden_reader = &readers[i];
    ASSERT_TRUE(engine->submit(requests.back()).has_value());
  }
  Outputs outputs;
  finish(*engine, outputs);
  EXPECT_GT(engine->statistics().preemptions, 0);
  EXPECT_GT(engine->statistics().accepted_tokens, 0);
  for (uint64_t i = 0; i < 6; ++i) {
    std::vector<int> tokens = requests[i].prompt;
    const std::vector<int>& drawn = outputs[SequenceId(i)].tokens;
    tokens.insert(tokens.end(), drawn.begin(), drawn.end());
    const auto expected = packed_states(model, tokens, 0);
    // The last pass may end before the rows of its guesses are shown.
    ASSERT_GE(readers[i].positions.size() + 9, tokens.size());
    ASSERT_LT(readers[i].positions.size(), tokens.size());
    for (size_t p = 0; p < readers[i].positions.size(); ++p) {
      EXPECT_EQ(readers[i].positions[p], int(p));
      EXPECT_EQ(readers[i].rows[p], expected[p]) << p;
    }
  }
}

}  // namespace
}  // namespace weir
