// Times our matrix multiplication against BLIS and OpenBLAS at the shapes of a training step,
// packing included. Each contender is a process of its own, because the libraries read their
// settings from the environment once; they take turns, so that a busy moment of the machine meets
// all of them.
//   gemm_peer [threads] [rounds]
#include <dlfcn.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/thread_pool.h"
#include "kernels/kernels.h"

namespace weir {
namespace {

enum class Step { forward, to_input, to_weight };  // y = x W^T, dx = dy W, dW += dy^T x
const char* const kStepNames[] = {"x W^T", "dy W", "dy^T x"};

struct Shape {
  int tokens, in, out;
};
const Shape kShapes[] = {{4096, 256, 256},  {4096, 256, 768}, {4096, 768, 256},
                         {2048, 256, 4096}, {4096, 128, 384}, {2048, 512, 1408},
                         {128, 256, 128},   {512, 256, 128},  {512, 128, 256}};
constexpr int kShapeCount = int(std::size(kShapes));

// In huge pages, as the arena of a training step has them.
float* aligned(size_t n) {
  constexpr size_t kHuge = size_t(2) << 20;
  const size_t bytes = (n * sizeof(float) + kHuge - 1) / kHuge * kHuge;
  void* p = std::aligned_alloc(kHuge, bytes);
  if (!p) std::abort();
  madvise(p, bytes, MADV_HUGEPAGE);
  return static_cast<float*>(p);
}

struct Data {
  float *x, *w, *y, *panels;
  Data() {
    size_t tokens_in = 0, tokens_out = 0, weights = 0;
    for (const Shape& s : kShapes) {
      tokens_in = std::max(tokens_in, size_t(s.tokens) * s.in);
      tokens_out = std::max(tokens_out, size_t(s.tokens) * s.out);
      weights = std::max(weights, size_t(s.in) * s.out);
    }
    x = aligned(tokens_in), y = aligned(tokens_out), w = aligned(weights),
    panels = aligned(weights);
    Random random(1, 1);
    for (size_t i = 0; i < tokens_in; ++i) x[i] = random.uniform() - 0.5f;
    for (size_t i = 0; i < tokens_out; ++i) y[i] = random.uniform() - 0.5f;
    for (size_t i = 0; i < weights; ++i) w[i] = random.uniform() - 0.5f;
  }
};

class Contender {
 public:
  virtual ~Contender() = default;
  virtual void run(const Data& d, const Shape& s, Step step) = 0;
};

// The blocking that the operations use: rows are cut into tasks, a task does all columns.
class Weir : public Contender {
 public:
  explicit Weir(int threads) : pool_(threads) {
    for (int t = 0; t < threads; ++t) scratch_.push_back(aligned(kGemmScratch));
  }
  void run(const Data& d, const Shape& s, Step step) override {
    Gemm g{};
    g.panel_stride = kPanel;
    switch (step) {
      case Step::forward:
        pack(d, s);
        g.left = d.x, g.left_row = size_t(s.in), g.left_inner = 1;
        g.panels = d.panels, g.panel_stride = size_t(s.in) * kPanel, g.inner_stride = kPanel;
        g.out = d.y, g.out_row = size_t(s.out);
        g.rows = s.tokens, g.cols = s.out, g.inner = s.in;
        break;
      case Step::to_input:
        g.left = d.y, g.left_row = size_t(s.out), g.left_inner = 1;
        g.panels = d.w, g.inner_stride = size_t(s.in);
        g.out = d.x, g.out_row = size_t(s.in);
        g.rows = s.tokens, g.cols = s.in, g.inner = s.out;
        break;
      case Step::to_weight:
        g.left = d.y, g.left_row = 1, g.left_inner = size_t(s.out);
        g.panels = d.x, g.inner_stride = size_t(s.in);
        g.out = d.w, g.out_row = size_t(s.in);
        g.rows = s.out, g.cols = s.in, g.inner = s.tokens;
        g.accumulate = true;
        break;
    }
    const int limit = step == Step::to_weight ? kRowsForWeights : kRows;
    const int tasks = std::max((g.rows + limit - 1) / limit,
                               g.rows >= 64 * pool_.threads() ? pool_.threads() : 1);
    pool_.parallel_for(tasks, [&](int i, int thread) {
      Gemm part = g;
      const int begin = int(int64_t(g.rows) * i / tasks);
      part.rows = int(int64_t(g.rows) * (i + 1) / tasks) - begin;
      part.left += size_t(begin) * g.left_row;
      part.out += size_t(begin) * g.out_row;
      part.scratch = scratch_[size_t(thread)];
      kernels().gemm(part);
    });
  }

 private:
  static constexpr int kRows = 256, kRowsForWeights = 256;
  void pack(const Data& d, const Shape& s) {
    const int panels = (s.out + kPanel - 1) / kPanel, tasks = std::min(panels, pool_.threads());
    pool_.parallel_for(tasks, [&](int i, int) {
      const int begin = panels * i / tasks * kPanel, end = panels * (i + 1) / tasks * kPanel;
      kernels().pack_transposed(d.w + size_t(begin) * s.in, size_t(s.in),
                                std::min(end, s.out) - begin, s.in,
                                d.panels + size_t(begin) * s.in);
    });
  }
  ThreadPool pool_;
  std::vector<float*> scratch_;
};

class Blas : public Contender {
 public:
  static Blas* open(const char* library) {
    void* handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    void* symbol = handle ? dlsym(handle, "cblas_sgemm") : nullptr;
    return symbol ? new Blas(reinterpret_cast<Sgemm>(symbol)) : nullptr;
  }
  void run(const Data& d, const Shape& s, Step step) override {
    constexpr int kRowMajor = 101, kPlain = 111, kTransposed = 112;
    switch (step) {
      case Step::forward:
        return sgemm_(kRowMajor, kPlain, kTransposed, s.tokens, s.out, s.in, 1, d.x, s.in, d.w,
                      s.in, 0, d.y, s.out);
      case Step::to_input:
        return sgemm_(kRowMajor, kPlain, kPlain, s.tokens, s.in, s.out, 1, d.y, s.out, d.w, s.in, 0,
                      d.x, s.in);
      case Step::to_weight:
        return sgemm_(kRowMajor, kTransposed, kPlain, s.out, s.in, s.tokens, 1, d.y, s.out, d.x,
                      s.in, 1, d.w, s.in);
    }
  }

