#include "knowledge/knowledge_base.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/random.h"
#include "knowledge/knowledge_add.h"
#include "knowledge/knowledge_search.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

// Files whose lines are paragraphs and "# " headings.
Result<void> read_lines(const std::string& path, const DocumentLimits&,
                        const std::function<Result<void>(Document)>& sink) {
  Document document;
  document.name = path;
  const std::string text = TRY(read_file(path));
  if (text.starts_with("broken")) return Error{path + ": is broken"};
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("# "))
      document.blocks.push_back({DocumentBlock::Kind::heading, 1, 0, line.substr(2)});
    else if (!line.empty())
      document.blocks.push_back({DocumentBlock::Kind::paragraph, 0, 0, line});
  }
  return sink(std::move(document));
}

class Knowledge : public testing::Test {
 protected:
  Knowledge()
      : folder_(fs::temp_directory_path() / ("weir_knowledge_" + std::to_string(getpid()))) {
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "docs");
    options_.reader = read_lines;
  }
  ~Knowledge() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(write_file_atomic(path("docs/" + name), text));
  }
  AddReport add() {
    auto base = KnowledgeBase::open(path("base.db"), Database::Access::create);
    EXPECT_TRUE(base);
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(folder_ / "docs"))
      files.push_back(entry.path().string());
    std::sort(files.begin(), files.end());
    auto report = add_to_base(*base, files, {path("docs")}, options_, pool_);
    EXPECT_TRUE(report) << report.error().message;
    return report ? *report : AddReport{};
  }
  BaseCounts counts() {
    auto base = KnowledgeBase::open(path("base.db"), Database::Access::read);
    EXPECT_EQ(base->check()->size(), 0u);
    return *base->counts();
  }
  std::vector<std::string> found(const std::string& question, SearchOptions how = {}) {
    auto search = KnowledgeSearch::open(path("base.db"), pool_);
    EXPECT_TRUE(search) << search.error().message;
    auto chunks = search->search(question, how);
    EXPECT_TRUE(chunks) << chunks.error().message;
    std::vector<std::string> names;
    for (const FoundChunk& chunk : *chunks) names.push_back(base_name(chunk.document));
    return names;
  }

  fs::path folder_;
  ThreadPool pool_{2};
  AddOptions options_;
};

using List = std::vector<std::string>;

TEST_F(Knowledge, FindsWordsOfBothKindsOfScripts) {
  write("a.txt", "# Vacuum\nDead rows are removed by vacuuming the tables.");
  write("b.txt", "# 软件包\n可以用命令查看软件包的依赖关系。");
  add();
  EXPECT_EQ(found("how to vacuum a table"), List{"a.txt"});
  EXPECT_EQ(found("依赖"), List{"b.txt"});
  EXPECT_EQ(found("件"), List{"b.txt"});
  EXPECT_EQ(found("zebra"), List{});
  EXPECT_EQ(found("\"'; DROP TABLE chunks; -- NEAR( * ^ : {"), List{"a.txt"});
}

TEST_F(Knowledge, ChangesFollowTheContentOfFiles) {
  write("a.txt", "Alpha is the first letter.");
  write("b.txt", "Beta is the second letter.");
  EXPECT_EQ(add().added, 2);
  EXPECT_EQ(add().unchanged, 2);
  write("b.txt", "Gamma is the third letter.");
  fs::remove(folder_ / "docs/a.txt");
  const AddReport report = add();
  EXPECT_EQ(report.replaced, 1);
  EXPECT_EQ(report.removed, 1);
  EXPECT_EQ(found("alpha beta"), List{});
  EXPECT_EQ(found("gamma"), List{"b.txt"});
  EXPECT_EQ(counts().chunks, 1);
}

TEST_F(Knowledge, AFileThatTurnsUnreadableKeepsWhatTheBaseHad) {
  write("a.txt", "Alpha is the first letter.");
  add();
  write("a.txt", "broken");
  const AddReport report = add();
  ASSERT_EQ(report.notes.size(), 1u);
  EXPECT_EQ(report.replaced, 0);
  EXPECT_EQ(found("alpha"), List{"a.txt"});
}

TEST_F(Knowledge, ACopyIsFoundOnceAndTakesThePlaceOfItsOriginal) {
  std::string text = "# Replication\n";
  for (int i = 0; i < 12; ++i)
    text += "The standby applies the log record number " + std::to_string(i) +
            " of its primary server. ";
  write("a.txt", text);
  write("b.txt", text);
  write("c.txt", text + "Indeed so.");
  add();
  EXPECT_EQ(counts().copies, 2);
  EXPECT_EQ(found("standby"), List{"a.txt"});
  fs::remove(folder_ / "docs/a.txt");
  add();
  EXPECT_EQ(counts().copies, 1);
  EXPECT_EQ(found("standby"), List{"b.txt"});
}

