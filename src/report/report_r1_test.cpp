// The page as a whole, and the pieces it is made of.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "report/r1_page.h"
#include "report/report_r1.h"
#include "testing/report_test_data.h"

namespace weir {
namespace {

std::string page_of(const R1ReportInput& input) {
  std::string folder = testing::TempDir() + "weir_r1_report_XXXXXX";
  if (!mkdtemp(folder.data())) return "";
  auto written = write_r1_report(folder + "/report.html", input);
  EXPECT_TRUE(written) << (written ? "" : written.error().message);
  const std::string html = written ? *read_file(folder + "/report.html") : "";
  std::filesystem::remove_all(folder);
  return html;
}

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

void expect_sound(const std::string& html) {
  EXPECT_EQ(first_invalid_utf8(html), html.npos);
  EXPECT_EQ(count_of(html, "<script"), count_of(html, "</script>"));
  for (const char* tag : {"div", "section", "table", "tr", "td", "th", "figure", "details", "p",
                          "ul", "li", "bdi", "span", "b", "pre"})
    EXPECT_EQ(
        count_of(html, std::string("<") + tag + ">") + count_of(html, std::string("<") + tag + " "),
        count_of(html, std::string("</") + tag + ">"))
        << tag;
  for (const char* bad : {"http://", "https://", " src=", " href=", "url(", "@import", "<link",
                          "nan", "NaN%", ":inf", "<img"})
    EXPECT_EQ(html.find(bad), html.npos) << bad;
}

TEST(R1Report, ShowsEveryPartOfARun) {
  const std::string html = page_of(test_report());
  expect_sound(html);
  EXPECT_NE(html.find("default-src 'none'"), html.npos);
  for (const char* part : {"made-up test data",
                           "Reasoning, right answers",
                           "Harder than trained on",
                           "Thinking in the right language",
                           "core-minutes",
                           "never trained on",
                           "pass@4",
                           "Right answers",
                           "held-out problems",
                           "Length",
                           "Parts of the reward",
                           "Entropy",
                           "Distance from the reference",
                           "agree to the last bit",
                           "Groups without variance",
                           "Verdicts",
                           "unparseable",
                           "Learning from examples",
                           "Reward models",
                           "Learning rate",
                           "Gradient norm",
                           "Speed",
                           "The same questions, stage by stage",
                           "What was rewarded",
                           "weight 0.4, from 75 % of the stage on, judged by judge-safety",
                           "Where the time went",
                           "drawing replies",
                           "MoE layer 2",
                           "manifest of reasoning-rl",
                           "kind: pretrain",
                           "小明有 12"})
    EXPECT_NE(html.find(part), html.npos) << part;
  // Curves nobody measured have no chart.
  EXPECT_EQ(html.find("Routing differences"), html.npos);
  EXPECT_LT(html.size(), size_t(500) << 10);
}

TEST(R1Report, N1OneSentenceStandsOnTop) {
  R1ReportInput input = test_report();
  EXPECT_EQ(page_of(input).find("class=\"card conclusion\""), std::string::npos);
  input.conclusion = "Did not learn to reason: base took 166 of about 700 steps.";
  input.talk = "weir chat runs/<mine>";
  input.sentences = {{input.stages[0].name, "reads sums & stories"}};
  const std::string html = page_of(input);
  expect_sound(html);
  const size_t at = html.find("Did not learn to reason");
  ASSERT_NE(at, html.npos);
  EXPECT_LT(at, html.find("class=\"number\"")) << "above the headline numbers";
  EXPECT_NE(html.find("weir chat runs/&lt;mine&gt;"), html.npos);
  EXPECT_NE(html.find("reads sums &amp; stories"), html.npos);
  EXPECT_EQ(html.find("The run goes on"), html.npos);
  input.is_finished = false;
  EXPECT_NE(page_of(input).find("The run goes on"), std::string::npos);
}

TEST(R1Report, F37SaysWhatIsHeldOutOfFactsAndConduct) {
  const std::string note = "the wordings are held out, the facts and goals are not";
  R1ReportInput input = test_report();
  EXPECT_NE(page_of(input).find(note), std::string::npos);
  for (StageReport& stage : input.stages)
    std::erase_if(stage.scores, [](const FamilyScore& score) {
      return score.family == "facts" || score.family == "harmful" || score.family == "benign";
    });
  EXPECT_EQ(page_of(input).find(note), std::string::npos) << "sums have no wordings";
}

TEST(R1Report, N22ANarrowPageSaysThatItsTableScrolls) {
  const std::string html = page_of(test_report());
  EXPECT_NE(html.find("scroll the table sideways"), html.npos);
  EXPECT_NE(html.find(".swipe { display: block; }"), html.npos);
}

TEST(R1Report, EscapesWhateverTheModelAndTheRecipeSay) {
  const std::string evil =
      "</script></pre></bdi><img onerror=x> & \"q\" 'q' \x01\x1b[2J \xff\xfe\xc3 "
      "\xe2\x80\xae\xe2\x81\xa6\xef\xbf\xbe";
  R1ReportInput input = test_report();
  input.title = evil;
  input.recipe_yaml = evil;
  input.conclusion = input.talk = evil;
  input.facts = {{evil, evil}};
  for (StageReport& stage : input.stages) {
    stage.name += evil;
    stage.kind = stage.name.starts_with("base") ? evil : stage.kind;
    stage.parent = evil;
    stage.settings.set(evil, evil);
    for (FamilyScore& score : stage.scores) score.family += evil;
    for (SampleReply& sample : stage.samples)
      for (std::string* text : {&sample.family, &sample.question, &sample.thinking, &sample.answer,
                                &sample.gold, &sample.verdict})
        *text += evil;
    for (Json& line : stage.metrics) line.set(evil, evil);
  }
  const std::string html = page_of(input);
  expect_sound(html);
  EXPECT_NE(html.find("&lt;img onerror=x&gt; &amp; &quot;q&quot; &#39;q&#39;"), html.npos);
  for (const char* hidden : {"\x01", "\x1b", "\xe2\x80\xae", "\xe2\x81\xa6", "\xef\xbf\xbe"})
    EXPECT_EQ(html.find(hidden), html.npos);
}

TEST(R1Report, CutsHugeRepliesAndSaysSo) {
  R1ReportInput input = test_report();
  input.stages[0].samples[0].answer = std::string(5'000'000, 'x');
  input.stages[0].samples[0].thinking = "";
  for (int i = 0; i < 300'000; ++i) input.stages[0].samples[0].thinking += "答";
  for (int i = 0; i < 200; ++i)
    input.stages[0].samples.push_back({"sums", std::to_string(i), "", "", "", "right"});
  const std::string html = page_of(input);
  expect_sound(html);
  EXPECT_LT(html.size(), size_t(500) << 10);
  EXPECT_NE(html.find("… 4.8 MiB more"), html.npos);
  EXPECT_NE(html.find("18 more questions"), html.npos);  // 24 are kept, 6 are open
}

TEST(R1Report, HasAPageForARunThatHasJustBegun) {
  expect_sound(page_of({}));
  EXPECT_NE(page_of({}).find("No stage has been finished yet"), std::string::npos);
  R1ReportInput input;
  input.stages.resize(2);
  input.stages[1].name = "rl";
  input.stages[1].kind = "grpo";
  for (const char* text :
       {"{}", "[]", "7", R"({"step":1,"reward":null,"accuracy":"x","expert_load":[[]]})",
        R"({"step":1e300,"reward":1e308,"kl":-1,"expert_load":[1,[2,"x"]],"seconds":-4})",
        R"({"step":-3,"lr":0,"grad_norm":0,"rollout_seconds":-1})"})
    input.stages[1].metrics.push_back(*parse_json(text));
  input.stages[1].metrics[0].set("loss", NAN);
  input.stages[1].metrics[0].set("lr", INFINITY);
  input.stages[1].seconds = NAN;
  expect_sound(page_of(input));
}

TEST(R1Report, ShowsTheDifferenceWhenThereIsOne) {
  R1ReportInput input = test_report();
  input.stages[2].metrics[5].set("max_difference", 0.25);
  const std::string html = page_of(input);
  EXPECT_EQ(html.find("agree to the last bit"), html.npos);
  EXPECT_NE(html.find("largest |Δ log p| of a token"), html.npos);
}

TEST(R1Timeline, StagesAreAsWideAsTheirTimeButCanBeRead) {
  std::vector<StageReport> stages(4);
  const double seconds[] = {600, 1, 300, 1};
  for (size_t i = 0; i < 4; ++i) {
    stages[i].name = "s" + std::to_string(i);
    stages[i].seconds = seconds[i];
    for (int step : {11, 20}) {
      stages[i].metrics.push_back(Json::object());
      stages[i].metrics.back().set("step", step);
      stages[i].metrics.back().set("x", step * 1.0);
    }
  }
  const Timeline all = make_timeline(stages, [](const StageReport&) { return true; });
  ASSERT_EQ(all.spans.size(), 4u);
  EXPECT_EQ(all.spans.front().begin, 0);
  EXPECT_EQ(all.spans.back().end, kTimelineLength);
  std::vector<double> widths;
  for (size_t i = 0; i < 4; ++i) {
    widths.push_back((all.spans[i].end - all.spans[i].begin) / kTimelineLength);
    EXPECT_EQ(all.spans[i].begin, i == 0 ? 0 : all.spans[i - 1].end);
    EXPECT_GE(widths[i], 0.089);
  }
  EXPECT_NEAR(widths[0], 2 * widths[2], 1e-3);
  EXPECT_EQ(all.spans[2].first_step, 11);
  EXPECT_EQ(all.spans[2].last_step, 20);

  // Only the stages asked for, each in its color; curves part between them.
  const Timeline two =
      make_timeline(stages, [](const StageReport& stage) { return stage.seconds > 100; });
  ASSERT_EQ(two.spans.size(), 2u);
  EXPECT_EQ(two.spans[1].color, stage_color(2));
  const std::vector<ChartPoint> curve = timeline_curve(two, "x");
  ASSERT_EQ(curve.size(), 5u);
  EXPECT_EQ(curve[0].x, 0);
  EXPECT_EQ(curve[1].x, two.spans[0].end);
  EXPECT_TRUE(std::isnan(curve[2].y));
  EXPECT_EQ(curve[4].x, kTimelineLength);
  EXPECT_EQ(curve[4].y, 20);
  EXPECT_TRUE(timeline_curve(two, "y").empty());
}

TEST(R1ReportTime, PartsAddUpToTheStage) {
  std::vector<StageReport> stages(2);
  stages[0].name = "rl";
  stages[0].kind = "grpo";
  stages[0].seconds = 100;
  for (int step = 1; step <= 10; ++step) {
    Json line = Json::object();
    line.set("rollout_seconds", 5.0);
    line.set("learn_seconds", 2.0);
    line.set("seconds", 8.0 * step);
    stages[0].metrics.push_back(std::move(line));
  }
  stages[0].settings.set("evaluation_seconds", 10);
  stages[1].name = "sft";
  stages[1].kind = "sft";
  stages[1].seconds = 50;
  stages[1].metrics.push_back(Json::object());
  stages[1].metrics.back().set("seconds", 40.0);
  const std::string html = stages_html(stages);
  EXPECT_NE(html.find("50 % drawing replies, 20 % learning, 10 % evaluation, 20 % other"),
            html.npos)
      << html;
  EXPECT_NE(html.find("80 % learning, 20 % other"), html.npos);
  EXPECT_NE(html.find("width:100.00%"), html.npos);
  EXPECT_NE(html.find("width:50.00%"), html.npos);
}

TEST(R1ReportHeadline, GoesFromTheFirstStageToTheBest) {
  std::vector<StageReport> stages(3);
  const double shares[] = {0.25, 0.75, 0.5};
  for (size_t i = 0; i < 3; ++i) {
    stages[i].name = std::string(1, char('a' + i));
    stages[i].scores = {test_score("sums", 2, shares[i], 40)};
    stages[i].scores[0].thinking_tokens = 10 * double(i + 1);
  }
  const std::string html = r1_headline_html(stages);
  EXPECT_NE(html.find("25.0 → 75.0"), html.npos) << html;
  EXPECT_NE(html.find("a → b"), html.npos);
  EXPECT_NE(html.find("10 → 20"), html.npos);
  stages.resize(1);
  EXPECT_EQ(r1_headline_html(stages).find("→"), std::string::npos);
}

TEST(R1ReportReplies, StandBesideThoseToTheSameQuestion) {
  std::vector<StageReport> stages(2);
  stages[0].name = "one";
  stages[1].name = "two";
  stages[0].samples = {{"sums", "1 + 1", "", "3", "2", "wrong"},
                       {"sums", "2 + 2", "t", "4", "4", "right"}};
  stages[1].samples = {{"sums", "2 + 2", "u", "4", "4", "right"},
                       {"sums", "1 + 1", "", "", "2", "unparseable"}};
  const std::string html = replies_html(stages);
  EXPECT_EQ(count_of(html, "class=\"card question\""), 2u);
  EXPECT_LT(html.find("1 + 1"), html.find("no answer"));
  EXPECT_LT(html.find("no answer"), html.find("2 + 2"));
  EXPECT_EQ(count_of(html, "class=\"thinking\""), 2u);
  EXPECT_EQ(count_of(html, "verdict right"), 2u);
  EXPECT_EQ(count_of(html, "verdict unclear"), 1u);
}

}  // namespace
}  // namespace weir
