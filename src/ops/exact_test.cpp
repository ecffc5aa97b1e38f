// The same bits whatever stands around a token: other sequences, the chunking of a prompt, a cache,
// the number of threads.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <deque>

#include "base/random.h"
#include "ops/ops.h"
#include "tensor/packed.h"
#include "testing/segment_rows.h"

namespace weir {
namespace {

constexpr int kHeads = 2, kNope = 6, kRope = 4, kValue = 5, kRank = 16;

AttentionShape mla_shape() {
  return {.heads = kHeads,
          .kv_heads = kHeads,
          .own = kNope,
          .shared = kRope,
          .value = kValue,
          .key_step = kNope + kValue,
          .value_step = kNope + kValue,
          .value_offset = kNope,
          .scale = 0.4f,
          .layer = 0};
}

// One layer, a few sequences, pages of vectors.
class SmallCache : public Cache {
 public:
  explicit SmallCache(CacheForm form, int sequences, int capacity)
      : form_(form), capacity_(capacity) {
    for (int s = 0; s < sequences; ++s) {
      auto& pages = pages_.emplace_back();
      for (int p = 0; p < capacity / kCachePage; ++p)
        pages.push_back(memory_.emplace_back(kPageFloats).data());
    }
  }
  CacheForm form() const override { return form_; }
  CacheView view(int, int sequence) override {
    CacheView view;
    view.pages = pages_[size_t(sequence)].data();
    view.value_offset = size_t(kNope + kRope) * kCachePage;
    view.head_stride = view.value_offset + size_t(kValue) * kCachePage;
    view.latent_stride = kRank + kRope;
    view.capacity = capacity_;
    return view;
  }
  // The first `pages` pages of `to` become those of `from`.
  void share(int from, int to, int pages) {
    std::copy_n(pages_[size_t(from)].begin(), pages, pages_[size_t(to)].begin());
  }

