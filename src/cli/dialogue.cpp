#include "cli/dialogue.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/file.h"
#include "base/text.h"
#include "cli/standard_input.h"
#include "cli/state_folder.h"

namespace weir {
namespace {

constexpr size_t kTurnsMax = 1000;

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

Dialogue::Dialogue(IsStopped is_stopped, bool is_terminal, bool is_private)
    : is_stopped_(is_stopped), is_terminal_(is_terminal), is_private_(is_private) {
  const auto add = [this](const char* name, const char* text, auto act) {
    add_command(
        {name, text, [this, act](const std::string& value) { return (this->*act)(value); }});
  };
  add_command({"/help", "the commands", [this](const std::string&) { return help(); }});
  add_command(
      {"/again", "ask the last question again", [this](const std::string&) { return again(); }});
  add("/file", "PATH: put the text of a file before the next question", &Dialogue::add_file);
  add("/system", "TEXT: set the system prompt; off: remove it", &Dialogue::set_system);
  add("/tokens", "N: limit of an answer, thinking included; 0: the context", &Dialogue::set_tokens);
  add("/temperature", "X: 0 is always the most probable token", &Dialogue::set_temperature);
  add("/seed", "N: another random seed", &Dialogue::set_seed);
  add("/save", "PATH: write the conversation to a file", &Dialogue::save);
  add("/load", "PATH: continue a saved conversation; without PATH the last one", &Dialogue::load);
  add_command(
      {"/reset", "begin a new conversation", [this](const std::string&) { return reset(); }});
  add("/result", "TEXT: what the tool call gave", &Dialogue::give_result);
}

std::vector<std::string> Dialogue::command_names() const {
  std::vector<std::string> names;
  for (const Command& command : commands_) names.push_back(command.name);
  return names;
}

Result<void> Dialogue::obey(const std::string& name, const std::string& value) {
  for (const Command& command : commands_)
    if (name == command.name) return command.act(value);
  return Error{name + " is no command"};
}

Result<void> Dialogue::set_first_system(const std::string& option) {
  context_.system = option;
  if (option.starts_with('@'))
    context_.system = trim(TRY_IN("--system", read_text_input(option.substr(1))));
  return {};
}

Result<void> Dialogue::help() {
  for (const Command& command : commands_)
    fmt::print(stderr, "{:<13} {}\n", command.name, command.help);
  fmt::print(stderr, "{:<13} leave (also Ctrl-D); Ctrl-C stops an answer\n", "/quit");
  fmt::print(
      stderr,
      "Anything else is a question. A paste is one question; \"\"\" begins and ends a text of "
      "several lines;\n// or a blank in front asks what looks like a command.\n");
  return {};
}

Result<void> Dialogue::ask(const std::string& question) {
  std::string text = aside_;
  if (!aside_.empty() && !question.empty()) text += "\n\n";
  text += question;
  TRY(ask_turn({{{Role::user, text}}}));
  aside_.clear();
  return {};
}

Result<void> Dialogue::ask_turn(ChatTurn turn) {
  turns_.push_back(std::move(turn));
  if (turns_.size() > kTurnsMax) turns_.erase(turns_.begin());
  Result<void> answered = answer_last();
  if (!answered) turns_.pop_back();
  return answered;
}

void Dialogue::show_calls() const {
  for (const Json& call : turns_.back().calls.items()) {
    const Json& function = *call.find("function");
    fmt::print("call {} {}\n", function.find("name")->text(), function.find("arguments")->dump());
  }
  fflush(stdout);
  if (turns_.back().has_calls()) fmt::print(stderr, "(/result TEXT tells what the call gave)\n");
}

Result<void> Dialogue::reset() {
  turns_.clear();
  forget_begun();
  aside_.clear();
  fmt::print(stderr, "A new conversation begins{}.\n",
             is_kept_ ? " (/load brings the old one back)" : "");
  is_kept_ = false;
  return {};
}

Result<void> Dialogue::again() {
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

Result<void> Dialogue::add_file(const std::string& path) {
  TRY(check_named("/file", path));
  const std::string text(trim(TRY_IN("/file", read_text_input(expand_home(path)))));
  if (text.empty()) return Error{fmt::format("/file: {} holds no text", printable(path))};
  const std::string size = TRY_IN("/file", size_of(text));
  aside_ += (aside_.empty() ? "" : "\n\n") + text;
  fmt::print(stderr, "({}: {}; before your next question; an empty line asks it alone)\n",
             printable(base_name(path)), size);
  return {};
}

Result<void> Dialogue::set_system(const std::string& text) {
  if (text.empty()) {
    if (context_.system.empty())
      fmt::print(stderr, "There is no system prompt; /system TEXT sets one.\n");
    else
      fmt::print(stderr, "{}\n", printable(context_.system, 10000));
    return {};
  }
  ChatContext changed = context_;
  changed.system = text == "off" ? "" : text;
  TRY_IN("/system", check(changed));
  context_ = std::move(changed);
  return {};
}

Result<void> Dialogue::give_result(const std::string& text) {
  if (turns_.empty() || !turns_.back().has_calls())
    return Error{"/result: the last answer called no tool"};
  ChatTurn turn{{{Role::user, text}}};
  turn.is_result = true;
  return ask_turn(std::move(turn));
}

Result<void> Dialogue::save(const std::string& path) {
  TRY(check_named("/save", path));
  if (turns_.empty()) return Error{"/save: nothing was said yet"};
  TRY_IN("/save", save_conversation(conversation(), expand_home(path)));
  fmt::print(stderr, "{} turn{} in {}\n", turns_.size(), turns_.size() == 1 ? "" : "s",
             printable(path, 1000));
  return {};
}

Result<void> Dialogue::load(const std::string& path) {
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
  TRY_IN("/load", check(changed));
  context_ = std::move(changed);
  turns_ = std::move(loaded.turns);
  forget_begun();
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

Result<void> Dialogue::set_tokens(const std::string& value) {
  const auto tokens = parse_int(value);
  if (!tokens || *tokens < 0 || *tokens > (1 << 24))
    return Error{
        "/tokens needs a whole number from 0 to 16777216, as in /tokens 500; 0: no limit "
        "but the context"};
  tokens_ = int(*tokens);
  return {};
}

Result<void> Dialogue::set_seed(const std::string& value) {
  auto seed = parse_int(value);
  if (!seed || *seed < 0) return Error{"/seed needs a number that is not negative, as in /seed 7"};
  sampling_.seed = uint64_t(*seed);
  on_set("--seed");
  return {};
}

Result<void> Dialogue::set_temperature(const std::string& value) {
  SamplingOptions changed = sampling_;
  changed.temperature = TRY_IN("/temperature", parse_double(value));
  TRY_IN("/temperature", validate(changed));
  sampling_ = changed;
  on_set("--temperature");
  return {};
}

void Dialogue::keep() {
  if (!is_terminal_ || is_private_) return;
  const Result<std::string> folder = state_folder();
  if (!folder) return;
  const std::string path = join_path(*folder, "last-chat.json");
  if (!is_kept_ && file_exists(path))
    (void)rename_path(path, join_path(*folder, "previous-chat.json"));
  is_kept_ = save_conversation(conversation(), path).has_value();
  chmod(path.c_str(), 0600);
}

}  // namespace weir
