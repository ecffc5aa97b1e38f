#include "base/file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "base/atomic_output.h"
#include "base/text.h"

namespace weir {
namespace {

class File : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "weir-file-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { EXPECT_TRUE(remove_all(folder_)); }
  std::string at(const std::string& name) const { return join_path(folder_, name); }
  std::vector<std::string> names() const { return *list_directory(folder_); }
  std::string folder_;
};

bool says(const Error& error, std::string_view text) {
  if (error.message.find(text) != std::string::npos) return true;
  ADD_FAILURE() << "'" << text << "' is missing in: " << error.message;
  return false;
}

// Runs `body` in a child process and returns its exit code, 255 when a signal ended it.
template <class Body>
int in_child(const Body& body) {
  pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

TEST_F(File, ReadsWhatWasWritten) {
  std::string bytes = "first\n";
  bytes += '\0';
  bytes += "\xff last";
  for (const std::string& text : {std::string(), bytes, std::string(1'000'000, 'x')}) {
    ASSERT_TRUE(write_file_atomic(at("a"), text));
    auto read = read_file(at("a"));
    ASSERT_TRUE(read);
    EXPECT_TRUE(*read == text);
    EXPECT_EQ(*file_size(at("a")), text.size());
  }
  EXPECT_EQ(names(), std::vector<std::string>{"a"}) << "the aside file is gone";
}

TEST_F(File, ReadsNoMoreThanTheLimit) {
  ASSERT_TRUE(write_file_atomic(at("a"), "12345"));
  EXPECT_EQ(*read_file(at("a"), 5), "12345");
  auto read = read_file(at("a"), 4);
  ASSERT_FALSE(read);
  says(read.error(), at("a") + ": is larger than the limit of 4 B");
}

TEST_F(File, ReadsFilesWhoseSizeIsNotAnnounced) {
  auto text = read_file("/proc/self/status");
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("Pid:"), std::string::npos);
  EXPECT_FALSE(read_file("/proc/self/status", 10));
}

TEST_F(File, RefusesWhatIsNoFile) {
  ASSERT_EQ(mkfifo(at("pipe").c_str(), 0600), 0);
  for (const std::string& path : {folder_, std::string("/dev/zero"), at("pipe"), at("none")}) {
    auto read = read_file(path);
    ASSERT_FALSE(read);
    says(read.error(), path + ": ");
    auto mapped = MappedFile::open(path);
    ASSERT_FALSE(mapped);
    says(mapped.error(), path + ": ");
  }
  says(read_file(folder_).error(), "is a folder");
  says(read_file(at("none")).error(), "No such file");
}

TEST_F(File, AFailedWriteLeavesTheOldBytesAndNothingElse) {
  ASSERT_TRUE(write_file_atomic(at("a"), "old"));
  int code = in_child([&] {
    signal(SIGXFSZ, SIG_IGN);
    rlimit limit{1000, 1000};
    setrlimit(RLIMIT_FSIZE, &limit);
    auto written = write_file_atomic(at("a"), std::string(5000, 'x'));
    if (written) return 1;
    if (written.error().message.find(at("a") + ": larger than the file size limit") != 0) return 2;
    if (written.error().message.find("needs 5000 bytes") == std::string::npos) return 3;
    if (!write_file_atomic(at("b"), std::string(1000, 'y'))) return 4;  // at the limit
    return 0;
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(*read_file(at("a")), "old");
  EXPECT_EQ(names(), (std::vector<std::string>{"a", "b"}));
}

TEST_F(File, AFullDiskIsNamedWithItsFreeBytes) {
  if (access("/dev/full", W_OK) != 0) GTEST_SKIP() << "this system has no /dev/full";
  // FileWriter removes what it could not finish, hence the link instead of the device itself.
  ASSERT_EQ(symlink("/dev/full", at("link").c_str()), 0);
  {
    auto writer = FileWriter::create(at("link"));
    ASSERT_TRUE(writer);
    auto written = writer->write("123", 3);
    ASSERT_FALSE(written);
    says(written.error(), at("link") + ": disk full: needs 3 bytes, ");
    says(written.error(), " free");
  }
  EXPECT_FALSE(file_exists(at("link")));
}

TEST_F(File, AFolderWithoutWritePermissionIsAnError) {
  ASSERT_EQ(chmod(folder_.c_str(), 0555), 0);
  int code = in_child([&] {
    // Root may write everywhere, so the child becomes "nobody" first.
    if (geteuid() == 0 && seteuid(65534) != 0) return 1;
    auto written = write_file_atomic(at("a"), "new");
    if (written) return 2;
    return written.error().message == at("a") + ": can not write: Permission denied" ? 0 : 3;
  });
  EXPECT_EQ(chmod(folder_.c_str(), 0700), 0);
  EXPECT_EQ(code, 0);
  EXPECT_TRUE(names().empty());
}

TEST_F(File, AMissingFolderIsAnError) {
  auto written = write_file_atomic(at("none/a"), "new");
  ASSERT_FALSE(written);
  says(written.error(), at("none/a") + ": can not write: No such file");
}

TEST_F(File, TwoThreadsMayWriteTheSameFile) {
  auto write = [&](char c) {
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(write_file_atomic(at("a"), std::string(20'000, c)));
  };
  std::thread other(write, 'x');
  write('y');
  other.join();
  std::string text = *read_file(at("a"));
  EXPECT_TRUE(text == std::string(20'000, 'x') || text == std::string(20'000, 'y'));
  EXPECT_EQ(names(), std::vector<std::string>{"a"});
}

// A process killed at any moment leaves one of the two contents, whole.
TEST_F(File, AKilledWriterLeavesAWholeFile) {
  const std::string old_text(100'000, 'o'), new_text(100'000, 'n');
  for (int round = 0; round < 10; ++round) {
    ASSERT_TRUE(write_file_atomic(at("a"), old_text));
    pid_t child = fork();
    if (child == 0) {
      for (;;) {
        if (!write_file_atomic(at("a"), new_text)) _exit(1);
      }
    }
    usleep(useconds_t(500 + 700 * round));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    std::string text = *read_file(at("a"));
    ASSERT_TRUE(text == old_text || text == new_text) << text.size() << " bytes";
  }
}

TEST_F(File, TheWriterRemovesWhatWasNotClosed) {
  {
    auto writer = FileWriter::create(at("a"));
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->write("abc", 3));
    FileWriter moved = std::move(*writer);
    ASSERT_TRUE(moved.write("def", 3));
    EXPECT_EQ(*read_file(at("a")), "abcdef");
  }
  EXPECT_FALSE(file_exists(at("a")));
  {
    auto writer = FileWriter::create(at("a"));
    ASSERT_TRUE(writer->write("abc", 3));
    ASSERT_TRUE(writer->close());
  }
  EXPECT_EQ(*read_file(at("a")), "abc");
}

TEST_F(File, AMappingShowsTheBytesAndOutlivesTheName) {
  ASSERT_TRUE(write_file_atomic(at("a"), "mapped"));
  ASSERT_TRUE(write_file_atomic(at("empty"), ""));
  auto mapped = MappedFile::open(at("a"));
  ASSERT_TRUE(mapped);
  MappedFile file = std::move(*mapped);
  ASSERT_TRUE(remove_all(at("a")));
  ASSERT_EQ(file.bytes().size(), 6u);
  EXPECT_EQ(std::memcmp(file.bytes().data(), "mapped", 6), 0);
  EXPECT_EQ(file.path(), at("a"));
  EXPECT_TRUE(MappedFile::open(at("empty"))->bytes().empty());
}

TEST_F(File, FoldersAreMadeListedRenamedAndRemoved) {
  ASSERT_TRUE(make_directories(at("x/y/z")));
  ASSERT_TRUE(make_directories(at("x/y/z"))) << "once more is fine";
  ASSERT_TRUE(write_file_atomic(at("x/b"), ""));
  ASSERT_TRUE(write_file_atomic(at("x/a"), ""));
  EXPECT_EQ(*list_directory(at("x")), (std::vector<std::string>{"a", "b", "y"}));
  EXPECT_TRUE(is_directory(at("x/y")));
  EXPECT_FALSE(is_directory(at("x/a")));
  ASSERT_TRUE(rename_path(at("x"), at("w")));
  EXPECT_FALSE(file_exists(at("x")));
  EXPECT_TRUE(file_exists(at("w/y/z")));
  ASSERT_TRUE(remove_all(at("w")));
  EXPECT_FALSE(file_exists(at("w")));
  EXPECT_TRUE(remove_all(at("w"))) << "nothing to remove is fine";

  says(list_directory(at("w")).error(), at("w") + ": ");
  says(rename_path(at("w"), at("v")).error(), at("w") + ": can not rename");
  says(file_size(at("w")).error(), at("w") + ": ");
  says(sync_directory(at("w")).error(), at("w") + ": ");
  ASSERT_TRUE(write_file_atomic(at("f"), ""));
  says(make_directories(at("f/g")).error(), at("f/g") + ": ");
}

TEST(Path, JoinsAndNames) {
  EXPECT_EQ(join_path("a", "b"), "a/b");
  EXPECT_EQ(join_path("a/", "b"), "a/b");
  EXPECT_EQ(join_path("", "b"), "b");
  EXPECT_EQ(join_path("a", "/b"), "/b");
  EXPECT_EQ(base_name("a/b"), "b");
  EXPECT_EQ(base_name("a/b//"), "b");
  EXPECT_EQ(base_name("b"), "b");
  EXPECT_EQ(base_name("/"), "/");
  EXPECT_EQ(base_name(""), "");
}

TEST_F(File, TheLockKeepsOthersOutAndNamesItsHolder) {
  {
    auto lock = FileLock::acquire(at("lock"));
    ASSERT_TRUE(lock);
    std::string holder = "(process " + std::to_string(getpid()) + ")";
    auto again = FileLock::acquire(at("lock"));  // also inside one process
    ASSERT_FALSE(again);
    says(again.error(),
         at("lock") + ": another weir " + holder + " is using this folder; wait for it");
    FileLock moved = std::move(*lock);
    EXPECT_EQ(in_child([&] {
                auto other = FileLock::acquire(at("lock"));
                return !other && other.error().message.find(holder) != std::string::npos ? 0 : 1;
              }),
              0);
  }
  EXPECT_TRUE(FileLock::acquire(at("lock"))) << "a lock ends with its object";
}

TEST_F(File, AKilledProcessLeavesNoLock) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  pid_t child = fork();
  if (child == 0) {
    auto lock = FileLock::acquire(at("lock"));
    char good = lock ? 'y' : 'n';
    if (write(ready[1], &good, 1) != 1) _exit(1);
    for (;;) pause();
  }
  char good = 0;
  ASSERT_EQ(read(ready[0], &good, 1), 1);
  ASSERT_EQ(good, 'y');
  auto refused = FileLock::acquire(at("lock"));
  ASSERT_FALSE(refused);
  says(refused.error(), "(process " + std::to_string(child) + ")");
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(FileLock::acquire(at("lock")));
  close(ready[0]);
  close(ready[1]);
}

TEST_F(File, OneOfManyProcessesGetsTheLock) {
  int go[2], result[2];
  ASSERT_EQ(pipe(go), 0);
  ASSERT_EQ(pipe(result), 0);
  constexpr int kProcesses = 8;
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    children.push_back(fork());
    if (children.back() != 0) continue;
    close(go[1]);
    char c;
    if (read(go[0], &c, 1) != 0) _exit(1);  // ends when the parent closes its side
    auto lock = FileLock::acquire(at("lock"));
    c = lock ? '1' : '0';
    if (write(result[1], &c, 1) != 1) _exit(1);
    for (;;) pause();  // holds it until killed
  }
  close(go[1]);
  int holders = 0;
  for (int i = 0; i < kProcesses; ++i) {
    char c = 0;
    ASSERT_EQ(read(result[0], &c, 1), 1);
    holders += c == '1';
  }
  EXPECT_EQ(holders, 1);
  for (pid_t child : children) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  for (int fd : {go[0], result[0], result[1]}) close(fd);
}

TEST_F(File, ALockInAMissingFolderIsAnError) {
  says(FileLock::acquire(at("none/lock")).error(), at("none/lock") + ": can not open");
}

}  // namespace
}  // namespace weir
