// The weir program: reads the command line, runs one command, turns its end into an exit code.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <new>

#include "cli/commands.h"

namespace weir {
namespace {

Result<Ending> done(Result<void> result) {
  if (!result) return std::move(result).error();
  return Ending::done;
}

struct Runner {
  Result<Ending> operator()(const TrainOptions& o) { return done(train(o)); }
  Result<Ending> operator()(const GenerateOptions& o) { return generate(o); }
  Result<Ending> operator()(const ChatOptions& o) { return chat(o); }
  Result<Ending> operator()(const InspectOptions& o) { return done(inspect(o)); }
  Result<Ending> operator()(const TokenizerTrainCommand& o) { return done(tokenizer_train(o)); }
  Result<Ending> operator()(const TokenizerCodeCommand& o) { return done(tokenizer_code(o)); }
  Result<Ending> operator()(const CorpusCommand& o) { return done(corpus(o)); }
  Result<Ending> operator()(const BenchOptions& o) { return done(bench(o)); }
  Result<Ending> operator()(const VersionOptions&) {
    fmt::print("{}\n", version_text());
    return Ending::done;
  }
};

Result<Ending> run(int count, char** arguments) {
  std::optional<Command> command = TRY(parse_command_line(count, arguments));
  Ending ending = command ? TRY(std::visit(Runner{}, *command)) : Ending::done;
  if (fflush(stdout) != 0 || ferror(stdout))
    return Error{"standard output could not be written; check the disk or the pipe behind it"};
  return ending;
}

// Everything wrong is an Error; what is thrown nevertheless comes from a library or from memory
// running out, and is our fault.
int run_guarded(int count, char** arguments) {
  try {
    Result<Ending> ending = run(count, arguments);
    if (!ending) {
      fflush(stdout);
      fmt::print(stderr, "weir: {}\n", ending.error().message);
      return kExitInput;
    }
    return *ending == Ending::interrupted ? kExitInterrupted : kExitDone;
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "weir: out of memory\n");
  } catch (const std::exception& e) {
    fmt::print(stderr, "weir: internal error: {}\n", e.what());
  }
  return kExitInternal;
}

}  // namespace
}  // namespace weir

int main(int count, char** arguments) { return weir::run_guarded(count, arguments); }
