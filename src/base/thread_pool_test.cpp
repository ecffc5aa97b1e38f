#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <chrono>
#include <cstdlib>
#include <vector>

#include "base/topology.h"

namespace weir {
namespace {

TEST(ThreadPool, RunsEveryIndexExactlyOnce) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    ASSERT_EQ(pool.threads(), threads);
    for (int count : {0, 1, 2, 3, 7, 64, 1000}) {
      std::vector<std::atomic<int>> visits(size_t(count) + 1);
      pool.parallel_for(count, [&](int i, int) { ++visits[size_t(i)]; });
      for (int i = 0; i < count; ++i) ASSERT_EQ(visits[size_t(i)], 1) << "index " << i;
      ASSERT_EQ(visits[size_t(count)], 0);
    }
  }
}

TEST(ThreadPool, ANegativeCountIsNoWork) {
  ThreadPool pool(2);
  pool.parallel_for(-3, [](int, int) { FAIL(); });
}

TEST(ThreadPool, ThreadNumbersAreUsableForScratch) {
  ThreadPool pool(4);
  std::vector<std::atomic<int>> inside(4);
  for (int job = 0; job < 200; ++job) {
    pool.parallel_for(50, [&](int, int thread) {
      ASSERT_GE(thread, 0);
      ASSERT_LT(thread, 4);
      ASSERT_EQ(inside[size_t(thread)].fetch_add(1), 0) << "two bodies share a thread number";
      inside[size_t(thread)].fetch_sub(1);
    });
  }
}

// Jobs of different sizes, one right after the other: a worker that is late for one job must not
// spoil the next. Plain memory is written on both sides, so that the thread sanitizer sees it.
TEST(ThreadPool, JobsThatFollowEachOtherDoNotMix) {
  for (int threads : {2, 3, 5}) {
    ThreadPool pool(threads);
    std::vector<int> input(16), output(16);
    for (int job = 0; job < 5000; ++job) {
      int count = 2 + job % 15;
      for (int i = 0; i < count; ++i) input[size_t(i)] = job + i;
      pool.parallel_for(count, [&](int i, int) { output[size_t(i)] = 3 * input[size_t(i)]; });
      for (int i = 0; i < count; ++i) ASSERT_EQ(output[size_t(i)], 3 * (job + i));
    }
  }
}

// Pauses around the time after which workers and caller go to sleep.
TEST(ThreadPool, SleepingWorkersAreWoken) {
  ThreadPool pool(3);
  for (int job = 0; job < 300; ++job) {
    auto pause = std::chrono::microseconds(50 + job % 7 * 25);
    std::this_thread::sleep_for(pause);
    std::atomic<int> sum{0};
    pool.parallel_for(3, [&](int i, int) {
      if (i == 2 && job % 3 == 0) std::this_thread::sleep_for(pause);
      sum += i + 1;
    });
    ASSERT_EQ(sum, 6);
  }
}

// Two bodies that wait for each other end only when two threads work at the same time.
TEST(ThreadPool, WorkersWorkBesideTheCaller) {
  ThreadPool pool(2);
  for (int job = 0; job < 3; ++job) {
    std::atomic<int> here{0};
    pool.parallel_for(2, [&](int, int) {
      ++here;
      while (here < 2) std::this_thread::yield();
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

TEST(ThreadPool, EndsCleanlyAtAnyMoment) {
  for (int round = 0; round < 50; ++round) {
    ThreadPool pool(3);
    std::atomic<int> sum{0};
    if (round % 2) pool.parallel_for(5, [&](int i, int) { sum += i; });
    if (round % 5 == 0) std::this_thread::sleep_for(std::chrono::microseconds(300));
    ASSERT_EQ(sum, round % 2 ? 10 : 0);
  }
}

TEST(ThreadPool, PoolsDoNotDisturbEachOther) {
  auto count_up = [] {
    ThreadPool pool(2);
    for (int job = 0; job < 500; ++job) {
      std::atomic<int> sum{0};
      pool.parallel_for(4, [&](int i, int) { sum += i; });
      ASSERT_EQ(sum, 6);
    }
  };
  std::thread other(count_up);
  count_up();
  other.join();
}

TEST(ThreadPoolDeathTest, ANestedCallStopsTheProgram) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  auto nested = [] {
    ThreadPool pool(2);
    pool.parallel_for(2, [&](int, int) { pool.parallel_for(2, [](int, int) {}); });
  };
  EXPECT_DEATH(nested(), "CHECK failed");
}

TEST(ThreadPool, HasAThreadForEachCoreByDefault) {
  EXPECT_EQ(ThreadPool().threads(), available_cores());
}

// The processors that the threads of a pool may use, the caller's first.
std::vector<int> allowed_cores(ThreadPool& pool) {
  std::vector<int> allowed(size_t(pool.threads()));
  std::atomic<int> here{0};
  pool.parallel_for(pool.threads(), [&](int, int thread) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0) allowed[size_t(thread)] = CPU_COUNT(&set);
    ++here;
    while (here < pool.threads()) std::this_thread::yield();
  });
  return allowed;
}

TEST(ThreadPool, PinsWorkersOnRequestOnly) {
  const int all = int(read_topology().cpus.size());
  for (const char* off : {"", "0"}) {
    setenv("WEIR_PIN", off, 1);
    ThreadPool pool(3);
    EXPECT_EQ(allowed_cores(pool), (std::vector<int>{all, all, all}));
  }
  setenv("WEIR_PIN", "1", 1);
  ThreadPool pool(3);
  EXPECT_EQ(allowed_cores(pool), (std::vector<int>{all, 1, 1}));
  unsetenv("WEIR_PIN");
}

// More threads than cores, and a core that another thread never leaves: jobs end nonetheless, and
// every index runs once.
TEST(ThreadPool, EndsJobsOnABusyMachine) {
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop) {
    }
  });
  ThreadPool pool(2 * available_cores() + 1);
  std::vector<int> visits(64);
  for (int job = 0; job < 200; ++job)
    pool.parallel_for(int(visits.size()), [&](int i, int) { ++visits[size_t(i)]; });
  stop = true;
  other.join();
  EXPECT_EQ(visits, std::vector<int>(64, 200));
}

TEST(ThreadPool, ThatIsDryHasThreadsAndRunsNothing) {
  ThreadPool dry(ThreadPool::Dry{7});
  EXPECT_EQ(dry.threads(), 7);
  int ran = 0;
  dry.parallel_for(1, [&](int, int) { ++ran; });
  dry.parallel_for(100, [&](int, int) { ++ran; });
  dry.run_here([&] { ++ran; });
  EXPECT_EQ(ran, 0);
  ThreadPool real(1);
  real.run_here([&] { ++ran; });
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace weir
