#include "cli/state_folder.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/atomic_output.h"
#include "base/file.h"

namespace weir {
namespace {

class StateFolder : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "weir_state_XXXXXX";
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    ASSERT_EQ(setenv("XDG_STATE_HOME", folder_.c_str(), 1), 0);
  }
  void TearDown() override {
    unsetenv("XDG_STATE_HOME");
    EXPECT_TRUE(remove_all(folder_));
  }
  static mode_t mode_of(const std::string& path) {
    struct stat s {};
    EXPECT_EQ(stat(path.c_str(), &s), 0);
    return s.st_mode & 0777;
  }
  std::string folder_;
};

TEST_F(StateFolder, IsPrivate) {
  const auto made = state_folder();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(*made, folder_ + "/weir");
  EXPECT_EQ(mode_of(*made), 0700u);
}

TEST_F(StateFolder, N5HistoryComesBackWithLineEndsAndOtherScripts) {
  const std::string path = folder_ + "/history";
  const std::vector<std::string> texts = {"first", "a paste\nof two \"lines\"", "你好 \\n"};
  {
    auto history = InputHistory::open(path);
    ASSERT_TRUE(history);
    for (const std::string& text : texts) ASSERT_TRUE(history->add(text));
  }
  EXPECT_EQ(mode_of(path), 0600u);
  auto again = InputHistory::open(path);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->lines(), texts);
}

TEST_F(StateFolder, N5HistoryIsBounded) {
  const std::string path = folder_ + "/history";
  auto history = InputHistory::open(path);
  ASSERT_TRUE(history->add(std::string(70000, 'x')));
  EXPECT_FALSE(file_exists(path));  // too long to keep
  std::string file = "damaged\n\"whole\"\n";
  for (int i = 0; i < 1500; ++i) file += "\"line " + std::to_string(i) + "\"\n";
  ASSERT_TRUE(write_file_atomic(path, file));
  history = InputHistory::open(path);
  ASSERT_TRUE(history);
  EXPECT_EQ(history->lines().size(), 1000u);
  EXPECT_EQ(history->lines().front(), "line 500");
  EXPECT_EQ(history->lines().back(), "line 1499");
  history = InputHistory::open(path);  // cut in the file too
  EXPECT_EQ(history->lines().size(), 1000u);
  EXPECT_LT(*file_size(path), file.size());
}

}  // namespace
}  // namespace weir
