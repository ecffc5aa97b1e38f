// Guesses by DSpark's stages against the stages run over whole sequences.
#include "engine/block_draft.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "testing/engine_fixture.h"

namespace weir {
namespace {

ModelConfig drafting_config() {
  ModelConfig config = compressed_config(2);
  config.dspark_target_layer_ids = {1, 3};
  config.dspark_block_size = 4, config.dspark_noise_token_id = 263;
  config.dspark_markov_rank = 8;
  config.dspark_n_routed_experts = 3, config.dspark_num_experts_per_tok = 2;
  EXPECT_TRUE(validate(config).has_value()) << validate(config).error().message;
  return config;
}

const Model& drafting_model() {
  static std::unique_ptr<Model> model;
  if (!model) {
    model = Model::create(drafting_config(), false);
    model->initialize(5);
    ThreadPool pool(1);
    model->pack(pool);
  }
  return *model;
}

// By definition: all states of a sequence, then the greedy block after its last token.
struct Whole {
  const Model& model;
  ThreadPool pool{1};
  Arena arena{size_t(64) << 20};

  std::vector<std::vector<float>> states(const std::vector<int>& tokens) {
    arena.reset();
    std::vector<int> positions(tokens.size(), 0), sequences(tokens.size(), 0);
    std::iota(positions.begin(), positions.end(), 0);
    const Batch batch(tokens, positions, sequences);
    Run run{arena, pool, batch};
    Tensor further;
    (void)model.forward(run, nullptr, &further);
    std::vector<std::vector<float>> rows;
    for (int i = 0; i < further.rows; ++i)
      rows.emplace_back(further.row(i), further.row(i) + further.cols);
    return rows;
  }

  std::vector<int> block(std::span<const std::vector<float>> states, int anchor) {
    arena.reset();
    const int count = int(states.size()), size = model.config().dspark_block_size;
    std::vector<int> zeros(size_t(count), 0), positions(size_t(count), 0), one(size_t(size), 0);
    std::iota(positions.begin(), positions.end(), 0);
    const Batch known(zeros, positions, zeros);
    Run run{arena, pool, known};
    Tensor in = run.make(count, model.further_width());
    for (int i = 0; i < count; ++i)
      std::memcpy(in.row(i), states[size_t(i)].data(), sizeof(float) * size_t(in.cols));
    const Tensor context = model.draft_context(run, in);
    std::vector<int> tokens(size_t(size), model.config().dspark_noise_token_id),
        at(size_t(size), 0);
    tokens[0] = anchor;
    std::iota(at.begin(), at.end(), count);
    const Batch batch(tokens, at, one);
    Run draft{arena, pool, batch};
    const int begin = std::max(0, count - model.config().sliding_window);
    const Tensor hidden = model.draft_hidden(draft, {context, &begin, &count});
    const Tensor base = model.draft_logits(draft, hidden);
    std::vector<int> drafted;
    for (int k = 0; k < size; ++k) {
      const int before = k == 0 ? anchor : drafted.back();
      Tensor row = draft.make(1, base.cols);
      std::memcpy(row.row(0), base.row(k), sizeof(float) * size_t(base.cols));
      const Tensor z = model.draft_bias(draft, row, {&before, 1});
      drafted.push_back(int(std::max_element(z.row(0), z.row(0) + z.cols) - z.row(0)));
    }
    return drafted;
  }
};

TEST(BlockDraft, GuessesWhatTheStagesDraft) {
  const Model& model = drafting_model();
  Whole whole{model};
  ThreadPool pool(2);
  auto draft = BlockDraft::create(model, pool, {.sequences_max = 2, .drawable = 264}, 100);
  ASSERT_TRUE(draft.has_value());
  const std::vector<int> tokens = prompt_of(3, 60);
  const auto states = whole.states(tokens);
  TokenRequest request;
  request.sampling.temperature = 0;
  Random random(4, 0);
  for (size_t known = 0; known + 1 < tokens.size();) {
    const size_t end = std::min(tokens.size() - 1, known + 1 + random.below(7));
    Arena arena(size_t(1) << 20);
    const size_t width = states[0].size();
    Tensor rows{
        arena.floats((end - known) * width), nullptr, nullptr, int(end - known), int(width), width};
    std::vector<KnownRow> kept;
    for (size_t p = known; p < end; ++p) {
      std::memcpy(rows.row(int(p - known)), states[p].data(), sizeof(float) * width);
      kept.push_back({9, 1, int(p), tokens[p + 1], int(p - known)});
    }
    (*draft)->absorb(rows, kept);
    known = end;
    const std::span<const int> seen = std::span(tokens).first(known + 1);
    const DraftedSequence sequence{9, seen, 1, &request, 10};
    (*draft)->begin({&sequence, 1});
    const std::vector<int> expected = whole.block(std::span(states).first(known), tokens[known]);
    const int wanted[] = {0};
    for (int token : expected) {
      const auto guesses = (*draft)->next(wanted);
      ASSERT_EQ(guesses[0].token, token) << known;
      EXPECT_GT(guesses[0].probability, 0);
      EXPECT_LT(guesses[0].probability, 1);
    }
    EXPECT_EQ((*draft)->next(wanted)[0].token, -1) << "a block has an end";
  }
  (*draft)->forget(9);
  const DraftedSequence sequence{9, tokens, 1, &request, 10};
  (*draft)->begin({&sequence, 1});
  const int wanted[] = {0};
  EXPECT_EQ((*draft)->next(wanted)[0].token, -1);
}

// The engine with the stages: no token changes, whatever they draft.
TEST(BlockDraft, ChangesNoToken) {
  const Model& model = drafting_model();
  ThreadPool pool(2);
  for (bool adapts : {false, true}) {
    auto engine = engine_of(
        model, pool,
        {.sequences_max = 3,
         .prefill_rows = 16,
         .keeps_prefixes = true,
         .speculation = {.ngrams = adapts, .mtp = true, .tokens_max = 3, .adapts = adapts}});
    std::vector<TokenRequest> requests;
    Outputs outputs;
    for (uint64_t i = 0; i < 6; ++i) {
      requests.push_back(request_of(i % 3, 20 + 5 * int(i), 40));
      requests.back().sampling.temperature = i % 2 ? 0.3 : 0;
      ASSERT_TRUE(engine->submit(requests.back()).has_value());
    }
    finish(*engine, outputs);
    for (uint64_t i = 0; i < 6; ++i)
      EXPECT_EQ(outputs[SequenceId(i)], alone(model, requests[i])) << i;
    if (!adapts) {
      EXPECT_GT(engine->statistics().drafted_tokens, 100);
    }
  }
}

}  // namespace
}  // namespace weir
