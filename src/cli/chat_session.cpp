#include "cli/chat_session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/file.h"
#include "base/terminal.h"
#include "base/text.h"
#include "chat/chat_tools.h"
#include "cli/model_offers.h"
#include "cli/reply_printer.h"

namespace weir {
namespace {

constexpr int kPlainTokens = 256;  // base models do not end by themselves
constexpr int kRoomMax = 1024;     // kept free for an answer without a limit of its own

}  // namespace

Result<void> ChatSession::open() {
  TRY(check_model_exists(options_.folder));
  TRY(set_first_system(options_.system));
  if (!options_.tools.empty()) context_.tools = TRY_IN("--tools", read_tools(options_.tools));
  output_ = TRY(OutputFormOption::read(options_.output));
  if (!options_.guard.empty()) guard_ = TRY(ChatGuard::open(options_.guard));
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
  TRY_IN(options_.folder, form_.check(context_));
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
  if (is_terminal_) fmt::print(stderr, "/help lists the commands; Ctrl-D leaves.\n");
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
  OpenModel open = TRY(open_model(
      {.path = folder, .options = options_.model, .sequences_max = 1, .keeps_prefixes = true}));
  ChatFormOptions how{options_.form, is_tuned, {}};
  if (options_.thinking != "auto") how.thinking = options_.thinking == "on";
  ChatForm form = TRY(ChatForm::choose(open, folder, how));
  TRY(resolve(options_.sampling_texts, *open.tokenizer, sampling_));
  if (output_.is_set()) {
    Request ends;
    form.set_ends(open, ends);
    TRY(output_.use(*open.tokenizer, ends.stop_ids));
  }
  form_ = std::move(form);
  std::swap(open_, open);
  if (guard_) guard_->use_model(*open_.model);
  begun_ = {};
  return {};
}

Result<std::string> ChatSession::size_of(const std::string& text) const {
  return fmt::format("{} tokens", TRY(open_.tokenizer->encode(text)).size());
}

void ChatSession::on_set(const char* option) {
  if (std::string_view(option) == "--seed") answers_ = problems_ = 0;
}

int ChatSession::tokens_max() const {
  if (tokens_ > 0) return tokens_;
  return form_.is_plain() ? kPlainTokens : 0;
}

// The prompt with what the reply has so far. Forgets the oldest turns until there is room for an
// answer, and says so.
Result<Request> ChatSession::fitting_request() {
  Request request;
  const int positions = open_.generator->positions_max();
  const int limit = tokens_max();
  const int room = limit > 0 ? std::min(limit, positions / 2) : std::min(kRoomMax, positions / 4);
  size_t forgotten = 0;
  int64_t left = 0;
  for (;;) {
    std::span<const ChatTurn> asked = turns_;
    if (turns_.back().problem || !keeps_history_) asked = asked.last(1);
    request.prompt = TRY(form_.prompt(open_, context_, asked));
    request.prompt.insert(request.prompt.end(), begun_.tokens.begin(), begun_.tokens.end());
    left = positions - int64_t(request.prompt.size());
    if (left >= room || (asked.size() == 1 && left > 0)) break;
    if (asked.size() == 1)
      return Error{fmt::format("that has {} tokens and the model's context {}; say it shorter",
                               request.prompt.size(), positions)};
    turns_.erase(turns_.begin());
    ++forgotten;
  }
  if (forgotten > 0)
    fmt::print(stderr,
               "(the first {} no longer fit{} into the context of {} tokens and {} forgotten)\n",
               forgotten == 1 ? "turn" : fmt::format("{} turns", forgotten),
               forgotten == 1 ? "s" : "", positions, forgotten == 1 ? "is" : "are");
  request.tokens_max = int(limit > 0 ? std::min<int64_t>(limit, left) : left);
  request.sampling = sampling_;
  request.stream = answers_++;
  form_.set_ends(open_, request);
  std::optional<int> begins_after;
  if (output_.is_set() && !form_.is_plain()) {
    const ReplyMarks marks = form_.marks(open_, context_);
    if (marks.begins_thinking && marks.end_of_thinking >= 0) begins_after = marks.end_of_thinking;
  }
  filter_ = output_.filter(request.prompt.size() - begun_.tokens.size(), begins_after);
  request.token_filter = filter_.get();
  return request;
}

Result<void> ChatSession::answer_last() {
  if (guard_ && begun_.tokens.empty())
    if (const auto refusal = guard_->screen(turns_, context_)) {
      turns_.back().answer = *refusal;
      fmt::print("{}\n", *refusal);
      keep();
      return {};
    }
  const Begun before = std::exchange(begun_, {});
  Result<Request> request = fitting_request();
  if (request && guard_) guard_->begin(*request, !before.tokens.empty());
  Result<void> answered = request ? answer(*request) : std::move(request).error();
  if (!answered) begun_ = before;
  return answered;
}

Result<std::vector<Completion>> ChatSession::generate(const Request& request) {
  const bool resumes = !begun_.tokens.empty();
  if (form_.is_plain()) {
    PlainPrinter printer(is_stopped_, resumes, guard_.get());
    auto made = open_.generator->generate({&request, 1}, &printer);
    printer.finish();
    return made;
  }
  const ThinkingStyle style = options_.no_thinking ? ThinkingStyle::hidden
                              : stdout_has_color() ? ThinkingStyle::dimmed
                                                   : ThinkingStyle::marked;
  ReplyPrinter printer(*open_.tokenizer, form_.marks(open_, context_), style, is_stopped_,
                       guard_.get());
  if (resumes) printer.resume(begun_.tokens);
  auto made = open_.generator->generate({&request, 1}, &printer);
  printer.finish();
  return made;
}

Result<void> ChatSession::answer(const Request& request) {
  const std::vector<Completion> completions = TRY(generate(request));
  const Completion& completion = completions[0];
  take_reply(completion);
  keep();
  say_how_it_ended(request, completion);
  if (turns_.back().problem && completion.reason != FinishReason::cancelled)
    return judge(completion);
  return {};
}

void ChatSession::take_reply(const Completion& completion) {
  begun_.tokens.insert(begun_.tokens.end(), completion.tokens.begin(), completion.tokens.end());
  begun_.text += completion.text;
  begun_.can_go_on =
      completion.reason == FinishReason::length || completion.reason == FinishReason::cancelled;
  ChatReply reply = form_.reply_of(open_, context_, begun_.tokens, begun_.text);
  turns_.back().answer = std::move(reply.answer);
  turns_.back().calls = std::move(reply.calls);
  if (guard_) take_guarded();
  show_calls();
}

// The conversation keeps what was shown.
void ChatSession::take_guarded() {
  ChatTurn& turn = turns_.back();
  turn.answer = guard_->answer();
  if (guard_->is_ended()) {
    turn.calls = Json();
    begun_ = {};
  }
  const auto refusal = guard_->screen_calls(turn.calls);
  if (!refusal) return;
  fmt::print("{}\n", *refusal);
  turn.answer += (turn.answer.empty() ? "" : "\n\n") + *refusal;
}

void ChatSession::say_how_it_ended(const Request& request, const Completion& completion) {
  if (guard_ && guard_->is_ended()) return;
  if (completion.reason == FinishReason::cancelled) {
    fmt::print(stderr, "(stopped; /more goes on)\n");
    return;
  }
  if (completion.reason != FinishReason::length || turns_.back().problem) return;
  const int positions = open_.generator->positions_max();
  const bool is_full = request.prompt.size() + completion.tokens.size() >= size_t(positions);
  if (!is_full)
    fmt::print(stderr, "(cut after {} tokens; /more goes on)\n", completion.tokens.size());
  else if (turns_.size() > 1 && keeps_history_)
    fmt::print(stderr,
               "(the context of {} tokens is full; /more forgets the oldest turns and goes on)\n",
               positions);
  else
    fmt::print(stderr, "(the context of {} tokens is full)\n", positions);
}

// As evaluation counts: a reply that was cut is not right, whatever it holds.
Result<void> ChatSession::judge(const Completion& completion) {
  const ChatTurn& turn = turns_.back();
  std::string verdict;
  if (!form_.is_plain() && completion.reason == FinishReason::length)
    verdict = fmt::format("truncated after {} tokens (gold: {})", begun_.tokens.size(),
                          printable(turn.problem->gold));
  else
    verdict = TRY(run_->judge(*turn.problem, turn.answer));
  fmt::print(stderr, "{}\n", verdict);
  return {};
}

}  // namespace weir
