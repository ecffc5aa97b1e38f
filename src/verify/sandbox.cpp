// Chooses the bubblewrap flags this machine allows, once, by trying them; sandbox_run.cpp runs one
// process with them.
#include "verify/sandbox.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "verify/sandbox_run.h"

namespace weir {
namespace {

constexpr size_t kProgramMax = size_t(16) << 20;
constexpr const char* kBwrap = "/usr/bin/bwrap";
constexpr int kNobody = 65534;

// What may be forbidden: a fresh /proc, in containers, and the switch against further namespaces,
// to a bubblewrap that is setuid.
struct Flags {
  bool proc, no_more_namespaces;
};
constexpr Flags kFlags[] = {{true, true}, {true, false}, {false, false}};

void add(std::vector<std::string>& command, std::initializer_list<const char*> words) {
  for (const char* word : words) command.emplace_back(word);
}

// A link of the merged /usr, or the folder of a system where it is not merged.
void add_system_folder(std::vector<std::string>& command, const char* name) {
  const std::string path = std::string("/") + name;
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) return;
  if (S_ISLNK(info.st_mode)) {
    add(command, {"--symlink", (std::string("usr/") + name).c_str(), path.c_str()});
  } else {
    add(command, {"--ro-bind", path.c_str(), path.c_str()});
  }
}

std::vector<std::string> make_command(Flags flags, const SandboxLimits& limits) {
  std::vector<std::string> command;
  // The first to go when memory runs out.
  add(command,
      {"/bin/sh", "-c", "echo 1000 2>/dev/null >/proc/self/oom_score_adj; exec \"$@\"", "sh"});
  // Limits on processes do not hold for root, and root may read what others may not.
  if (geteuid() == 0) {
    const std::string user = fmt::format("--reuid={}", kNobody);
    const std::string group = fmt::format("--regid={}", kNobody);
    add(command, {"/usr/bin/setpriv", user.c_str(), group.c_str(), "--clear-groups",
                  "--no-new-privs", "--"});
  }
  const std::string nobody = std::to_string(kNobody);
  add(command, {kBwrap, "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net",
                "--unshare-uts", "--unshare-cgroup-try", "--die-with-parent", "--cap-drop", "ALL",
                "--uid", nobody.c_str(), "--gid", nobody.c_str(), "--hostname", "sandbox"});
  if (flags.no_more_namespaces) add(command, {"--disable-userns"});
  if (flags.proc) add(command, {"--proc", "/proc"});
  add(command, {"--ro-bind", "/usr", "/usr"});
  for (const char* name : {"bin", "sbin", "lib", "lib32", "lib64"})
    add_system_folder(command, name);
  for (const char* path : {"/etc/alternatives", "/etc/ld.so.cache"})
    add(command, {"--ro-bind-try", path, path});
  const std::string scratch = std::to_string(limits.scratch_bytes);
  // bwrap's own file systems are memory: all but /tmp and /dev/shm become read-only.
  add(command, {"--dev",
                "/dev",
                "--size",
                scratch.c_str(),
                "--tmpfs",
                "/dev/shm",
                "--remount-ro",
                "/dev",
                "--size",
                scratch.c_str(),
                "--tmpfs",
                "/tmp",
                "--perms",
                "0555",
                "--ro-bind-data",
                std::to_string(kProgramFd).c_str(),
                "/checker",
                "--remount-ro",
                "/",
                "--chdir",
                "/tmp",
                "--json-status-fd",
                std::to_string(kStatusFd).c_str(),
                "--"});
  // Inside, so that the processes counted are those of this sandbox.
  const int seconds = limits.timeout_ms / 1000 + 1;
  command.emplace_back("/usr/bin/prlimit");
  command.push_back(fmt::format("--nproc={0}:{0}", limits.processes));
  command.push_back(fmt::format("--nofile={0}:{0}", limits.open_files));
  command.push_back(fmt::format("--as={0}:{0}", limits.memory_bytes));
  command.push_back(fmt::format("--fsize={0}:{0}", limits.file_bytes));
  command.push_back(fmt::format("--cpu={0}:{0}", seconds));
  add(command, {"--core=0:0", "--", "/checker"});
  return command;
}

// A file in memory that every run reads from its beginning.
Result<int> keep_in_memory(std::string_view bytes) {
  const int file = memory_file(bytes);
  if (file < 0) return Error{fmt::format("cannot keep a program in memory: {}", strerror(errno))};
  return file;
}

Result<std::string> read_program(const std::string& path) {
  struct stat info;
  const std::string name = "program '" + printable(path, 256) + "'";
  if (stat(path.c_str(), &info) != 0) return Error{name + ": " + strerror(errno)};
  if (!S_ISREG(info.st_mode)) return Error{name + " is no regular file"};
  if ((info.st_mode & 0111) == 0) return Error{name + " is not executable; chmod +x makes it so"};
  if (size_t(info.st_size) > kProgramMax)
    return Error{name + " is larger than " + format_bytes(double(kProgramMax)) +
                 "; it must be a single small file"};
  return read_file(path, kProgramMax);
}

// What a run said for itself, or how it ended.
std::string reason(const SandboxRun& run) {
  const std::string_view said = trim(run.output);
  if (!said.empty()) return printable(said.substr(said.rfind('\n') + 1), 200);
  if (run.end != SandboxEnd::exited) return sandbox_end_name(run.end);
  return fmt::format("exit code {}", run.code);
}

}  // namespace

