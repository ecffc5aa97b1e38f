#include "engine/page_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/sha256.h"

namespace weir {
namespace {

PageIdentity identity_of(int first = 0) {
  PageIdentity identity{sha256_hex("model"), sha256_hex("owner"), sha256_hex("parent"), {}};
  std::iota(identity.tokens.begin(), identity.tokens.end(), first);
  return identity;
}

std::vector<std::byte> page_of(size_t bytes) {
  std::vector<std::byte> page(bytes);
  for (size_t i = 0; i < bytes; ++i) page[i] = std::byte(i * 7 + i / 256);
  return page;
}

std::string file_of(const PageIdentity& identity, std::span<const std::byte> page) {
  const PageHeaderBytes header = page_header(identity, page, 77);
  std::string bytes(reinterpret_cast<const char*>(header.data()), header.size());
  return bytes.append(reinterpret_cast<const char*>(page.data()), page.size());
}

struct PageFile : testing::Test {
  std::string folder = testing::TempDir() + "page_file_XXXXXX";
  std::string path;
  std::vector<std::byte> page = page_of(1000), read = std::vector<std::byte>(1000);
  void SetUp() override {
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    path = folder + "/x.page";
  }
  void TearDown() override { (void)remove_all(folder); }
  std::string error_of(const std::string& bytes, const PageIdentity& wanted = identity_of()) {
    EXPECT_TRUE(write_file_atomic(path, bytes));
    const auto done = read_page_file(path, wanted, read);
    EXPECT_TRUE(!done || *done);
    return done ? "" : done.error().message;
  }
};

TEST_F(PageFile, ComesBack) {
  EXPECT_EQ(error_of(file_of(identity_of(), page)), "");
  EXPECT_EQ(read, page);
  const PageHeaderBytes header = page_header(identity_of(), page, 77);
  const auto parsed = parse_page_header(header);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->identity, identity_of());
  EXPECT_EQ(parsed->page_bytes, 1000u);
  EXPECT_EQ(parsed->work, 77u);
  const auto of_file = read_page_header(path);
  ASSERT_TRUE(of_file);
  EXPECT_EQ(of_file->identity, identity_of());
  EXPECT_FALSE(read_page_header(folder + "/none"));
}

TEST_F(PageFile, EveryDamagedByteIsFound) {
  const std::string good = file_of(identity_of(), page);
  for (size_t at = 0; at < good.size(); ++at) {
    if (at >= 368 && at < kPageHeaderBytes) continue;  // unused
    std::string bad = good;
    bad[at] = char(bad[at] ^ (1 << at % 8));
    EXPECT_NE(error_of(bad), "") << at;
  }
  for (size_t size :
       {size_t(0), size_t(7), kPageHeaderBytes - 1, kPageHeaderBytes, good.size() - 1})
    EXPECT_NE(error_of(good.substr(0, size)).find("size of a page"), std::string::npos) << size;
  EXPECT_NE(error_of(good + "x").find("size of a page"), std::string::npos);
}

TEST_F(PageFile, AnotherPageIsForeign) {
  const std::string good = file_of(identity_of(), page);
  for (auto change : {+[](PageIdentity& i) { i.tokens[31] = 5; },
                      +[](PageIdentity& i) { i.model = sha256_hex("other"); },
                      +[](PageIdentity& i) { i.owner = sha256_hex("other"); },
                      +[](PageIdentity& i) { i.parent = sha256_hex("other"); }}) {
    PageIdentity wanted = identity_of();
    change(wanted);
    EXPECT_NE(wanted.key(), identity_of().key());
    EXPECT_NE(error_of(good, wanted).find("other tokens or of another model"), std::string::npos);
  }
}

TEST_F(PageFile, OnlyRegularFilesAreRead) {
  const auto missing = read_page_file(path, identity_of(), read);
  EXPECT_TRUE(missing && !*missing);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);  // opened without waiting for a writer
  EXPECT_NE(read_page_file(path, identity_of(), read).error().message.find("size of a page"),
            std::string::npos);
  const std::string target = folder + "/target";
  ASSERT_TRUE(write_file_atomic(target, file_of(identity_of(), page)));
  ::unlink(path.c_str());
  ASSERT_EQ(symlink(target.c_str(), path.c_str()), 0);
  EXPECT_FALSE(read_page_file(path, identity_of(), read));
  EXPECT_TRUE(read_page_file(target, identity_of(), read));
}

}  // namespace
}  // namespace weir
