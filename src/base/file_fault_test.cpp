// Files of base/file.h on a disk that fails at every call.
#include "base/atomic_output.h"
#include "base/file.h"
#include "testing/file_fault_walk.h"

namespace weir {
namespace {

class FileFaults : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "weir-faults-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { EXPECT_TRUE(remove_all(folder_)); }

  // "old" and "new" as the bytes of one file; `old` empty: there is none before.
  faults::DurableWrite file(const std::string& old, const std::string& fresh,
                            std::function<Result<void>(const std::string& path)> write) {
    const std::string path = join_path(folder_, "model.bin");
    return {[=, this] {
              ASSERT_TRUE(remove_all(folder_));
              ASSERT_TRUE(make_directories(folder_));
              if (old.empty()) return;
              ASSERT_TRUE(write_file_atomic(path, old));
            },
            [=] { return write(path); },
            [=]() -> std::string {
              if (!file_exists(path)) return old.empty() ? "old" : "gone";
              auto bytes = read_file(path);
              if (!bytes) return bytes.error().message;
              if (*bytes == fresh) return "new";
              return !old.empty() && *bytes == old ? "old"
                                                   : std::to_string(bytes->size()) + " bytes";
            }};
  }
  std::string folder_;
};

TEST_F(FileFaults, F31AtomicWritesLeaveTheOldOrTheNewAtEveryCall) {
  const std::string fresh(100'000, 'n');
  for (const std::string& old : {std::string(), std::string("old bytes")})
    faults::walk(folder_, file(old, fresh, [&](const std::string& path) {
                   return write_file_atomic(path, fresh);
                 }));
}

TEST_F(FileFaults, F31WritersOfLargeFilesDoToo) {
  const std::string fresh(3000, 'n');
  const auto write = [&](const std::string& path) -> Result<void> {
    AtomicFiles file;
    TRY(file.begin(path));
    for (size_t at = 0; at < fresh.size(); at += 1000) TRY(file.write(fresh.data() + at, 1000));
    TRY(file.end());
    return file.rename_all();
  };
  for (const std::string& old : {std::string(), std::string("old bytes")})
    faults::walk(folder_, file(old, fresh, write));
}

TEST_F(FileFaults, F31AFileIsSyncedBeforeItsNameAndTheFolderAfterIt) {
  faults::Disk disk(folder_, {});
  ASSERT_TRUE(write_file_atomic(join_path(folder_, "a"), "bytes"));
  const std::vector<std::string> expected = {"open",   "write",       "fsync",       "close",
                                             "rename", "open folder", "fsync folder"};
  EXPECT_EQ(disk.calls(), expected);
}

}  // namespace
}  // namespace weir
