#include "cli/chat.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/open_model.h"
#include "cli/standard_input.h"

namespace weir {
namespace {

constexpr size_t kTurnsMax = 1000;
// Also keeps the model from speaking for its user.
constexpr const char* kUser = "User:";
constexpr const char* kAssistant = "Assistant:";

volatile sig_atomic_t interrupts = 0;

// The first Ctrl-C is a wish to stop the answer, a second one before that happened ends the
// process.
void on_interrupt(int number) {
  if (interrupts) {
    signal(number, SIG_DFL);
    raise(number);
  }
  interrupts = 1;
}

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_interrupt;  // without SA_RESTART: a read at the prompt returns
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
}

struct Turn {
  std::string user, answer;
};

// Streams an answer without the blanks it begins with.
class AnswerPrinter : public Listener {
 public:
  bool on_token(const TokenEvent& event) override {
    std::string_view text = event.text;
    if (!began_) text.remove_prefix(std::min(text.find_first_not_of(" \n\t"), text.size()));
    if (text.empty()) return true;
    began_ = true;
    fwrite(text.data(), 1, text.size(), stdout);
    fflush(stdout);
    return !ferror(stdout);
  }
  bool is_cancelled() override { return interrupts != 0 || ferror(stdout); }

 private:
  bool began_ = false;
};

class Conversation {
 public:
  Conversation(const ChatOptions& options, OpenModel open)
      : options_(options), open_(std::move(open)), is_terminal_(isatty(STDIN_FILENO) == 1) {}
  Result<Ending> run();

 private:
  enum class Next { go_on, quit };
  Next obey(const std::string& command);
  Result<void> answer(const std::string& text);
  Result<std::vector<int>> fitting_prompt(int room);
  std::string transcript() const;

  ChatOptions options_;
  OpenModel open_;
  bool is_terminal_;
  std::vector<Turn> turns_;
  uint64_t answers_ = 0;  // the stream of the next answer's random numbers
};

Result<Ending> Conversation::run() {
  for (;;) {
    if (is_terminal_) {
      fmt::print("> ");
      fflush(stdout);
    }
    interrupts = 0;
    InputLine line = read_line();
    if (line.state == InputLine::State::interrupted) return Ending::interrupted;
    if (line.state == InputLine::State::end) return Ending::done;
    if (line.state == InputLine::State::too_long) {
      fmt::print(stderr, "weir: a line of more than 1 MiB is not read; say it shorter\n");
      continue;
    }
    std::string text(trim(line.text));
    if (text.empty()) continue;
    if (text[0] == '/') {
      if (obey(text) == Next::quit) return Ending::done;
      continue;
    }
    auto answered = answer(text);
    if (!answered) fmt::print(stderr, "weir: {}\n", answered.error().message);
    if (ferror(stdout)) return Error{"standard output cannot be written"};
  }
}

Conversation::Next Conversation::obey(const std::string& command) {
  size_t space = command.find(' ');
  const std::string word = command.substr(0, space);
  const std::string value(space == std::string::npos ? "" : trim(command.substr(space)));
  if (word == "/quit" || word == "/exit") return Next::quit;
  if (word == "/reset") {
    turns_.clear();
    fmt::print(stderr, "The conversation begins anew.\n");
  } else if (word == "/seed") {
    auto seed = parse_int(value);
    if (!seed || *seed < 0) {
      fmt::print(stderr, "/seed needs a number that is not negative, as in /seed 7\n");
    } else {
      options_.sampling.seed = uint64_t(*seed);
      answers_ = 0;
    }
  } else if (word == "/temperature") {
    auto temperature = parse_double(value);
    SamplingOptions changed = options_.sampling;
    if (temperature) changed.temperature = *temperature;
    auto valid = temperature ? validate(changed) : Result<void>(std::move(temperature).error());
    if (valid)
      options_.sampling = changed;
    else
      fmt::print(stderr, "/temperature: {}\n", valid.error().message);
  } else {
    if (word != "/help") fmt::print(stderr, "{} is no command.\n", word);
    fmt::print(stderr,
               "/reset          forget the conversation\n"
               "/seed N         other random numbers\n"
               "/temperature X  0 is the most probable answer, 1 the model's own variety\n"
               "/quit           leave (also Ctrl-D); Ctrl-C stops an answer\n");
  }
  return Next::go_on;
}

std::string Conversation::transcript() const {
  std::string text;
  for (const Turn& turn : turns_) {
    text += fmt::format("{} {}\n{}", kUser, turn.user, kAssistant);
    if (&turn != &turns_.back()) text += fmt::format(" {}\n", turn.answer);
  }
  return text;
}

// Forgets the oldest turns until the rest leaves `room` tokens for the answer.
Result<std::vector<int>> Conversation::fitting_prompt(int room) {
  for (;;) {
    std::vector<int> ids = TRY(encode_prompt(open_, transcript(), false));
    const int positions = open_.generator->positions_max();
    if (int64_t(ids.size()) + room <= positions) return ids;
    if (turns_.size() == 1)
      return Error{fmt::format("that has {} tokens and the model's context {}; say it shorter",
                               ids.size(), positions)};
    turns_.erase(turns_.begin());
  }
}

Result<void> Conversation::answer(const std::string& text) {
  turns_.push_back({text, ""});
  if (turns_.size() > kTurnsMax) turns_.erase(turns_.begin());
  Request request;
  const int room = std::min(options_.tokens, open_.generator->positions_max() / 2);
  auto prompt = fitting_prompt(room);
  if (!prompt) {
    turns_.pop_back();
    return std::move(prompt).error();
  }
  request.prompt = *std::move(prompt);
  request.tokens_max = room;
  request.sampling = options_.sampling;
  request.stream = answers_++;
  request.stops = {std::string("\n") + kUser};
  request.stop_ids = end_ids(open_);
  AnswerPrinter printer;
  auto completions = open_.generator->generate({&request, 1}, &printer);
  fmt::print("\n");
  fflush(stdout);
  if (!completions) {
    turns_.pop_back();
    return std::move(completions).error();
  }
  turns_.back().answer = std::string(trim((*completions)[0].text));
  if ((*completions)[0].reason == FinishReason::cancelled) fmt::print(stderr, "(stopped)\n");
  return {};
}

// Templates are not rendered; whoever has one should know that its model hears something else.
bool has_chat_template(const std::string& folder) {
  auto config = read_json_file(join_path(folder, "tokenizer_config.json"));
  if (!config) return false;
  const Json* entry = config->find("chat_template");
  return entry && !entry->is_null();
}

}  // namespace

Result<Ending> chat(const ChatOptions& options) {
  TRY(validate(options.sampling));
  if (options.tokens < 1) return Error{"--tokens must be positive"};
  OpenModel open = TRY(open_model({.folder = options.folder,
                                   .cache = options.cache,
                                   .cache_limit_gib = options.cache_limit_gib,
                                   .threads = options.threads,
                                   .sequences_max = 1,
                                   .keeps_prefixes = true}));
  if (has_chat_template(options.folder))
    fmt::print(
        stderr,
        "This model has a chat template, which weir does not render yet: it is asked in plain "
        "text,\n\"User: ...\", \"Assistant: ...\". /help tells what else there is.\n");
  else
    fmt::print(
        stderr,
        "This is a base model, without a chat template: it continues the text \"User: ...\",\n"
        "\"Assistant: ...\" and may not answer. /help tells what else there is.\n");
  catch_interrupts();
  return Conversation(options, std::move(open)).run();
}

}  // namespace weir
