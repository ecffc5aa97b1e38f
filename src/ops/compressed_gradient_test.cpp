// The list of operations of DeepSeek-V4 and V4.1, as gradient_test.cpp has the others.
#include <deque>
#include <set>

#include "ops/draft_loss.h"
#include "ops/hyper_ops.h"
#include "ops/ngram_ops.h"
#include "ops/window_ops.h"
#include "testing/gradient_check.h"

namespace weir {
namespace {

using testing::Case;
using Tensors = std::vector<Tensor>;
using Matrices = std::deque<Matrix>;

StreamShape stream_shape(bool reads_only) { return {3, 5, 1e-3f, reads_only}; }

// Coefficients, and with them what a part reads and writes.
Case streams_case(bool reads_only) {
  const StreamShape shape = stream_shape(reads_only);
  const int width = 7, n = shape.streams;
  Case c{.name = reads_only ? "streams, their end" : "streams",
         .inputs = {{"x", 0, n * width}, {"y", 0, width}, {"m", 0, shape.mixes()}},
         .weights = {{"base", 1, shape.mixes()}, {"scale", 1, reads_only ? 1 : 3}},
         .forward = {}};
  c.forward = [shape, n](Run& run, Tensors& in, Matrices& w, double&) {
    Tensor k = stream_coefficients(run, in[2], w[0], w[1], shape);
    Tensor read = collapse_streams(run, in[0], k, n);
    if (shape.reads_only) return read;
    Tensor out = expand_streams(run, in[0], in[1], k, n);
    return expand_streams(run, out, read, k, n);
  };
  return c;
}

Case compress_case(const std::string& name, int ratio, bool overlaps, std::vector<int> lengths,
                   std::vector<int> branches = {}) {
  const CompressShape shape{.ratio = ratio, .width = 6, .overlaps = overlaps};
  const int wide = overlaps ? 12 : 6;
  return {.name = name,
          .lengths = std::move(lengths),
          .branches = std::move(branches),
          .inputs = {{"kv", 0, wide}, {"gates", 0, wide}},
          .weights = {{"bias", ratio, wide}},
          .forward = [shape](Run& run, Tensors& in, Matrices& w, double&) {
            return compress(run, in[0], in[1], &w[0], shape).rows;
          }};
}

// Blocks that are drafted at once, over rows of a context that they share.
Case block_case(const std::string& name, std::vector<int> lengths, std::vector<int> begins,
                std::vector<int> ends) {
  const WindowShape shape{.heads = 3, .width = 8, .window = 6, .scale = 0.4f, .sees_block = true};
  Case c{.name = name,
         .lengths = std::move(lengths),
         .branches = {},
         .inputs = {{"q", 0, 24}, {"rows", 0, 8}, {"context", 7, 8}},
         .weights = {{"sinks", 1, 3}},
         .forward = {}};
  c.forward = [shape, begins, ends](Run& run, Tensors& in, Matrices& w, double&) {
    Entries context;
    context.rows = in[2], context.begin = begins.data(), context.end = ends.data();
    return attend_window(run, in[0], in[1], context, {}, w[0], shape);
  };
  return c;
}

// A window and entries; `keep`: chosen by no rule, the newest among them.
Case window_case(const std::string& name, int ratio, int keep, std::vector<int> lengths,
                 std::vector<int> branches = {}) {
  const WindowShape shape{.heads = 3, .width = 8, .window = 6, .ratio = ratio, .scale = 0.4f};
  Case c{.name = name,
         .lengths = lengths,
         .branches = branches,
         .inputs = {{"q", 0, 24}, {"rows", 0, 8}},
         .weights = {{"sinks", 1, 3}},
         .forward = {}};
  static std::deque<std::vector<int>> kept_by_cases;
  std::vector<int>& chosen = kept_by_cases.emplace_back();
  branches.resize(lengths.size());
  for (size_t s = 0; s < lengths.size(); ++s)
    for (int t = branches[s]; t < branches[s] + lengths[s] && keep > 0; ++t) {
      std::set<int> own;
      const int visible = (t + 1) / ratio;
      Random random(8, uint64_t(t));
      if (visible > keep) own.insert(visible - 1);
      while (visible > keep && int(own.size()) < keep)
        own.insert(int(random.below(uint64_t(visible))));
      chosen.insert(chosen.end(), own.begin(), own.end());
      chosen.resize((chosen.size() + size_t(keep) - 1) / size_t(keep) * size_t(keep));
      if (own.empty()) chosen.resize(chosen.size() + size_t(keep));
    }
  if (ratio > 0) c.inputs.push_back({"gates", 0, 8}), c.weights.push_back({"bias", ratio, 8});
  c.forward = [shape, keep, &chosen](Run& run, Tensors& in, Matrices& w, double&) {
    Entries entries;
    if (shape.ratio > 0)
      entries = compress(run, in[1], in[2], &w[1], {.ratio = shape.ratio, .width = 8});
    const TokenChoice choice = keep > 0 ? TokenChoice{chosen.data(), keep} : TokenChoice{};
    return attend_window(run, in[0], in[1], entries, choice, w[0], shape);
  };
  return c;
}

// Branches look back at their roots.
Case ngram_case() {
  static const NgramHash hash = [] {
    NgramHash h;
    h.multipliers = {3, 5, 9}, h.primes = {5, 7, 11, 13}, h.offsets = {0, 5, 12, 23}, h.heads = 2;
    return h;
  }();
  return {.name = "gather_ngrams, branches",
          .lengths = {12, 5, 3},
          .branches = {0, 7, 1},
          .inputs = {},
          .weights = {{"table", 36, 6}},
          .forward = [](Run& run, Tensors&, Matrices& w, double&) {
            const int32_t* classes = ngram_classes(run, {nullptr, 4, 3});
            auto* rows = run.arena.array<int32_t>(size_t(run.batch.size()) * 4);
            ngram_rows(run, classes, hash, rows);
            return gather_ngrams(run, {&w[0]}, rows, 4);
          }};
}

// Keys are like their streams or like the opposite: near a product of 0 the gate has no slope that
// a difference finds.
Case recall_case(int streams) {
  const int width = 7, rows = 15;
  Case c{.name = "add_recalled, " + std::to_string(streams),
         .inputs = {{"x", 0, streams * width}, {"kv", 0, (streams + 1) * width}},
         .weights = {{"q", streams, width, 0.2f, 1}, {"k", streams, width, 0.2f, 1}},
         .forward =
             [streams](Run& run, Tensors& in, Matrices& w, double&) {
               return add_recalled(run, in[0], in[1], w[0], w[1], streams, 1e-5f);
             },
         .can_repeat = false};
  Random random(23, uint64_t(streams));
  std::vector<float>&x = c.inputs[0].values, &kv = c.inputs[1].values;
  for (int i = 0; i < rows * streams * width; ++i) x.push_back(random.normal());
  for (int row = 0; row < rows; ++row)
    for (int i = 0; i < (streams + 1) * width; ++i) {
      const int stream = i / width;
      const float like = stream < streams ? x[size_t(row * streams * width + i)] : 0;
      kv.push_back(((row + stream) % 2 ? 0.7f : -0.7f) * like + 0.3f * random.normal());
    }
  return c;
}

std::vector<Case> compressed_cases() {
  std::vector<Case> all;
  auto add = [&](Case c) { all.push_back(std::move(c)); };
  add({.name = "unit_norm",
       .inputs = {{"x", 0, 37}},
       .weights = {},
       .forward = [](Run& run, Tensors& in, Matrices&, double&) {
         return unit_norm(run, in[0], 1e-3f);
       }});
  add({.name = "repeat_streams",
       .inputs = {{"x", 0, 13}},
       .weights = {},
       .forward = [](Run& run, Tensors& in, Matrices&, double&) {
         return repeat_streams(run, in[0], 3);
       }});
  add(streams_case(false));
  add(streams_case(true));
  add({.name = "grouped_linear",
       .inputs = {{"x", 0, 3 * 10}},
       .weights = {{"w", 3 * 7, 10, 1, 0, 3}},
       .forward = [](Run& run, Tensors& in, Matrices& w, double&) {
         return grouped_linear(run, in[0], w[0]);
       }});
  add(ngram_case());
  add(recall_case(1));
  add(recall_case(3));
  add(compress_case("compress", 3, false, {7, 2, 9}));
  add(compress_case("compress, overlapping", 4, true, {17, 3, 8}));
  add(compress_case("compress, overlapping, branches", 4, true, {17, 6, 1}, {0, 9, 3}));
  add({.name = "compress, without a bias",
       .lengths = {7, 2, 9},
       .inputs = {{"kv", 0, 6}, {"gates", 0, 6}},
       .weights = {},
       .forward = [](Run& run, Tensors& in, Matrices&, double&) {
         return compress(run, in[0], in[1], nullptr, {.ratio = 2, .width = 6}).rows;
       }});
  add({.name = "compress, of one position",
       .inputs = {{"kv", 0, 6}},
       .weights = {},
       .forward = [](Run& run, Tensors& in, Matrices&, double&) {
         return compress(run, in[0], {}, nullptr, {.ratio = 1, .width = 6}).rows;
       }});
  add(window_case("attend_window", 0, 0, {5, 1, 17}));
  add(window_case("attend_window, entries", 4, 0, {5, 1, 33}));
  add(block_case("attend_window, drafted blocks", {4, 1, 4}, {0, 2, 5}, {3, 6, 7}));
  add({.name = "weighted_cross_entropy",
       .inputs = {{"logits", 0, 11}},
       .forward =
           [](Run& run, Tensors& in, Matrices&, double& value) {
             const std::vector<int> targets = {3, -1, 0, 10, 5, 7, 7, 1, -1, 2, 4, 9, 8, 6, 3};
             const std::vector<float> weights = {1, 1, .5f, 2, 1, .1f, 1, 1, 1, 1, 1, 1, 1, 1, 3};
             value = weighted_cross_entropy(run, in[0], targets, weights).loss;
             return Tensor();
           },
       .can_repeat = false});
  add({.name = "weighted_binary_entropy",
       .inputs = {{"scores", 0, 1}},
       .forward =
           [](Run& run, Tensors& in, Matrices&, double& value) {
             const std::vector<int> labels = {1, -1, 0, 1, 0, 0, 1, 1, -1, 0, 0, 1, 1, 0, 1};
             const std::vector<float> weights(15, 0.7f);
             value = weighted_binary_entropy(run, in[0], labels, weights);
             return Tensor();
           },
       .can_repeat = false});
  add(window_case("attend_window, chosen entries", 2, 3, {5, 1, 30}));
  add(window_case("attend_window, entries, branches", 4, 0, {30, 9, 7}, {0, 17, 2}));
  add(window_case("attend_window, chosen entries, branches", 2, 3, {30, 9, 7}, {0, 17, 2}));
  return all;
}

TEST(CompressedGradient, OfEveryOperationEqualsFiniteDifferences) {
  for (Case& c : compressed_cases()) testing::GradientCheck(c).run();
}

}  // namespace
}  // namespace weir
