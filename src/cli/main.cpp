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
#include <type_traits>

#include "cli/commands.h"

namespace weir {
namespace {

Result<Ending> done(Result<void> result) {
  if (!result) return std::move(result).error();
  return Ending::done;
}

struct Runner {
  Result<Ending> operator()(const TrainOptions& o) { return done(train(o)); }
  Result<Ending> operator()(const R1Command& o) { return r1(o); }
  Result<Ending> operator()(const GenerateOptions& o) { return generate(o); }
  Result<Ending> operator()(const ChatOptions& o) { return chat(o); }
  Result<Ending> operator()(const InspectOptions& o) { return done(inspect(o)); }
  Result<Ending> operator()(const TokenizerTrainCommand& o) { return done(tokenizer_train(o)); }
  Result<Ending> operator()(const TokenizerCodeCommand& o) { return done(tokenizer_code(o)); }
  Result<Ending> operator()(const CorpusCommand& o) { return done(corpus(o)); }
  Result<Ending> operator()(const DoctorCommand& o) { return done(doctor(o)); }
  Result<Ending> operator()(const BenchOptions& o) { return done(bench(o)); }
  Result<Ending> operator()(const ConvertOptions& o) { return convert_model(o); }
  Result<Ending> operator()(const MakeRandomOptions& o) { return make_random_model(o); }
  Result<Ending> operator()(const LogitsOptions& o) { return logits(o); }
  Result<Ending> operator()(const PerplexityOptions& o) { return perplexity(o); }
  Result<Ending> operator()(const ImportanceOptions& o) { return importance(o); }
  Result<Ending> operator()(const TokenizeOptions& o) { return done(tokenize(o)); }
  Result<Ending> operator()(const VersionOptions&) {
    fmt::print("{}\n", version_text());
    return Ending::done;
  }
};

// What these commands make is a file or a folder; standard output only reports.
template <class T>
constexpr bool writes_files =
    std::is_same_v<T, TrainOptions> || std::is_same_v<T, R1Command> ||
    std::is_same_v<T, ConvertOptions> || std::is_same_v<T, MakeRandomOptions> ||
    std::is_same_v<T, LogitsOptions> || std::is_same_v<T, ImportanceOptions> ||
    std::is_same_v<T, TokenizerTrainCommand>;

bool needs_output(const Command& command) {
  return std::visit(
      [](const auto& options) { return !writes_files<std::decay_t<decltype(options)>>; }, command);
}

Result<Ending> run(int count, char** arguments, bool has_no_output) {
  std::optional<Command> command = TRY(parse_command_line(count, arguments));
  if (has_no_output && (!command || needs_output(*command)))
    return Error{"standard output is closed, and this command writes to it; send it to a file"};
  Ending ending = command ? TRY(std::visit(Runner{}, *command)) : Ending::done;
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
