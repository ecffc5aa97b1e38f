#include "report/training_report.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include "base/file.h"
#include "report/page.h"
#include "report/report_axis.h"
#include "report/report_chart.h"

namespace weir {
namespace {

class ReportTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "weir_report_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    input_.title = "a run";
    input_.metrics_path = folder_ + "/metrics.jsonl";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void log_run(int steps, int layers) {
    auto log = MetricsLog::open(input_.metrics_path, 0);
    ASSERT_TRUE(log);
    for (int step = 1; step <= steps; ++step) {
      StepMetrics m{.step = step, .loss = 8 / std::sqrt(step)};
      if (step % 5 == 0) {
        m.validation_loss = m.loss + 0.1;
        m.bits_per_byte = m.loss / 2;
      }
      m.lr = 1e-3;
      m.grad_norm = step == 3 ? std::numeric_limits<double>::quiet_NaN() : 1.0 / step;
      m.tokens_per_second = 1000;
      m.seconds = step;
      m.tokens = 1000 * step;
      for (int layer = 0; layer < layers; ++layer) m.expert_load.push_back({0.7, 0.2, 0.1, 0.0});
      ASSERT_TRUE(log->append(m));
    }
  }
  std::string page() {
    const std::string path = folder_ + "/report.html";
    auto written = write_report(path, input_);
    EXPECT_TRUE(written) << (written ? "" : written.error().message);
    return written ? *read_file(path) : "";
  }

