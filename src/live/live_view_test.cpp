#include "live/live_view.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "text/terminal_text.h"

namespace weir {
namespace {

// As much of a terminal as LiveScreen speaks to: characters, newline, return, cursor up, erasing.
class Terminal {
 public:
  explicit Terminal(int columns) : columns_(columns) {}

  void write(const std::string& bytes) {
    for (size_t i = 0; i < bytes.size(); ++i) {
      const char c = bytes[i];
      if (c == '\n') {
        at({row_ + 1, 0});
      } else if (c == '\r') {
        at({row_, 0});
      } else if (c == '\033') {
        const size_t end = bytes.find_first_not_of("0123456789", i + 2);
        ASSERT_LT(end, bytes.size());
        obey(bytes[end], std::atoi(bytes.c_str() + i + 2));
        i = end;
      } else {
        ASSERT_LT(column_, columns_) << "a line would wrap";
        std::string& line = rows_[size_t(row_)];
        line.resize(std::max(line.size(), size_t(column_) + 1), ' ');
        line[size_t(column_++)] = c;
      }
    }
  }
  std::string screen() const {
    std::string text;
    for (const std::string& row : rows_) text += row + "\n";
    while (text.ends_with("\n\n")) text.pop_back();
    return text;
  }

 private:
  struct Place {
    int row, column;
  };
  void at(Place place) {
    ASSERT_GE(place.row, 0) << "above the screen";
    row_ = place.row;
    column_ = place.column;
    if (rows_.size() <= size_t(row_)) rows_.resize(size_t(row_) + 1);
  }
  void obey(char command, int count) {
    if (command == 'A') at({row_ - count, column_});
    if (command == 'K' || command == 'J') {
      std::string& line = rows_[size_t(row_)];
      line.resize(std::min(line.size(), size_t(column_)));
    }
    if (command == 'J') rows_.resize(size_t(row_) + 1);
  }

  int columns_, row_ = 0, column_ = 0;
  std::vector<std::string> rows_ = {""};
};

TEST(LiveScreen, ReplacesLinesInPlace) {
  Terminal terminal(20);
  LiveScreen screen;
  terminal.write("before\n");
  terminal.write(screen.draw({"one", "a longer line", "three"}, 20));
  EXPECT_EQ(terminal.screen(), "before\none\na longer line\nthree\n");
  terminal.write(screen.draw({"four", "five"}, 20));
  EXPECT_EQ(terminal.screen(), "before\nfour\nfive\n");
  terminal.write(screen.erase(20) + "a note\n");
  EXPECT_TRUE(screen.is_empty());
  terminal.write(screen.draw({"six"}, 20));
  EXPECT_EQ(terminal.screen(), "before\na note\nsix\n");
  terminal.write(screen.draw({}, 20));
  EXPECT_EQ(terminal.screen(), "before\na note\n");
  EXPECT_EQ(screen.erase(20), "");
}

TEST(LiveScreen, CountsTheRowsOfLinesThatWrappedWhenTheWindowShrank) {
  LiveScreen screen;
  screen.draw({std::string(30, 'x'), "\033[1m" + std::string(10, 'y') + "\033[0m", ""}, 40);
  EXPECT_EQ(screen.erase(10), "\r\033[4A\033[J");  // 3 + 1 + 1 rows
}

class LiveViewTest : public testing::Test {
 protected:
  void SetUp() override { options_.out = open_memstream(&text_, &size_); }
  void TearDown() override {
    std::fclose(options_.out);
    std::free(text_);
  }
  std::string written() {
    std::fflush(options_.out);
    return std::string(text_, size_);
  }
  static Json metrics(int step) {
    Json json = Json::object();
    json.set("step", step);
    json.set("reward", 1.5);
    json.set("accuracy", 0.5);
    return json;
  }

