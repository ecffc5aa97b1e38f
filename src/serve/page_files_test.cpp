// Without a browser: the page's files as they are embedded, and the folders of runs it reads.
#include "serve/page_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "base/file.h"
#include "serve/run_folders.h"

namespace weir {
namespace {

// All texts between `before` and `after`.
std::set<std::string> between(const std::string& text, const std::string& before,
                              const std::string& after) {
  std::set<std::string> list;
  for (size_t at = 0; (at = text.find(before, at)) != text.npos;) {
    at += before.size();
    list.insert(text.substr(at, text.find(after, at) - at));
  }
  return list;
}

TEST(PageFiles, AreThoseOfTheTreeAndSmall) {
  size_t total = 0;
  for (const PageFile& file : page_files()) {
    total += file.bytes.size();
    const std::string path =
        std::string(WEIR_SOURCE_DIR "/src/serve/page/") + std::string(file.name);
    if (!file_exists(path)) continue;  // a library
    EXPECT_EQ(unpacked(file), *read_file(path)) << file.name;
  }
  EXPECT_LT(total, 400'000u);
  EXPECT_EQ(find_page_file("../index.html"), nullptr);
  EXPECT_STREQ(content_type_of("katex.css"), "text/css; charset=utf-8");
}

TEST(PageFiles, ImportWhatIsThereAndHaveEveryWordInChinese) {
  const std::string chinese = unpacked(*find_page_file("chinese.js"));
  int words = 0;
  for (const PageFile& file : page_files()) {
    if (!file_exists(WEIR_SOURCE_DIR "/src/serve/page/" + std::string(file.name)) ||
        !file.name.ends_with(".js"))
      continue;
    const std::string text = unpacked(file);
    for (const std::string& name : between(text, "from './", "'"))
      EXPECT_NE(find_page_file(name), nullptr) << file.name << " imports " << name;
    for (const std::string& word : between(text, " t('", "'")) {
      EXPECT_NE(chinese.find("\n  '" + word + "': '"), std::string::npos)
          << file.name << ": " << word;
      ++words;
    }
    for (const std::string& word : between(text, "(t('", "'"))
      EXPECT_NE(chinese.find("\n  '" + word + "': '"), std::string::npos)
          << file.name << ": " << word;
  }
  EXPECT_GT(words, 100);
}

class Runs : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "weir_runs_XXXXXX";
    root_ = mkdtemp(pattern.data());
    write("deep/plain/metrics.jsonl", "{\"step\":1}\n{\"step\":2}\n{\"st");
    write("r1/stages/cold/metrics.jsonl", "{\"step\":7,\"loss\":0.5}\n");
    write("r1/report.html", "<p>r1");
    write("r1/.lock", "1\n");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = root_ + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  TrainingRun named(const std::string& name) {
    for (const TrainingRun& run : RunFolders::create({root_})->list())
      if (run.name == name) return run;
    ADD_FAILURE() << "no run " << name;
    return {};
  }
  std::string root_;
};

TEST_F(Runs, AreFoundWithTheirStages) {
  const RunFolders folders = *RunFolders::create({root_});
  EXPECT_EQ(folders.list().size(), 2u);
  const TrainingRun plain = named("deep / plain"), cold = named("r1 / cold");
  EXPECT_EQ(folders.find(cold.id)->folder, root_ + "/r1/stages/cold");
  EXPECT_FALSE(folders.find("../../etc").has_value());
  EXPECT_FALSE(has_report(plain));
  EXPECT_EQ(*report_of(cold), "<p>r1");
  EXPECT_EQ(last_metrics(cold).find("loss")->dump(), "0.5");
  EXPECT_EQ(last_metrics(plain).find("step")->dump(), "2");
  const auto missing = RunFolders::create({root_ + "/none"});
  ASSERT_FALSE(missing.has_value());
  EXPECT_NE(missing.error().message.find("no such folder"), std::string::npos);
}

TEST_F(Runs, MetricsComeInWholeLines) {
  const TrainingRun plain = named("deep / plain");
  const std::string whole = *metrics_from(plain, 0, 1000);
  EXPECT_EQ(whole, "{\"step\":1}\n{\"step\":2}\n");
  EXPECT_EQ(*metrics_from(plain, 0, 15), "{\"step\":1}\n");
  EXPECT_EQ(*metrics_from(plain, 0, 3), whole);  // a line longer than wanted comes nevertheless
  EXPECT_EQ(*metrics_from(plain, int64_t(whole.size()), 1000), "");
  EXPECT_FALSE(metrics_from(plain, 1000, 1000).has_value());  // cut back by a resume
}

TEST_F(Runs, LinksAreNotFollowed) {
  write("secret/metrics.txt", "secret\n");
  std::filesystem::create_directories(root_ + "/link");
  std::filesystem::create_symlink(root_ + "/secret/metrics.txt", root_ + "/link/metrics.jsonl");
  std::filesystem::create_directory_symlink("/", root_ + "/everything");
  EXPECT_EQ(RunFolders::create({root_})->list().size(), 2u);
  std::filesystem::remove(root_ + "/r1/report.html");
  std::filesystem::create_symlink(root_ + "/secret/metrics.txt", root_ + "/r1/report.html");
  EXPECT_FALSE(report_of(named("r1 / cold")).has_value());
}

TEST_F(Runs, ARunIsInProgressWhileItsLockIsHeld) {
  const TrainingRun cold = named("r1 / cold");
  EXPECT_FALSE(is_running(cold));
  {
    const auto lock = FileLock::acquire(root_ + "/r1/.lock");
    ASSERT_TRUE(lock.has_value());
    EXPECT_TRUE(is_running(cold));
    write("r1/stages/cold/manifest.json", "{}");
    EXPECT_FALSE(is_running(cold));  // this stage has ended
    std::filesystem::remove(root_ + "/r1/stages/cold/manifest.json");
  }
  EXPECT_FALSE(is_running(cold));
}

}  // namespace
}  // namespace weir
