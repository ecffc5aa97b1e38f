// Runs a program that may be anything, or may run what a model wrote, without letting it reach
// this machine: bubblewrap's namespaces around it, limits on what it uses, an end to its time.
//
// Inside there are /usr read-only, an empty /tmp in memory, /proc of its own processes, and the
// program itself as /checker; no network, no home, no other file. It runs as an unknown user
// without capabilities. docs/verifiers.md says what this does not protect from.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir {

struct SandboxLimits {
  int timeout_ms = 3000;                    // wall clock; the processor's time is one second more
  size_t memory_bytes = size_t(1) << 30;    // address space of each process
  int processes = 32;                       // and threads, at once
  int open_files = 64;                      // of each process
  size_t file_bytes = size_t(16) << 20;     // of each file
  size_t scratch_bytes = size_t(64) << 20;  // of /tmp
  size_t output_bytes = size_t(64) << 10;   // on standard output and error together
};

enum class SandboxEnd {
  exited,   // by itself, with a code below 128
  killed,   // by a signal
  timeout,  // still running after timeout_ms
  output,   // wrote more than output_bytes
  failed    // was never started: the sandbox could not be made, this time
};
const char* sandbox_end_name(SandboxEnd end);

struct SandboxRun {
  SandboxEnd end = SandboxEnd::failed;
  int code = -1;       // exited: the exit code
  std::string output;  // standard output and error, at most output_bytes
};

class Sandbox {
 public:
  // Reads the program, a single executable file of at most 16 MiB (a script's interpreter must be
  // below /usr), and tries the sandbox and it once. Errors: no such program, no bubblewrap, or a
  // machine whose kernel or container allows no namespaces, each with the remedy. The program is
  // never run outside a sandbox.
  static Result<Sandbox> open(const std::string& program, SandboxLimits limits = {});
  Sandbox(Sandbox&& other) noexcept;
  Sandbox& operator=(Sandbox&&) = delete;
  ~Sandbox();

  // Runs it once with `input` on its standard input. May be called from many threads at once; the
  // calling thread waits. No process of the run is left when it returns or a moment later.
  SandboxRun run(std::string_view input) const;

 private:
  Sandbox(int program, SandboxLimits limits) : program_(program), limits_(limits) {}
  SandboxRun run_program(int program, std::string_view input) const;
  Result<void> find_flags();

  int program_;  // its bytes in memory, so that all runs of one training see the same program
  SandboxLimits limits_;
  std::vector<std::string> command_;  // up to the program's own name
};

}  // namespace weir
