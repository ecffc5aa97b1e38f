// The weir program: reads the command line, runs one command, turns its end into an exit code.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <system_error>

#include "cli/commands.h"

namespace weir {
namespace {

Result<Ending> run(int count, char** arguments, bool has_no_output) {
  CommandLine line("weir trains, tunes, converts and runs DeepSeek-style language models on CPUs.",
                   version_text());
  add_commands(line.commands());
  const Command* command = TRY(line.parse(count, arguments));
  if (has_no_output && (!command || command->needs_output()))
    return Error{"standard output is closed, and this command writes to it; send it to a file"};
  Ending ending = command ? TRY(command->run()) : Ending::done;
  if (fflush(stdout) != 0 || ferror(stdout))
    return Error{"standard output could not be written; check the disk or the pipe behind it"};
  return ending;
}

// A program started with a standard stream closed would give its number to the next file it opens,
// and messages would land there. True when standard output was closed.
bool open_standard_streams() {
  const bool has_no_output = fcntl(STDOUT_FILENO, F_GETFD) == -1;
  for (int fd = 0; fd <= 2; ++fd)
    if (fcntl(fd, F_GETFD) == -1) (void)!::open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY);
  return has_no_output;
}

// Unlike fmt::print, silent when the stream itself is broken.
void say(const std::string& message) { fputs(("weir: " + message + "\n").c_str(), stderr); }

// Everything wrong is an Error; what is thrown nevertheless comes from a library or from memory
// running out, and is our fault.
int run_guarded(int count, char** arguments, bool has_no_output) {
  try {
    Result<Ending> ending = run(count, arguments, has_no_output);
    if (!ending) {
      fflush(stdout);
      say(ending.error().message);
      return kExitInput;
    }
    return *ending == Ending::interrupted ? kExitInterrupted : kExitDone;
  } catch (const std::bad_alloc&) {
    say("out of memory");
  } catch (const std::system_error& e) {  // fmt, when a stream takes no more
    say(fmt::format(
        "standard output or error could not be written ({}); check the disk or the pipe behind it",
        e.what()));
    return kExitInput;
  } catch (const std::exception& e) {
    say(std::string("internal error: ") + e.what());
  }
  return kExitInternal;
}

}  // namespace
}  // namespace weir

int main(int count, char** arguments) {
  signal(SIGXFSZ, SIG_IGN);  // a file over the limit is an error of the write, not the end
  const bool has_no_output = weir::open_standard_streams();
  return weir::run_guarded(count, arguments, has_no_output);
}
