// Room on a disk before a large file is begun.
#include "base/disk_space.h"

#include <gtest/gtest.h>
#include <sys/statvfs.h>

namespace weir {
namespace {

TEST(DiskSpace, N12FilesLargerThanTheDiskAreRefusedWithBothNumbers) {
  const std::string path = testing::TempDir() + "weir_no_such_folder/deeper/model.gguf";
  const auto available = free_disk_space(path);
  if (!available) GTEST_SKIP() << available.error().message;
  struct statvfs info {};
  ASSERT_EQ(statvfs(testing::TempDir().c_str(), &info), 0);
  EXPECT_LE(*available, uint64_t(info.f_blocks) * info.f_frsize);
  EXPECT_TRUE(check_disk_space(path, 0));
  const auto refused = check_disk_space(path, uint64_t(1) << 62);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message.find(path + ": needs 4"), 0u) << refused.error().message;
  EXPECT_NE(refused.error().message.find(" are free on its disk"), std::string::npos);
}

TEST(DiskSpace, N12PlacesThatDoNotSayHoldEverything) {
  // /proc has no blocks.
  EXPECT_FALSE(free_disk_space("/proc/model.gguf"));
  EXPECT_TRUE(check_disk_space("/proc/model.gguf", uint64_t(1) << 62));
}

}  // namespace
}  // namespace weir
