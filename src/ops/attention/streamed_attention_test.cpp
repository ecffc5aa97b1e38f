// Streamed attention over caches of every type: against softmax in double over what the pages hold,
// and the same bits in any batch, in any chunks and on any number of threads.
#include "ops/attention/streamed_attention.h"

#include <cmath>
#include <functional>

#include "base/random.h"
#include "ops/ops.h"
#include "testing/narrow_cache.h"

namespace weir {
namespace {

constexpr CacheType kTypes[] = {CacheType::f32, CacheType::f16, CacheType::bf16, CacheType::q8,
                                CacheType::q4};
constexpr int kTokens = 600, kCapacity = 608;  // three blocks of keys
constexpr int kRank = 96, kRope = 16, kNope = 32, kValue = 48;

// Grouped queries, or the expanded or latent form of latent attention.
struct Form {
  const char* name;
  bool is_latent_model;
  CacheForm form;
};
constexpr Form kGrouped{"grouped", false, CacheForm::expanded};
constexpr Form kExpanded{"expanded", true, CacheForm::expanded};
constexpr Form kLatent{"latent", true, CacheForm::latent};
constexpr Form kForms[] = {kGrouped, kExpanded, kLatent};

AttentionShape shape_of(const Form& form) {
  AttentionShape shape;
  shape.heads = 6, shape.scale = 0.2f, shape.value = kValue;
  if (form.is_latent_model) {
    shape.kv_heads = 6, shape.own = kNope, shape.shared = kRope;
    shape.key_step = shape.value_step = kNope + kValue, shape.value_offset = kNope;
  } else {
    shape.kv_heads = 2, shape.own = 80, shape.key_step = 80, shape.value_step = kValue;
  }
  return shape;
}

CacheWidths widths_of(const Form& form) {
  const AttentionShape shape = shape_of(form);
  CacheWidths widths;
  widths.layers = 1, widths.heads = shape.kv_heads;
  widths.key_own = shape.own, widths.key_shared = shape.shared, widths.value = shape.value;
  if (form.is_latent_model) widths.rank = kRank, widths.rope = kRope;
  return widths;
}

// Of kTokens tokens: queries, and keys and values per head or latent rows and kv_b.
struct Inputs {
  std::vector<float> q, keys, values, rope, latent, weights;
  std::vector<int> chosen;  // [tokens][keep]
  int keep = 0;
  Matrix kv_b;

