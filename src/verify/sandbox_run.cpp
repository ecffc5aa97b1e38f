// Starts a process, feeds it, reads what it says within limits, and ends it in time. It is started
// with posix_spawn, which runs no code of ours between fork and exec and copies no page tables.
#include "verify/sandbox_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

namespace weir {
namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kStatusMax = 4096;
constexpr int kFirstFree = 10;  // our own files lie above those of the child

class File {
 public:
  File() = default;
  // Moves the file above kFirstFree, so that giving one to the child overwrites no other.
  explicit File(int file) {
    if (file < 0) return;
    file_ = fcntl(file, F_DUPFD_CLOEXEC, kFirstFree);
    close(file);
  }
  File(File&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
  }
  ~File() { reset(); }
  void reset() {
    if (file_ >= 0) close(std::exchange(file_, -1));
  }
  int get() const { return file_; }
  explicit operator bool() const { return file_ >= 0; }

 private:
  int file_ = -1;
};

struct Pipe {
  File read, write;
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    read = File(ends[0]);
    write = File(ends[1]);
    if (read) fcntl(read.get(), F_SETFL, O_NONBLOCK);
  }
  explicit operator bool() const { return read && write; }
};

// The same bytes with a place of reading of their own.
File reopen(int file) {
  return File(open(fmt::format("/proc/self/fd/{}", file).c_str(), O_RDONLY | O_CLOEXEC));
}

struct ChildFiles {
  int input, output, program, status;
};

// The process id, or -1. A failing call on the way leaves an action out, so each is looked at.
pid_t spawn(const std::vector<std::string>& command, const ChildFiles& files) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  static const char* const kEnvironment[] = {"PATH=/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8",
                                             nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  if (posix_spawn_file_actions_init(&actions) != 0) return -1;
  if (posix_spawnattr_init(&attributes) != 0) {
    posix_spawn_file_actions_destroy(&actions);
    return -1;
  }
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  const int flags = POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
  int failures = 0;
  failures += posix_spawn_file_actions_adddup2(&actions, files.input, 0) != 0;
  failures += posix_spawn_file_actions_adddup2(&actions, files.output, 1) != 0;
  failures += posix_spawn_file_actions_adddup2(&actions, files.output, 2) != 0;
  failures += posix_spawn_file_actions_adddup2(&actions, files.program, kProgramFd) != 0;
  failures += posix_spawn_file_actions_adddup2(&actions, files.status, kStatusFd) != 0;
  failures += posix_spawn_file_actions_addclosefrom_np(&actions, kStatusFd + 1) != 0;
  failures += posix_spawn_file_actions_addchdir_np(&actions, "/") != 0;
  failures += posix_spawnattr_setflags(&attributes, short(flags)) != 0;
  failures += posix_spawnattr_setsigdefault(&attributes, &all) != 0;
  failures += posix_spawnattr_setsigmask(&attributes, &none) != 0;
  pid_t child = -1;
  if (failures == 0 && posix_spawn(&child, arguments[0], &actions, &attributes, arguments.data(),
                                   const_cast<char* const*>(kEnvironment)) != 0)
    child = -1;
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return child;
}

// Appends what there is to read, up to `bytes_max` in all; false when there was more.
bool drain(int file, std::string& out, size_t bytes_max) {
  char buffer[4096];
  for (;;) {
    const ssize_t got = read(file, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;  // the end, or nothing yet
    const size_t room = bytes_max - out.size();
    out.append(buffer, std::min(size_t(got), room));
    if (size_t(got) > room) return false;
  }
}

// Waits for the end of the process behind `handle`, for too much output or for the deadline.
SandboxEnd watch(int handle, int output, std::string& said, const SandboxLimits& limits) {
  const auto deadline = Clock::now() + std::chrono::milliseconds(limits.timeout_ms);
  pollfd files[] = {{handle, POLLIN, 0}, {output, POLLIN, 0}};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return SandboxEnd::timeout;
    const int ready = poll(files, 2, int(left.count()));
    if (ready < 0 && errno != EINTR) return SandboxEnd::failed;
    if (ready <= 0) continue;
    if (files[1].revents != 0 && !drain(output, said, limits.output_bytes))
      return SandboxEnd::output;
    if (files[0].revents != 0)
      return drain(output, said, limits.output_bytes) ? SandboxEnd::exited : SandboxEnd::output;
    // All writers have closed it, yet the process goes on.
    if ((files[1].revents & (POLLHUP | POLLERR)) != 0) files[1].fd = -1;
  }
}

}  // namespace

int memory_file(std::string_view bytes) {
  const int file = memfd_create("weir", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file < 0) return -1;
  while (!bytes.empty()) {
    const ssize_t put = write(file, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) {
      close(file);
      return -1;
    }
    bytes.remove_prefix(size_t(put));
  }
  fcntl(file, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  return file;
}

SandboxRun run_command(const std::vector<std::string>& command, int program, std::string_view input,
                       const SandboxLimits& limits) {
  SandboxRun run;
  const File bytes(memory_file(input));
  if (!bytes) return run;
  const File child_input = reopen(bytes.get()), child_program = reopen(program);
  Pipe output, status;
  if (!child_input || !child_program || !output || !status) return run;
  const pid_t child = spawn(
      command, {child_input.get(), output.write.get(), child_program.get(), status.write.get()});
  if (child < 0) return run;
  output.write.reset();
  status.write.reset();
  const File handle(int(syscall(SYS_pidfd_open, child, 0)));
  run.end =
      handle ? watch(handle.get(), output.read.get(), run.output, limits) : SandboxEnd::failed;
  // The child leads its session and group; the sandbox's first process belongs to it, and with
  // that one the kernel ends all others of its namespace.
  if (run.end != SandboxEnd::exited) kill(-child, SIGKILL);
  int code = 0;
  pid_t reaped;
  do {
    reaped = waitpid(child, &code, 0);
  } while (reaped < 0 && errno == EINTR);
  if (run.end != SandboxEnd::exited) return run;
  // bubblewrap ends with the program's code, or with 1 when it could not start it: only then
  // there is no report of a code.
  std::string report;
  drain(status.read.get(), report, kStatusMax);
  if (reaped != child || report.find("\"exit-code\"") == report.npos) {
    run.end = SandboxEnd::failed;
  } else if (!WIFEXITED(code) || WEXITSTATUS(code) >= 128) {
    run.end = SandboxEnd::killed;
  } else {
    run.code = WEXITSTATUS(code);
  }
  return run;
}

SandboxRun Sandbox::run_program(int program, std::string_view input) const {
  return run_command(command_, program, input, limits_);
}

SandboxRun Sandbox::run(std::string_view input) const { return run_program(program_, input); }

}  // namespace weir