TEST_F(Knowledge, LinesThatManyDocumentsRepeatLeaveThem) {
  for (int i = 0; i < 8; ++i)
    write("d" + std::to_string(i) + ".txt",
          "Copyright by nobody, all rights reserved.\nDocument about topic" + std::to_string(i) +
              ".");
  add();
  EXPECT_EQ(counts().boilerplate_lines, 1);
  EXPECT_EQ(found("copyright nobody"), List{});
  EXPECT_EQ(found("topic3"), List{"d3.txt"});
  // One that comes later loses the line too.
  write("e.txt", "Copyright by nobody, all rights reserved.\nDocument about topic9.");
  add();
  EXPECT_EQ(found("copyright nobody"), List{});
  EXPECT_EQ(found("topic9"), List{"e.txt"});
}

TEST_F(Knowledge, AStoppedAddGoesOnWhereItWas) {
  for (int i = 0; i < 100; ++i)
    write("d" + std::to_string(100 + i) + ".txt", "Text about thing" + std::to_string(i) + ".");
  int files_done = 0;
  options_.progress = [&](const char*, double done, double) { files_done = int(done); };
  options_.is_stopped = [&] { return files_done >= 32; };
  EXPECT_TRUE(add().is_stopped);
  EXPECT_EQ(counts().documents, 32);
  options_.is_stopped = {};
  const AddReport report = add();
  EXPECT_EQ(report.unchanged, 32);
  EXPECT_EQ(report.added, 68);
  EXPECT_EQ(counts().documents, 100);
}

TEST_F(Knowledge, LabelsRestrictWhatIsFound) {
  write("a.txt", "Salaries are secret numbers.");
  options_.labels = *labels_text({"staff"});
  add();
  write("b.txt", "Numbers that everybody may know.");
  auto base = KnowledgeBase::open(path("base.db"), Database::Access::create);
  options_.labels = "";
  ASSERT_TRUE(add_to_base(*base, {path("docs/b.txt")}, {}, options_, pool_));
  EXPECT_EQ(found("numbers").size(), 2u);
  SearchOptions nobody, staff, other;
  nobody.labels.emplace();
  staff.labels = List{"staff"};
  other.labels = List{"sta"};
  EXPECT_EQ(found("numbers", nobody), List{"b.txt"});
  EXPECT_EQ(found("numbers", staff).size(), 2u);
  EXPECT_EQ(found("numbers", other), List{"b.txt"});
  other.labels = List{"') OR 1 --"};
  auto search = KnowledgeSearch::open(path("base.db"), pool_);
  EXPECT_FALSE(search->search("numbers", other));
}

TEST_F(Knowledge, VectorsFindWhatSharesNoWord) {
  write("a.txt", "Felines purr.");
  write("b.txt", "Canines bark.");
  add();
  auto base = KnowledgeBase::open(path("base.db"), Database::Access::write);
  const TextEmbedder embed =
      [](std::span<const std::string> texts) -> Result<std::vector<std::vector<float>>> {
    std::vector<std::vector<float>> vectors;
    for (const std::string& text : texts)
      vectors.push_back(text.find("elines") != text.npos ? std::vector<float>{1, 0}
                                                         : std::vector<float>{0, 1});
    return vectors;
  };
  ASSERT_TRUE(*embed_base(*base, "model", 2, embed, options_));
  EXPECT_FALSE(embed_base(*base, "other", 2, embed, options_));
  SearchOptions how;
  how.vector = {0.9f, 0.43f};
  EXPECT_EQ(found("cat", how), (List{"a.txt", "b.txt"}));
  how.vector = {1, 0, 0};
  auto search = KnowledgeSearch::open(path("base.db"), pool_);
  EXPECT_FALSE(search->search("cat", how));
}

