// Pages on a real disk: bounded, private, whole or absent; and a disk that fails.
#include "engine/prefix_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/sha256.h"
#include "testing/file_faults.h"

namespace weir {
namespace {

constexpr size_t kPage = 4096, kFile = kPage + kPageHeaderBytes;

PageIdentity identity_of(int number, const std::string& model = "model") {
  PageIdentity identity{sha256_hex(model), sha256_hex("owner"), sha256_hex("parent"), {}};
  identity.tokens[0] = number;
  return identity;
}

std::vector<std::byte> page_of(int number) {
  return std::vector<std::byte>(kPage, std::byte(number + 1));
}

struct Store : testing::Test {
  std::string folder = testing::TempDir() + "prefix_store_XXXXXX";
  std::vector<std::vector<std::byte>> pages;
  void SetUp() override {
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder += "/cache";
    for (int i = 0; i < 40; ++i) pages.push_back(page_of(i));
  }
  void TearDown() override { (void)remove_all(folder + "/.."); }
  std::unique_ptr<PrefixStore> open(uint64_t bytes_max = uint64_t(1) << 30, uint64_t work = 1000) {
    auto store = PrefixStore::open({.folder = folder, .bytes_max = bytes_max}, kPage, work);
    EXPECT_TRUE(store) << store.error().message;
    return *std::move(store);
  }
  void put(PrefixStore& store, int number, int64_t used_ns = PrefixStore::now_ns()) {
    store.put(uint64_t(number), identity_of(number), used_ns, pages[size_t(number)]);
  }
  // Whether the page is there, with its bytes.
  static bool loads(PrefixStore& store, int number) {
    std::vector<std::byte> page(kPage);
    const bool is_there = store.load(identity_of(number), page);
    EXPECT_TRUE(!is_there || page == page_of(number));
    return is_there;
  }
  std::vector<std::string> files() const {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
      if (entry.is_regular_file()) paths.push_back(entry.path().string());
    return paths;
  }
};

TEST_F(Store, KeepsPagesForTheNextProcess) {
  {
    auto store = open();
    for (int i = 0; i < 5; ++i) put(*store, i);
    store->flush();
    EXPECT_EQ(store->written(), 5u);
    std::vector<uint64_t> done = store->take_done();
    EXPECT_EQ(done, (std::vector<uint64_t>{0, 1, 2, 3, 4}));
    put(*store, 5);  // the destructor writes it
  }
  auto store = open();
  for (int i = 0; i < 6; ++i) {
    EXPECT_TRUE(store->has(identity_of(i)));
    EXPECT_TRUE(loads(*store, i));
  }
  EXPECT_FALSE(store->has(identity_of(6)));
  EXPECT_FALSE(loads(*store, 6));
  EXPECT_FALSE(store->has(identity_of(0, "another model")));
  put(*store, 0);
  store->flush();
  EXPECT_EQ(store->written(), 0u);  // it is there
  struct stat info {};
  ASSERT_EQ(stat(folder.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST_F(Store, ADamagedFileIsRemovedWithOneLine) {
  {
    auto store = open();
    for (int i = 0; i < 3; ++i) put(*store, i);
  }
  for (const std::string& path : files()) {
    std::string bytes = *read_file(path);
    bytes.back() = char(bytes.back() ^ 1);
    ASSERT_TRUE(write_file_atomic(path, bytes));
  }
  testing::internal::CaptureStderr();
  auto store = open();
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(loads(*store, i));
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
  EXPECT_NE(said.find("is damaged"), std::string::npos) << said;
  EXPECT_TRUE(files().empty());
  put(*store, 1);
  store->flush();
  EXPECT_TRUE(loads(*store, 1));
}

TEST_F(Store, StaysBelowItsLimitAndKeepsWhatWasUsedLast) {
  auto store = open(10 * kFile);
  for (int i = 0; i < 9; ++i) {
    put(*store, i);
    store->flush();
    usleep(2000);
  }
  store->touch(identity_of(0), PrefixStore::now_ns());
  for (int i = 9; i < 11; ++i) put(*store, i);
  store->flush();
  EXPECT_LE(files().size(), 10u);
  EXPECT_TRUE(store->has(identity_of(0)));
  EXPECT_TRUE(store->has(identity_of(10)));
  EXPECT_FALSE(store->has(identity_of(1)));
  // Of the pages of one text the last goes first. Their times are 1 ms apart.
  usleep(100000);
  const int64_t now = PrefixStore::now_ns();
  for (int i = 20; i < 40; ++i) put(*store, i, PrefixStore::used_ns(now, i - 20));
  store->flush();
  EXPECT_LE(files().size(), 10u);
  EXPECT_TRUE(store->has(identity_of(20)));
  EXPECT_FALSE(store->has(identity_of(10)));
}

// Of a large model older pages are worth more than newer ones of a small model.
TEST_F(Store, WhatSavesMoreWorkStaysLonger) {
  auto large = open(8 * kFile, 1000000);
  for (int i = 0; i < 4; ++i) put(*large, i);
  large->flush();
  usleep(20000);
  auto small = open(8 * kFile, 1000);
  for (int i = 0; i < 4; ++i)
    small->put(uint64_t(i), identity_of(i, "small"), PrefixStore::now_ns(), pages[size_t(i)]);
  small->flush();
  usleep(20000);
  put(*small, 5);
  small->flush();
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(large->has(identity_of(i))) << i;
  int left = 0;
  for (int i = 0; i < 4; ++i) left += small->has(identity_of(i, "small"));
  EXPECT_LT(left, 4);
}

TEST_F(Store, CountsAndRemovesWhatOthersWrote) {
  {
    auto other = open();
    for (int i = 0; i < 20; ++i) put(*other, i);
  }
  ASSERT_TRUE(write_file_atomic(folder + "/notes.txt", "not ours"));
  auto store = open(8 * kFile);
  put(*store, 30);
  store->flush();
  EXPECT_LE(files().size(), 9u);
  EXPECT_TRUE(store->has(identity_of(30)));
  EXPECT_TRUE(file_exists(folder + "/notes.txt"));
  EXPECT_FALSE(PrefixStore::open({.folder = folder, .bytes_max = kFile - 1}, kPage, 1));
}

TEST_F(Store, TwoProcessesWriteAndRemoveTheSamePages) {
  auto a = open(6 * kFile), b = open(6 * kFile);
  for (int round = 0; round < 5; ++round)
    for (int i = 0; i < 40; ++i) {
      put(*a, i);
      put(*b, 39 - i);
      (void)loads(*a, (i + 20) % 40);
    }
  a->flush();
  b->flush();
  EXPECT_LE(files().size(), 12u);
  testing::internal::CaptureStderr();
  put(*a, 7);
  a->flush();
  EXPECT_TRUE(loads(*b, 7));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(Store, GivesBackWhatItHasNotBegun) {
  auto store = open();
  for (int i = 0; i < 40; ++i) put(*store, i);
  std::vector<uint64_t> tickets = store->withdraw();
  const std::vector<uint64_t> done = store->take_done();
  EXPECT_EQ(tickets.size() + done.size(), 40u);
  for (uint64_t ticket : tickets) EXPECT_FALSE(store->has(identity_of(int(ticket)))) << ticket;
  for (uint64_t ticket : done) EXPECT_TRUE(loads(*store, int(ticket))) << ticket;
}

// Whatever call fails, what is there can be used, the rest is absent, and one line says why.
TEST_F(Store, AFullDiskIsOneLine) {
  ASSERT_TRUE(make_directories(folder));
  size_t calls = 0;
  {
    const faults::Disk disk(folder, {});
    auto store = open();
    for (int i = 0; i < 3; ++i) put(*store, i);
    store->flush();
    calls = disk.calls().size();
  }
  EXPECT_GT(calls, 12u);
  for (size_t fail_at = 0; fail_at < calls; ++fail_at) {
    ASSERT_TRUE(remove_all(folder));
    ASSERT_TRUE(make_directories(folder));
    testing::internal::CaptureStderr();
    {
      const faults::Disk disk(folder, {.fail_at = int(fail_at), .error = ENOSPC});
      auto store = open();
      for (int i = 0; i < 3; ++i) put(*store, i);
      store->flush();
      EXPECT_EQ(store->take_done().size(), 3u);
      EXPECT_LT(store->written(), 3u) << fail_at;
    }
    const std::string said = testing::internal::GetCapturedStderr();
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
    EXPECT_NE(said.find("no further pages are stored"), std::string::npos) << said;
    auto store = open();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(store->has(identity_of(i)), loads(*store, i));
  }
}

}  // namespace
}  // namespace weir
