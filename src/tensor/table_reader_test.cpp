// Rows of tables in files, read many at a time.
#include "tensor/table_reader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/random.h"

namespace weir {
namespace {

// One file with a header, the codes of two tables and their scales, none of them aligned.
class TableReaderTest : public ::testing::TestWithParam<bool> {
 protected:
  static constexpr size_t kRows = 3000, kCodes = 96, kScales = 3, kOther = 5000, kOthers = 40;
  void SetUp() override {
    Random random(4, 0);
    bytes_.resize(13 + kRows * (kCodes + kScales) + kOthers * kOther);
    for (char& byte : bytes_) byte = char(random.below(256));
    ASSERT_TRUE(write_file_atomic(path_, bytes_));
  }
  void TearDown() override { (void)remove_all(path_); }
  TableReader::Source source() {
    TableReader::Source made;
    made.files.push_back(*DirectFile::open(path_, GetParam(), !GetParam()));
    made.tables = {{{0, 13, kCodes}, {0, 13 + kRows * kCodes, kScales}},
                   {{0, 13 + kRows * (kCodes + kScales), kOther}, {}}};
    return made;
  }
  bool has(const std::byte* found, size_t offset, size_t count) const {
    return std::memcmp(found, bytes_.data() + offset, count) == 0;
  }
  std::string path_ = ::testing::TempDir() + "weir_tables_" + std::to_string(getpid());
  std::string bytes_;
};

TEST_P(TableReaderTest, GivesTheRowsOfTheFile) {
  TableReader reader(source());
  Random random(5, 0);
  for (int pass = 0; pass < 3; ++pass) {
    std::vector<int32_t> rows, others;
    for (int i = 0; i < 700; ++i) rows.push_back(int32_t(random.below(kRows)));
    rows.insert(rows.end(), {0, 0, int32_t(kRows) - 1, 5, 6, 7});
    for (int i = 0; i < 9; ++i) others.push_back(int32_t(random.below(kOthers)));
    reader.begin(0, rows);
    reader.begin(1, others);
    for (int table : {1, 0}) {
      reader.wait(table);
      const std::vector<int32_t>& asked = table == 0 ? rows : others;
      for (size_t i = 0; i < asked.size(); ++i) {
        const TableReader::Row row = reader.row(table, i);
        ASSERT_NE(row.codes, nullptr);
        const size_t at = size_t(asked[i]);
        if (table == 1) {
          EXPECT_TRUE(has(row.codes, 13 + kRows * (kCodes + kScales) + at * kOther, kOther));
          EXPECT_EQ(row.scales, nullptr);
        } else {
          EXPECT_TRUE(has(row.codes, 13 + at * kCodes, kCodes));
          EXPECT_TRUE(has(row.scales, 13 + kRows * kCodes + at * kScales, kScales));
        }
      }
    }
  }
  EXPECT_EQ(reader.failure(), "");
  const TableReader::Statistics statistics = reader.statistics();
  EXPECT_EQ(statistics.rows, 3 * (700 + 6 + 9));
  EXPECT_LT(statistics.distinct, statistics.rows);
  EXPECT_LT(statistics.reads, statistics.distinct);  // neighbours are read together
}

TEST_P(TableReaderTest, RowsOfAFileThatIsCutAreMissing) {
  TableReader reader(source());
  ASSERT_EQ(truncate(path_.c_str(), 13 + 100 * kCodes), 0);
  const std::vector<int32_t> rows{2900};
  reader.begin(0, rows);
  reader.wait(0);
  EXPECT_EQ(reader.row(0, 0).codes, nullptr);
  EXPECT_NE(reader.failure().find("was cut from"), std::string::npos) << reader.failure();
}

TEST_P(TableReaderTest, EndsWhileItReads) {
  TableReader reader(source());
  std::vector<int32_t> rows;
  for (size_t i = 0; i < kRows; i += 2) rows.push_back(int32_t(i));
  reader.begin(0, rows);
}

INSTANTIATE_TEST_SUITE_P(Direct, TableReaderTest, ::testing::Bool());

}  // namespace
}  // namespace weir