 private:
  static constexpr size_t kPageFloats = kCachePage * kHeads * (kNope + kRope + kValue + kRank);
  CacheForm form_;
  int capacity_;
  std::deque<std::vector<float>> memory_;
  std::vector<std::vector<float*>> pages_;
};

struct Inputs {
  std::vector<float> q, latent, shared, kv_b;
  int rows;
};

Inputs random_inputs(int rows) {
  Random random(11, 2);
  auto draw = [&](int n) {
    std::vector<float> v(static_cast<size_t>(n));
    for (float& x : v) x = random.normal();
    return v;
  };
  return {draw(rows * kHeads * (kNope + kRope)), draw(rows * kRank), draw(rows * kRope),
          draw(kHeads * (kNope + kValue) * kRank), rows};
}

// Rows [begin, begin + count) of the sequence that begins at row `origin`, through a cache or not.
// With `keep`, over that many tokens chosen by a rule of the position.
std::vector<float> attend_rows(const Inputs& in, const std::vector<Segment>& segments, Cache* cache,
                               int threads, int keep = 0) {
  Arena arena(size_t(1) << 30);
  ThreadPool pool(threads);
  const SegmentRows picked(segments);
  const Batch batch = picked.batch();
  Run run{arena, pool, batch};
  run.cache = cache;
  auto gather = [&](const std::vector<float>& from, int width) {
    return picked.gather(run, from, width);
  };
  Tensor q = gather(in.q, kHeads * (kNope + kRope)), latent = gather(in.latent, kRank);
  Tensor shared = gather(in.shared, kRope);
  Matrix kv_b;
  kv_b.rows = kHeads * (kNope + kValue), kv_b.cols = kRank, kv_b.parts = {in.kv_b.data()};
  Packed packed(kv_b, false);
  packed.pack(pool);
  kv_b.packed = &packed;
  std::vector<int> chosen(picked.positions.size() * size_t(keep));
  for (size_t r = 0; keep > 0 && r < picked.positions.size(); ++r)
    for (int j = 0; j < keep && picked.positions[r] >= keep; ++j)
      chosen[r * size_t(keep) + size_t(j)] = picked.positions[r] * j / (keep - 1);
  const TokenChoice choice{keep > 0 ? chosen.data() : nullptr, keep};
  Tensor y;
  if (cache && cache->form() == CacheForm::latent) {
    y = attend_latent(run, q, latent, shared, kv_b, mla_shape(), choice);
  } else {
    Tensor kv = linear(run, latent, kv_b);
    y = attend(run, q, kv, shared, kv, mla_shape(), choice);
  }
  return {y.data, y.data + size_t(y.rows) * size_t(y.cols)};
}

bool same_bits(const std::vector<float>& a, const float* b) {
  return std::memcmp(a.data(), b, a.size() * sizeof(float)) == 0;
}

TEST(Attention, OfASequenceDoesNotDependOnItsNeighbours) {
  Inputs in = random_inputs(200);
  auto packed = attend_rows(in, {{0, 70, 0, 0}, {70, 1, 1, 0}, {71, 129, 2, 0}}, nullptr, 2);
  const size_t width = kHeads * kValue;
  EXPECT_TRUE(same_bits(attend_rows(in, {{0, 70, 0, 0}}, nullptr, 1), packed.data()));
  EXPECT_TRUE(same_bits(attend_rows(in, {{70, 1, 0, 0}}, nullptr, 1), packed.data() + 70 * width));
  EXPECT_TRUE(
      same_bits(attend_rows(in, {{71, 129, 0, 0}}, nullptr, 3), packed.data() + 71 * width));
}

// What replies to one prompt share is computed once.
TEST(Attention, OfBranchesEqualsThatOfWholeSequencesBitForBit) {
  Inputs in = random_inputs(200);
  const size_t width = kHeads * kValue;
  for (int keep : {0, 12}) {
    for (int at : {1, 31, 32, 37, 64, 100}) {
      const auto branched =
          attend_rows(in, {{0, 100, 0, 0}, {100, 70, 1, at, 0}, {170, 1, 2, at, 0}, {171, 9, 3, 0}},
                      nullptr, 2, keep);
      const auto alone = attend_rows(in, {{0, 100, 0, 0}}, nullptr, 1, keep);
      EXPECT_TRUE(same_bits(alone, branched.data())) << at;
      const auto first = attend_rows(in, {{0, at, 0, 0}, {100, 70, 0, at}}, nullptr, 1, keep);
      EXPECT_TRUE(same_bits({first.begin() + long(size_t(at) * width), first.end()},
                            branched.data() + 100 * width))
          << at;
      const auto second = attend_rows(in, {{0, at, 0, 0}, {170, 1, 0, at}}, nullptr, 1, keep);
      EXPECT_TRUE(
          same_bits({second.end() - long(width), second.end()}, branched.data() + 170 * width))
          << at;
      EXPECT_TRUE(same_bits(attend_rows(in, {{171, 9, 0, 0}}, nullptr, 1, keep),
                            branched.data() + 171 * width))
          << "a whole sequence after branches";
    }
  }
}

TEST(Attention, DecodingWithTheExpandedCacheEqualsThePackedForwardBitForBit) {
  Inputs in = random_inputs(150);
  auto packed = attend_rows(in, {{0, 150, 0, 0}}, nullptr, 2);
  const size_t width = kHeads * kValue;
  for (int chunk : {1, 7, 32, 64, 100}) {
    SmallCache cache(CacheForm::expanded, 1, 160);
    for (int t = 0; t < 150; t += chunk) {
      int count = std::min(chunk, 150 - t);
      auto part = attend_rows(in, {{t, count, 0, t}}, &cache, 2);
      EXPECT_TRUE(same_bits(part, packed.data() + size_t(t) * width))
          << "chunk " << chunk << " at " << t;
    }
  }
}

TEST(Attention, RaggedDecodingOfTwoSequencesEqualsEachAlone) {
  Inputs in = random_inputs(60);
  SmallCache together(CacheForm::expanded, 2, 64), alone(CacheForm::expanded, 2, 64);
  attend_rows(in, {{0, 20, 0, 0}, {20, 33, 1, 0}}, &together, 2);
  attend_rows(in, {{0, 20, 0, 0}}, &alone, 1);
  attend_rows(in, {{20, 33, 1, 0}}, &alone, 1);
  auto both = attend_rows(in, {{53, 1, 0, 20}, {54, 1, 1, 33}}, &together, 2);
  EXPECT_TRUE(same_bits(attend_rows(in, {{53, 1, 0, 20}}, &alone, 1), both.data()));
  EXPECT_TRUE(
      same_bits(attend_rows(in, {{54, 1, 1, 33}}, &alone, 1), both.data() + kHeads * kValue));
}

// Rows of several sequences are multiplied together where they share pages.
TEST(Attention, OverSharedPagesEqualsEachSequenceAlone) {
  Inputs in = random_inputs(200);
  SmallCache shared(CacheForm::expanded, 5, 128), alone(CacheForm::expanded, 5, 128);
  attend_rows(in, {{0, 100, 0, 0}}, &shared, 2);
  const int pages[] = {3, 1, 3, 2, 0}, lengths[] = {99, 33, 100, 64, 40};
  std::vector<Segment> rows;
  for (int s = 0; s < 5; ++s) {
    attend_rows(in, {{0, lengths[s], s, 0}}, &alone, 2);
    if (s > 0) shared.share(0, s, pages[s]);
    if (s > 0 && lengths[s] > pages[s] * kCachePage)
      attend_rows(
          in,
          {{pages[s] * kCachePage, lengths[s] - pages[s] * kCachePage, s, pages[s] * kCachePage}},
          &shared, 1);
    rows.push_back({150 + s, 1, s, lengths[s]});
  }
  auto together = attend_rows(in, rows, &shared, 2);
  for (size_t s = 0; s < 5; ++s)
    EXPECT_TRUE(
        same_bits(attend_rows(in, {rows[s]}, &alone, 1), together.data() + s * kHeads * kValue))
        << s;
}

TEST(Attention, AbsorbedFormAgreesWithTheExpandedOne) {
  Inputs in = random_inputs(90);
  auto expanded = attend_rows(in, {{0, 90, 0, 0}}, nullptr, 2);
  SmallCache cache(CacheForm::latent, 1, 96);
  attend_rows(in, {{0, 40, 0, 0}}, &cache, 2);
  const size_t width = kHeads * kValue;
  for (int t = 40; t < 90; ++t) {
    auto row = attend_rows(in, {{t, 1, 0, t}}, &cache, 1);
    for (size_t i = 0; i < width; ++i)
      EXPECT_NEAR(row[i], expanded[size_t(t) * width + i], 1e-5 * (1 + std::fabs(row[i]))) << t;
  }
}

TEST(Attention, OverChosenTokensIsThatOfASequenceOfThemAlone) {
  Inputs in = random_inputs(90);
  const size_t width = kHeads * kValue;
  const int keep = 10, row = 89;
  auto sparse = attend_rows(in, {{0, 90, 0, 0}}, nullptr, 2, keep);
  Inputs chosen{{}, {}, {}, in.kv_b, keep};
  for (int j = 0; j < keep; ++j) {
    auto copy = [&](const std::vector<float>& from, std::vector<float>& to, int n) {
      const auto at = from.begin() + long(row * j / (keep - 1)) * n;
      to.insert(to.end(), at, at + n);
    };
    copy(in.q, chosen.q, kHeads * (kNope + kRope));
    copy(in.latent, chosen.latent, kRank);
    copy(in.shared, chosen.shared, kRope);
  }
  auto alone = attend_rows(chosen, {{0, keep, 0, 0}}, nullptr, 1);
  for (size_t i = 0; i < width; ++i)
    EXPECT_NEAR(sparse[size_t(row) * width + i], alone[size_t(keep - 1) * width + i], 1e-6);
  auto dense = attend_rows(in, {{0, 90, 0, 0}}, nullptr, 2);
  EXPECT_TRUE(same_bits({dense.begin(), dense.begin() + keep * long(width)}, sparse.data()))
      << "rows that see no more than `keep` have all";
  EXPECT_FALSE(same_bits(dense, sparse.data()));
}

TEST(Attention, OverChosenTokensDecodesWithTheBitsOfThePackedForward) {
  Inputs in = random_inputs(150);
  auto packed = attend_rows(in, {{0, 150, 0, 0}}, nullptr, 2, 12);
  const size_t width = kHeads * kValue;
  for (int chunk : {1, 7, 100}) {
    SmallCache expanded(CacheForm::expanded, 1, 160), latent(CacheForm::latent, 1, 160);
    for (int t = 0; t < 150; t += chunk) {
      int count = std::min(chunk, 150 - t);
      const float* expected = packed.data() + size_t(t) * width;
      EXPECT_TRUE(same_bits(attend_rows(in, {{t, count, 0, t}}, &expanded, 2, 12), expected))
          << "chunk " << chunk << " at " << t;
      auto absorbed = attend_rows(in, {{t, count, 0, t}}, &latent, 2, 12);
      for (size_t i = 0; i < absorbed.size(); ++i)
        EXPECT_NEAR(absorbed[i], expected[i], 1e-5 * (1 + std::fabs(expected[i]))) << t;
    }
  }
}

// A matrix with gradient and packed copies over memory of the test.
struct TrainedMatrix {
  Parameter parameter;
  Matrix matrix;
  Packed packed{matrix, true};
  TrainedMatrix(std::vector<float>& values, std::vector<float>& gradient, int rows, int groups,
                ThreadPool& pool) {
    parameter.rows = rows, parameter.cols = int(values.size()) / rows, parameter.groups = groups;
    parameter.data = values.data(), parameter.grad = gradient.data();
    matrix = Matrix::of(parameter);
    packed.pack(pool);
    matrix.packed = &packed;
  }
};

// Forward and backward of a mixture of experts and the loss, as bytes.
std::vector<float> train_once(int threads) {
  Arena arena(size_t(1) << 30);
  ThreadPool pool(threads);
  const int rows = 150, width = 40, inner = 24, experts = 6, vocabulary = 77;
  std::vector<int> tokens(rows), positions(rows), sequences(rows), targets(rows);
  for (int t = 0; t < rows; ++t) {
    positions[size_t(t)] = t % 50, sequences[size_t(t)] = t / 50;
    tokens[size_t(t)] = t * 13 % vocabulary, targets[size_t(t)] = t * 29 % vocabulary;
  }
  Batch batch(tokens, positions, sequences);
  std::deque<std::vector<float>> memory;
  std::deque<TrainedMatrix> weights;
  Random random(4, 4);
  auto weight = [&](int r, int c, int groups) -> Matrix& {
    auto& values = memory.emplace_back(size_t(r) * size_t(c));
    for (float& v : values) v = 0.2f * random.normal();
    auto& gradient = memory.emplace_back(values.size());
    return weights.emplace_back(values, gradient, r, groups, pool).matrix;
  };
  Matrix &table = weight(vocabulary, width, 1), &gain = weight(1, width, 1),
         &router = weight(experts, width, 1);
  Matrix &gate = weight(experts * inner, width, experts),
         &up = weight(experts * inner, width, experts);
  Matrix& down = weight(experts * width, inner, experts);
  GateShape shape{
      .kind = GateKind::sigmoid, .experts = experts, .per_token = 2, .balance_weight = 0.1f};
  Tape tape(arena);
  Run run{arena, pool, batch};
  run.tape = &tape;
  Tensor x = embed(run, table), n = rms_norm(run, x, gain, 1e-5f);
  Routing r = route(run, linear(run, n, router), nullptr, shape);
  Tensor h =
      swiglu(run, expert_linear_gather(run, n, r, gate), expert_linear_gather(run, n, r, up));
  x = combine(run, x, expert_linear(run, h, r, down), r);
  std::vector<float> out(size_t(rows) + 1);
  out[0] = float(cross_entropy(run, x, table, targets, 0.01f, out.data() + 1).loss);
  tape.backward();
  for (const TrainedMatrix& w : weights)
    out.insert(out.end(), w.parameter.grad, w.parameter.grad + w.parameter.count());
  return out;
}

TEST(Training, GivesTheSameBitsAtAnyThreadCount) {
  auto one = train_once(1);
  EXPECT_TRUE(std::isfinite(one[0]));
  EXPECT_TRUE(same_bits(one, train_once(2).data()));
  EXPECT_TRUE(same_bits(one, train_once(5).data()));
}

// Log-probabilities of the rows with a target, then the gradients of the head.
std::vector<float> head_once(const std::vector<int>& tokens, const std::vector<int>& targets) {
  Arena arena(size_t(1) << 30);
  ThreadPool pool(2);
  const int vocabulary = 4200, width = 8;  // several chunks of rows
  std::vector<int> positions(tokens.size()), sequences(tokens.size());
  for (size_t t = 0; t < tokens.size(); ++t) positions[t] = int(t);
  Batch batch(tokens, positions, sequences);
  Random random(5, 5);
  std::vector<float> values(size_t(vocabulary) * width), ignored(values.size()),
      gradient(values.size()), logs(tokens.size());
  for (float& v : values) v = 0.2f * random.normal();
  TrainedMatrix table(values, ignored, vocabulary, 1, pool),
      head(values, gradient, vocabulary, 1, pool);
  Tape tape(arena);
  Run run{arena, pool, batch};
  run.tape = &tape;
  std::vector<float> out = {0};
  out[0] = float(
      cross_entropy(run, embed(run, table.matrix), head.matrix, targets, 0.01f, logs.data()).loss);
  tape.backward();
  for (size_t t = 0; t < tokens.size(); ++t)
    if (targets[t] >= 0)
      out.push_back(logs[t]);
    else
      EXPECT_EQ(logs[t], 0);
  out.insert(out.end(), gradient.begin(), gradient.end());
  out.insert(out.end(), ignored.begin(), ignored.end());
  return out;
}

TEST(TokenLoss, RowsWithoutATargetChangeNoBit) {
  std::vector<int> tokens, targets, picked_tokens, picked_targets;
  for (int t = 0; t < 500; ++t) {
    tokens.push_back(t * 13 % 4200);
    targets.push_back(t % 7 < 2 || (t > 100 && t < 140) ? -1 : t * 29 % 4200);
    if (targets.back() < 0) continue;
    picked_tokens.push_back(tokens.back());
    picked_targets.push_back(targets.back());
  }
  const std::vector<float> all = head_once(tokens, targets);
  EXPECT_TRUE(same_bits(all, head_once(picked_tokens, picked_targets).data()));
}

}  // namespace
}  // namespace weir
