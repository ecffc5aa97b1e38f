// `weir generate --prefix-cache` and `weir chat --prefix-cache`, run after run.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "tests/run_program.h"
#include "tests/tiny_model.h"

namespace weir {
namespace {

struct PrefixCacheCommand : testing::Test {
  std::string folder = testing::TempDir() + "prefix_command_XXXXXX";
  std::string model, cache;
  std::string prompt = std::string(300, 'a') + " and so on";  // 310 byte tokens
  void SetUp() override {
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    model = folder + "/model", cache = folder + "/cache";
    ASSERT_TRUE(make_directories(model));
    write_tiny_model(model);
  }
  void TearDown() override { (void)remove_all(folder); }
  Outcome generate(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {
        "generate", model, "--prompt", prompt, "--tokens", "20", "--temperature", "0", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
};

Json json_of(const Outcome& outcome) {
  auto json = parse_json(outcome.out);
  EXPECT_TRUE(json) << outcome.out << outcome.error;
  return json ? *std::move(json) : Json();
}

size_t count_files(const std::string& folder) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    count += entry.is_regular_file();
  return count;
}

TEST_F(PrefixCacheCommand, TheNextRunBeginsWithWhatTheLastOneComputed) {
  const Json plain = json_of(generate());
  const Json first = json_of(generate({"--prefix-cache", cache}));
  const Json second = json_of(generate({"--prefix-cache", cache}));
  EXPECT_EQ(first.find("completions")->dump(), plain.find("completions")->dump());
  EXPECT_EQ(second.find("completions")->dump(), plain.find("completions")->dump());
  EXPECT_EQ(plain.find("prompt_tokens_from_cache")->dump(), "0");
  EXPECT_EQ(first.find("prompt_tokens_from_cache")->dump(), "0");
  EXPECT_EQ(second.find("prompt_tokens_from_cache")->dump(), "288");  // nine pages of 32
  EXPECT_EQ(count_files(cache), 10u);                                 // of 329 rows
  struct stat info {};
  ASSERT_EQ(stat(cache.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST_F(PrefixCacheCommand, ChatStoresPagesUnlessItIsPrivate) {
  const std::vector<std::string> chat = {"chat",     model, "--form",         "plain",
                                         "--tokens", "40",  "--prefix-cache", cache};
  EXPECT_EQ(run(chat, prompt).code, 0);
  EXPECT_GE(count_files(cache), 10u);
  const Outcome secret = run({"chat", model, "--private", "--prefix-cache", cache}, "hello");
  EXPECT_NE(secret.code, 0);
  EXPECT_NE(secret.error.find("--private"), std::string::npos) << secret.error;
}

TEST_F(PrefixCacheCommand, WrongFoldersAndLimitsAreErrors) {
  const Outcome small = generate({"--prefix-cache", cache, "--prefix-cache-limit", "0.000001"});
  EXPECT_NE(small.code, 0);
  EXPECT_NE(small.error.find("is below one page"), std::string::npos) << small.error;
  ASSERT_TRUE(write_file_atomic(cache, "a file"));
  const Outcome file = generate({"--prefix-cache", cache});
  EXPECT_NE(file.code, 0);
  EXPECT_NE(file.error.find(cache), std::string::npos) << file.error;
}

TEST_F(PrefixCacheCommand, DamageIsOneLineAndNoResult) {
  const Json first = json_of(generate({"--prefix-cache", cache}));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(cache))
    if (entry.is_regular_file()) std::filesystem::resize_file(entry.path(), 100);
  const Outcome again = generate({"--prefix-cache", cache});
  EXPECT_EQ(json_of(again).find("completions")->dump(), first.find("completions")->dump());
  EXPECT_EQ(std::count(again.error.begin(), again.error.end(), '\n'), 1) << again.error;
  EXPECT_NE(again.error.find("is damaged"), std::string::npos) << again.error;
}

}  // namespace
}  // namespace weir
