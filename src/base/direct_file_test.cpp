#include "base/direct_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <vector>

#include "base/file.h"
#include "base/mapped_places.h"
#include "base/memory.h"

namespace weir {
namespace {

constexpr size_t kBlock = DirectFile::kBlock;

class DirectFileTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(make_directories(folder_)); }
  void TearDown() override { (void)remove_all(folder_); }
  // Bytes that differ from block to block.
  std::string write(size_t bytes) {
    text_.resize(bytes);
    for (size_t i = 0; i < bytes; ++i) text_[i] = char(i * 31 + i / kBlock);
    const std::string path = join_path(folder_, "data");
    std::ofstream(path, std::ios::binary) << text_;
    return path;
  }
  void set(const std::string& name, const std::string& text) {
    ASSERT_TRUE(make_directories(folder_ + "/" + name.substr(0, name.find_last_of('/'))));
    std::ofstream(folder_ + "/" + name) << text;
  }
  struct Aligned {
    std::byte* data = static_cast<std::byte*>(std::aligned_alloc(kBlock, 8 * kBlock));
    ~Aligned() { std::free(data); }
  };

  std::string folder_ = ::testing::TempDir() + "weir_direct_" + std::to_string(getpid());
  std::string text_;
  Aligned to_;
};

TEST_F(DirectFileTest, RangesAreTheFilesBytesWithDirectReadingAndWithout) {
  const std::string path = write(5 * kBlock + 123);
  for (bool wants_direct : {true, false}) {
    const auto file = DirectFile::open(path, wants_direct);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ((*file)->size(), text_.size());
    EXPECT_TRUE(wants_direct || !(*file)->is_direct());
    for (auto [offset, bytes] : std::vector<std::pair<size_t, size_t>>{
             {0, 1}, {0, text_.size()}, {kBlock, 4 * kBlock + 123}, {5 * kBlock, 123}, {0, 0}}) {
      std::memset(to_.data, 1, 8 * kBlock);
      const auto read = (*file)->read(to_.data, offset, bytes);
      ASSERT_TRUE(read) << read.error().message;
      EXPECT_EQ(std::memcmp(to_.data, text_.data() + offset, bytes), 0) << offset << " " << bytes;
    }
  }
}

// tmpfs refuses direct I/O in many kernels; where it does not, this is the test above once more.
TEST_F(DirectFileTest, AFileSystemWithoutDirectReadingIsReadThroughThePageCache) {
  const std::string path = "/dev/shm/weir_direct_" + std::to_string(getpid());
  std::ofstream(path) << "some bytes";
  const auto file = DirectFile::open(path);
  if (!file) GTEST_SKIP() << file.error().message;
  EXPECT_TRUE((*file)->read(to_.data, 0, 10));
  EXPECT_EQ(std::memcmp(to_.data, "some bytes", 10), 0);
  unlink(path.c_str());
}

TEST_F(DirectFileTest, AFileThatIsCutOrChangedMeanwhileIsAnErrorThatSaysSo) {
  const std::string path = write(4 * kBlock);
  for (bool wants_direct : {true, false}) {
    const auto cut = DirectFile::open(write(4 * kBlock), wants_direct);
    ASSERT_TRUE(cut);
    ASSERT_EQ(truncate(path.c_str(), 2 * kBlock), 0);
    for (size_t offset : {size_t(0), 2 * kBlock}) {
      const auto read = (*cut)->read(to_.data, offset, 2 * kBlock);
      ASSERT_FALSE(read);
      EXPECT_NE(read.error().message.find("was cut from 16384 to 8192 bytes"), std::string::npos)
          << read.error().message;
    }
    const auto changed = DirectFile::open(write(4 * kBlock), wants_direct);
    ASSERT_TRUE(changed);
    const timespec times[] = {{1, 0}, {1, 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
    const auto read = (*changed)->read(to_.data, 0, kBlock);
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().message.find("was changed while it was in use"), std::string::npos);
  }
}

TEST_F(DirectFileTest, WhatIsNoFileAndWhatEndsEarlyIsAnError) {
  EXPECT_FALSE(DirectFile::open(folder_));
  EXPECT_FALSE(DirectFile::open(folder_ + "/none"));
  const auto file = DirectFile::open(write(kBlock + 1));
  ASSERT_TRUE(file);
  const auto read = (*file)->read(to_.data, 0, 2 * kBlock);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("ends at 4097 bytes, before the 8192"), std::string::npos)
      << read.error().message;
}

TEST_F(DirectFileTest, AddressesOfMappedFilesHaveTheirPlaces) {
  const std::string path = write(3 * kBlock);
  const auto mapped = MappedFile::open(path);
  ASSERT_TRUE(mapped);
  const MappedPlaces places;
  const std::byte* data = mapped->bytes().data();
  const auto place = places.find(data + kBlock + 5, kBlock);
  ASSERT_NE(place.file, nullptr);
  EXPECT_EQ(place.offset, kBlock + 5);
  EXPECT_EQ(place.file->path, path);
  EXPECT_EQ(place.file->inode, (*DirectFile::open(path))->inode());
  EXPECT_EQ(places.find(data + kBlock, 1 << 30).file, nullptr);
  EXPECT_EQ(places.find(to_.data, 1).file, nullptr);
  EXPECT_EQ(places.find(nullptr, 1).file, nullptr);
  const MappedPlaces parts(
      "1000-3000 r--s 00005000 fe:00 77   /a b/c\nffff 12 nonsense\n\n"
      "3000-4000 r--p 00000000 00:00 0    [heap]\n5000-6000 r--s 00009000 fe:00 78 /d (deleted)\n");
  const auto second = parts.find(reinterpret_cast<void*>(0x2001), 3);
  ASSERT_NE(second.file, nullptr);
  EXPECT_EQ(second.file->path, "/a b/c");
  EXPECT_EQ(second.offset, 0x6001u);
  EXPECT_EQ(parts.find(reinterpret_cast<void*>(0x3001), 3).file, nullptr);
  EXPECT_EQ(parts.find(reinterpret_cast<void*>(0x5000), 1).file->path, "/d (deleted)");
}

TEST_F(DirectFileTest, ControlGroupsAboveThisProcessLimitItsMemory) {
  const double none = control_group_room(folder_, "0::/a/b\n");
  EXPECT_TRUE(none > 1e300);
  set("a/b/memory.max", "max\n");
  set("a/memory.max", "8000\n");
  set("a/memory.current", "5000\n");
  set("a/memory.stat", "anon 4000\nactive_file 300\ninactive_file 200\n");
  EXPECT_EQ(control_group_room(folder_, "0::/a/b\n"), 3500);
  EXPECT_GT(control_group_room(folder_, "0::/c\n"), 1e300);
  // Version 1: only the hierarchy of memory counts; the root's limit holds for a path of a host.
  set("memory/x/memory.limit_in_bytes", "1000\n");
  set("memory/x/memory.usage_in_bytes", "400\n");
  EXPECT_EQ(control_group_room(folder_, "9:cpu:/\n4:memory:/x\n"), 600);
  EXPECT_GT(control_group_room(folder_, "9:cpu:/x\n4:memory:/\n"), 1e300);
  set("memory/memory.limit_in_bytes", "700\n");
  set("memory/memory.usage_in_bytes", "100\n");
  EXPECT_EQ(control_group_room(folder_, "4:memory:/host/path\n"), 600);
}

}  // namespace
}  // namespace weir