 private:
  using Sgemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int,
                         float, float*, int);
  explicit Blas(Sgemm sgemm) : sgemm_(sgemm) {}
  Sgemm sgemm_;
};

// One thread is measured in its own CPU time, so that other programs on the machine disturb less.
double seconds_now(int threads) {
  timespec t;
  clock_gettime(threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return double(t.tv_sec) + double(t.tv_nsec) * 1e-9;
}

// GFLOP/s over about 10 ms, after one call to warm up.
double measure(Contender& c, const Data& d, const Shape& s, Step step, int threads) {
  const double flop = 2.0 * s.tokens * s.in * s.out;
  const int calls = std::max(1, int(10e-3 * 200e9 * threads / flop));
  c.run(d, s, step);
  const double start = seconds_now(threads);
  for (int i = 0; i < calls; ++i) c.run(d, s, step);
  return calls * flop / (seconds_now(threads) - start) * 1e-9;
}

struct Plan {
  std::string name;
  const char* library;  // null: ours
  const char* variable;
  const char* value;
};
const Plan kPlans[] = {{"weir", nullptr, "WEIR_UNUSED", ""},
                       {"blis skx", "libblis.so.4", "BLIS_ARCH_TYPE", "skx"},
                       {"blis zen3", "libblis.so.4", "BLIS_ARCH_TYPE", "zen3"},
                       {"openblas skx", "libopenblas.so.0", "OPENBLAS_CORETYPE", "SkylakeX"},
                       {"openblas zen", "libopenblas.so.0", "OPENBLAS_CORETYPE", "Zen"}};

struct Child {
  std::string name;
  int to, from;
  pid_t pid;
  std::vector<double> results;
};

constexpr int kEnd = -1;

// Reads job numbers until kEnd, answers with GFLOP/s.
[[noreturn]] void serve(const Plan& plan, int threads, int in, int out) {
  const std::string count = std::to_string(threads);
  for (const char* variable : {"BLIS_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"})
    setenv(variable, count.c_str(), 1);
  setenv(plan.variable, plan.value, 1);
  Contender* c =
      plan.library ? static_cast<Contender*>(Blas::open(plan.library)) : new Weir(threads);
  const Data data;
  int job;
  while (read(in, &job, sizeof job) == sizeof job && job != kEnd) {
    double speed = c ? measure(*c, data, kShapes[job / 3], Step(job % 3), threads) : 0;
    if (write(out, &speed, sizeof speed) != sizeof speed) break;
  }
  _exit(0);
}

Child start(const Plan& plan, int threads) {
  int to[2], from[2];
  if (pipe(to) != 0 || pipe(from) != 0) std::abort();
  const pid_t pid = fork();
  if (pid == 0) {
    close(to[1]);
    close(from[0]);
    serve(plan, threads, to[0], from[1]);
  }
  close(to[0]);
  close(from[1]);
  return {plan.name, to[1], from[0], pid, {}};
}

double ask(Child& child, int job) {
  double speed = 0;
  if (write(child.to, &job, sizeof job) != sizeof job ||
      read(child.from, &speed, sizeof speed) != sizeof speed)
    return 0;
  return speed;
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

void compare(int threads, int rounds) {
  std::vector<Child> children;
  for (const Plan& plan : kPlans) children.push_back(start(plan, threads));
  std::printf("%d thread(s), median GFLOP/s of %d rounds\n%-24s", threads, rounds,
              "tokens x in x out");
  for (const Child& c : children) std::printf("%13s", c.name.c_str());
  std::printf("%13s\n", "weir / best");
  double worst = 1e9;
  for (int job = 0; job < 3 * kShapeCount; ++job) {
    std::vector<std::vector<double>> speeds(children.size());
    for (int round = 0; round < rounds; ++round)
      for (size_t i = 0; i < children.size(); ++i) speeds[i].push_back(ask(children[i], job));
    const Shape& s = kShapes[job / 3];
    char label[64];
    std::snprintf(label, sizeof label, "%d x %d x %d %s", s.tokens, s.in, s.out,
                  kStepNames[job % 3]);
    std::printf("%-24s", label);
    double best = 0;
    for (size_t i = 0; i < children.size(); ++i) {
      const double speed = median(speeds[i]);
      if (i > 0) best = std::max(best, speed);
      std::printf("%13.1f", speed);
    }
    const double ratio = best > 0 ? median(speeds[0]) / best : 0;
    worst = std::min(worst, ratio);
    std::printf("%13.2f\n", ratio);
    std::fflush(stdout);
  }
  std::printf("worst ratio %.2f\n", worst);
  for (Child& c : children) {
    if (write(c.to, &kEnd, sizeof kEnd) != sizeof kEnd) kill(c.pid, SIGTERM);
    close(c.to);
    close(c.from);
    waitpid(c.pid, nullptr, 0);
  }
}

}  // namespace
}  // namespace weir

int main(int argc, char** argv) {
  weir::compare(argc > 1 ? std::atoi(argv[1]) : 1, argc > 2 ? std::atoi(argv[2]) : 5);
}