  Inputs(const Form& form, int keep_) : keep(keep_) {
    const AttentionShape shape = shape_of(form);
    Random random(41, 1);
    const auto draw = [&](int n, float size = 1) {
      std::vector<float> x(size_t(n) * kTokens);
      for (float& number : x) number = size * random.normal();
      return x;
    };
    q = draw(shape.heads * (shape.own + shape.shared), 1.5f);
    keys = draw(shape.kv_heads * shape.key_step);
    values = draw(shape.kv_heads * shape.value_step);
    rope = draw(kRope), latent = draw(kRank);
    weights.resize(size_t(shape.heads) * (kNope + kValue) * kRank);
    for (float& number : weights) number = 0.2f * random.normal();
    kv_b.name = "kv_b", kv_b.rows = shape.heads * (kNope + kValue), kv_b.cols = kRank;
    kv_b.parts = {weights.data()};
    chosen.resize(size_t(keep) * kTokens);
    for (int t = keep; keep > 0 && t < kTokens; ++t)
      for (int j = 0; j < keep; ++j) chosen[size_t(t * keep + j)] = t * j / (keep - 1);
  }
};

// Tokens [begin, begin + count) as rows of sequence `sequence`.
struct Part {
  int begin, count, sequence;
};

std::vector<float> attend_parts(const Form& form, const Inputs& in, Cache& cache,
                                const std::vector<Part>& parts, int threads, bool exact = false) {
  const AttentionShape shape = shape_of(form);
  std::vector<int> positions, sequences;
  for (const Part& part : parts)
    for (int t = part.begin; t < part.begin + part.count; ++t)
      positions.push_back(t), sequences.push_back(part.sequence);
  const std::vector<int> tokens(positions.size(), 0);
  Arena arena(size_t(1) << 30);
  ThreadPool pool(threads);
  const Batch batch(tokens, positions, sequences);
  weir::Run run{arena, pool, batch};
  run.cache = &cache;
  run.exact = exact;
  const auto rows = [&](const std::vector<float>& from) {
    const int cols = int(from.size() / kTokens);
    Tensor to = run.make(int(positions.size()), cols);
    for (int r = 0; r < to.rows; ++r)
      std::memcpy(to.row(r), from.data() + size_t(positions[size_t(r)]) * size_t(cols),
                  sizeof(float) * size_t(cols));
    return to;
  };
  std::vector<int> chosen;
  for (int position : positions)
    for (int j = 0; j < in.keep; ++j) chosen.push_back(in.chosen[size_t(position * in.keep + j)]);
  const TokenChoice choice{in.keep > 0 ? chosen.data() : nullptr, in.keep};
  Tensor y;
  if (form.form == CacheForm::latent) {
    y = attend_latent(run, rows(in.q), rows(in.latent), rows(in.rope), in.kv_b, shape, choice);
  } else {
    const Tensor keys = rows(in.keys);
    y = attend(run, rows(in.q), keys, form.is_latent_model ? rows(in.rope) : Tensor{},
               form.is_latent_model ? keys : rows(in.values), shape, choice);
  }
  return {y.data, y.data + size_t(y.rows) * size_t(y.cols)};
}

// All tokens in chunks; the rows of all.
std::vector<float> in_chunks(const Form& form, const Inputs& in, NarrowCache& cache, int sequence,
                             int chunk, int threads, bool exact = false) {
  std::vector<float> all;
  for (int t = 0; t < kTokens; t += chunk) {
    const auto part = attend_parts(form, in, cache, {{t, std::min(chunk, kTokens - t), sequence}},
                                   threads, exact);
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

using Vector = std::vector<double>;

// y of one query over the vectors that the cache holds, in double.
Vector by_definition(const Form& form, const Inputs& in, NarrowCache& cache, int token, int head) {
  const AttentionShape shape = shape_of(form);
  const CacheLayout& layout = cache.layout();
  const CacheView view = cache.view(0, 0);
  const int width = shape.own + shape.shared, kv_head = head / (shape.heads / shape.kv_heads);
  const float* q =
      in.q.data() + (size_t(token) * size_t(shape.heads) + size_t(head)) * size_t(width);
  const bool is_latent = form.form == CacheForm::latent;
  const auto weight = [&](int row) {
    return in.weights.data() + (size_t(head) * (kNope + kValue) + size_t(row)) * kRank;
  };
  Vector query(q, q + width);
  if (is_latent) {
    query.assign(kRank, 0);
    for (int n = 0; n < kNope; ++n)
      for (int k = 0; k < kRank; ++k) query[size_t(k)] += double(q[n]) * double(weight(n)[k]);
    query.insert(query.end(), q + kNope, q + width);
  }
  std::vector<int> seen;
  if (in.keep > 0 && token >= in.keep)
    seen.assign(in.chosen.begin() + token * in.keep, in.chosen.begin() + (token + 1) * in.keep);
  else
    for (int u = 0; u <= token; ++u) seen.push_back(u);
  Vector scores, mixed(size_t(layout.value.width));
  double sum = 0;
  for (int u : seen) {
    const void* page = is_latent ? view.latents(u / 32) : view.keys(u / 32, kv_head);
    const auto key = vector_at(layout.key, page, is_latent ? Kept::rows : Kept::panel, u % 32);
    double score = 0;
    for (size_t i = 0; i < key.size(); ++i) score += query[i] * double(key[i]);
    scores.push_back(std::exp(score * double(shape.scale)));
    sum += scores.back();
  }
  for (size_t j = 0; j < seen.size(); ++j) {
    const int u = seen[j];
    const auto value =
        is_latent ? vector_at(layout.key, view.latents(u / 32), Kept::rows, u % 32)
                  : vector_at(layout.value, view.values(u / 32, kv_head), Kept::pairs, u % 32);
    for (size_t d = 0; d < mixed.size(); ++d) mixed[d] += scores[j] / sum * double(value[d]);
  }
  if (!is_latent) return mixed;
  Vector y(kValue);
  for (int v = 0; v < kValue; ++v)
    for (int k = 0; k < kRank; ++k) y[size_t(v)] += double(weight(kNope + v)[k]) * mixed[size_t(k)];
  return y;
}

double length(const Vector& x) {
  double sum = 0;
  for (double number : x) sum += number * number;
  return std::sqrt(sum);
}

std::string name_of(const Form& form, CacheType type) {
  return std::string(form.name) + " " + cache_type_name(type);
}

TEST(StreamedAttention, IsSoftmaxOverWhatThePagesHold) {
  for (const Form& form : kForms)
    for (CacheType type : kTypes)
      for (int keep : {0, 300}) {
        const Inputs in(form, keep);
        NarrowCache cache(widths_of(form), form.form, type, 1, kCapacity);
        const auto y = in_chunks(form, in, cache, 0, 100, 2);
        // f32 sums; with codes also queries and probabilities of 15 bits.
        const double most = has_codes(type) ? 4e-4 : 1e-5;
        for (int token : {0, 1, 31, 32, 255, 256, 299, 300, 511, 599})
          for (int head : {0, 5}) {
            Vector expected = by_definition(form, in, cache, token, head);
            Vector error = expected;
            for (int d = 0; d < kValue; ++d)
              error[size_t(d)] -= double(y[size_t((token * 6 + head) * kValue + d)]);
            EXPECT_LT(length(error), most * length(expected))
                << name_of(form, type) << " keep " << keep << " token " << token << " " << head;
          }
      }
}

TEST(StreamedAttention, IsNearTheExactResult) {
  for (const Form& form : kForms) {
    const Inputs in(form, 0);
    NarrowCache exact_cache(widths_of(form), form.form, CacheType::f32, 1, kCapacity);
    const auto exact = in_chunks(form, in, exact_cache, 0, 200, 2, true);
    double before = 0;
    for (CacheType type : kTypes) {
      NarrowCache cache(widths_of(form), form.form, type, 1, kCapacity);
      const auto y = in_chunks(form, in, cache, 0, 200, 2);
      double error = 0, all = 0;
      for (size_t i = 0; i < y.size(); ++i)
        error += std::pow(double(y[i]) - double(exact[i]), 2), all += std::pow(double(exact[i]), 2);
      const double relative = std::sqrt(error / all);
      const double most[] = {1e-5, 2e-3, 1.5e-2, 4e-2, 0.4};
      EXPECT_LT(relative, most[size_t(type)]) << name_of(form, type);
      EXPECT_GT(relative, before / 3) << name_of(form, type);  // each loses what it is said to
      before = relative;
    }
  }
}

TEST(StreamedAttention, DoesNotDependOnChunksThreadsOrCompany) {
  for (const Form& form : kForms)
    for (CacheType type : kTypes)
      for (int keep : {0, 300}) {
        const Inputs in(form, keep);
        NarrowCache cache(widths_of(form), form.form, type, 6, kCapacity);
        const auto expected = in_chunks(form, in, cache, 0, kTokens, 1);
        const auto expect_rows = [&](const std::vector<float>& y, int first, const char* what) {
          const float* rows = expected.data() + size_t(first) * 6 * kValue;
          ASSERT_EQ(std::memcmp(y.data(), rows, y.size() * sizeof(float)), 0)
              << name_of(form, type) << " keep " << keep << " " << what;
        };
        expect_rows(in_chunks(form, in, cache, 1, 43, 3), 0, "chunks of 43");
        expect_rows(in_chunks(form, in, cache, 2, 256, 5), 0, "chunks of 256");
        attend_parts(form, in, cache, {{0, 40, 5}}, 2);
        // One row of four sequences, three of which share their beginnings, beside a longer one.
        for (int s : {3, 4}) cache.share(2, s, 512 / kCachePage);
        for (int s : {3, 4}) attend_parts(form, in, cache, {{512, 50, s}}, 2);
        for (int threads : {1, 4}) {
          const auto y = attend_parts(
              form, in, cache, {{40, 9, 5}, {561, 1, 3}, {599, 1, 1}, {561, 1, 4}, {590, 1, 2}},
              threads);
          const size_t row = 6 * kValue;
          expect_rows({y.begin(), y.begin() + 9 * row}, 40, "a prompt in company");
          const int tokens[] = {561, 599, 561, 590};
          for (size_t i = 0; i < 4; ++i)
            expect_rows({y.begin() + std::ptrdiff_t((9 + i) * row),
                         y.begin() + std::ptrdiff_t((10 + i) * row)},
                        tokens[i], "one row in company");
        }
      }
}

TEST(StreamedAttention, CompactWeightsGiveTheResultOfTheirNumbers) {
  const Inputs in(kLatent, 0);
  std::vector<uint16_t> halves;
  for (float number : in.weights) halves.push_back(f32_to_f16(number));
  Inputs rounded(kLatent, 0);
  for (float& number : rounded.weights) number = f16_to_f32(f32_to_f16(number));
  Matrix compact = in.kv_b;
  compact.type = WeightType::f16;
  compact.parts = {halves.data()};
  NarrowCache cache(widths_of(kLatent), CacheForm::latent, CacheType::f16, 1, kCapacity);
  const auto expected = in_chunks(kLatent, rounded, cache, 0, 100, 2);
  cache.absorbed_weights = &compact;
  const auto found = in_chunks(kLatent, in, cache, 0, 100, 2);
  EXPECT_EQ(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)), 0);
}

TEST(StreamedAttention, ShowsWhatIsNotFinite) {
  for (CacheType type : kTypes) {
    Inputs in(kGrouped, 0);
    in.values[size_t(400) * 2 * kValue] = NAN;
    NarrowCache cache(widths_of(kGrouped), CacheForm::expanded, type, 1, kCapacity);
    const auto y = in_chunks(kGrouped, in, cache, 0, 200, 2);
    EXPECT_TRUE(std::isfinite(y[size_t(399) * 6 * kValue])) << cache_type_name(type);
    EXPECT_FALSE(std::isfinite(y[size_t(599) * 6 * kValue])) << cache_type_name(type);
  }
}

}  // namespace
}  // namespace weir
