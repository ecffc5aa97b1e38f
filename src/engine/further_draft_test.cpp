// Guesses by multi-token prediction against the module run over whole sequences, as training does.
#include "engine/further_draft.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

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

using Rows = std::vector<std::vector<float>>;

Rows rows_of(Tensor x) {
  Rows rows;
  for (int i = 0; i < x.rows; ++i) rows.emplace_back(x.row(i), x.row(i) + x.cols);
  return rows;
}

// Runs over tokens at positions 0, 1 ... without a cache: the model's states, or, given states and
// the tokens after them, the module's; and the likeliest token after the last.
struct Packed {
  const Model& model;
  ThreadPool pool{1};
  Arena arena{size_t(64) << 20};

  Rows run(const std::vector<int>& tokens, const Rows* given, int& likeliest) {
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
    const Rows rows = rows_of(states);
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
    const Rows of_model = packed.run(tokens, nullptr, ignored);
    const size_t width = size_t(model->further_width());
    TokenRequest request;
    request.sampling.temperature = 0;
    Random random(4, 0);
    for (size_t known = 0; known + 1 < tokens.size();) {
      // More tokens become known; the rows before the last are absorbed.
      const size_t end = std::min(tokens.size() - 1, known + 1 + random.below(7));
      Arena arena(size_t(1) << 20);
      Tensor rows{arena.floats((end - known) * width),
                  nullptr,
                  nullptr,
                  int(end - known),
                  int(width),
                  width};
      std::vector<KnownRow> kept;
      for (size_t p = known; p < end; ++p) {
        std::memcpy(rows.row(int(p - known)), of_model[p].data(), sizeof(float) * width);
        kept.push_back({9, 1, int(p), tokens[p + 1], int(p - known)});
      }
      (*draft)->absorb(rows, kept);
      known = end;
      const std::span<const int> seen = std::span(tokens).first(known + 1);
      const DraftedSequence sequence{9, seen, 1, &request, 10};
      (*draft)->begin({&sequence, 1});
      // By definition: the module over all of them, then over its own hidden states.
      Rows states(of_model.begin(), of_model.begin() + std::ptrdiff_t(known));
      std::vector<int> next(seen.begin() + 1, seen.end());
      for (int guess = 0; guess < 3; ++guess) {
        int expected = 0;
        const Rows out = packed.run(next, &states, expected);
        const int wanted[] = {0};
        const auto guesses = (*draft)->next(wanted);
        ASSERT_EQ(guesses[0].token, expected) << known << " " << guess;
        EXPECT_GT(guesses[0].probability, 0);
        states.push_back(out.back());
        next.push_back(expected);
      }
    }
    (*draft)->forget(9);
    const DraftedSequence sequence{9, tokens, 1, &request, 10};
    (*draft)->begin({&sequence, 1});
    const int wanted[] = {0};
    EXPECT_EQ((*draft)->next(wanted)[0].token, -1);
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
      std::vector<TokenRequest> requests;
      Outputs outputs;
      for (uint64_t i = 0; i < 8; ++i) {
        requests.push_back(request_of(i % 3, 20 + 5 * int(i), 50));
        requests.back().sampling.temperature = i % 2 ? 0.3 : 0;
        ASSERT_TRUE(engine->submit(requests.back()).has_value());
      }
      finish(*engine, outputs);
      for (uint64_t i = 0; i < 8; ++i)
        EXPECT_EQ(outputs[SequenceId(i)], alone(*model, requests[i])) << i;
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