  char* text_ = nullptr;
  size_t size_ = 0;
  LiveOptions options_ = {.columns = 60, .rows = 24};
  std::vector<PlannedStage> stages_ = {{"cold-start", 10}, {"reasoning-rl", 20}};
};

TEST_F(LiveViewTest, WritesPlainLinesWithoutATerminal) {
  {
    LiveView view(stages_, options_);
    view.begin_stage(0, 0, 4);
    for (int step = 1; step <= 4; ++step) view.update(metrics(step));
    view.show_sample({"sums", "2 + 2\033[2J", "two and two", "4", "4", "right"});
    view.show_sample({"sums", "another, too soon", "", "", "", "wrong"});
    view.end_stage("cold-start: 50.0 % right");
    view.note("a warning");
  }
  const auto lines = split(written(), '\n');
  ASSERT_EQ(lines.size(), 6u) << written();
  EXPECT_EQ(lines[0], "[1/2] cold-start  0/4 (0 %)  10 s left, whole run 30 s");
  EXPECT_EQ(lines[1], "  right: 2 + 2?[2J | two and two | 4");
  EXPECT_EQ(lines[2].substr(0, 57), "[1/2] cold-start  4/4 (100 %)  right 50.0 %  reward 1.50 ");
  EXPECT_EQ(lines[3], "cold-start: 50.0 % right");
  EXPECT_EQ(lines[4], "a warning");
  EXPECT_EQ(written().find('\033'), std::string::npos);
}

// Three quarters of the stage are left of its 10 s, whatever time loading took.
TEST_F(LiveViewTest, StepsOfEarlierProcessesAreNoSpeed) {
  {
    LiveView view(stages_, options_);
    view.begin_stage(0, 0, 4);
    view.resume_at(1);
  }
  const auto lines = split(written(), '\n');
  ASSERT_GE(lines.size(), 2u) << written();
  EXPECT_EQ(lines[1], "[1/2] cold-start  1/4 (25 %)  7.5 s left, whole run 28 s");
}

TEST_F(LiveViewTest, LeavesNotesAboveTheBlockOfATerminal) {
  options_.is_terminal = true;
  {
    LiveView view(stages_, options_);
    view.begin_stage(0, 0, 4);
    view.update(metrics(1));
    view.show_sample({"sums", "2 + 2", "two and two", "4", "4", "right"});
    view.end_stage("the summary of cold-start");
    view.begin_stage(1, 3, 8);
    view.show_activity("evaluating", 40, 120);
    view.note("a warning\033[2J\nof two lines " + std::string(100, 'x'));
    view.show_activity("sampling");
  }
  Terminal terminal(3 * 60);  // bytes stand for columns here
  terminal.write(written());
  const auto lines = split(terminal.screen(), '\n');
  ASSERT_GE(lines.size(), 6u);
  EXPECT_EQ(lines[0], "the summary of cold-start");
  EXPECT_EQ(lines[1], "a warning?[2J");
  EXPECT_EQ(lines[2].substr(0, 15), "of two lines xx");
  EXPECT_EQ(lines[3].substr(0, 4), "  xx");
  size_t crosses = 0;
  for (size_t i : {2, 3}) {
    EXPECT_LE(columns_of(lines[i]), 59);
    crosses += size_t(std::count(lines[i].begin(), lines[i].end(), 'x'));
  }
  EXPECT_EQ(crosses, 100u) << "nothing is cut";
  EXPECT_EQ(lines[4].substr(0, 12), "stage 2 of 2");
  EXPECT_NE(lines[5].find("3/8 (37 %)"), std::string::npos) << lines[5];
  EXPECT_EQ(lines[6], "sampling");
  EXPECT_TRUE(written().ends_with("\n"));  // the shell's prompt begins a line
}

CoreTimes busy_cores() {
  static double now = 0;
  now += 10;
  return {now, now, now / 5};  // ten busy seconds a look, two of them our own
}

TEST_F(LiveViewTest, N1OtherProgramsAreNamedAfterAWhile) {
  options_.is_terminal = true;
  options_.core_times = busy_cores;
  LiveView view(stages_, options_);
  view.begin_stage(0, 0, 4);
  view.update(metrics(1));
  EXPECT_EQ(written().find("other programs"), std::string::npos) << "looked at every few seconds";
}

TEST_F(LiveViewTest, TheRealProcessTakesMemory) {
  ASSERT_NE(LiveOptions::of_stderr().resident_bytes, nullptr);
  const double bytes = LiveOptions::of_stderr().resident_bytes();
  EXPECT_GT(bytes, 1 << 20);
  EXPECT_LT(bytes, 1e12);
}

TEST_F(LiveViewTest, N23APlainLogSaysOnceWhatAStageTries) {
  stages_[0].about = "learns to reply as the examples do";
  {
    LiveView view(stages_, options_);
    view.begin_stage(0, 0, 4);
    view.update(metrics(4));
  }
  EXPECT_EQ(split(written(), '\n')[0], "cold-start: learns to reply as the examples do");
}

TEST_F(LiveViewTest, ClearTakesTheBlockAway) {
  options_.is_terminal = true;
  LiveView view(stages_, options_);
  view.begin_stage(0, 0, 4);
  view.clear();
  Terminal terminal(200);
  terminal.write(written());
  EXPECT_EQ(terminal.screen(), "\n");
}

TEST_F(LiveViewTest, SurvivesStrangeCalls) {
  options_.is_terminal = true;
  LiveView view({}, options_);
  view.update(Json());
  view.update(metrics(-5));
  view.begin_stage(7, 9, 3);
  for (int i = 0; i < 3000; ++i) view.update(metrics(i));
  view.end_stage("");
  EXPECT_NE(written(), "");
}

TEST(LiveOptions, ObeyTheEnvironment) {
  EXPECT_TRUE(LiveOptions::of(true, "xterm", nullptr).has_color);
  EXPECT_TRUE(LiveOptions::of(true, "xterm", "").has_color);
  EXPECT_FALSE(LiveOptions::of(true, "xterm", "1").has_color);
  EXPECT_TRUE(LiveOptions::of(true, "xterm", "1").is_terminal);
  EXPECT_FALSE(LiveOptions::of(true, "dumb", nullptr).is_terminal);
  EXPECT_FALSE(LiveOptions::of(true, nullptr, nullptr).is_terminal);
  EXPECT_FALSE(LiveOptions::of(false, "xterm", nullptr).is_terminal);
}

}  // namespace
}  // namespace weir
