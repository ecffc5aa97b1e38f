// `weir generate --panel-cache`, run after run.
#include <algorithm>
#include <filesystem>

#include "kernels/kernels.h"
#include "tests/small_checkpoint.h"

namespace weir {
namespace {

class PanelCacheCommand : public SmallCheckpoint {
 protected:
  void SetUp() override {
    if (!kernels().repack_panel) GTEST_SKIP() << "this processor's products read no panels";
    SmallCheckpoint::SetUp();
    make("m.gguf", "q8_0");
  }
  Outcome generate(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {
        "generate", path("m.gguf"), "--prompt", "a text",      "--tokens",
        "8",        "--seed",       "5",        "--ignore-end"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
  Outcome cached() const { return generate({"--panel-cache", path("cache/of/panels")}); }
  // The only file of the folder.
  std::string file() const {
    std::vector<std::string> names = *list_directory(path("cache/of/panels"));
    EXPECT_EQ(names.size(), 1u);
    return path("cache/of/panels/" + names.at(0));
  }
};

TEST_F(PanelCacheCommand, WritesOnceReadsLaterAndReplacesWhatIsDamaged) {
  const Outcome plain = generate();
  ASSERT_EQ(plain.code, 0) << plain.error;
  const auto expect_same = [&](const Outcome& outcome, const char* note, bool writes) {
    EXPECT_EQ(outcome.code, 0) << outcome.error;
    EXPECT_EQ(outcome.out, plain.out);
    EXPECT_EQ(outcome.error.find("repacking weights") != std::string::npos, writes)
        << outcome.error;
    EXPECT_EQ(outcome.error.find("note: ") != std::string::npos, note != nullptr) << outcome.error;
    if (note) {
      EXPECT_NE(outcome.error.find(note), std::string::npos) << outcome.error;
    }
  };
  expect_same(cached(), nullptr, true);
  const std::string bytes = *read_file(file());
  expect_same(cached(), nullptr, false);
  std::filesystem::resize_file(file(), bytes.size() / 2);
  expect_same(cached(), "is damaged", true);
  EXPECT_TRUE(*read_file(file()) == bytes);
  std::string bad = bytes;
  for (size_t i = 4096; i < bytes.size() / 2; ++i) bad[i] = char(bad[i] + 1);  // panels
  ASSERT_TRUE(write_file_atomic(file(), bad));
  expect_same(cached(), "is damaged", false);
  expect_same(cached(), nullptr, true);  // it was removed
  EXPECT_TRUE(*read_file(file()) == bytes);
}

TEST_F(PanelCacheCommand, AFolderThatCanNotBeMadeIsAnError) {
  const Outcome outcome = generate({"--panel-cache", path("m.gguf") + "/cache"});
  EXPECT_NE(outcome.code, 0);
  EXPECT_NE(outcome.error.find("--panel-cache"), std::string::npos) << outcome.error;
}

}  // namespace
}  // namespace weir
