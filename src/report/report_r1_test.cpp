// The page as a whole, and the pieces it is made of.
#include "report/report_r1.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "report/report_table.h"
#include "testing/report_page_check.h"
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

// At a path of members and indices: "stages 2 metrics accuracy".
const Json& at(const Json& json, const std::string& path) {
  static const Json kNothing{};
  const Json* found = &json;
  for (const std::string& step : split(path, ' ')) {
    const Result<int64_t> index = parse_int(step);
    if (index)
      found = size_t(*index) < found->items().size() ? &found->items()[size_t(*index)] : nullptr;
    else
      found = found->find(step);
    if (!found) return kNothing;
  }
  return *found;
}

std::string names_of(const Json& list) {
  std::string names;
  for (const Json& item : list.items())
    names += (names.empty() ? "" : ", ") + at(item, "name").text();
  return names;
}

TEST(R1Report, HasEveryPartOfARun) {
  const std::string html = page_of(test_report());
  expect_sound_page(html);
  EXPECT_LT(html.size(), size_t(500) << 10);
  const Json report = page_data(html);
  EXPECT_NE(at(report, "title").text().find("made-up test data"), std::string::npos);
  EXPECT_EQ(at(report, "subtitle").text(),
            "base → cold-start → reasoning-rl → judge-safety → rejection-sft → final-rl");
  EXPECT_EQ(names_of(at(report, "numbers")),
            "Reasoning, right answers, Harder than trained on, Thinking, Thinking in the right "
            "language, Harmful declined / harmless declined, Cost");
  EXPECT_EQ(names_of(at(report, "stages")),
            "base, cold-start, reasoning-rl, judge-safety, rejection-sft, final-rl");
  EXPECT_EQ(names_of(at(report, "facts")), "machine, model");
  EXPECT_EQ(names_of(at(report, "settings")),
            "manifest of base, manifest of cold-start, manifest of reasoning-rl, manifest of "
            "judge-safety, manifest of rejection-sft, manifest of final-rl, the recipe, every key "
            "with its value");
  EXPECT_NE(at(report, "settings 6 text").text().find("kind: pretrain"), std::string::npos);
  EXPECT_NE(at(report, "questions 1 question").text().find("小明有 12"), std::string::npos);
}

TEST(R1Report, HasEveryCurveThatWasMeasured) {
  const Json report = r1_report_json(test_report());
  for (const char* key : {"step",
                          "reward",
                          "reward_accuracy",
                          "reward_format",
                          "reward_language",
                          "accuracy",
                          "held_out",
                          "thinking_tokens",
                          "reply_tokens",
                          "entropy",
                          "kl",
                          "clip_fraction",
                          "max_difference",
                          "uniform_groups",
                          "right",
                          "wrong",
                          "unparseable",
                          "truncated",
                          "lr",
                          "grad_norm",
                          "tokens_per_second"})
    EXPECT_EQ(at(report, std::string("stages 2 metrics ") + key).size(), 110u) << key;
  for (const char* key : {"loss", "lr", "grad_norm", "tokens_per_second"})
    EXPECT_GE(at(report, std::string("stages 0 metrics ") + key).size(), 200u) << key;
  EXPECT_EQ(at(report, "stages 3 metrics loss").size(), 40u);
  // Curves nobody measured are not there.
  EXPECT_TRUE(at(report, "stages 2 metrics routing_differences").is_null());
  EXPECT_TRUE(at(report, "stages 2 metrics reward_safety").is_null());
  EXPECT_EQ(at(report, "stages 5 metrics reward_safety").size(), 30u);
  const R1ReportInput input = test_report();
  EXPECT_NEAR(*at(report, "stages 2 metrics kl 7").as_double(),
              *input.stages[2].metrics[7].double_at("kl"), 1e-5);
  EXPECT_TRUE(at(report, "stages 2 metrics held_out 8").is_null());
  EXPECT_FALSE(at(report, "stages 2 metrics held_out 9").is_null());
  // Experts, in the stages that have them.
  EXPECT_EQ(at(report, "stages 0 experts layers").size(), 3u);
  EXPECT_EQ(at(report, "stages 0 experts layers 2 rows").size(), 16u);
  EXPECT_TRUE(at(report, "stages 2 experts").is_null());
}

