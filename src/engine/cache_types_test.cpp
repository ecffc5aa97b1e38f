// The engine over caches of every type: the same tokens and log-probabilities in any company, with
// shared beginnings, on few pages and on pages that were copied; and what it says of types that a
// model can not use.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>

#include "engine/engine.h"
#include "engine/scorer.h"
#include "testing/generation_fixture.h"

namespace weir {
namespace {

constexpr CacheType kTypes[] = {CacheType::f32, CacheType::f16, CacheType::bf16, CacheType::q8,
                                CacheType::q4};

// The tiny models with widths that every type can have, and more positions than a block of keys.
const Model& wide_model(Kind kind) {
  static std::map<Kind, std::unique_ptr<Model>> models;
  std::unique_ptr<Model>& model = models[kind];
  if (model) return *model;
  ModelConfig c = tiny(kind);
  c.max_position_embeddings = 512;
  c.head_dim = 16;
  if (kind != Kind::grouped) {
    c.kv_lora_rank = 48, c.qk_nope_head_dim = 32, c.qk_rope_head_dim = 16, c.v_head_dim = 16;
  }
  if (kind == Kind::sparse) c.index_head_dim = 32, c.index_topk = 40;
  model = Model::create(c, false);
  model->initialize(3);
  ThreadPool pool(1);
  model->pack(pool);
  return *model;
}

struct Setting {
  Kind kind;
  CacheForm form;
  CacheType type;
  bool exact;
  std::string name() const {
    return std::to_string(int(kind)) + (form == CacheForm::latent ? " latent " : " expanded ") +
           cache_type_name(type) + (exact ? " exact" : "");
  }
};

std::vector<Setting> all_settings() {
  std::vector<Setting> settings;
  for (Kind kind : {Kind::latent, Kind::sparse, Kind::grouped})
    for (CacheForm form : {CacheForm::expanded, CacheForm::latent})
      for (CacheType type : kTypes) {
        if (kind == Kind::grouped && form == CacheForm::latent) continue;
        settings.push_back({kind, form, type, false});
        if (type == CacheType::f16) settings.push_back({kind, form, type, true});
      }
  return settings;
}

EngineOptions options_of(const Setting& s) {
  EngineOptions options;
  options.cache = s.form;
  options.cache_type = s.type;
  options.exact = s.exact;
  return options;
}

// Three prompts: two that begin alike and one that reaches beyond a block of keys.
std::vector<TokenRequest> requests_of() {
  std::vector<TokenRequest> requests(3);
  for (int t = 0; t < 270; ++t) requests[2].prompt.push_back((t * 37 + t / 5) % 250);
  requests[0].prompt.assign(requests[2].prompt.begin(), requests[2].prompt.begin() + 75);
  requests[1].prompt = requests[0].prompt;
  requests[1].prompt[70] = 7;
  for (size_t i = 0; i < 3; ++i) {
    requests[i].tokens_max = 12;
    requests[i].sampling.seed = i;
  }
  return requests;
}

struct Output {
  std::vector<int> tokens;
  std::vector<float> log_probabilities;
  bool operator==(const Output&) const = default;
};

std::vector<Output> outputs_of(const Model& model, const EngineOptions& options, int threads,
                               const std::vector<TokenRequest>& requests,
                               int64_t* preemptions = nullptr) {
  ThreadPool pool(threads);
  auto engine = Engine::create(model, pool, options);
  EXPECT_TRUE(engine.has_value()) << engine.error().message;
  std::vector<Output> outputs(requests.size());
  for (const TokenRequest& request : requests) EXPECT_TRUE((*engine)->submit(request).has_value());
  while (!(*engine)->is_idle())
    for (const Drawn& drawn : (*engine)->step()) {
      EXPECT_EQ(drawn.error, "");
      outputs[size_t(drawn.sequence)].tokens.push_back(drawn.token.token);
      outputs[size_t(drawn.sequence)].log_probabilities.push_back(drawn.token.log_probability);
    }
  if (preemptions) *preemptions = (*engine)->statistics().preemptions;
  return outputs;
}

TEST(CacheTypes, SameBitsAloneInCompanyAtAnyChunkAndThreads) {
  for (const Setting& s : all_settings()) {
    const Model& model = wide_model(s.kind);
    const auto requests = requests_of();
    std::vector<Output> alone;
    for (const TokenRequest& request : requests)
      alone.push_back(outputs_of(model, options_of(s), 1, {request})[0]);
    for (int chunk : {9, 64, 1000}) {
      EngineOptions options = options_of(s);
      options.prefill_rows = chunk;
      EXPECT_EQ(outputs_of(model, options, 1 + chunk % 4, requests), alone) << s.name() << chunk;
    }
    EngineOptions options = options_of(s);
    options.prefill_rows = 30;
    options.cache_bytes_max =
        KvCache::create(model.config(), s.form, size_t(1) << 30, s.type)->bytes_for(320);
    int64_t preemptions = 0;
    EXPECT_EQ(outputs_of(model, options, 2, requests, &preemptions), alone) << s.name() << " tight";
  }
}

// Log-probabilities of a text through the cache.
std::vector<float> scores_of(const Setting& s, int chunk, int threads) {
  const Model& model = wide_model(s.kind);
  ThreadPool pool(threads);
  auto scorer = Scorer::create(model, pool, 300, s.form, chunk, s.type);
  EXPECT_TRUE(scorer.has_value()) << scorer.error().message;
  (*scorer)->exact = s.exact;
  std::vector<int> tokens;
  for (int t = 0; t < 300; ++t) tokens.push_back((t * 41 + t / 7) % 250);
  return *(*scorer)->log_probabilities(tokens);
}

TEST(CacheTypes, ScoresAreNearTheExactOnes) {
  for (const Setting& s : all_settings()) {
    const auto exact = scores_of({s.kind, s.form, CacheType::f32, true}, 300, 2);
    const auto found = scores_of(s, 300, 2);
    EXPECT_EQ(found, scores_of(s, 41, 3)) << s.name();
    double error = 0, spread = 0, mean = 0;
    for (float x : exact) mean += double(x) / double(exact.size());
    for (size_t i = 0; i < exact.size(); ++i) {
      error += std::pow(double(found[i]) - double(exact[i]), 2);
      spread += std::pow(double(exact[i]) - mean, 2);
    }
    // A choice of tokens that changes moves much of a small model's scores.
    const double most[] = {1e-4, 3e-3, 3e-2, 5e-2, 0.6};
    const double relative = std::sqrt(error / spread);
    if (s.kind != Kind::sparse) {
      EXPECT_LT(relative, most[size_t(s.type)]) << s.name();
    }
    EXPECT_LT(relative, 1) << s.name();
    if (s.type != CacheType::f32) {
      EXPECT_GT(relative, 1e-7) << s.name();
    }
  }
}

// A page is its bytes: copied to other pages of another cache, a sequence goes on with the same
// bits.
TEST(CacheTypes, PagesMayBeCopiedAsBytes) {
  for (const Setting& s : all_settings()) {
    const Model& model = wide_model(s.kind);
    ThreadPool pool(2);
    Arena arena(size_t(1) << 28);
    auto first = KvCache::create(model.config(), s.form, size_t(1) << 28, s.type);
    auto second = KvCache::create(model.config(), s.form, size_t(1) << 28, s.type);
    ASSERT_TRUE(first && second);
    const auto run = [&](KvCache& cache, int sequence, int begin, int count) {
      std::vector<int> tokens, positions, sequences(size_t(count), sequence);
      for (int t = begin; t < begin + count; ++t)
        tokens.push_back(t * 7 % 250), positions.push_back(t);
      EXPECT_TRUE(bool(cache.reserve(sequence, begin + count)));
      arena.reset();
      const Batch batch(tokens, positions, sequences);
      weir::Run pass{arena, pool, batch};
      pass.cache = &cache;
      pass.exact = s.exact;
      const Tensor logits = model.logits(pass, model.forward(pass));
      return std::vector<float>(logits.data, logits.data + logits.cols * logits.rows);
    };
    run(*first, 0, 0, 64);
    ASSERT_TRUE(bool(second->reserve(1, 100)));  // so that pages are elsewhere
    ASSERT_TRUE(bool(second->reserve(2, 64)));
    for (int page : {0, 1}) {
      const auto from = first->page_bytes(0, page), to = second->page_bytes(2, page);
      ASSERT_EQ(from.size(), first->page_bytes_least());
      std::memcpy(to.data(), from.data(), from.size());
    }
    EXPECT_EQ(run(*second, 2, 64, 5), run(*first, 0, 64, 5)) << s.name();
    // Rows beyond a cut are written again, on pages that had others.
    run(*second, 1, 0, 69);
    for (KvCache* cache : {&*first, &*second}) cache->truncate(cache == &*first ? 0 : 1, 50);
    EXPECT_EQ(run(*first, 0, 50, 19), run(*second, 1, 50, 19)) << s.name();
  }
}

TEST(CacheTypes, TypesThatTheWidthsDoNotSuitAreRefused) {
  ModelConfig config = tiny(Kind::grouped);  // heads of 12
  const auto model = Model::create(config, false);
  ThreadPool pool(1);
  for (CacheType type : kTypes) {
    EngineOptions options;
    options.cache_type = type;
    const auto engine = Engine::create(*model, pool, options);
    EXPECT_EQ(engine.has_value(), type == CacheType::f32);
    if (!engine) {
      EXPECT_NE(engine.error().message.find("use f32"), std::string::npos)
          << engine.error().message;
    }
  }
}

TEST(CacheTypes, BytesAreThoseOfTheLayout) {
  const ModelConfig& config = wide_model(Kind::grouped).config();
  const double f32 = cache_bytes(config, CacheForm::expanded, CacheType::f32, 320);
  EXPECT_EQ(f32, 3. * 2 * (16 + 16) * 4 * 320);
  EXPECT_EQ(cache_bytes(config, CacheForm::expanded, CacheType::f16, 320), f32 / 2);
  EXPECT_EQ(cache_bytes(config, CacheForm::expanded, CacheType::q8, 320),
            f32 / 4 + 3. * 2 * 2 * 4 * 320);
  for (CacheType type : kTypes)
    EXPECT_EQ(
        double(KvCache::create(config, CacheForm::expanded, size_t(1) << 30, type)->bytes_for(320)),
        cache_bytes(config, CacheForm::expanded, type, 320));
}

}  // namespace
}  // namespace weir