  std::string folder_;
  ReportInput input_;
};

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST_F(ReportTest, LoadsNothingFromTheNetwork) {
  log_run(40, 2);
  const std::string html = page();
  EXPECT_EQ(html.find("http://"), std::string::npos);
  EXPECT_EQ(html.find("https://"), std::string::npos);
  for (const char* part :
       {" src=", " href=", "url(", "@import", "<link", "fetch(", "XMLHttpRequest"})
    EXPECT_EQ(html.find(part), std::string::npos) << part;
  EXPECT_NE(html.find("default-src 'none'"), std::string::npos);
}

TEST_F(ReportTest, ShowsCurvesMapsSamplesFactsAndRecipe) {
  log_run(40, 2);
  input_.facts = {{"parameters", "10.7 M"}};
  input_.samples = {{"Once", " upon a time"}};
  input_.recipe = Json::object();
  input_.recipe.set("steps", 40);
  const std::string html = page();
  for (const char* part :
       {"Held-out loss", "Held-out bits per byte", "Learning rate", "Gradient norm", "MoE layer 1",
        "1 nearly idle", "<b>Once</b> upon a time", "10.7 M", "&quot;steps&quot;: 40"})
    EXPECT_NE(html.find(part), std::string::npos) << part;
  EXPECT_EQ(html.find("nan"), std::string::npos);
  EXPECT_EQ(html.find("inf"), html.find("infinite"));
}

TEST_F(ReportTest, EscapesEveryTextItIsGiven) {
  log_run(3, 0);
  const std::string evil = "</script></pre><img onerror=x> & \"q\" 'q' \x01\x1b";
  input_.title = input_.title + evil;
  input_.facts = {{evil, evil}};
  input_.samples = {{evil, evil}};
  input_.recipe = Json::object();
  input_.recipe.set(evil, evil);
  const std::string html = page();
  EXPECT_EQ(html.find("<img"), std::string::npos);
  EXPECT_NE(html.find("&lt;img onerror=x&gt; &amp; &quot;q&quot; &#39;q&#39;"), std::string::npos);
  EXPECT_EQ(count_of(html, "<script"), count_of(html, "</script>"));
  EXPECT_EQ(html.find('\x01'), std::string::npos);
  EXPECT_EQ(script_json(Json("</script>")), "\"\\u003c/script>\"");
}

TEST_F(ReportTest, HasAPageForARunWithoutSteps) {
  EXPECT_NE(page().find("No step has been logged yet"), std::string::npos);
  log_run(1, 1);  // a single point has no width and no height
  const std::string html = page();
  EXPECT_EQ(html.find("nan"), std::string::npos);
  EXPECT_NE(html.find("MoE layer 0"), std::string::npos);
}

TEST_F(ReportTest, StaysSmallHoweverLongTheRun) {
  log_run(5000, 40);
  EXPECT_LT(page().size(), size_t(600) << 10);
}

TEST_F(ReportTest, PassesOverLinesOfAnotherShape) {
  auto log = MetricsLog::open(input_.metrics_path, 0);
  ASSERT_TRUE(log);
  ASSERT_TRUE(log->append({.step = 1, .loss = 1, .expert_load = {{0.5, 0.5}}}));
  ASSERT_TRUE(log->append({.step = 2, .loss = 1, .expert_load = {{1}}}));
  ASSERT_TRUE(log->append({.step = 3, .loss = 1, .expert_load = {{0.1, 0.2, 0.7}}}));
  EXPECT_NE(page().find("MoE layer 0"), std::string::npos);
}

TEST(ReportAxis, TicksAreRoundFewAndInside) {
  for (bool log : {false, true})
    for (double low : {1e-7, 0.013, 0.9, 1.0, 47.0, 3e6})
      for (double factor : {1.0, 1.001, 1.7, 9.0, 400.0, 1e9}) {
        const Axis axis = make_axis(low, low * factor, log, false, 5);
        ASSERT_GE(axis.ticks.size(), 1u) << low << " x " << factor << log;
        EXPECT_LE(axis.ticks.size(), 13u) << low << " x " << factor << log;
        EXPECT_LE(axis.low, low);
        EXPECT_GE(axis.high, low * factor);
        for (double tick : axis.ticks) {
          EXPECT_GE(axis.place(tick), -0.001);
          EXPECT_LE(axis.place(tick), 1.001);
        }
      }
  const Axis zero = make_axis(0, 0, false, true, 4);
  EXPECT_LT(zero.low, zero.high);
}

TEST(ReportChart, ThinsToMeansAndKeepsTheEnds) {
  std::vector<ChartPoint> points;
  for (int i = 0; i < 1000; ++i) points.push_back({double(i), double(i % 2)});
  const auto few = thin(points, 100);
  ASSERT_EQ(few.size(), 100u);
  EXPECT_EQ(few.front().x, 0);
  EXPECT_EQ(few.back().x, 999);
  EXPECT_NEAR(few[50].y, 0.5, 1e-9);
  EXPECT_EQ(thin(points, 1000).size(), 1000u);
  const auto ratio = thin(points, 100, /*log_x=*/true);
  EXPECT_LE(ratio.size(), 100u);
  EXPECT_EQ(ratio[1].x, 1);  // the first points stay as they are
  EXPECT_EQ(ratio.back().x, 999);
}

TEST(ReportChart, SmoothsWithoutLag) {
  std::vector<ChartPoint> points;
  for (int i = 0; i < 300; ++i) points.push_back({double(i), 5 + (i % 2 ? 1.0 : -1.0)});
  points[200].y = std::numeric_limits<double>::quiet_NaN();
  const auto smoothed = smooth(points, 30);
  EXPECT_EQ(smoothed[0].y, 4);
  // The missing value puts two of the same sign side by side.
  for (size_t i = 100; i < 300; ++i) EXPECT_NEAR(smoothed[i].y, 5, 0.15);
}

TEST(ReportChart, LabelsAreShort) {
  EXPECT_EQ(format_label(0), "0");
  EXPECT_EQ(format_label(3000), "3000");
  EXPECT_EQ(format_label(12000), "12 k");
  EXPECT_EQ(format_label(0.5), "0.5");
  EXPECT_EQ(format_label(5e-4), "5e-4");
  EXPECT_EQ(format_label(-1.4e-7), "-1.4e-7");
}

}  // namespace
}  // namespace weir
