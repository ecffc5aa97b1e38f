#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/text.h"
#include "corpus/corpus.h"
#include "corpus/jsonl.h"

namespace weir {
namespace {

// A folder that goes away with the test.
class CorpusTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "weir_corpus_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string put(const std::string& name, const std::string& bytes) const {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }
  std::string put_gzip(const std::string& name, const std::string& bytes) const {
    gzFile file = gzopen(path(name).c_str(), "wb");
    gzwrite(file, bytes.data(), unsigned(bytes.size()));
    gzclose(file);
    return path(name);
  }
  Result<Corpus> read(std::vector<std::string> paths, bool skip = false) const {
    return read_corpus({.paths = std::move(paths), .skip_bad_lines = skip});
  }
  std::string error(std::vector<std::string> paths, bool skip = false) const {
    Result<Corpus> corpus = read(std::move(paths), skip);
    EXPECT_FALSE(corpus);
    return corpus ? "" : corpus.error().message;
  }

  std::string folder_;
};

using Texts = std::vector<std::string>;

TEST_F(CorpusTest, ReadsFoldersInSortedOrder) {
  put("b.md", "# bee");
  put("a.txt", "aye");
  put("sub/c.html", "<p>sea</p>");
  put("sub/d.jsonl",
      "{\"text\": \"dee\"}\n\n{\"id\": 7, \"text\": \"e\\u00e9\"}\n{\"text\": \" \"}\n");
  put(".hidden.txt", "no");
  put("picture.png", "\x89PNG");
  put("blank.txt", " \n");
  auto corpus = read({folder_});
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_EQ(corpus->documents, (Texts{"aye", "# bee", "sea\n", "dee", "eé"}));
  EXPECT_EQ(corpus->sources[3], path("sub/d.jsonl") + ":1");
  EXPECT_EQ(corpus->sources[4], path("sub/d.jsonl") + ":3");
  EXPECT_EQ(corpus->bytes, 3u + 5 + 4 + 3 + 3);
}

TEST_F(CorpusTest, ExpandsPatternsAndReadsAFileOnce) {
  std::string a = put("a.txt", "aye");
  put("b.txt", "bee");
  put("c.log", "sea");
  std::filesystem::create_symlink(a, path("z.txt"));
  std::filesystem::create_directory_symlink(folder_, path("again"));
  std::filesystem::create_symlink("nowhere", path("dangling.txt"));
  auto corpus = read({path("*.txt"), folder_, path("c.log")});
  ASSERT_FALSE(corpus) << "a dangling link named by a pattern is an error";
  std::filesystem::remove(path("dangling.txt"));
  corpus = read({path("*.txt"), folder_, path("c.log")});
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_EQ(corpus->documents, (Texts{"aye", "bee", "sea"}));
  EXPECT_EQ(corpus->files, 3u);
}

TEST_F(CorpusTest, UnpacksGzip) {
  std::string text = put_gzip("t.txt.gz", "packed");
  std::string html = put_gzip("h.html.gz", "<b>x</b>");
  std::string rows = put_gzip("r.jsonl.gz", "{\"text\":\"row\"}");
  auto corpus = read({text, html, rows});
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_EQ(corpus->documents, (Texts{"packed", "x\n", "row"}));
  std::string bytes = *read_file(text);
  put("torn.txt.gz", bytes.substr(0, bytes.size() - 9));
  EXPECT_NE(error({path("torn.txt.gz")}).find("damaged gzip"), std::string::npos);
  auto limited = read_corpus({.paths = {put_gzip("bomb.txt.gz", std::string(3 << 20, ' '))},
                              .bytes_max = size_t(1) << 20});
  ASSERT_FALSE(limited);
  EXPECT_NE(limited.error().message.find("unpacks to more than"), std::string::npos);
}

TEST_F(CorpusTest, AcceptsByteOrderMarkAndCrlf) {
  auto corpus =
      read({put("a.txt", "\xEF\xBB\xBFone\r\ntwo\rthree\r\n"),
            put("b.jsonl", "\xEF\xBB\xBF{\"text\":\"x\"}\r\n{\"text\":\"y\\r\\n\"}\r\n")});
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_EQ(corpus->documents, (Texts{"one\ntwo\rthree\n", "x", "y\r\n"}));
}

TEST_F(CorpusTest, NamesFileAndLineOfBadText) {
  EXPECT_NE(error({put("u.txt",
                       "good\nb\xFF"
                       "d\n")})
                .find("u.txt:2: not valid UTF-8"),
            std::string::npos);
  EXPECT_NE(error({put("n.txt", std::string("a\n\nb\0c", 6))}).find("n.txt:3: holds a NUL"),
            std::string::npos);
  EXPECT_NE(error({put("j.json", "[]")}).find("is no corpus"), std::string::npos);
}

TEST_F(CorpusTest, NamesFileAndLineOfBadRows) {
  auto reason = [&](const std::string& row) {
    return error({put("r.jsonl", "{\"text\":\"ok\"}\n\n" + row + "\n")});
  };
  for (const char* row : {"{\"text\":", "[1]", "{\"texts\":\"x\"}", "{\"text\":3}",
                          "{\"text\":\"a\\u0000b\"}", "{\"text\":\"\xC3\"}"})
    EXPECT_NE(reason(row).find("r.jsonl:3: "), std::string::npos) << row << reason(row);
  EXPECT_NE(reason("{\"texts\":\"x\"}").find("no 'text'"), std::string::npos);
  EXPECT_NE(reason("{\"text\":3}").find("not a string"), std::string::npos);
  EXPECT_NE(reason("{\"text\":\"" + std::string(kJsonlLineMax, 'x') + "\"}").find("longer than"),
            std::string::npos);
}

TEST_F(CorpusTest, F17NamesTheEncodingOfTextAndRows) {
  const std::string gbk = "\xd6\xd0\xb9\xfa\xb5\xc4\xca\xd7\xb6\xbc";
  EXPECT_NE(
      error({put("t.txt", "ok\n" + gbk + "\n")}).find("t.txt:2: not valid UTF-8, probably GBK"),
      std::string::npos);
  EXPECT_NE(error({put("r.jsonl", "{\"text\":\"" + gbk + "\"}\n")}).find("iconv -f GB18030"),
            std::string::npos);
  EXPECT_NE(error({put("w.txt", std::string("\xff\xfe"
                                            "o\0k\0",
                                            6))})
                .find("iconv -f UTF-16LE"),
            std::string::npos);
}

TEST_F(CorpusTest, SkipsAtMostOnePercentOfTheLines) {
  std::string rows;
  for (int i = 0; i < 199; ++i) rows += "{\"text\":\"row " + std::to_string(i) + "\"}\n";
  std::string path = put("r.jsonl", rows + "broken\n");
  EXPECT_NE(error({path}).find(":200: "), std::string::npos);
  auto corpus = read({path}, /*skip=*/true);
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_EQ(corpus->skipped_lines, 1u);
  EXPECT_EQ(corpus->documents.size(), 199u);
  put("r.jsonl", "broken\nbroken\n" + rows + "broken\n");
  EXPECT_NE(error({path}, true).find("more than 1 %"), std::string::npos);
}

TEST_F(CorpusTest, RefusesNothing) {
  EXPECT_NE(error({path("none.txt")}).find("no such file"), std::string::npos);
  EXPECT_NE(error({path("*.txt")}).find("no file matches"), std::string::npos);
  EXPECT_NE(error({folder_}).find("empty corpus"), std::string::npos);
  EXPECT_NE(error({}).find("empty corpus"), std::string::npos);
  EXPECT_NE(error({put("blank.txt", "\n")}).find("empty corpus"), std::string::npos);
}

TEST_F(CorpusTest, DigestNamesDocumentsTheirOrderAndBounds) {
  auto digest = [&](const std::string& rows) { return read({put("r.jsonl", rows)})->sha256; };
  std::string ab = digest("{\"text\":\"a\"}\n{\"text\":\"b\"}\n");
  EXPECT_EQ(ab.size(), 64u);
  EXPECT_EQ(ab, digest("{\"text\": \"a\"}\r\n\n{\"text\": \"b\"}"));
  EXPECT_NE(ab, digest("{\"text\":\"b\"}\n{\"text\":\"a\"}\n"));
  EXPECT_NE(ab, digest("{\"text\":\"ab\"}\n"));
}

TEST_F(CorpusTest, IsTheSameAtAnyNumberOfThreads) {
  std::string rows;
  for (int i = 0; i < 3000; ++i)
    rows += "{\"text\":\"" + std::string(size_t(i), 'x') + std::to_string(i) + "\"}\n";
  put("r.jsonl", rows);  // 4.5 MB: two parts
  for (int i = 0; i < 20; ++i) put("t" + std::to_string(i) + ".txt", std::to_string(i));
  ThreadPool one(1), three(3);
  auto a = read_corpus({.paths = {folder_}}, &one), b = read_corpus({.paths = {folder_}}, &three);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->documents, b->documents);
  EXPECT_EQ(a->sources, b->sources);
  EXPECT_EQ(a->sources[2999], path("r.jsonl") + ":3000");
  EXPECT_EQ(a->sha256, b->sha256);
}

