#include "base/atomic_output.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

namespace weir {
namespace {

// The number of a process that has ended.
pid_t dead_process() {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, nullptr, 0);
  return child;
}

class Aside : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "weir-aside-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    dead_ = std::to_string(dead_process());
  }
  void TearDown() override { EXPECT_TRUE(remove_all(folder_)); }
  std::string at(const std::string& name) const { return join_path(folder_, name); }
  void put(const std::string& name) { ASSERT_TRUE(write_file_atomic(at(name), name)); }
  bool has(const std::string& name) const { return file_exists(at(name)); }
  std::string folder_, dead_;
};

TEST_F(Aside, F33ThoseOfDeadProcessesAreRemovedFromARunsFolders) {
  const std::string parent = std::to_string(getppid()), own = std::to_string(getpid());
  ASSERT_TRUE(make_directories(at("stages/rl/rollouts")));
  ASSERT_TRUE(make_directories(at("stages/out.writing-" + dead_ + "/inner")));
  const std::vector<std::string> stale = {
      "report.html.writing-" + dead_ + "-3", "stages/rl/manifest.json.writing-" + dead_,
      "stages/rl/rollouts/step-00000004.jsonl.writing-" + dead_ + "-12",
      "stages/rl/own.writing-" + own + "-1"};  // written before by another of this number
  const std::vector<std::string> kept = {"stages/rl/rollouts/step-00000004.jsonl",
                                         "a.writing-" + parent,
                                         "b.writing-" + parent + "-1",
                                         "notes.writing-",
                                         "notes.writing-today",
                                         "notes.writing-" + dead_ + "-x",
                                         "writing-" + dead_,
                                         ".writing-" + dead_};
  for (const auto* names : {&stale, &kept})
    for (const std::string& name : *names) put(name);
  const auto removed = remove_stale_asides(folder_);
  ASSERT_TRUE(removed) << removed.error().message;
  for (const std::string& name : stale) EXPECT_FALSE(has(name)) << name;
  for (const std::string& name : kept) EXPECT_TRUE(has(name)) << name;
  EXPECT_FALSE(has("stages/out.writing-" + dead_));
  EXPECT_TRUE(remove_stale_asides(at("absent")));
}

TEST_F(Aside, F33TheNextWriterOfATargetRemovesItsStaleAsides) {
  put("m.gguf.writing-" + dead_);
  put("other.gguf.writing-" + dead_);
  put("m.gguf.writing-" + std::to_string(getpid()));  // a thread of this process writes it
  ASSERT_TRUE(remove_stale_asides_of(at("m.gguf")));
  EXPECT_FALSE(has("m.gguf.writing-" + dead_));
  EXPECT_TRUE(has("other.gguf.writing-" + dead_));
  EXPECT_TRUE(has("m.gguf.writing-" + std::to_string(getpid())));
  EXPECT_TRUE(remove_stale_asides_of(at("absent/m.gguf")));
}

}  // namespace
}  // namespace weir