TEST(R1Report, TheStageTableIsThatOfTheTerminal) {
  const std::string html = page_of(test_report());
  const Json table = at(page_data(html), "table");
  const StageTable expected = make_stage_table(test_report().stages);
  ASSERT_EQ(at(table, "columns").size(), 5u);
  EXPECT_EQ(at(table, "columns 0").dump(), R"({"name":"base","kind":"pretraining","color":0})");
  EXPECT_EQ(at(table, "columns 4 color").dump(), "5") << "of the stage, not of the column";
  ASSERT_EQ(at(table, "rows").size(), expected.rows.size());
  for (size_t r = 0; r < expected.rows.size(); ++r) {
    const Json& row = at(table, "rows").items()[r];
    EXPECT_EQ(at(row, "name").text(), expected.rows[r].name);
    EXPECT_EQ(*row.bool_at("is_untrained"), expected.rows[r].is_untrained);
    ASSERT_EQ(at(row, "cells").size(), expected.rows[r].cells.size());
    for (size_t c = 0; c < expected.rows[r].cells.size(); ++c) {
      const StageCell& cell = expected.rows[r].cells[c];
      const Json& shown = at(row, "cells").items()[c];
      EXPECT_EQ(shown.is_null(), !cell.has_value);
      if (!cell.has_value) continue;
      EXPECT_EQ(at(shown, "text").text(), cell_text(cell.value, expected.rows[r].format));
      EXPECT_EQ(*shown.bool_at("is_best"), cell.is_best);
      EXPECT_EQ(at(shown, "interval").is_null(), !cell.has_interval);
    }
  }
  // Headline, table and facts need no script.
  const std::string static_html = without_scripts(html);
  for (const char* part : {"Reasoning, right answers", "Harder than trained on", "core-minutes",
                           "never trained on", "pass@4", "made-up test data", "2.8 M parameters",
                           "class=\"best\"", "the 95 % interval by problems", "final-rl"})
    EXPECT_NE(static_html.find(part), std::string::npos) << part;
}

TEST(R1Report, N1OneSentenceStandsOnTop) {
  R1ReportInput input = test_report();
  EXPECT_EQ(page_of(input).find("class=\"card conclusion\""), std::string::npos);
  input.conclusion = "Did not learn to reason: base took 166 of about 700 steps.";
  input.talk = "weir chat runs/<mine>";
  input.sentences = {{input.stages[0].name, "reads sums & stories"}};
  const std::string html = page_of(input);
  expect_sound_page(html);
  const size_t top = html.find("Did not learn to reason");
  ASSERT_NE(top, html.npos);
  EXPECT_LT(top, html.find("class=\"number\"")) << "above the headline numbers";
  EXPECT_NE(html.find("weir chat runs/&lt;mine&gt;"), html.npos);
  EXPECT_EQ(at(page_data(html), "stages 0 sentence").text(), "reads sums & stories");
  EXPECT_TRUE(at(page_data(html), "stages 1 sentence").is_null());
  EXPECT_EQ(html.find("The run goes on"), html.npos);
  input.is_finished = false;
  EXPECT_NE(page_of(input).find("The run goes on"), std::string::npos);
}

