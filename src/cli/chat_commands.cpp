// What a user can say beside questions.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/file.h"
#include "base/text.h"
#include "cli/chat_session.h"
#include "cli/standard_input.h"
#include "cli/state_folder.h"

namespace weir {
namespace {

// As shells do; a user's own home only.
std::string expand_home(const std::string& path) {
  const char* home = std::getenv("HOME");
  if (!home || !(path == "~" || path.starts_with("~/"))) return path;
  return home + path.substr(1);
}

Result<void> check_named(const std::string& command, const std::string& path) {
  if (!path.empty()) return {};
  return Error{fmt::format("{0} needs the name of a file, as in {0} notes.txt", command)};
}

}  // namespace

const std::vector<ChatSession::Command>& ChatSession::commands() {
  static const std::vector<Command> kCommands = {
      {"/help", "the commands", &ChatSession::help},
      {"/again", "ask the last question again", &ChatSession::again},
      {"/more", "continue an answer that was cut or stopped", &ChatSession::more},
      {"/file", "PATH: put the text of a file before the next question", &ChatSession::add_file},
      {"/system", "TEXT: set the system prompt; off: remove it", &ChatSession::set_system},
      {"/tokens", "N: limit of an answer, thinking included; 0: the context",
       &ChatSession::set_tokens},
      {"/temperature", "X: 0 is always the most probable token", &ChatSession::set_temperature},
      {"/seed", "N: another random seed", &ChatSession::set_seed},
      {"/save", "PATH: write the conversation to a file", &ChatSession::save},
      {"/load", "PATH: continue a saved conversation; without PATH the last one",
       &ChatSession::load},
      {"/reset", "begin a new conversation", &ChatSession::reset},
      {"/result", "TEXT: what the tool call gave", &ChatSession::give_result},
      {"/stage", "the stages of this run; NAME: talk to that one", &ChatSession::stage},
      {"/problem", "ask a held-out problem of the run, of a family if named",
       &ChatSession::ask_problem},
  };
  return kCommands;
}

std::vector<std::string> ChatSession::command_names() {
  std::vector<std::string> names;
  for (const Command& command : commands()) names.push_back(command.name);
  return names;
}

Result<void> ChatSession::obey(const std::string& name, const std::string& value) {
  for (const Command& command : commands())
    if (name == command.name) return (this->*command.act)(value);
  return Error{name + " is no command"};
}

Result<void> ChatSession::help(const std::string&) {
  for (const Command& command : commands())
    fmt::print(stderr, "{:<13} {}\n", command.name, command.help);
  fmt::print(stderr, "{:<13} leave (also Ctrl-D); Ctrl-C stops an answer\n", "/quit");
  fmt::print(
      stderr,
      "Anything else is a question. A paste is one question; \"\"\" begins and ends a text of "
      "several lines;\n// or a blank in front asks what looks like a command.\n");
  return {};
}

Result<void> ChatSession::reset(const std::string&) {
  turns_.clear();
  begun_ = {};
  aside_.clear();
  fmt::print(stderr, "A new conversation begins{}.\n",
             is_kept_ ? " (/load brings the old one back)" : "");
  is_kept_ = false;
  return {};
}

Result<void> ChatSession::again(const std::string&) {
  if (turns_.empty()) return Error{"/again: nothing was asked yet"};
  const ChatTurn before = turns_.back();
  turns_.pop_back();
  ChatTurn turn = before;
  turn.answer.clear();
  turn.calls = {};
  for (const Message& message : turn.question)
    fmt::print(stderr, "> {}\n", printable(message.content, 500));
  Result<void> answered = ask_turn(std::move(turn));
  if (!answered) turns_.push_back(before);
  return answered;
}

Result<void> ChatSession::more(const std::string&) {
  if (turns_.empty() || !begun_.can_go_on) return Error{"/more: no answer was cut or stopped"};
  return answer(TRY(fitting_request()));
}

Result<void> ChatSession::stage(const std::string& name) {
  if (!run_)
    return Error{fmt::format("/stage: {} has no stages; chat with the folder of a run of weir r1",
                             options_.folder)};
  if (!name.empty()) TRY_IN("/stage", open_stage(name));
  const std::string table = TRY_IN("/stage", run_->table(stage_));
  for (const std::string& line : split(table, '\n'))
    if (!line.empty() && (name.empty() || line.starts_with('*'))) fmt::print(stderr, "{}\n", line);
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
  turn.problem = std::make_shared<const Problem>(std::move(problem));
  return ask_turn(std::move(turn));
}

Result<void> ChatSession::add_file(const std::string& path) {
  TRY(check_named("/file", path));
  const std::string text(trim(TRY_IN("/file", read_text_input(expand_home(path)))));
  if (text.empty()) return Error{fmt::format("/file: {} holds no text", printable(path))};
  const auto tokens = TRY_IN("/file", open_.tokenizer->encode(text));
  aside_ += (aside_.empty() ? "" : "\n\n") + text;
  fmt::print(stderr, "({}: {} tokens; before your next question; an empty line asks it alone)\n",
             printable(base_name(path)), tokens.size());
  return {};
}

Result<void> ChatSession::set_system(const std::string& text) {
  if (text.empty()) {
    if (context_.system.empty())
      fmt::print(stderr, "There is no system prompt; /system TEXT sets one.\n");
    else
      fmt::print(stderr, "{}\n", printable(context_.system, 10000));
    return {};
  }
  ChatContext changed = context_;
  changed.system = text == "off" ? "" : text;
  TRY_IN("/system", form_.check(changed));
  context_ = std::move(changed);
  return {};
}

Result<void> ChatSession::give_result(const std::string& text) {
  if (turns_.empty() || !turns_.back().has_calls())
    return Error{"/result: the last answer called no tool"};
  ChatTurn turn{{{Role::user, text}}};
  turn.is_result = true;
  return ask_turn(std::move(turn));
}

Result<void> ChatSession::save(const std::string& path) {
  TRY(check_named("/save", path));
  if (turns_.empty()) return Error{"/save: nothing was said yet"};
  TRY_IN("/save", save_conversation(conversation(), expand_home(path)));
  fmt::print(stderr, "{} turn{} in {}\n", turns_.size(), turns_.size() == 1 ? "" : "s",
             printable(path, 1000));
  return {};
}

Result<void> ChatSession::load(const std::string& path) {
  std::string from = expand_home(path);
  if (path.empty()) {
    const std::string folder = TRY_IN("/load", state_folder());
    from = join_path(folder, is_kept_ ? "previous-chat.json" : "last-chat.json");
    if (!file_exists(from)) return Error{"/load: no earlier conversation is kept"};
  }
  Conversation loaded = TRY_IN("/load", load_conversation(from));
  if (loaded.turns.empty()) return Error{"/load: the conversation is empty"};
  ChatContext changed = context_;
  changed.system = loaded.system;
  TRY_IN("/load", form_.check(changed));
  context_ = std::move(changed);
  turns_ = std::move(loaded.turns);
  begun_ = {};
  is_kept_ = false;
  const ChatTurn& last = turns_.back();
  fmt::print(stderr, "{} turn{}; the last:\n", turns_.size(), turns_.size() == 1 ? "" : "s");
  for (const Message& message : last.question)
    fmt::print(stderr, "> {}\n", printable(message.content, 500));
  fmt::print(
      stderr, "{}\n",
      last.answer.empty() ? "(no answer yet; /again asks it)" : printable(last.answer, 1000));
  return {};
}

Result<void> ChatSession::set_tokens(const std::string& value) {
  const auto tokens = parse_int(value);
  if (!tokens || *tokens < 0 || *tokens > (1 << 24))
    return Error{
        "/tokens needs a whole number from 0 to 16777216, as in /tokens 500; 0: no limit "
        "but the context"};
  options_.tokens = int(*tokens);
  return {};
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

}  // namespace weir
