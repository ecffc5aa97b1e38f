#include "corpus/corpus_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace weir {
namespace {

namespace fs = std::filesystem;

class CorpusFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "weir_files_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string put(const std::string& name) const {
    const std::string path = folder_ + "/" + name;
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << "text";
    return path;
  }
  // Names below the folder, or the error.
  std::vector<std::string> find(const std::vector<std::string>& paths) const {
    auto files = find_corpus_files(paths);
    if (!files) return {"error: " + files.error().message};
    std::vector<std::string> names;
    for (const CorpusFile& file : *files) names.push_back(file.path.substr(folder_.size() + 1));
    return names;
  }

  std::string folder_;
};

using Names = std::vector<std::string>;

TEST_F(CorpusFilesTest, KindsFollowTheNames) {
  for (const char* name : {"a.TXT", "b.md.gz", "c.htm", "d.xhtml", "e.ndjson", "f.jsonl.gz"})
    put(name);
  auto files = find_corpus_files({folder_});
  ASSERT_TRUE(files) << files.error().message;
  const std::vector<FileKind> kinds = {FileKind::text, FileKind::text,  FileKind::html,
                                       FileKind::html, FileKind::jsonl, FileKind::jsonl};
  ASSERT_EQ(files->size(), kinds.size());
  for (size_t i = 0; i < kinds.size(); ++i) {
    EXPECT_EQ((*files)[i].kind, kinds[i]) << (*files)[i].path;
    EXPECT_EQ((*files)[i].gzip, i == 1 || i == 5);
    EXPECT_EQ((*files)[i].bytes, 4u);
  }
}

TEST_F(CorpusFilesTest, FoldersGiveKnownNamesOnlyAndNamedFilesAny) {
  const std::string readme = put("README");
  put("code.cpp");
  put("b/2.txt");
  put("a/1.txt");
  put(".git/x.txt");
  EXPECT_EQ(find({folder_}), (Names{"a/1.txt", "b/2.txt"}));
  EXPECT_EQ(find({readme, folder_}), (Names{"README", "a/1.txt", "b/2.txt"}));
}

TEST_F(CorpusFilesTest, LinksThatLeadInCirclesEnd) {
  put("a/1.txt");
  fs::create_directory_symlink(folder_, folder_ + "/a/up");
  fs::create_symlink("missing", folder_ + "/dangling.txt");
  EXPECT_EQ(find({folder_}), (Names{"a/1.txt"}));
  EXPECT_EQ(find({folder_, folder_ + "/a", folder_ + "/a/1.txt"}), (Names{"a/1.txt"}));
}

TEST_F(CorpusFilesTest, PatternsMayHaveAlternatives) {
  for (const char* name : {"a.txt", "b.md", "c.txt"}) put(name);
  EXPECT_EQ(find({folder_ + "/[ab].{txt,md}"}), (Names{"a.txt", "b.md"}));
  EXPECT_EQ(find({folder_ + "/*.rst"})[0].find("error: " + folder_ + "/*.rst: no file matches"),
            0u);
}

TEST_F(CorpusFilesTest, OnlyFilesAndFoldersAreRead) {
  EXPECT_NE(find({"/dev/zero"})[0].find("neither a file nor a folder"), std::string::npos);
  std::string deep = folder_;
  for (int i = 0; i < 70; ++i) deep += "/d";
  fs::create_directories(deep);
  EXPECT_NE(find({folder_})[0].find("nested too deeply"), std::string::npos);
}

}  // namespace
}  // namespace weir