TEST(R1Report, F37SaysWhatIsHeldOutOfFactsAndConduct) {
  const std::string note = "Taught facts were all trained in other words: recall.";
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

TEST(R1Report, TextNeverBecomesMarkup) {
  const std::string evil = kHostileText;
  R1ReportInput input = test_report();
  input.title = evil;
  input.recipe_yaml = evil;
  input.conclusion = input.talk = evil;
  input.facts = {{evil, evil}};
  for (StageReport& stage : input.stages) {
    stage.name += evil;
    input.sentences.emplace_back(stage.name, evil);
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
  expect_sound_page(html);
  const Json report = page_data(html);
  for (const char* path :
       {"conclusion text", "conclusion talk", "stages 1 sentence", "facts 0 text",
        "settings 6 text", "questions 0 question", "questions 0 gold",
        "questions 0 replies 0 thinking", "questions 0 replies 0 answer"})
    expect_shown(at(report, path).text());
  EXPECT_NE(without_scripts(html).find("&lt;img onerror=x&gt; &amp; &quot;q&quot; &#39;q&#39;"),
            html.npos);
  // Places to fill that a text names stay text.
  EXPECT_NE(at(report, "settings 6 text").text().find("{{policy}} {{data}}"), std::string::npos);
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
  expect_sound_page(html);
  EXPECT_LT(html.size(), size_t(500) << 10);
  const Json report = page_data(html);
  EXPECT_EQ(at(report, "questions 0 replies 0 answer text").text(), std::string(3000, 'x'));
  EXPECT_EQ(at(report, "questions 0 replies 0 answer more").text(), "4.8 MiB");
  EXPECT_EQ(at(report, "questions 0 replies 0 thinking text").text().size(), 3000u);
  EXPECT_EQ(at(report, "questions").size(), 24u);
}

TEST(R1Report, HasAPageForARunThatHasJustBegun) {
  expect_sound_page(page_of({}));
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
  const std::string html = page_of(input);
  expect_sound_page(html);
  const Json report = page_data(html);
  EXPECT_EQ(at(report, "stages 1 metrics step").dump(), "[1,2,3,1,1e+300,-3]");
  EXPECT_EQ(at(report, "stages 1 metrics lr").dump(), "[null,null,null,null,null,0]");
  EXPECT_TRUE(at(report, "stages 1 metrics loss").is_null());
  EXPECT_TRUE(at(report, "stages 1 experts").is_null());
  EXPECT_EQ(at(report, "stages 0 name").text(), "unnamed");
}

TEST(R1Report, ShowsTheDifferenceWhenThereIsOne) {
  // The page says "to the last bit" when all of these are 0.
  R1ReportInput input = test_report();
  const Json report = r1_report_json(input);  // outlives what at() refers to
  for (const Json& value : at(report, "stages 2 metrics max_difference").items())
    EXPECT_EQ(*value.as_double(), 0);
  input.stages[2].metrics[5].set("max_difference", 1e-9);
  EXPECT_EQ(*at(r1_report_json(input), "stages 2 metrics max_difference 5").as_double(), 1e-9);
}

TEST(R1ReportRewards, HaveWeightAndChange) {
  const Json report = r1_report_json(test_report());
  EXPECT_EQ(at(report, "stages 5 rewards safety weight").text(),
            "weight 0.4, from 75 % of the stage on, judged by judge-safety");
  EXPECT_EQ(at(report, "stages 5 rewards language weight").text(), "weight 0.5");
  EXPECT_EQ(at(report, "stages 0 rewards").size(), 0u);
  R1ReportInput input;
  input.stages.resize(1);
  for (int step = 1; step <= 20; ++step) {
    input.stages[0].metrics.push_back(Json::object());
    input.stages[0].metrics.back().set("reward_format", step / 10.0);
  }
  EXPECT_EQ(at(r1_report_json(input), "stages 0 rewards format").dump(),
            R"({"change":"0.15 → 1.95","weight":""})");
  Json rewards = Json::object(), entry = Json::object(), section = Json::object();
  entry.set("cap", 2.5);
  rewards.set("format", std::move(entry));
  section.set("rewards", std::move(rewards));
  input.stages[0].settings.set("grpo", std::move(section));
  EXPECT_EQ(at(r1_report_json(input), "stages 0 rewards format weight").text(), ", at most ±2.5")
      << "one level down";
}

TEST(R1ReportTime, PartsAddUpToTheStage) {
  R1ReportInput input;
  std::vector<StageReport>& stages = input.stages;
  stages.resize(2);
  stages[0].name = "rl";
  stages[0].kind = "grpo";
  stages[0].parent = "sft";
  stages[0].seconds = 100;
  stages[0].core_seconds = 192;
  stages[0].steps = 10;
  stages[0].tokens = 25'000;
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
  stages[1].steps = 1;
  stages[1].metrics.push_back(Json::object());
  stages[1].metrics.back().set("seconds", 40.0);
  const Json report = r1_report_json(input);
  // Drawing, learning, verifying, evaluation, other.
  EXPECT_EQ(at(report, "stages 0 time").dump(),
            R"({"total":"1 m 40 s","core_minutes":"3.2","parts":[50,20,0,10,20]})");
  EXPECT_EQ(at(report, "stages 1 time").dump(), R"({"total":"50 s","parts":[0,40,0,0,10]})");
  EXPECT_EQ(at(report, "stages 0 facts").text(),
            "reinforcement from sft · 10 steps · 25.0 k tokens");
  EXPECT_EQ(at(report, "stages 1 facts").text(), "supervised tuning · 1 step");
}

TEST(R1ReportHeadline, GoesFromTheFirstStageToTheBest) {
  R1ReportInput input;
  input.stages.resize(3);
  const double shares[] = {0.25, 0.75, 0.5};
  for (size_t i = 0; i < 3; ++i) {
    input.stages[i].name = std::string(1, char('a' + i));
    input.stages[i].scores = {test_score("sums", 2, shares[i], 40)};
    input.stages[i].scores[0].thinking_tokens = 10 * double(i + 1);
  }
  Json report = r1_report_json(input);
  EXPECT_EQ(
      at(report, "numbers 0").dump(),
      R"({"name":"Reasoning, right answers","value":"25.0 → 75.0","unit":"%","detail":"a → b"})");
  EXPECT_EQ(at(report, "numbers 1 value").text(), "10 → 20");
  EXPECT_EQ(at(report, "numbers 2 detail").text(), "a → c");
  input.stages.resize(1);
  EXPECT_EQ(r1_report_json(input).find("numbers")->dump().find("→"), std::string::npos);
}

TEST(R1ReportReplies, StandBesideThoseToTheSameQuestion) {
  R1ReportInput input;
  std::vector<StageReport>& stages = input.stages;
  stages.resize(2);
  stages[0].name = "one";
  stages[1].name = "two";
  stages[0].samples = {{"sums", "1 + 1", "", "3", "2", "wrong"},
                       {"sums", "2 + 2", "t", "4", "4", "right"}};
  stages[1].samples = {{"sums", "2 + 2", "u", "4", "4", "right"},
                       {"sums", "1 + 1", "", "", "2", "unparseable"},
                       {"sums", "1 + 1", "", "one more", "2", "right"}};
  const Json questions = at(r1_report_json(input), "questions");
  ASSERT_EQ(questions.size(), 2u);
  EXPECT_EQ(at(questions, "0 question").text(), "1 + 1");
  EXPECT_EQ(at(questions, "0 gold").text(), "2");
  ASSERT_EQ(at(questions, "0 replies").size(), 2u) << "one reply per stage";
  EXPECT_EQ(
      at(questions, "0 replies 1").dump(),
      R"({"stage":"two","color":1,"style":"unclear","verdict":"unparseable","thinking":"","answer":""})");
  EXPECT_EQ(at(questions, "1 replies 0 thinking").text(), "t");
  EXPECT_EQ(at(questions, "1 replies 1 thinking").text(), "u");
  EXPECT_EQ(at(questions, "1 replies 1 style").text(), "right");
}

}  // namespace
}  // namespace weir
