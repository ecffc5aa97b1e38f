// For tests of commands about checkpoints: a temporary folder with the configuration of a small
// DeepSeek-V3, and what such commands print last.
#pragma once
#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/json.h"
#include "tests/run_program.h"

namespace weir {

class SmallCheckpoint : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    // A golden configuration with room for bytes and control tokens.
    Json config = *read_json_file(std::string(WEIR_SOURCE_DIR) +
                                  "/src/model/testdata/deepseek_v3/config.json");
    config.set("vocab_size", 300);
    ASSERT_TRUE(write_file_atomic(path("config.json"), config.dump()));
  }
  void TearDown() override { (void)remove_all(folder_); }
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  // Random weights of that shape at path(name).
  void make(const std::string& name, const std::string& type) const {
    const Outcome made =
        run({"make-random", path(name), "--like", path("config.json"), "--type", type});
    ASSERT_EQ(made.code, 0) << made.error;
  }
  static Json last_line(const std::string& text) {
    const size_t end = text.find_last_not_of('\n');
    const size_t begin = text.rfind('\n', end);
    auto json = parse_json(text.substr(begin + 1, end - begin));
    EXPECT_TRUE(json) << text;
    return json ? *json : Json();
  }

  std::string folder_ = testing::TempDir() + "weir_checkpoint_XXXXXX";
};

}  // namespace weir
