// MB/s of training, encoding and decoding, on the file that WEIR_BENCH_TEXT names or made-up words.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "base/file.h"
#include "base/random.h"
#include "base/thread_pool.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_train.h"

namespace weir {
namespace {

// 8 MB of 30,000 made-up words, the frequent ones far more often than the rare.
std::string made_up_text() {
  Random random(1, 0);
  std::vector<std::string> words(30'000);
  for (std::string& word : words) {
    for (uint64_t n = 2 + random.below(8); n > 0; --n) word += "etaoinshrdlu"[random.below(12)];
  }
  std::string text;
  while (text.size() < (8 << 20)) {
    uint64_t range = 1 + random.below(words.size());
    text += words[random.below(1 + random.below(range))];
    text += random.below(12) == 0 ? ".\nA" : random.below(10) == 0 ? ", " : " ";
  }
  return text;
}

const std::string& sample() {
  static const std::string text = [] {
    const char* path = std::getenv("WEIR_BENCH_TEXT");
    if (path == nullptr) return made_up_text();
    Result<std::string> read = read_file(path);
    return read ? *read : std::string();
  }();
  return text;
}

Result<Tokenizer> train(const char* pattern, ThreadPool& pool) {
  std::string_view text = sample();
  return train_tokenizer({&text, 1}, {.vocab_size = 1000, .pattern = pattern}, pool);
}

void set_rate(benchmark::State& state) {
  state.SetBytesProcessed(int64_t(state.iterations()) * int64_t(sample().size()));
}

void bench_train(benchmark::State& state, const char* pattern) {
  ThreadPool pool(int(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(train(pattern, pool));
  set_rate(state);
}

void bench_encode(benchmark::State& state, const char* pattern) {
  ThreadPool pool(int(state.range(0)));
  Result<Tokenizer> tokenizer = train(pattern, pool);
  if (!tokenizer) return state.SkipWithError(tokenizer.error().message.c_str());
  std::string_view text = sample();
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer->encode_documents({&text, 1}, pool));
  set_rate(state);
}

void bench_decode(benchmark::State& state) {
  ThreadPool pool(1);
  Result<Tokenizer> tokenizer = train("deepseek-v3", pool);
  if (!tokenizer) return state.SkipWithError(tokenizer.error().message.c_str());
  Result<std::vector<int>> ids = tokenizer->encode(sample());
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer->decode(*ids));
  set_rate(state);
}

BENCHMARK_CAPTURE(bench_train, v3, "deepseek-v3")->Arg(1)->Arg(2)->UseRealTime();
BENCHMARK_CAPTURE(bench_encode, v3, "deepseek-v3")->Arg(1)->Arg(2)->UseRealTime();
BENCHMARK_CAPTURE(bench_encode, llm, "deepseek-llm")->Arg(1)->UseRealTime();
BENCHMARK_CAPTURE(bench_encode, gpt2, "gpt-2")->Arg(1)->UseRealTime();
BENCHMARK(bench_decode);

}  // namespace
}  // namespace weir
