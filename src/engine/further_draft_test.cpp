// Guesses by multi-token prediction against the module run over whole sequences, as training does.
#include "engine/further_draft.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "testing/drafter_fixture.h"
#include "testing/engine_fixture.h"

namespace weir {
namespace {

// V4's kind beside those of tiny().
enum class Module { latent, sparse, streams };

ModelConfig config_with_module(Module module) {
  if (module == Module::streams) return compressed_config(1);
  const Kind kind = module == Module::latent ? Kind::latent : Kind::sparse;
  ModelConfig config = tiny(kind);
  if (kind != Kind::sparse) config.model_type = "deepseek_v3";
  config.num_nextn_predict_layers = 1;
  return config;
}

std::unique_ptr<Model> model_with_module(Module module) {
  auto model = Model::create(config_with_module(module), false);
  model->initialize(5);
  ThreadPool pool(1);
  model->pack(pool);
  return model;
}

// Runs over tokens at positions 0, 1 ... without a cache: the model's states, or, given states and
// the tokens after them, the module's; and the likeliest token after the last.
struct Packed {
  const Model& model;
  ThreadPool pool{1};
  Arena arena{size_t(64) << 20};

  StateRows run(const std::vector<int>& tokens, const StateRows* given, int& likeliest) {
    arena.reset();
    std::vector<int> positions, sequences(tokens.size(), 0);
    for (int i = 0; i < int(tokens.size()); ++i) positions.push_back(i);
    const Batch batch(tokens, positions, sequences);
    Run run{arena, pool, batch};
    Tensor out, states;
    if (given) {
      states = run.make(int(given->size()), model.further_width());
      for (int i = 0; i < states.rows; ++i)
        std::memcpy(states.row(i), (*given)[size_t(i)].data(), sizeof(float) * size_t(states.cols));
      out = model.predict_further(run, states, tokens, 0);
    } else {
      out = model.forward(run, nullptr, &states);
    }
    const int last[] = {out.rows - 1};
    const StateRows rows = rows_of(states);
    const Tensor logits = model.logits(run, out, last);
    likeliest = int(std::max_element(logits.row(0), logits.row(0) + 264) - logits.row(0));
    return rows;
  }
};

TEST(FurtherDraft, GuessesWhatTheModulePredicts) {
  for (Module module : {Module::latent, Module::sparse, Module::streams}) {
    const auto model = model_with_module(module);
    Packed packed{*model};
    ThreadPool pool(2);
    auto draft = FurtherDraft::create(
        *model, pool, {.sequences_max = 2, .cache_bytes_max = size_t(8) << 20, .drawable = 264},
        100);
    ASSERT_TRUE(draft.has_value());
    const std::vector<int> tokens = prompt_of(3, 60);
    int ignored = 0;
    const StateRows of_model = packed.run(tokens, nullptr, ignored);
    guess_as_tokens_become_known(**draft, tokens, of_model, [&](std::span<const int> seen) {
      // By definition: the module over all of them, then over its own hidden states.
      StateRows states(of_model.begin(), of_model.begin() + std::ptrdiff_t(seen.size() - 1));
      std::vector<int> next(seen.begin() + 1, seen.end());
      for (int guess = 0; guess < 3; ++guess) {
        int expected = 0;
        const StateRows out = packed.run(next, &states, expected);
        const int wanted[] = {0};
        const auto guesses = (*draft)->next(wanted);
        ASSERT_EQ(guesses[0].token, expected) << seen.size() << " " << guess;
        EXPECT_GT(guesses[0].probability, 0);
        states.push_back(out.back());
        next.push_back(expected);
      }
    });
  }
}

// The engine with the module: no token changes, whatever it guesses.
TEST(FurtherDraft, ChangesNoToken) {
  for (Module module : {Module::latent, Module::sparse, Module::streams}) {
    const auto model = model_with_module(module);
    ThreadPool pool(2);
    for (bool adapts : {false, true}) {
      auto engine = engine_of(
          *model, pool,
          {.sequences_max = 3,
           .prefill_rows = 16,
           .cache_bytes_max = bytes_for(*model, 320),
           .keeps_prefixes = true,
           .speculation = {.ngrams = adapts, .mtp = true, .tokens_max = 3, .adapts = adapts}});
      expect_as_alone(*engine, *model, drafted_requests(8, 50));
      if (!adapts) {
        EXPECT_GT(engine->statistics().drafted_tokens, 100);
      }
    }
  }
}

TEST(FurtherDraft, NeedsTheModule) {
  ThreadPool pool(1);
  auto engine = Engine::create(tiny_model(Kind::latent), pool, {.speculation = {.mtp = true}});
  ASSERT_FALSE(engine.has_value());
  EXPECT_NE(engine.error().message.find("no module of multi-token prediction"), std::string::npos);
}

}  // namespace
}  // namespace weir
