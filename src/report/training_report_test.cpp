#include "report/training_report.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include "base/file.h"
#include "testing/report_page_check.h"

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
  Json data() { return page_data(page()); }

  std::string folder_;
  ReportInput input_;
};

TEST_F(ReportTest, LoadsNothingFromTheNetworkAndRunsOnlyItsOwnScript) {
  log_run(40, 2);
  expect_sound_page(page());
}

TEST_F(ReportTest, ShowsCurvesMapsSamplesFactsAndRecipe) {
  log_run(40, 2);
  input_.facts = {{"parameters", "10.7 M"}};
  input_.samples = {{"Once", " upon a time"}};
  input_.recipe = Json::object();
  input_.recipe.set("steps", 40);
  const Json report = data();
  EXPECT_EQ(
      report.find("numbers")->dump(),
      R"([{"name":"Held-out loss","value":"1.365","unit":"nats","detail":"the best so far"},)"
      R"({"name":"Per held-out byte","value":"0.632","unit":"bits","detail":"text shrinks 12.6 times"},)"
      R"({"name":"Training loss","value":"1.273","unit":"nats","detail":"from 8.000 at step 1"},)"
      R"({"name":"Tokens trained on","value":"40.0 k","unit":"","detail":"in 40 steps"},)"
      R"({"name":"Training time","value":"40 s","unit":"","detail":"1.0 k tokens per second"}])");
  const Json& stage = report.find("stages")->items()[0];
  const Json& metrics = *stage.find("metrics");
  for (const char* key :
       {"step", "loss", "val_loss", "val_bits_per_byte", "lr", "grad_norm", "tokens_per_second"}) {
    ASSERT_NE(metrics.find(key), nullptr) << key;
    EXPECT_EQ(metrics.find(key)->size(), 40u) << key;
  }
  EXPECT_EQ(metrics.find("mtp_loss"), nullptr) << "nobody measured it";
  EXPECT_TRUE(metrics.find("grad_norm")->items()[2].is_null());
  EXPECT_TRUE(metrics.find("val_loss")->items()[3].is_null());
  EXPECT_NEAR(*metrics.find("val_loss")->items()[4].as_double(), 8 / std::sqrt(5) + 0.1, 1e-4);
  const std::vector<Json>& layers = stage.find("experts")->find("layers")->items();
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_EQ(*layers[1].int_at("layer"), 1);
  EXPECT_EQ(*layers[1].int_at("idle"), 1);
  EXPECT_EQ(report.find("samples")->dump(), R"([{"prompt":"Once","continuation":" upon a time"}])");
  EXPECT_EQ(report.find("facts")->dump(), R"([{"name":"parameters","text":"10.7 M"}])");
  EXPECT_EQ(report.find("settings")->items()[0].find("text")->text(), "{\n  \"steps\": 40\n}");
}

TEST_F(ReportTest, NamesTheBestHeldOutLoss) {
  auto log = MetricsLog::open(input_.metrics_path, 0);
  ASSERT_TRUE(log);
  ASSERT_TRUE(log->append({.step = 1, .loss = 4, .validation_loss = 3}));
  ASSERT_TRUE(log->append({.step = 2, .loss = 4, .validation_loss = 3.5}));
  EXPECT_EQ(data().find("numbers")->items()[0].find("detail")->text(), "best 3.000 at step 1");
}

TEST_F(ReportTest, ShowsTheSummaryWithoutScripts) {
  log_run(40, 2);
  input_.facts = {{"parameters", "10.7 M"}};
  const std::string html = without_scripts(page());
  for (const char* part : {"<h1>a run</h1>", "Held-out loss", "1.365", "best so far", "10.7 M"})
    EXPECT_NE(html.find(part), html.npos) << part;
}

TEST_F(ReportTest, TextNeverBecomesMarkup) {
  log_run(3, 0);
  input_.title = input_.title + kHostileText;
  input_.facts = {{kHostileText, kHostileText}};
  input_.samples = {{kHostileText, kHostileText}};
  input_.recipe = Json::object();
  input_.recipe.set(kHostileText, kHostileText);
  const std::string html = page();
  expect_sound_page(html);
  expect_shown(page_data(html).find("samples")->items()[0].find("prompt")->text());
  EXPECT_NE(without_scripts(html).find("&lt;img onerror=x&gt; &amp; &quot;q&quot; &#39;q&#39;"),
            html.npos);
}

TEST_F(ReportTest, HasAPageForARunWithoutSteps) {
  EXPECT_NE(without_scripts(page()).find("No step has been logged yet"), std::string::npos);
  EXPECT_EQ(data().find("stages")->size(), 0u);
  log_run(1, 1);
  expect_sound_page(page());
  EXPECT_EQ(data().find("stages")->items()[0].find("experts")->find("step")->dump(), "[1]");
}

TEST_F(ReportTest, StaysSmallHoweverLongTheRun) {
  log_run(5000, 40);
  EXPECT_LT(page().size(), size_t(600) << 10);
}

}  // namespace
}  // namespace weir
