#include "cli/chat.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/text.h"
#include "cli/chat_form.h"
#include "cli/chat_run.h"
#include "cli/model_offers.h"
#include "cli/reply_printer.h"
#include "cli/standard_input.h"
#include "cli/terminal.h"

namespace weir {
namespace {

constexpr size_t kTurnsMax = 1000;

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

bool was_interrupted() { return interrupts != 0; }

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_interrupt;  // without SA_RESTART: a read at the prompt returns
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
}

class ChatSession {
 public:
  explicit ChatSession(const ChatOptions& options)
      : options_(options), is_terminal_(isatty(STDIN_FILENO) == 1) {}
  Result<void> open();
  Result<Ending> run();

 private:
  struct Command {
    const char *name, *help;
    Result<void> (ChatSession::*act)(const std::string& value);
  };
  static const std::array<Command, 6> kCommands;

  Result<void> open_stage(const std::string& name);
  Result<void> open_folder(const std::string& folder, bool is_tuned);
  Result<void> obey(const std::string& line);
  Result<void> reset(const std::string&);
  Result<void> again(const std::string&);
  Result<void> stage(const std::string& name);
  Result<void> ask_problem(const std::string& family);
  Result<void> set_seed(const std::string& value);
  Result<void> set_temperature(const std::string& value);
  Result<void> ask(ChatTurn turn);
  Result<Request> fitting_request();
  Result<void> answer(const Request& request);
  Result<void> judge(const Completion& completion);

  ChatOptions options_;
  bool is_terminal_;
  bool keeps_history_ = true;
  std::optional<ChatRun> run_;
  std::string stage_;  // of the run, the one that answers
  OpenModel open_;
  ChatForm form_;
  std::vector<ChatTurn> turns_;
  uint64_t answers_ = 0;   // the stream of the next answer's random numbers
  uint64_t problems_ = 0;  // asked so far
};

const std::array<ChatSession::Command, 6> ChatSession::kCommands = {{
    {"/reset", "forget the conversation", &ChatSession::reset},
    {"/again", "ask the last question again", &ChatSession::again},
    {"/stage", "the stages of this run; /stage NAME: talk to that one", &ChatSession::stage},
    {"/problem", "ask a held-out problem, of a family if named", &ChatSession::ask_problem},
    {"/seed", "N: other random numbers", &ChatSession::set_seed},
    {"/temperature", "X: 0 is the most probable answer, 1 the model's own variety",
     &ChatSession::set_temperature},
}};

Result<void> ChatSession::open() {
  TRY(check_model_exists(options_.folder));
  if (has_stages(options_.folder)) {
    run_.emplace(options_.folder);
    TRY_IN(options_.folder, open_stage(options_.stage));
  } else if (!options_.stage.empty()) {
    return Error{options_.folder +
                 ": has no stages, so --stage means nothing; give the folder of a run of weir r1"};
  } else {
    const std::string kind = TRY(manifest_kind(options_.folder));
    if (kind == "reward")
      return Error{
          options_.folder +
          ": is a reward model, which judges replies and gives none; choose another stage"};
    TRY(open_folder(options_.folder, !kind.empty()));
  }
  keeps_history_ = options_.history != "none";
  if (run_ && options_.history == "auto") {
    keeps_history_ = TRY_IN(options_.folder, run_->knows_turns());
    if (!keeps_history_)
      fmt::print(stderr,
                 "This run learned from single questions, so each is asked without what was said "
                 "before (--history all: with it).\n");
  }
  fmt::print(stderr, "{}", form_.introduction());
  if (run_) fmt::print(stderr, "{}", TRY(run_->table(stage_)));
  if (!form_.is_plain()) fmt::print(stderr, "/help tells what else there is.\n");
  return {};
}

Result<void> ChatSession::open_stage(const std::string& name) {
  const RunStage stage = TRY(run_->choose(name));
  TRY(open_folder(stage.folder, true));
  stage_ = stage.name;
  return {};
}

// On an error the model that was open stays.
Result<void> ChatSession::open_folder(const std::string& folder, bool is_tuned) {
  OpenModel open = TRY(open_model({.path = folder,
                                   .cache = options_.cache,
                                   .cache_limit_gib = options_.cache_limit_gib,
                                   .threads = options_.threads,
                                   .sequences_max = 1,
                                   .keeps_prefixes = true,
                                   .exact = options_.exact}));
  ChatFormOptions how{options_.form, is_tuned, {}};
  if (options_.thinking != "auto") how.thinking = options_.thinking == "on";
  form_ = TRY(ChatForm::choose(open, folder, how));
  std::swap(open_, open);
  return {};
}

Result<Ending> ChatSession::run() {
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
    const std::string text(trim(line.text));
    if (text.empty()) continue;
    if (text == "/quit" || text == "/exit") return Ending::done;
    auto done = text[0] == '/' ? obey(text) : ask({{{Role::user, text}}});
    if (!done) fmt::print(stderr, "weir: {}\n", done.error().message);
    if (ferror(stdout)) return Error{"standard output cannot be written"};
  }
}

Result<void> ChatSession::obey(const std::string& line) {
  const size_t space = line.find(' ');
  const std::string word = line.substr(0, space);
  const std::string value(space == std::string::npos ? "" : trim(line.substr(space)));
  for (const Command& command : kCommands)
    if (word == command.name) return (this->*command.act)(value);
  if (word != "/help") fmt::print(stderr, "{} is no command.\n", printable(word));
  for (const Command& command : kCommands)
    fmt::print(stderr, "{:<13} {}\n", command.name, command.help);
  fmt::print(stderr, "{:<13} leave (also Ctrl-D); Ctrl-C stops an answer\n", "/quit");
  return {};
}

