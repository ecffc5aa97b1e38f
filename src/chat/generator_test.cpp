// The generator on tiny random models: the same bits alone, in company, at any chunk size and
// number of threads, and as the packed forward that training uses.
#include "chat/generator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "testing/generation_fixture.h"
#include "testing/tiny_models.h"

namespace weir {
namespace {

// 256 bytes and two added tokens; the models have some more columns than that.
const Tokenizer& byte_tokenizer() {
  static const Tokenizer tokenizer =
      make_byte_tokenizer({{"<bos>", true}, {"<eos>", true}}, "<bos>", "<eos>");
  return tokenizer;
}

// Prompts of different lengths, two of them equal, with different options.
std::vector<Request> mixed_requests() {
  std::vector<Request> requests;
  const int lengths[] = {1, 40, 7, 33, 33, 100, 2, 64};
  for (int i = 0; i < 8; ++i) {
    Request r;
    r.prompt = prompt_of(uint64_t(i == 4 ? 3 : i), lengths[i]);
    r.tokens_max = 5 + 6 * i;
    r.sampling = {.temperature = i % 3 == 0 ? 0 : 0.8, .top_k = i % 2 ? 20 : 0, .seed = 9};
    r.stream = uint64_t(i);
    r.records_experts = i % 4 != 3;
    requests.push_back(r);
  }
  return requests;
}

std::vector<Completion> generate(const Model& model, std::span<const Request> requests,
                                 EngineOptions options, int threads = 1) {
  ThreadPool pool(threads);
  auto generator = Generator::create(model, byte_tokenizer(), pool, options);
  EXPECT_TRUE(generator.has_value());
  auto completions = (*generator)->generate(requests);
  if (!completions) ADD_FAILURE() << completions.error().message;
  return completions ? *std::move(completions) : std::vector<Completion>(requests.size());
}

void expect_equal(const Completion& a, const Completion& b, const std::string& what) {
  EXPECT_EQ(a.tokens, b.tokens) << what;
  EXPECT_EQ(a.text, b.text) << what;
  EXPECT_EQ(a.reason, b.reason) << what;
  EXPECT_EQ(a.log_probabilities, b.log_probabilities) << what;  // bits
  EXPECT_EQ(a.model_log_probabilities, b.model_log_probabilities) << what;
  EXPECT_EQ(a.experts, b.experts) << what;
}

TEST(Generator, SameBitsAloneInCompanyAtAnyChunkAndThreads) {
  struct Setting {
    Kind kind;
    CacheForm form;
  };
  for (Setting s :
       {Setting{Kind::latent, CacheForm::expanded}, Setting{Kind::latent, CacheForm::latent},
        Setting{Kind::sparse, CacheForm::expanded}, Setting{Kind::sparse, CacheForm::latent},
        Setting{Kind::grouped, CacheForm::expanded}}) {
    const Model& model = tiny_model(s.kind);
    const auto requests = mixed_requests();
    std::vector<Completion> alone;
    for (const Request& r : requests)
      alone.push_back(generate(model, {&r, 1}, {.cache = s.form})[0]);
    struct Company {
      int chunk, sequences, threads;
    };
    for (Company c : {Company{1, 8, 1}, Company{5, 3, 1}, Company{32, 8, 3}, Company{256, 1, 1},
                      Company{256, 4, 2}}) {
      auto batch = generate(
          model, requests, {.sequences_max = c.sequences, .prefill_rows = c.chunk, .cache = s.form},
          c.threads);
      for (size_t i = 0; i < requests.size(); ++i)
        expect_equal(batch[i], alone[i],
                     "request " + std::to_string(i) + " chunk " + std::to_string(c.chunk) +
                         " sequences " + std::to_string(c.sequences));
    }
  }
}

// Log-probabilities of tokens [from, end) by the forward that training uses: packed, without a
// cache. `experts` (may be null): what its gates choose.
std::vector<float> packed_log_probabilities(const Model& model, const std::vector<int>& tokens,
                                            size_t from, std::vector<uint16_t>* experts = nullptr) {
  ThreadPool pool(2);
  Arena arena(size_t(1) << 30);
  std::vector<int> inputs(tokens.begin(), tokens.end() - 1), targets(inputs.size(), -1);
  std::vector<int> positions, sequences(inputs.size(), 0);
  for (size_t i = 0; i < inputs.size(); ++i) positions.push_back(int(i));
  for (size_t i = from; i < tokens.size(); ++i) targets[i - 1] = tokens[i];
  Batch batch(inputs, positions, sequences);
  Run run{arena, pool, batch};
  RoutingTrace trace = model.routing_trace();
  trace.append(batch.size());
  run.routing.own = &trace;
  std::vector<float> result(inputs.size());
  cross_entropy(run, model.forward(run), model.head(), targets, 1, result.data());
  for (int r = 0; experts && r < trace.rows(); ++r)
    experts->insert(experts->end(), trace.row(r).begin(), trace.row(r).end());
  return {result.begin() + std::ptrdiff_t(from) - 1, result.end()};
}

TEST(Generator, CachedDecodingEqualsThePackedForwardBitForBit) {
  for (Kind kind : {Kind::latent, Kind::sparse, Kind::grouped}) {
    const Model& model = tiny_model(kind);
    const auto requests = mixed_requests();
    auto completions = generate(model, requests, {.prefill_rows = 24}, 2);
    for (size_t i = 0; i < requests.size(); ++i) {
      std::vector<int> tokens = requests[i].prompt;
      tokens.insert(tokens.end(), completions[i].tokens.begin(), completions[i].tokens.end());
      std::vector<uint16_t> experts;
      EXPECT_EQ(completions[i].model_log_probabilities,
                packed_log_probabilities(model, tokens, requests[i].prompt.size(), &experts))
          << i;
      if (!requests[i].records_experts) experts.clear();
      EXPECT_EQ(completions[i].experts, experts) << i;
      EXPECT_EQ(completions[i].experts.empty(),
                kind == Kind::grouped || !requests[i].records_experts);
    }
  }
}

TEST(Generator, LatentCacheAgreesWithThePackedForward) {
  const Model& model = tiny_model(Kind::latent);
  const auto requests = mixed_requests();
  auto completions = generate(model, requests, {.cache = CacheForm::latent}, 2);
  double worst = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    std::vector<int> tokens = requests[i].prompt;
    tokens.insert(tokens.end(), completions[i].tokens.begin(), completions[i].tokens.end());
    auto expected = packed_log_probabilities(model, tokens, requests[i].prompt.size());
    for (size_t t = 0; t < expected.size(); ++t) {
      double difference = std::abs(double(expected[t] - completions[i].model_log_probabilities[t]));
      worst = std::max(worst, difference / std::max(1.0, std::abs(double(expected[t]))));
    }
  }
  // The absorbed form adds in another order; sums here have up to 100 terms of 24 products.
  EXPECT_LT(worst, 1e-5);
  RecordProperty("worst_relative_difference", std::to_string(worst));
}

TEST(Generator, SamplesOfOnePromptComputeItOnce) {
  const Model& model = tiny_model(Kind::latent);
  ThreadPool pool(1);
  std::vector<Request> requests(6);
  for (size_t i = 0; i < requests.size(); ++i) {
    requests[i].prompt = prompt_of(1, 60);
    requests[i].tokens_max = 10;
    requests[i].stream = i;
    requests[i].records_experts = i != 0;  // the one that computes the prompt for the others
  }
  auto generator = Generator::create(model, byte_tokenizer(), pool, {.sequences_max = 4});
  ASSERT_TRUE(generator.has_value());
  auto batch = (*generator)->generate(requests);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ((*generator)->statistics().prompt_tokens, 60 + 5);
  EXPECT_EQ((*generator)->statistics().reused_tokens, 5 * 59);
  for (size_t i = 0; i < requests.size(); ++i)
    expect_equal((*batch)[i], generate(model, {&requests[i], 1}, {})[0], "sample");
  EXPECT_NE((*batch)[0].tokens, (*batch)[1].tokens);
}

TEST(Generator, AConversationContinuesFromItsCache) {
  const Model& model = tiny_model(Kind::latent);
  ThreadPool pool(1);
  auto generator = Generator::create(model, byte_tokenizer(), pool, {.keeps_prefixes = true});
  ASSERT_TRUE(generator.has_value());
  Request turn;
  turn.prompt = prompt_of(1, 40);
  turn.tokens_max = 10;
  turn.records_experts = true;
  auto first = (*generator)->generate({&turn, 1});
  ASSERT_TRUE(first.has_value());
  turn.prompt.insert(turn.prompt.end(), (*first)[0].tokens.begin(), (*first)[0].tokens.end());
  turn.prompt.push_back(70);
  auto second = (*generator)->generate({&turn, 1});
  ASSERT_TRUE(second.has_value());
  // All but the last token drawn, which had not been computed, and the new one.
  EXPECT_EQ((*generator)->statistics().reused_tokens, 49);
  expect_equal((*second)[0], generate(model, {&turn, 1}, {})[0], "second turn");
}

TEST(Generator, ExpertsAreCompleteAlsoAfterACallThatRecordedNone) {
  const Model& model = tiny_model(Kind::latent);
  ThreadPool pool(1);
  auto generator = Generator::create(model, byte_tokenizer(), pool, {.keeps_prefixes = true});
  ASSERT_TRUE(generator.has_value());
  Request r;
  r.prompt = prompt_of(1, 40);
  r.tokens_max = 10;
  ASSERT_TRUE((*generator)->generate({&r, 1}).has_value());
  r.records_experts = true;
  const Completion expected = generate(model, {&r, 1}, {})[0];
  EXPECT_EQ(expected.experts.size(), (40u + 10 - 1) * model.routing_trace().row_size());
  for (int64_t reused : {0, 39, 78}) {
    auto again = (*generator)->generate({&r, 1});
    ASSERT_TRUE(again.has_value());
    expect_equal((*again)[0], expected, "again");
    EXPECT_EQ((*generator)->statistics().reused_tokens, reused);
  }
}

// A conversation that goes another way takes over a slot whose pages a running reply still reads.
TEST(Generator, ASlotThatIsTakenOverLeavesSharedPagesAlone) {
  const Model& model = tiny_model(Kind::latent);
  std::vector<Request> requests(3);
  for (size_t i = 0; i < 3; ++i) {
    requests[i].prompt = prompt_of(1, 100);
    requests[i].stream = i;
  }
  requests[0].tokens_max = 4;  // then its slot is free, and shares three pages with the next one
  requests[1].tokens_max = 20;
  requests[2].prompt = prompt_of(2, 60);
  std::copy_n(requests[0].prompt.begin(), 20, requests[2].prompt.begin());
  requests[2].tokens_max = 5;
  const auto together = generate(model, requests, {.sequences_max = 2});
  for (size_t i = 0; i < 3; ++i)
    expect_equal(together[i], generate(model, {&requests[i], 1}, {})[0], std::to_string(i));
}

TEST(Generator, ShortMemoryMakesRequestsWaitAndChangesNothing) {
  const Model& model = tiny_model(Kind::latent);
  const auto requests = mixed_requests();
  auto cache = KvCache::create(model.config(), CacheForm::expanded, size_t(1) << 30);
  auto expected = generate(model, requests, {});
  auto small = generate(model, requests, {.cache_bytes_max = cache->bytes_for(128)}, 2);
  for (size_t i = 0; i < requests.size(); ++i) expect_equal(small[i], expected[i], "small cache");
}

TEST(Generator, EndOfContextOrCacheIsLength) {
  const Model& model = tiny_model(Kind::grouped);
  Request r;
  r.prompt = prompt_of(1, 120);
  r.tokens_max = 1000;
  auto full = generate(model, {&r, 1}, {});
  EXPECT_EQ(full[0].reason, FinishReason::length);
  EXPECT_EQ(full[0].tokens.size(), 128u - 120 + 1);  // the last one needs no position
  auto cache = KvCache::create(model.config(), CacheForm::expanded, size_t(1) << 30);
  r.prompt.resize(50);
  auto small = generate(model, {&r, 1}, {.cache_bytes_max = cache->bytes_for(64)});
  EXPECT_EQ(small[0].reason, FinishReason::length);
  EXPECT_EQ(small[0].tokens.size(), 64u - 50 + 1);
}

TEST(Generator, StopIdsAndStopStringsEndASequence) {
  const Model& model = tiny_model(Kind::latent);
  Request r;
  r.prompt = prompt_of(3, 20);
  r.tokens_max = 30;
  r.sampling.seed = 4;
  Completion whole = generate(model, {&r, 1}, {})[0];
  ASSERT_EQ(whole.tokens.size(), 30u);
  Request by_id = r;
  by_id.stop_ids = {whole.tokens[12]};
  Completion ended = generate(model, {&by_id, 1}, {})[0];
  EXPECT_EQ(ended.reason, FinishReason::end);
  EXPECT_LE(ended.tokens.size(), 13u);
  EXPECT_EQ(ended.tokens.back(), whole.tokens[12]);
  const size_t at = whole.text.find_first_of("abcdefghijklmnopqrstuvwxyz", 5);
  ASSERT_NE(at, std::string::npos);
  Request by_text = r;
  by_text.stops = {whole.text.substr(at, 1)};
  by_text.records_experts = true;
  Completion stopped = generate(model, {&by_text, 1}, {})[0];
  EXPECT_EQ(stopped.reason, FinishReason::stop);
  EXPECT_EQ(stopped.stop, by_text.stops[0]);
  EXPECT_EQ(stopped.text, whole.text.substr(0, whole.text.find(stopped.stop)));
  EXPECT_LT(stopped.tokens.size(), 30u);
  EXPECT_EQ(stopped.experts.size(),
            (r.prompt.size() + stopped.tokens.size() - 1) * model.routing_trace().row_size());
}

TEST(Generator, AReplyFilterEndsASequenceAndLeavesTheOthers) {
  struct Count : ReplyFilter {
    int calls = 0;
    std::optional<std::string> pass(std::string_view text, bool) override {
      if (++calls == 4) return std::nullopt;
      return std::string(text);
    }
  } filter;
  const Model& model = tiny_model(Kind::latent);
  std::vector<Request> requests(2);
  for (size_t i = 0; i < 2; ++i) {
    requests[i].prompt = prompt_of(i, 20);
    requests[i].tokens_max = 10;
  }
  const auto expected = generate(model, requests, {});
  requests[1].reply_filter = &filter;
  const auto filtered = generate(model, requests, {});
  expect_equal(filtered[0], expected[0], "without a filter");
  EXPECT_EQ(filtered[1].reason, FinishReason::filtered);
  EXPECT_EQ(filtered[1].tokens.size(), 4u);
  EXPECT_TRUE(expected[1].text.starts_with(filtered[1].text));
  EXPECT_EQ(filter.calls, 4);
}

// What a listener hears of one request.
struct Recorder : Listener {
  std::string text;
  int tokens = 0, last = 0, cancel_after = 1 << 30;
  bool on_token(const TokenEvent& event) override {
    text += event.text;
    last += event.is_last;
    return ++tokens < cancel_after;
  }
  bool is_cancelled() override { return false; }
};

TEST(Generator, ListenersHearTheTextAndMayCancel) {
  const Model& model = tiny_model(Kind::latent);
  ThreadPool pool(1);
  auto generator = Generator::create(model, byte_tokenizer(), pool, {});
  Request r;
  r.prompt = prompt_of(2, 10);
  r.tokens_max = 40;
  Recorder all, some;
  auto whole = (*generator)->generate({&r, 1}, &all);
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(all.text, (*whole)[0].text);
  EXPECT_EQ(all.tokens, 40);
  EXPECT_EQ(all.last, 1);
  some.cancel_after = 7;
  auto part = (*generator)->generate({&r, 1}, &some);
  ASSERT_TRUE(part.has_value());
  EXPECT_EQ((*part)[0].reason, FinishReason::cancelled);
  EXPECT_EQ((*part)[0].tokens.size(), 7u);
  EXPECT_EQ(some.text, (*part)[0].text);
}

// How far prompts are read, and a stop after so many of their tokens.
struct PromptWatcher : Listener {
  std::vector<PromptProgress> seen;
  int64_t stop_at = 1 << 30;
  bool on_token(const TokenEvent&) override { return true; }
  void on_prompt(const PromptProgress& progress) override { seen.push_back(progress); }
  bool is_cancelled() override { return !seen.empty() && seen.back().done >= stop_at; }
};

TEST(Generator, N8ProgressIsReportedBetweenTheChunksOfAPrompt) {
  const Model& model = tiny_model(Kind::latent);
  ThreadPool pool(1);
  auto generator =
      Generator::create(model, byte_tokenizer(), pool, {.prefill_rows = 8, .keeps_prefixes = true});
  Request r;
  r.prompt = prompt_of(1, 30);
  r.tokens_max = 2;
  PromptWatcher watcher;
  ASSERT_TRUE((*generator)->generate({&r, 1}, &watcher).has_value());
  std::vector<int64_t> done;
  for (const PromptProgress& p : watcher.seen) {
    done.push_back(p.done);
    EXPECT_EQ(p.total, 30);
    EXPECT_EQ(p.computed, p.done);
  }
  EXPECT_EQ(done, (std::vector<int64_t>{0, 8, 16, 24, 30}));

  // The same again: all but the last token is in the cache.
  PromptWatcher again;
  ASSERT_TRUE((*generator)->generate({&r, 1}, &again).has_value());
  ASSERT_EQ(again.seen.size(), 2u);
  EXPECT_EQ(again.seen[0].done, 29);
  EXPECT_EQ(again.seen[0].computed, 0);
  EXPECT_EQ(again.seen[1].done, 30);
  EXPECT_EQ(again.seen[1].computed, 1);
}

TEST(Generator, N8ProgressOfSeveralPromptsEndsAtTheirTotal) {
  const Model& model = tiny_model(Kind::latent);
  ThreadPool pool(1);
  auto generator =
      Generator::create(model, byte_tokenizer(), pool, {.sequences_max = 2, .prefill_rows = 8});
  std::vector<Request> requests(5);
  for (size_t i = 0; i < requests.size(); ++i) {
    requests[i].prompt = prompt_of(i / 2, 20 + int(i));  // two pairs share a beginning
    requests[i].tokens_max = 3;
  }
  PromptWatcher watcher;
  ASSERT_TRUE((*generator)->generate(requests, &watcher).has_value());
  ASSERT_FALSE(watcher.seen.empty());
  for (size_t i = 1; i < watcher.seen.size(); ++i)
    EXPECT_LE(watcher.seen[i - 1].done, watcher.seen[i].done);
  EXPECT_EQ(watcher.seen.back().total, 20 + 21 + 22 + 23 + 24);
  EXPECT_EQ(watcher.seen.back().done, watcher.seen.back().total);
  EXPECT_EQ(watcher.seen.back().computed, (*generator)->statistics().prompt_tokens);
}

TEST(Generator, N8APromptIsStoppedBetweenChunksAndGoesOnFromThere) {
  const Model& model = tiny_model(Kind::latent);
  ThreadPool pool(1);
  auto generator =
      Generator::create(model, byte_tokenizer(), pool, {.prefill_rows = 8, .keeps_prefixes = true});
  Request r;
  r.prompt = prompt_of(1, 60);
  r.tokens_max = 5;
  PromptWatcher watcher;
  watcher.stop_at = 16;
  auto stopped = (*generator)->generate({&r, 1}, &watcher);
  ASSERT_TRUE(stopped.has_value());
  EXPECT_EQ((*stopped)[0].reason, FinishReason::cancelled);
  EXPECT_TRUE((*stopped)[0].tokens.empty());
  EXPECT_EQ((*generator)->statistics().prompt_tokens, 16);
  auto whole = (*generator)->generate({&r, 1});
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ((*generator)->statistics().prompt_tokens, 60);
  expect_equal((*whole)[0], generate(model, {&r, 1}, {})[0], "after a stop");
}

TEST(Generator, IdsBeyondTheTokenizerAreNeverDrawn) {
  const Model& model = tiny_model(Kind::latent);
  std::vector<Request> requests(4);
  for (size_t i = 0; i < 4; ++i) {
    requests[i].prompt = prompt_of(i, 3);
    requests[i].tokens_max = 100;
    requests[i].sampling.temperature = 10;  // nearly uniform over 264 columns
  }
  for (const Completion& c : generate(model, requests, {}))
    for (int token : c.tokens) EXPECT_LT(token, byte_tokenizer().size());
}

TEST(Generator, ImpossibleRequestsAreNamed) {
  const Model& model = tiny_model(Kind::latent);
  ThreadPool pool(1);
  auto generator = Generator::create(model, byte_tokenizer(), pool, {});
  auto expect_error = [&](Request bad, const char* word) {
    Request good;
    good.prompt = {5};
    Request both[] = {good, bad};
    auto result = (*generator)->generate(both);
    ASSERT_FALSE(result.has_value());
    EXPECT_NE(result.error().message.find("request 2"), std::string::npos);
    EXPECT_NE(result.error().message.find(word), std::string::npos) << result.error().message;
  };
  expect_error(Request{}, "no token");
  expect_error({{.prompt = prompt_of(1, 129)}}, "129");
  expect_error({{.prompt = {1, 264}}}, "264");
  expect_error({{.prompt = {1, -1}}}, "-1");
  expect_error({{.prompt = {1}, .tokens_max = 0}}, "positive");
  expect_error({{.prompt = {1}, .sampling = {.top_p = 2}}}, "top-p");
  expect_error({{.prompt = {1}}, {""}}, "empty");
  EXPECT_FALSE(
      Generator::create(model, byte_tokenizer(), pool, {.cache_bytes_max = 10}).has_value());
  EXPECT_FALSE(Generator::create(model, byte_tokenizer(), pool, {.sequences_max = 0}).has_value());
}

TEST(Generator, DamagedWeightsAreAnErrorAndTheGeneratorLives) {
  auto model = Model::create(tiny(Kind::grouped), false);
  model->initialize(1);
  ThreadPool pool(2);
  model->pack(pool);
  auto generator = Generator::create(*model, byte_tokenizer(), pool, {});
  Request r;
  r.prompt = {5, 6};
  r.tokens_max = 3;
  Parameter* norm = model->find("model.norm.weight")->parameter;
  ASSERT_NE(norm, nullptr);
  norm->f32()[3] = std::numeric_limits<float>::quiet_NaN();
  auto failed = (*generator)->generate({&r, 1});
  ASSERT_FALSE(failed.has_value());
  EXPECT_NE(failed.error().message.find("not a finite number"), std::string::npos);
  norm->f32()[3] = 1;
  EXPECT_TRUE((*generator)->generate({&r, 1}).has_value());
}

}  // namespace
}  // namespace weir
