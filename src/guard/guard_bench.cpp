// Time of all rules of a shipped policy over 4 KB of text, at once and in tokens as a stream brings
// them.
#include <benchmark/benchmark.h>

#include <random>
#include <string>

#include "guard/streaming_gate.h"

namespace weir {
namespace {

const std::string kEnglish =
    "The river rises in the hills above the town and reaches the sea after 412 kilometres. In "
    "spring "
    "it carries melted snow; by August most of its bed is dry, and people walk across. The old "
    "bridge, built in 1874, was replaced twice, which the council's records describe at length. ";
const std::string kChinese =
    "这条河发源于城北的山中，流经412公里后入海。春天它带着融雪奔流而下；到了八月，河床大半干涸，人"
    "们可以徒步走过。"
    "老桥建于1874年，后来重修过两次，市里的档案对此有详细记载。";

std::string repeated(const std::string& text, size_t bytes) {
  std::string all;
  while (all.size() < bytes) all += text;
  while (bytes < all.size() && (uint8_t(all[bytes]) & 0xC0) == 0x80) ++bytes;
  all.resize(bytes);
  return all;
}

// Words that occur in no text: pairs of syllables, and pairs of Han characters.
std::string many_words(int count) {
  std::mt19937 random(1);
  std::string list;
  for (int i = 0; i < count; ++i) {
    list += i == 0 ? "" : ", ";
    if (i % 2 == 0) {
      for (int k = 0; k < 9; ++k) list += "bcdfghjklmnpqrstvwxz"[random() % 20];
    } else {
      for (int k = 0; k < 4; ++k) {
        const unsigned code = 0x4E00 + unsigned(random() % 3000);
        list += char(0xE0 | (code >> 12));
        list += char(0x80 | ((code >> 6) & 0x3F));
        list += char(0x80 | (code & 0x3F));
      }
    }
  }
  return list;
}

void check(benchmark::State& state, Policy policy, const std::string& text) {
  const auto guard = *Guard::create(std::move(policy));
  for (auto _ : state) benchmark::DoNotOptimize(guard->check(text, Direction::answer, {}));
  state.SetBytesProcessed(int64_t(state.iterations()) * int64_t(text.size()));
}

Policy with_words(int count) {
  Policy policy = *Policy::read("company");
  PolicyRule rule{.id = "many", .category = 0};
  std::string word;
  for (const char c : many_words(count) + ",") {
    if (c != ',' && c != ' ') word += c;
    if (c == ',') rule.words.push_back(std::exchange(word, ""));
  }
  policy.rules.push_back(std::move(rule));
  return policy;
}

// Items are tokens of four bytes.
void BM_CompanyEnglishStream(benchmark::State& state) {
  const auto guard = *Guard::create(*Policy::read("company"));
  const std::string text = repeated(kEnglish, 4096);
  for (auto _ : state) {
    StreamingGate gate(*guard, Direction::answer, {});
    for (size_t at = 0; at < text.size(); at += 4)
      benchmark::DoNotOptimize(gate.push(std::string_view(text).substr(at, 4), false));
  }
  state.SetItemsProcessed(state.iterations() * 1024);
}
void BM_CompanyEnglish(benchmark::State& state) {
  check(state, *Policy::read("company"), repeated(kEnglish, 4096));
}
void BM_CompanyChinese(benchmark::State& state) {
  check(state, *Policy::read("company"), repeated(kChinese, 4096));
}
void BM_ChinaPublicChinese(benchmark::State& state) {
  check(state, *Policy::read("china-public"), repeated(kChinese, 4096));
}
void BM_TenThousandWordsEnglish(benchmark::State& state) {
  check(state, with_words(10'000), repeated(kEnglish, 4096));
}
void BM_TenThousandWordsChinese(benchmark::State& state) {
  check(state, with_words(10'000), repeated(kChinese, 4096));
}
BENCHMARK(BM_CompanyEnglishStream);
BENCHMARK(BM_CompanyEnglish);
BENCHMARK(BM_CompanyChinese);
BENCHMARK(BM_ChinaPublicChinese);
BENCHMARK(BM_TenThousandWordsEnglish);
BENCHMARK(BM_TenThousandWordsChinese);

}  // namespace
}  // namespace weir