TEST(Jsonl, PartsEndAtLineEnds) {
  std::string rows = "aa\nb\ncccc\n\nd";
  for (size_t size : {1, 2, 3, 5, 100}) {
    std::string joined;
    for (std::string_view part : split_lines(rows, size)) {
      joined += part;
      EXPECT_TRUE(part.ends_with('\n') || joined == rows);
    }
    EXPECT_EQ(joined, rows);
  }
}

// Real documentation, when it is installed: every page becomes text that reads well.
TEST(CorpusData, ReadsThePostgresqlManual) {
  std::string folder = "/usr/share/doc/postgresql-doc-15/html";
  if (!is_directory(folder)) GTEST_SKIP() << "needs the Debian package postgresql-doc-15";
  auto corpus = read_corpus({.paths = {folder}});
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_GT(corpus->documents.size(), 1000u);
  EXPECT_GT(corpus->bytes, 5'000'000u);
  for (size_t i = 0; i < corpus->documents.size(); ++i) {
    const std::string& text = corpus->documents[i];
    EXPECT_EQ(first_invalid_utf8(text), std::string::npos);
    EXPECT_EQ(text.find(" \n"), std::string::npos) << corpus->sources[i];
    EXPECT_EQ(text.find("Next\n"), std::string::npos) << corpus->sources[i];
    EXPECT_NE(text.find_first_of("\n"), std::string::npos);
  }
}

}  // namespace
}  // namespace weir
