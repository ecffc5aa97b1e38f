// Guesses by DSpark's stages against the stages run over whole sequences.
#include "engine/block_draft.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "testing/drafter_fixture.h"
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

  StateRows states(const std::vector<int>& tokens) {
    arena.reset();
    std::vector<int> positions(tokens.size(), 0), sequences(tokens.size(), 0);
    std::iota(positions.begin(), positions.end(), 0);
    const Batch batch(tokens, positions, sequences);
    Run run{arena, pool, batch};
    Tensor further;
    (void)model.forward(run, nullptr, &further);
    return rows_of(further);
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
  const StateRows states = whole.states(tokens);
  guess_as_tokens_become_known(**draft, tokens, states, [&](std::span<const int> seen) {
    const int wanted[] = {0};
    for (int token : whole.block(std::span(states).first(seen.size() - 1), seen.back())) {
      const auto guesses = (*draft)->next(wanted);
      ASSERT_EQ(guesses[0].token, token) << seen.size();
      EXPECT_GT(guesses[0].probability, 0);
      EXPECT_LT(guesses[0].probability, 1);
    }
    EXPECT_EQ((*draft)->next(wanted)[0].token, -1) << "a block has an end";
  });
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
    expect_as_alone(*engine, model, drafted_requests(6, 40));
    if (!adapts) {
      EXPECT_GT(engine->statistics().drafted_tokens, 100);
    }
  }
}

}  // namespace
}  // namespace weir