const char* sandbox_end_name(SandboxEnd end) {
  switch (end) {
    case SandboxEnd::exited:
      return "exited";
    case SandboxEnd::killed:
      return "killed";
    case SandboxEnd::timeout:
      return "timeout";
    case SandboxEnd::output:
      return "output";
    case SandboxEnd::failed:
      break;
  }
  return "failed";
}

Sandbox::Sandbox(Sandbox&& other) noexcept
    : program_(std::exchange(other.program_, -1)),
      limits_(other.limits_),
      command_(std::move(other.command_)) {}

Sandbox::~Sandbox() {
  if (program_ >= 0) close(program_);
}

Result<void> Sandbox::find_flags() {
  constexpr int kSign = 42;
  const int probe = TRY(keep_in_memory("#!/bin/sh\nexit 42\n"));
  SandboxRun run;
  for (const Flags& flags : kFlags) {
    command_ = make_command(flags, limits_);
    run = run_program(probe, "");
    if (run.end == SandboxEnd::exited && run.code == kSign) break;
    command_.clear();
  }
  close(probe);
  if (!command_.empty()) return {};
  return Error{"no sandbox can be made here (" + reason(run) +
               "), and programs are not run without one. On Debian, allow user namespaces "
               "(sysctl user.max_user_namespaces above 0, kernel.unprivileged_userns_clone=1); in "
               "a container, start it with --security-opt seccomp=unconfined or --privileged"};
}

Result<Sandbox> Sandbox::open(const std::string& program, SandboxLimits limits) {
  if (access(kBwrap, X_OK) != 0)
    return Error{std::string("there is no ") + kBwrap +
                 ", without which no program is run; apt-get install bubblewrap"};
  const std::string bytes = TRY(read_program(program));
  Sandbox sandbox(TRY(keep_in_memory(bytes)), limits);
  TRY(sandbox.find_flags());
  // An interpreter or library that is not below /usr is better known now than after a night.
  const SandboxRun run = sandbox.run(R"({"answer":"","gold":""})");
  if (run.end == SandboxEnd::exited && (run.code == 126 || run.code == 127))
    return Error{"program '" + printable(program, 256) + "' cannot be started in the sandbox (" +
                 reason(run) + "); it sees nothing but /usr"};
  return sandbox;
}

}  // namespace weir
