// Vector kernels: every table gives the bits of the scalar one, and that one follows its formula.
#include <functional>
#include <string>

#include "testing/kernel_support.h"

namespace weir {
namespace {

constexpr int kArrays = 6;

// A kernel applied to six arrays of n (the kernel says what they mean); a float result, if any,
// goes into the last element of the last array.
struct Case {
  std::string name;
  std::function<void(const Kernels&, Floats* a, int n)> run;
};

std::vector<Case> cases() {
  auto last = [](Floats* a) -> float& { return a[kArrays - 1][a[kArrays - 1].size() - 1]; };
  std::vector<Case> list = {
      {"dot",
       [=](const Kernels& k, Floats* a, int n) { last(a) = k.dot(a[0].data(), a[1].data(), n); }},
      {"sum", [=](const Kernels& k, Floats* a, int n) { last(a) = k.sum(a[0].data(), n); }},
      {"max", [=](const Kernels& k, Floats* a, int n) { last(a) = k.max(a[0].data(), n); }},
      {"axpy",
       [](const Kernels& k, Floats* a, int n) { k.axpy(-0.37f, a[0].data(), a[1].data(), n); }},
      {"add",
       [](const Kernels& k, Floats* a, int n) { k.add(a[0].data(), a[1].data(), a[2].data(), n); }},
      {"add in place",
       [](const Kernels& k, Floats* a, int n) { k.add(a[0].data(), a[1].data(), a[0].data(), n); }},
      {"scale",
       [](const Kernels& k, Floats* a, int n) { k.scale(1.7f, a[0].data(), a[2].data(), n); }},
      {"rms_norm",
       [=](const Kernels& k, Floats* a, int n) {
         last(a) = k.rms_norm(a[0].data(), a[1].data(), 1e-6f, a[2].data(), n);
       }},
      {"rms_norm in place",
       [=](const Kernels& k, Floats* a, int n) {
         last(a) = k.rms_norm(a[0].data(), a[1].data(), 1e-6f, a[0].data(), n);
       }},
      {"exp_sum",
       [=](const Kernels& k, Floats* a, int n) { last(a) = k.exp_sum(a[0].data(), 0.8f, n); }},
      {"swiglu", [](const Kernels& k, Floats* a,
                    int n) { k.swiglu(a[0].data(), a[1].data(), a[2].data(), n); }},
      {"sigmoid",
       [](const Kernels& k, Floats* a, int n) { k.sigmoid(a[0].data(), a[1].data(), n); }},
      {"adamw",
       [](const Kernels& k, Floats* a, int n) {
         for (int i = 0; i < n; ++i) a[3][size_t(i)] = std::fabs(a[3][size_t(i)]);
         k.adamw(a[0].data(), a[1].data(), a[2].data(), a[3].data(), size_t(n),
                 {1e-3f, 0.9f, 0.95f, 1e-8f, 0.1f, 1.7f, 2.3f, 0.5f});
       }},
  };
  for (bool accumulate : {false, true}) {
    list.push_back({"rms_norm_backward", [=](const Kernels& k, Floats* a, int n) {
                      k.rms_norm_backward(a[0].data(), a[1].data(), a[2].data(), 0.7f, a[3].data(),
                                          accumulate, a[4].data(), n);
                    }});
    list.push_back({"swiglu_backward", [=](const Kernels& k, Floats* a, int n) {
                      k.swiglu_backward(a[0].data(), a[1].data(), a[2].data(), a[3].data(),
                                        a[4].data(), accumulate, n);
                    }});
  }
  for (float direction : {1.0f, -1.0f}) {
    list.push_back({"rope_interleaved", [=](const Kernels& k, Floats* a, int n) {
                      k.rope_interleaved(a[0].data(), a[1].data(), a[2].data(), direction, n);
                    }});
    list.push_back({"rope_half", [=](const Kernels& k, Floats* a, int n) {
                      k.rope_half(a[0].data(), a[1].data(), a[2].data(), direction, n);
                    }});
  }
  return list;
}

TEST(Vector, EveryTableGivesTheBitsOfTheScalarOne) {
  Random random(11, 0);
  for (const Case& c : cases())
    for (int round = 0; round < 150; ++round) {
      int n = round < 70 ? 1 + round : 1 + int(random.below(700));
      std::vector<Floats> start;
      start.reserve(kArrays);
      for (int i = 0; i < kArrays; ++i) start.push_back(awkward(random, size_t(n), round % 3 == 0));
      std::vector<Floats> expected = start;
      c.run(*scalar_kernels(), expected.data(), n);
      for (const Kernels* table : fast_tables()) {
        std::vector<Floats> got = start;
        c.run(*table, got.data(), n);
        for (int i = 0; i < kArrays; ++i)
          ASSERT_TRUE(same(got[size_t(i)], expected[size_t(i)]))
              << c.name << ", " << table->name << ", n = " << n << ", array " << i;
      }
    }
}

// The contract at the head of kernels.h, written without any of its code.
template <class Step>
float by_lanes(int n, Step step) {
  float lane[16] = {};
  for (int i = 0; i < n; ++i) lane[i % 16] = step(i, lane[i % 16]);
  for (int distance : {8, 4, 2, 1})
    for (int i = 0; i < distance; ++i) lane[i] += lane[i + distance];
  return lane[0];
}

TEST(Vector, SumsFollowTheLaneOrderOfTheContract) {
  Random random(12, 0);
  for (int n : {1, 15, 16, 17, 100, 1000}) {
    Floats x = normals(random, size_t(n)), y = normals(random, size_t(n));
    float dot =
        by_lanes(n, [&](int i, float s) { return std::fma(x[size_t(i)], y[size_t(i)], s); });
    float sum = by_lanes(n, [&](int i, float s) { return s + x[size_t(i)]; });
    float square =
        by_lanes(n, [&](int i, float s) { return std::fma(x[size_t(i)], x[size_t(i)], s); });
    for (const Kernels* table : all_tables()) {
      EXPECT_TRUE(same(table->dot(x.data(), y.data(), n), dot)) << table->name;
      EXPECT_TRUE(same(table->sum(x.data(), n), sum)) << table->name;
      Floats out(y.size());
      float r = table->rms_norm(x.data(), y.data(), 1e-5f, out.data(), n);
      EXPECT_TRUE(same(r, 1 / std::sqrt(square / float(n) + 1e-5f))) << table->name;
      for (size_t i = 0; i < y.size(); ++i) EXPECT_TRUE(same(out[i], x[i] * r * y[i]));
    }
  }
}

TEST(Vector, MaxPassesOverNan) {
  for (const Kernels* table : all_tables()) {
    Floats x(40);
    for (size_t i = 0; i < 40; ++i) x[i] = -float(i) - 3;
    EXPECT_EQ(table->max(x.data(), 40), -3);
    EXPECT_EQ(table->max(x.data() + 39, 1), -42);
    x[0] = NAN;
    EXPECT_EQ(table->max(x.data(), 40), -4);
  }
}

// Central differences in double of the forward formula; the tolerance is that of float arithmetic
// on values near one.
TEST(Vector, BackwardKernelsAreDerivativesOfTheForwardFormulas) {
  Random random(13, 0);
  const int n = 37;
  Floats x = normals(random, n), g = normals(random, n), dy = normals(random, n);
  auto norm_loss = [&](size_t at, double step) {
    double square = 0, loss = 0;
    auto value = [&](size_t i) { return double(x[i]) + (i == at ? step : 0); };
    for (size_t i = 0; i < n; ++i) square += value(i) * value(i);
    const double r = 1 / std::sqrt(square / n + 1e-6);
    for (size_t i = 0; i < n; ++i) loss += dy[i] * value(i) * r * g[i];
    return loss;
  };
  auto swiglu_loss = [&](size_t at, double step, bool gate) {
    const double a = x[at] + (gate ? step : 0), b = g[at] + (gate ? 0 : step);
    return dy[at] * a / (1 + std::exp(-a)) * b;
  };
  for (const Kernels* table : all_tables()) {
    Floats y(n), dx(n), dg(n);
    float r = table->rms_norm(x.data(), g.data(), 1e-6f, y.data(), n);
    table->rms_norm_backward(x.data(), g.data(), dy.data(), r, dx.data(), false, dg.data(), n);
    for (size_t i = 0; i < n; ++i) {
      EXPECT_NEAR(dx[i], (norm_loss(i, 1e-5) - norm_loss(i, -1e-5)) / 2e-5, 2e-5);
      EXPECT_NEAR(dg[i], dy[i] * x[i] * r, 1e-6);
    }
    table->swiglu_backward(x.data(), g.data(), dy.data(), dx.data(), dg.data(), false, n);
    for (size_t i = 0; i < n; ++i) {
      EXPECT_NEAR(dx[i], (swiglu_loss(i, 1e-5, true) - swiglu_loss(i, -1e-5, true)) / 2e-5, 2e-5);
      EXPECT_NEAR(dg[i], (swiglu_loss(i, 1e-5, false) - swiglu_loss(i, -1e-5, false)) / 2e-5, 2e-5);
    }
  }
}

TEST(Vector, RotationsAgreeAndInvert) {
  Random random(14, 0);
  for (const Kernels* table : all_tables())
    for (int width : {2, 6, 16, 32, 50, 64}) {
      const size_t pairs = size_t(width) / 2;
      Floats x = normals(random, size_t(width)), c(pairs), s(pairs), half(2 * pairs), back(x);
      for (size_t i = 0; i < pairs; ++i) {
        float angle = 3 * random.normal();
        c[i] = std::cos(angle);
        s[i] = std::sin(angle);
        half[i] = x[2 * i];
        half[i + pairs] = x[2 * i + 1];
      }
      table->rope_interleaved(back.data(), c.data(), s.data(), 1, width);
      table->rope_half(half.data(), c.data(), s.data(), 1, width);
      for (size_t i = 0; i < pairs; ++i) {
        EXPECT_NEAR(back[2 * i], double(x[2 * i]) * c[i] - double(x[2 * i + 1]) * s[i], 1e-6);
        EXPECT_TRUE(same(back[2 * i], half[i]));
        EXPECT_TRUE(same(back[2 * i + 1], half[i + pairs]));
      }
      table->rope_interleaved(back.data(), c.data(), s.data(), -1, width);
      for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(back[i], x[i], 2e-6);
    }
}

TEST(Vector, AdamwFollowsTheAlgorithm) {
  const AdamW a{1e-2f, 0.9f, 0.99f, 1e-8f, 0.1f, 1 / 0.1f, 1 / 0.01f, 0.5f};
  for (const Kernels* table : all_tables()) {
    float w = 2, g = 3, m = 0.25f, v = 0.5f;
    table->adamw(&w, &g, &m, &v, 1, a);
    const double gradient = 1.5, m1 = 0.9 * 0.25 + 0.1 * gradient;
    const double v1 = 0.99 * 0.5 + 0.01 * gradient * gradient;
    EXPECT_NEAR(m, m1, 1e-6);
    EXPECT_NEAR(v, v1, 1e-6);
    EXPECT_NEAR(w, 2 - 1e-2 * 0.1 * 2 - 1e-2 * (m1 / 0.1) / (std::sqrt(v1 / 0.01) + 1e-8), 1e-6);
  }
}

}  // namespace
}  // namespace weir