TEST_F(Knowledge, AScorerOrdersTheBestChunksAnew) {
  for (int i = 0; i < 6; ++i)
    write("f" + std::to_string(i) + ".txt", "Pumps and valves" + std::string(size_t(i), ' ') +
                                                " of line " + std::to_string(i) +
                                                (i == 0 ? " hold pumps." : " are green."));
  add();
  const List plain = found("which pumps and valves are green", {.count = 6});
  ASSERT_EQ(plain.size(), 6u);
  SearchOptions how{.count = 2, .reranked = 4};
  how.rerank = [&](std::string_view question,
                   std::span<const FoundChunk> chunks) -> Result<std::vector<double>> {
    EXPECT_EQ(question, "which pumps and valves are green");
    EXPECT_EQ(chunks.size(), 4u);
    return std::vector<double>{1, 3, 2, 0};
  };
  // Second by the search and first by the scorer beats first and third.
  EXPECT_EQ(found("which pumps and valves are green", how), (List{plain[1], plain[0]}));
  how.rerank = [](std::string_view, std::span<const FoundChunk>) -> Result<std::vector<double>> {
    return Error{"stopped"};
  };
  auto search = KnowledgeSearch::open(path("base.db"), pool_);
  EXPECT_FALSE(search->search("pumps", how));
}

TEST_F(Knowledge, DamagedAndForeignFilesAreClearErrors) {
  write("a.txt", "Alpha is the first letter.");
  add();
  ASSERT_TRUE(write_file_atomic(path("text.db"), std::string(5000, 'x')));
  auto text = KnowledgeBase::open(path("text.db"), Database::Access::read);
  ASSERT_FALSE(text);
  EXPECT_NE(text.error().message.find("damaged"), std::string::npos) << text.error().message;
  EXPECT_FALSE(KnowledgeBase::open(path("none.db"), Database::Access::read));

  auto foreign = Database::open(path("foreign.db"), Database::Access::create);
  ASSERT_TRUE(foreign->execute("CREATE TABLE t(x)"));
  EXPECT_FALSE(KnowledgeBase::open(path("foreign.db"), Database::Access::create));

  auto newer = Database::open(path("base.db"), Database::Access::write);
  ASSERT_TRUE(newer->execute("PRAGMA user_version = 99"));
  auto opened = KnowledgeBase::open(path("base.db"), Database::Access::read);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("newer weir"), std::string::npos);
}

TEST_F(Knowledge, NoDamagedPageCrashesASearch) {
  for (int i = 0; i < 40; ++i)
    write("d" + std::to_string(i) + ".txt", "Text about thing" + std::to_string(i) + " and more.");
  add();
  const std::string whole = *read_file(path("base.db"));
  Random random(1, 0);
  for (int round = 0; round < 60; ++round) {
    std::string bytes = whole;
    for (int i = 0; i < 40; ++i)
      bytes[100 + random.below(bytes.size() - 100)] = char(random.below(256));
    ASSERT_TRUE(write_file_atomic(path("damaged.db"), bytes));
    auto search = KnowledgeSearch::open(path("damaged.db"), pool_);
    if (!search) continue;
    (void)search->search("text about thing", {});
    (void)search->base().check();
  }
}

TEST(VectorIndex, IsExactOnItsBytes) {
  Random random(3, 0);
  VectorIndex index;
  std::vector<std::vector<int8_t>> all;
  constexpr int kWidth = 67;
  for (int row = 0; row < 5000; ++row) {
    std::vector<int8_t> codes(kWidth);
    for (int8_t& code : codes) code = int8_t(int(random.below(255)) - 127);
    index.add(row + 1, 0.01f, codes);
    all.push_back(codes);
  }
  std::vector<float> query(kWidth);
  for (float& v : query) v = float(random.below(1000)) / 500 - 1;
  const ByteVector bytes = to_bytes(query);
  std::vector<std::pair<int64_t, int64_t>> expected;  // -product, chunk
  for (size_t row = 0; row < all.size(); ++row) {
    int64_t product = 0;
    for (size_t i = 0; i < kWidth; ++i) product += int64_t(all[row][i]) * bytes.codes[i];
    expected.emplace_back(-product, int64_t(row) + 1);
  }
  std::sort(expected.begin(), expected.end());
  ThreadPool one(1), four(4);
  const auto found = index.nearest(query, 20, nullptr, one);
  const auto threaded = index.nearest(query, 20, nullptr, four);
  ASSERT_EQ(found.size(), 20u);
  for (size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(found[i].chunk, expected[i].second);
    EXPECT_EQ(threaded[i].chunk, found[i].chunk);
    EXPECT_EQ(threaded[i].cosine, found[i].cosine);
  }
  const std::vector<int64_t> allowed = {17, 23};
  EXPECT_EQ(index.nearest(query, 20, &allowed, one).size(), 2u);
}

}  // namespace
}  // namespace weir
