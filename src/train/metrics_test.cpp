#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>

#include "base/file.h"
#include "base/text.h"
#include "train/metrics.h"

namespace weir {
namespace {

class MetricsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "weir_metrics_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ + "/metrics.jsonl";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void log_steps(int64_t resume, int64_t first, int64_t last, double loss) {
    auto log = MetricsLog::open(path_, resume);
    ASSERT_TRUE(log) << log.error().message;
    for (int64_t step = first; step <= last; ++step) {
      auto done = log->append({.step = step, .loss = loss});
      ASSERT_TRUE(done) << done.error().message;
    }
  }
  std::vector<StepMetrics> read() {
    auto all = read_metrics(path_);
    EXPECT_TRUE(all) << (all ? "" : all.error().message);
    return all ? *all : std::vector<StepMetrics>();
  }
  void put(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary | std::ios::app) << bytes;
  }

  std::string folder_, path_;
};

TEST_F(MetricsTest, ReadsWhatWasWritten) {
  StepMetrics step{
      .step = 7, .loss = 1.2345678901234567, .expert_load = {{0.25, 0.75}, {0.5, 0.5}}};
  step.mtp_loss = 2.5;
  step.validation_loss = 1.5;
  step.bits_per_byte = 0.7;
  step.lr = 3e-4;
  step.grad_norm = 0.5;
  step.tokens_per_second = 1234.5;
  step.seconds = 60.25;
  step.tokens = int64_t(1) << 40;
  {
    auto log = MetricsLog::open(path_, 0);
    ASSERT_TRUE(log && log->append(step));
  }
  std::string text = *read_file(path_);
  EXPECT_NE(text.find("\"val_loss\":1.5,\"val_bits_per_byte\":0.7"), std::string::npos) << text;
  EXPECT_EQ(text.find("balance_loss"), std::string::npos);
  auto all = read();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].step, 7);
  EXPECT_EQ(all[0].loss, step.loss);  // losses keep every bit
  EXPECT_EQ(all[0].mtp_loss, 2.5);
  EXPECT_EQ(all[0].validation_loss, 1.5);
  EXPECT_FALSE(all[0].balance_loss);
  EXPECT_EQ(all[0].tokens, step.tokens);
  EXPECT_EQ(all[0].expert_load, step.expert_load);
}

TEST_F(MetricsTest, ResumeLeavesEachStepOnce) {
  log_steps(0, 1, 10, 3);
  put("{\"step\":11,\"lo");  // killed while writing
  log_steps(6, 7, 9, 2);
  auto all = read();
  ASSERT_EQ(all.size(), 9u);
  for (int64_t i = 0; i < 9; ++i) {
    EXPECT_EQ(all[size_t(i)].step, i + 1);
    EXPECT_EQ(all[size_t(i)].loss, i < 6 ? 3 : 2);
  }
  log_steps(0, 1, 2, 1);  // a new run in the same place
  EXPECT_EQ(read().size(), 2u);
}

TEST_F(MetricsTest, ATornLastLineIsPassedOverAndThenRemoved) {
  log_steps(0, 1, 3, 3);
  put("{\"step\":4}");  // complete but for its newline: it may have lost more
  EXPECT_EQ(read().size(), 3u);
  log_steps(9, 10, 10, 2);
  auto all = read();
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all.back().step, 10);
}

TEST_F(MetricsTest, AResumeThatDropsNothingKeepsTheBytes) {
  log_steps(0, 1, 5, 3);
  const std::string before = *read_file(path_);
  log_steps(5, 1, 0, 0);
  EXPECT_EQ(*read_file(path_), before);
}

TEST_F(MetricsTest, NamesTheLineOfDamage) {
  log_steps(0, 1, 2, 3);
  put("nonsense\n");
  auto all = read_metrics(path_);
  ASSERT_FALSE(all);
  EXPECT_NE(all.error().message.find("metrics.jsonl:3: "), std::string::npos)
      << all.error().message;
  auto log = MetricsLog::open(path_, 2);
  EXPECT_FALSE(log);
}

TEST_F(MetricsTest, ValuesThatAreNotFiniteReadAsNan) {
  log_steps(0, 1, 1, std::numeric_limits<double>::infinity());
  auto all = read();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_TRUE(std::isnan(all[0].loss));
}

TEST_F(MetricsTest, AFullDiskIsAnError) {
  auto log = MetricsLog::open("/dev/full", 0);
  if (!log) GTEST_SKIP() << "no /dev/full here";
  auto done = log->append({.step = 1});
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("/dev/full"), std::string::npos);
}

}  // namespace
}  // namespace weir
