// Zones are recorded per thread, nest, and become a file that a trace viewer reads.
#include "base/zones.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <thread>

#include "base/json.h"
#include "base/thread_pool.h"

namespace weir {
namespace {

void work() {
  const Zone zone("outer");
  EXPECT_STREQ(current_zone(), "outer");
  for (int i = 0; i < 2; ++i) {
    const Zone inner("inner");
    EXPECT_STREQ(current_zone(), "inner");
  }
  EXPECT_STREQ(current_zone(), "outer");
}

std::vector<std::string> names(const ThreadZones& thread) {
  std::vector<std::string> all;
  for (const ZoneSpan& span : thread.spans) all.push_back(span.name);
  return all;
}

double number(const Json& event, const char* key) { return *event.find(key)->as_double(); }

TEST(Zones, NothingIsRecordedWhileNobodyTraces) {
  {
    const Zone zone("silent");
    EXPECT_EQ(current_zone(), nullptr);
  }
  start_tracing();
  EXPECT_TRUE(stop_tracing().empty());
}

TEST(Zones, AreRecordedFromStartToStop) {
  std::optional<Zone> early("begins before"), late;
  start_tracing();
  early.reset();
  work();
  late.emplace("ends after");
  const std::vector<ThreadZones> threads = stop_tracing();
  late.reset();
  ASSERT_EQ(threads.size(), 1u);
  EXPECT_EQ(threads[0].thread, "main");
  EXPECT_EQ(threads[0].dropped, 0);
  EXPECT_EQ(names(threads[0]), (std::vector<std::string>{"outer", "inner", "inner"}));
  const std::vector<ZoneSpan>& s = threads[0].spans;
  EXPECT_GE(s[0].begin_ns, 0);
  EXPECT_LE(s[0].begin_ns, s[1].begin_ns);
  EXPECT_LE(s[1].end_ns, s[2].begin_ns);
  EXPECT_LE(s[2].end_ns, s[0].end_ns);
  start_tracing();
  EXPECT_TRUE(stop_tracing().empty()) << "a trace begins empty";
}

TEST(Zones, OfAnEndedThreadAreKept) {
  start_tracing();
  std::thread([] {
    name_thread("a name that is too long");
    work();
  }).join();
  const std::vector<ThreadZones> threads = stop_tracing();
  ASSERT_EQ(threads.size(), 1u);
  EXPECT_EQ(threads[0].thread, "a name that is ");
  EXPECT_EQ(threads[0].spans.size(), 3u);
}

TEST(Zones, TheLatestAreKept) {
  start_tracing();
  { const Zone zone("first"); }
  for (size_t i = 0; i < kZonesMax + 5; ++i) const Zone zone("more");
  { const Zone zone("last"); }
  const std::vector<ThreadZones> threads = stop_tracing();
  ASSERT_EQ(threads.size(), 1u);
  EXPECT_EQ(threads[0].dropped, 7);
  ASSERT_EQ(threads[0].spans.size(), kZonesMax);
  EXPECT_STREQ(threads[0].spans.front().name, "more");
  EXPECT_STREQ(threads[0].spans.back().name, "last");
}

TEST(Zones, OfAParallelRegionHaveTheNameOfTheCallersZone) {
  ThreadPool pool(3);
  start_tracing();
  {
    const Zone zone("product");
    std::atomic<int> arrived{0};
    // Every thread holds one index until all have come, so that each takes one.
    pool.parallel_for(3, [&](int, int) {
      ++arrived;
      while (arrived < 3) std::this_thread::yield();
    });
  }
  const std::vector<ThreadZones> threads = stop_tracing();
  ASSERT_EQ(threads.size(), 3u);
  std::map<std::string, std::vector<std::string>> by_thread;
  for (const ThreadZones& thread : threads) by_thread[thread.thread] = names(thread);
  const std::vector<std::string> expected = {"product"};
  EXPECT_EQ(by_thread["worker 1"], expected);
  EXPECT_EQ(by_thread["worker 2"], expected);
  EXPECT_EQ(by_thread["main"].front(), "product");
}

// What Perfetto's importer of the Trace Event Format relies on.
TEST(Zones, TheTraceIsJsonOfNestedCompleteEvents) {
  ThreadPool pool(2);
  start_tracing();
  for (int i = 0; i < 50; ++i) {
    const Zone zone("step");
    pool.parallel_for(8, [](int, int) { work(); });
  }
  const std::vector<ThreadZones> threads = stop_tracing();
  const Json trace = *parse_json(trace_json(threads));
  std::map<int64_t, std::string> thread_names;
  std::map<int64_t, std::vector<std::pair<double, double>>>
      open;  // of each thread, outermost first
  std::map<int64_t, double> last;
  size_t events = 0;
  for (const Json& event : trace.find("traceEvents")->items()) {
    const int64_t thread = int64_t(number(event, "tid"));
    EXPECT_EQ(number(event, "pid"), 1);
    const std::string name = event.find("name")->text();
    EXPECT_FALSE(name.empty());
    if (event.find("ph")->text() == "M") {
      EXPECT_EQ(name, "thread_name");
      thread_names[thread] = event.find("args")->find("name")->text();
      continue;
    }
    ASSERT_EQ(event.find("ph")->text(), "X");
    ++events;
    EXPECT_TRUE(thread_names.contains(thread)) << "a thread's name comes first";
    const double begin = number(event, "ts"), length = number(event, "dur");
    EXPECT_GE(length, 0);
    EXPECT_GE(begin, last[thread]) << "by begin";
    last[thread] = begin;
    auto& around = open[thread];
    while (!around.empty() && around.back().second < begin + 0.0005) around.pop_back();
    if (!around.empty()) {
      EXPECT_LE(begin + length, around.back().second + 0.0005) << name << " is inside or outside";
    }
    around.push_back({begin, begin + length});
  }
  size_t recorded = 0;
  for (const ThreadZones& thread : threads) recorded += thread.spans.size();
  EXPECT_EQ(events, recorded);
  EXPECT_GE(events, 50u * (1 + 8 * 3));
}

TEST(Zones, NamesAreEscaped) {
  const std::vector<ThreadZones> threads = {{"a \"thread\"\n", {{"\\zone", 1500, 2001}}, 0}};
  const Json trace = *parse_json(trace_json(threads));
  const auto& events = trace.find("traceEvents")->items();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].find("args")->find("name")->text(), "a \"thread\"\n");
  EXPECT_EQ(events[1].find("name")->text(), "\\zone");
  EXPECT_DOUBLE_EQ(number(events[1], "ts"), 1.5);
  EXPECT_DOUBLE_EQ(number(events[1], "dur"), 0.501);
}

}  // namespace
}  // namespace weir
