// What a user can say to a model in this process beside what every dialogue knows.
#include <fmt/format.h>

#include <cstdio>

#include "base/text.h"
#include "cli/chat_session.h"

namespace weir {

ChatSession::ChatSession(const ChatOptions& options, bool is_terminal, IsStopped is_stopped)
    : Dialogue(is_stopped, is_terminal, options.is_private), options_(options) {
  sampling_ = options.sampling;
  tokens_ = options.tokens;
  const auto add = [this](const char* name, const char* text, auto act) {
    add_command(
        {name, text, [this, act](const std::string& value) { return (this->*act)(value); }});
  };
  add("/more", "continue an answer that was cut or stopped", &ChatSession::more);
  add("/stage", "the stages of this run; NAME: talk to that one", &ChatSession::stage);
  add("/problem", "ask a held-out problem of the run, of a family if named",
      &ChatSession::ask_problem);
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
  Problem problem = TRY_IN("/problem", run_->draw(family, sampling_.seed + problems_));
  ++problems_;
  for (const Message& message : problem.question())
    fmt::print(stderr, "{}: {}\n", problem.family, message.content);
  ChatTurn turn{problem.question()};
  turn.problem = std::make_shared<const Problem>(std::move(problem));
  return ask_turn(std::move(turn));
}

}  // namespace weir