Result<void> ChatSession::reset(const std::string&) {
  turns_.clear();
  fmt::print(stderr, "The conversation begins anew.\n");
  return {};
}

Result<void> ChatSession::again(const std::string&) {
  if (turns_.empty()) return Error{"/again: nothing was asked yet"};
  ChatTurn turn = std::move(turns_.back());
  turns_.pop_back();
  turn.answer.clear();
  return ask(std::move(turn));
}

Result<void> ChatSession::stage(const std::string& name) {
  if (!run_)
    return Error{fmt::format("/stage: {} has no stages; chat with the folder of a run of weir r1",
                             options_.folder)};
  if (!name.empty()) TRY_IN("/stage", open_stage(name));
  fmt::print(stderr, "{}", TRY_IN("/stage", run_->table(stage_)));
  return {};
}

Result<void> ChatSession::ask_problem(const std::string& family) {
  if (!run_)
    return Error{
        fmt::format("/problem: {} has no recipe with problems; chat with the folder of a "
                    "run of weir r1",
                    options_.folder)};
  Problem problem = TRY_IN("/problem", run_->draw(family, options_.sampling.seed + problems_));
  ++problems_;
  for (const Message& message : problem.question())
    fmt::print(stderr, "{}: {}\n", problem.family, message.content);
  ChatTurn turn{problem.question()};
  turn.problem = std::move(problem);
  return ask(std::move(turn));
}

Result<void> ChatSession::set_seed(const std::string& value) {
  auto seed = parse_int(value);
  if (!seed || *seed < 0) return Error{"/seed needs a number that is not negative, as in /seed 7"};
  options_.sampling.seed = uint64_t(*seed);
  answers_ = 0;
  problems_ = 0;
  return {};
}

Result<void> ChatSession::set_temperature(const std::string& value) {
  SamplingOptions changed = options_.sampling;
  changed.temperature = TRY_IN("/temperature", parse_double(value));
  TRY_IN("/temperature", validate(changed));
  options_.sampling = changed;
  return {};
}

// Forgets the oldest turns until the rest leaves room for the answer.
Result<Request> ChatSession::fitting_request() {
  Request request;
  const int positions = open_.generator->positions_max();
  request.tokens_max = std::min(options_.tokens, positions / 2);
  for (;;) {
    std::span<const ChatTurn> asked = turns_;
    if (turns_.back().problem || !keeps_history_) asked = asked.last(1);
    request.prompt = TRY(form_.prompt(open_, asked));
    if (int64_t(request.prompt.size()) + request.tokens_max <= positions) break;
    if (asked.size() == 1)
      return Error{fmt::format("that has {} tokens and the model's context {}; say it shorter",
                               request.prompt.size(), positions)};
    turns_.erase(turns_.begin());
  }
  request.sampling = options_.sampling;
  request.stream = answers_++;
  form_.set_ends(open_, request);
  return request;
}

Result<void> ChatSession::ask(ChatTurn turn) {
  turns_.push_back(std::move(turn));
  if (turns_.size() > kTurnsMax) turns_.erase(turns_.begin());
  Result<Request> request = fitting_request();
  Result<void> answered = request ? answer(*request) : std::move(request).error();
  if (!answered) turns_.pop_back();
  return answered;
}

Result<void> ChatSession::answer(const Request& request) {
  std::vector<Completion> completions;
  if (form_.is_plain()) {
    PlainPrinter printer(was_interrupted);
    Result<std::vector<Completion>> made = open_.generator->generate({&request, 1}, &printer);
    printer.finish();
    completions = TRY(std::move(made));
  } else {
    const ThinkingStyle style = options_.no_thinking ? ThinkingStyle::hidden
                                : stdout_has_color() ? ThinkingStyle::dimmed
                                                     : ThinkingStyle::marked;
    ReplyPrinter printer(*open_.tokenizer, form_.marks(open_), style, was_interrupted);
    Result<std::vector<Completion>> made = open_.generator->generate({&request, 1}, &printer);
    printer.finish();
    completions = TRY(std::move(made));
  }
  turns_.back().answer = form_.answer_of(open_, completions[0]);
  if (completions[0].reason == FinishReason::cancelled) {
    fmt::print(stderr, "(stopped)\n");
    return {};
  }
  if (turns_.back().problem) return judge(completions[0]);
  if (!form_.is_plain() && completions[0].reason == FinishReason::length)
    fmt::print(stderr, "(cut after {} tokens)\n", completions[0].tokens.size());
  return {};
}

// As evaluation counts: a reply that was cut is not right, whatever it holds.
Result<void> ChatSession::judge(const Completion& completion) {
  const ChatTurn& turn = turns_.back();
  std::string verdict;
  if (!form_.is_plain() && completion.reason == FinishReason::length)
    verdict = fmt::format("truncated after {} tokens (gold: {})", completion.tokens.size(),
                          printable(turn.problem->gold));
  else
    verdict = TRY(run_->judge(*turn.problem, turn.answer));
  fmt::print(stderr, "{}\n", verdict);
  return {};
}

}  // namespace

Result<Ending> chat(const ChatOptions& options) {
  TRY(validate(options.sampling));
  if (options.tokens < 1) return Error{"--tokens must be positive"};
  ChatSession session(options);
  TRY(session.open());
  catch_interrupts();
  return session.run();
}

}  // namespace weir
