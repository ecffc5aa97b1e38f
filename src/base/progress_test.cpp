#include "base/progress.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace weir {
namespace {

TEST(Progress, SaysDoneTotalRateAndTimeLeft) {
  ProgressLine line{.title = "training", .unit = "steps", .detail = "loss 2.31"};
  line.done = 120;
  line.total = 500;
  line.seconds = 40;
  EXPECT_EQ(progress_text(line),
            "training  120/500 steps (24 %)  loss 2.31  3.00 steps/s  2 m 07 s left");
  line.start = 100;  // a resumed run: the rate counts our own steps
  EXPECT_EQ(progress_text(line),
            "training  120/500 steps (24 %)  loss 2.31  0.50 steps/s  12 m 40 s left");
  line.last = true;
  EXPECT_EQ(progress_text(line), "training  120/500 steps (24 %)  loss 2.31  in 40 s");
}

TEST(Progress, ShowsWhatIsKnown) {
  ProgressLine line{.title = "reading", .unit = "MB", .detail = ""};
  line.done = 12.34;
  EXPECT_EQ(progress_text(line), "reading  12.3 MB") << "no time has passed";
  line.seconds = 1;
  EXPECT_EQ(progress_text(line), "reading  12.3 MB  12 MB/s") << "the total is unknown";
  line.total = 10;
  EXPECT_EQ(progress_text(line), "reading  12.3/10 MB (100 %)  12 MB/s") << "more than the total";
  line.total = 1e7;
  line.done = 9'999'999;
  EXPECT_NE(progress_text(line).find("(99 %)"), std::string::npos) << "not yet 100 %";
}

TEST(Progress, FitsTheTerminal) {
  ProgressLine line{.title = "caf\u00e9", .unit = "steps", .detail = "\033[2J\n"};
  EXPECT_EQ(progress_text(line, 3), "caf");
  EXPECT_EQ(progress_text(line, 4), "caf\u00e9");
  EXPECT_EQ(progress_text(line, 1000), "caf\u00e9  0 steps  ?[2J?") << "details can not steer it";
}

// Elsewhere than on a terminal: the first update and the end are lines of their own, and the many
// updates between two times of showing are none.
TEST(Progress, WritesPlainLinesIntoAFile) {
  testing::internal::CaptureStderr();
  {
    Progress progress("counting", 1000, "items");
    for (int i = 0; i <= 1000; ++i) progress.update(i, "detail");
    progress.finish("end");
  }
  std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.substr(0, text.find('\n')).substr(0, 38), "counting  0/1000 items (0 %)  detail")
      << text;
  EXPECT_NE(text.find("\ncounting  1000/1000 items (100 %)  end  in 0.0 s\n"), std::string::npos)
      << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
}

TEST(Progress, TheEndOfUnknownWorkIsTheLastUpdate) {
  testing::internal::CaptureStderr();
  {
    Progress progress("counting", 0, "items");
    progress.update(1);
    progress.update(7);
    progress.finish();
  }
  std::string text = testing::internal::GetCapturedStderr();
  EXPECT_NE(text.find("counting  7 items  in 0.0 s\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace weir
