#include "live/status_block.h"

#include <gtest/gtest.h>

#include <cmath>

#include "text/terminal_text.h"

namespace weir {
namespace {

LiveState test_state() {
  LiveState state;
  state.stages = {{"base", 60}, {"cold-start", 30}, {"reasoning-rl", 300}, {"final-rl", 90}};
  state.stage = 2;
  state.step = 35;
  state.steps = 110;
  state.stage_left = 130;
  state.run_left = 220;
  Json metrics = Json::object();
  for (const auto& [key, value] :
       std::initializer_list<std::pair<const char*, double>>{{"step", 35},
                                                             {"reward", 1.42},
                                                             {"reward_accuracy", 0.61},
                                                             {"reward_format", 0.98},
                                                             {"accuracy", 0.6133},
                                                             {"thinking_tokens", 21.3},
                                                             {"entropy", 0.4123},
                                                             {"kl", 0.0021},
                                                             {"max_difference", 0},
                                                             {"uniform_groups", 0.25},
                                                             {"truncated", 3},
                                                             {"tokens_per_second", 2345},
                                                             {"lr", 3e-4}})
    metrics.set(key, value);
  add_metrics(state, metrics);
  state.has_sample = true;
  state.sample = {"sums", "a = 3, b = a + 4. b?", "3 + 4 = 7", "7", "7", "right"};
  return state;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

TEST(StatusBlock, SayWhatIsKnown) {
  const auto lines = live_lines(test_state(), {.columns = 110, .has_color = false});
  const std::string text = joined(lines);
  EXPECT_EQ(lines[0], "stage 3 of 4  ✓ base  ✓ cold-start  ▸ reasoning-rl  · final-rl");
  EXPECT_EQ(lines[1], "━━━━━━━─────────────────  35/110 (31 %)  2 m 10 s left  whole run 3 m 40 s");
  for (const char* part :
       {"right 61.3 %  thinking 21.3 tokens  reward 1.42  accuracy 0.610  format 0.980",
        "questions whose answers earned all the same 25.0 %  cut off 3",
        "tokens learned from a second 2.3 k", "asked     a = 3, b = a + 4. b?",
        "thinking  3 + 4 = 7", "answer    7", "          right"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  EXPECT_EQ(text.find('\033'), std::string::npos);
}

TEST(StatusBlock, N23WordsThatNeedACourseAreInTheReportOnly) {
  const std::string text = joined(live_lines(test_state(), {.columns = 110, .has_color = false}));
  for (const char* word : {"log p", "variance", "entropy", "KL", "gradient", "lr ", "rows"})
    EXPECT_EQ(text.find(word), std::string::npos) << word << "\n" << text;
  // Not exactly on-policy is worth a line.
  LiveState state = test_state();
  state.metrics.set("max_difference", 0.25);
  EXPECT_NE(joined(live_lines(state, {.columns = 110, .has_color = false}))
                .find("drawn with other probabilities than learned from, by 0.250"),
            std::string::npos);
}

TEST(StatusBlock, N23EachStageSaysWhatItTries) {
  LiveState state = test_state();
  state.stages[2].about = "tries 8 answers to each of 32 questions and learns from the best";
  for (int columns : {110, 40}) {
    const auto lines = live_lines(state, {.columns = columns, .has_color = false});
    std::string said;
    for (size_t i = 1;
         i < lines.size() && !lines[i].starts_with("━") && !lines[i].starts_with("35/"); ++i)
      said += (said.empty() ? "" : " ") + lines[i];
    EXPECT_EQ(said, state.stages[2].about) << columns;
  }
  EXPECT_EQ(live_line(state).find("tries"), std::string::npos) << "once is enough in a log";
}

TEST(StatusBlock, N1ProcessorTimeStandsBesideTheClock) {
  LiveState state = test_state();
  state.stage_seconds = 482;
  state.stage_core_seconds = 193;
  state.resident_bytes = 848 << 20;
  state.others = 0.8;
  const std::string busy = joined(live_lines(state, {.columns = 120, .has_color = false}));
  EXPECT_NE(
      busy.find("8 m 02 s so far, 3 m 13 s of processor time, 848.0 MiB of memory; other programs "
                "take 80 % of the cores\n"),
      std::string::npos)
      << busy;
  EXPECT_NE(live_line(state).find("; other programs take 80 %"), std::string::npos);
  state.others = 0.05;
  const std::string idle = joined(live_lines(state, {.columns = 110, .has_color = false}));
  EXPECT_NE(idle.find("3 m 13 s of processor time, 848.0 MiB of memory\n"), std::string::npos)
      << idle;
  state.resident_bytes = 0;
  EXPECT_NE(joined(live_lines(state, {.columns = 110, .has_color = false}))
                .find("3 m 13 s of processor time\n"),
            std::string::npos);
}

TEST(StatusBlock, N22NarrowTerminalsWrapWhatWideOnesShow) {
  const auto words = [](const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += one_line(line, 1000) + " ";
    return text;
  };
  LiveState state = test_state();
  state.has_sample = false;
  for (int columns : {60, 100}) {
    const std::string text = words(live_lines(state, {.columns = columns, .has_color = false}));
    for (const char* part : {"reward 1.42", "accuracy 0.610", "format 0.980", "cut off 3",
                             "earned all the same 25.0 %", "tokens learned from a second 2.3 k"})
      EXPECT_NE(text.find(part), std::string::npos) << columns << ": " << part << "\n" << text;
    EXPECT_EQ(text.find("…"), std::string::npos) << text;
  }
}

TEST(StatusBlock, ColorChangesNothingButColor) {
  const auto plain = live_lines(test_state(), {.columns = 90, .has_color = false});
  const auto colored = live_lines(test_state(), {.columns = 90, .has_color = true});
  ASSERT_EQ(plain.size(), colored.size());
  for (size_t i = 0; i < plain.size(); ++i) {
    std::string text = colored[i];
    for (size_t at; (at = text.find('\033')) != text.npos;)
      text.erase(at, text.find('m', at) + 1 - at);
    EXPECT_EQ(text, plain[i]);
  }
  EXPECT_NE(joined(colored).find("\033[32mright\033[0m"), std::string::npos);
  EXPECT_NE(joined(colored).find("\033[2m3 + 4 = 7\033[0m"), std::string::npos);  // dimmed
}

TEST(StatusBlock, FitAnyWidthAndHeightWhateverTheModelWrites) {
  LiveState state = test_state();
  std::string evil =
      "\033[2J\r\n\x07\xff\xe2\x80\xae答案是七，因为三加四等于七 \xcc\x81\xf0\x9f\x98\x80";
  while (evil.size() < 5'000) evil += evil;
  state.sample = {evil, evil, evil, evil, evil, evil};
  state.activity = evil;
  state.stages[2].name = evil;
  for (bool has_color : {false, true})
    for (int columns = 1; columns < 160; ++columns) {
      const auto lines = live_lines(state, {columns, 12, has_color});
      EXPECT_LE(lines.size(), 12u);
      for (const std::string& line : lines) {
        ASSERT_LE(columns_of(line), columns) << line;
        EXPECT_EQ(line.find_first_of("\r\n\x07"), std::string::npos);
        EXPECT_EQ(line.find("\033[2J"), std::string::npos);
      }
    }
}

TEST(StatusBlock, LeaveOutWhatIsUnknown) {
  LiveState state;
  state.stages = {{"base", 0}};
  state.metrics.set("loss", NAN);
  state.metrics.set("reward", "a text");
  const std::string text = joined(live_lines(state, {.columns = 80, .has_color = false}));
  EXPECT_EQ(text, "stage 1 of 1  ▸ base\n────────────────────────  0/0 (0 %)\n");
  EXPECT_EQ(live_line(state), "[1/1] base  0/0 (0 %)");
  EXPECT_EQ(live_lines(LiveState{}, {}).size(), 2u);
}

Json line_of(std::initializer_list<std::pair<const char*, double>> values) {
  Json line = Json::object();
  for (const auto& [key, value] : values) line.set(key, value);
  return line;
}

TEST(StatusBlock, ShowsTheBestSoFarBesideTheNewest) {
  LiveState state;
  state.stages = {{"base", 0}};
  for (double loss : {3.0, 1.234, 2.0}) add_metrics(state, line_of({{"loss", loss}}));
  EXPECT_EQ(live_line(state), "[1/1] base  0/0 (0 %)  loss 2.00 (best 1.23)");
  EXPECT_NE(joined(live_lines(state, {.columns = 80, .has_color = false}))
                .find("loss 2.00 (best 1.23)\n"),
            std::string::npos);
  add_metrics(state, line_of({{"loss", 1.1}}));
  EXPECT_EQ(live_line(state), "[1/1] base  0/0 (0 %)  loss 1.10") << "it is the best itself";
  // Measured now and then: the best is worth a word in between.
  add_metrics(state, line_of({{"accuracy", 0.5}, {"held_out", 0.6}}));
  add_metrics(state, line_of({{"accuracy", 0.25}, {"loss", NAN}}));
  EXPECT_EQ(live_line(state),
            "[1/1] base  0/0 (0 %)  right 25.0 % (best 50.0 %)  right of held-out problems best "
            "60.0 %  loss best 1.10");
}

TEST(StatusBlock, PlainLineHasEverythingOnce) {
  const std::string line = live_line(test_state());
  EXPECT_EQ(line.substr(0, line.find("  right")), "[3/4] reasoning-rl  35/110 (31 %)");
  EXPECT_NE(line.find("right 61.3 %  thinking 21.3 tokens  reward 1.42"), std::string::npos)
      << line;
  EXPECT_NE(line.find("2 m 10 s left, whole run 3 m 40 s"), std::string::npos) << line;
  LiveState state = test_state();
  state.activity = "evaluating";
  state.activity_done = 40;
  state.activity_total = 120;
  EXPECT_NE(live_line(state).find("evaluating  40/120"), std::string::npos);
  EXPECT_EQ(live_line(state).find("reward"), std::string::npos);
}

TEST(StatusBlock, SampleLineIsCut) {
  SampleReply sample = test_state().sample;
  EXPECT_EQ(sample_line(sample, 100), "  right: a = 3, b = a + 4. b? | 3 + 4 = 7 | 7");
  sample.thinking = std::string(100'000, 'x');
  EXPECT_LE(columns_of(sample_line(sample, 100)), 100);
  EXPECT_NE(sample_line(sample, 100).find(" | 7"), std::string::npos);
}

}  // namespace
}  // namespace weir
