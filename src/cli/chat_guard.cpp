#include "cli/chat_guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace weir {

Result<std::unique_ptr<ChatGuard>> ChatGuard::open(const std::string& policy) {
  Policy read = TRY(Policy::read(policy));
  if (read.judge.is_asked())
    fmt::print(stderr, "note: the policy's judge is asked by weir serve alone\n");
  return std::unique_ptr<ChatGuard>(new ChatGuard(TRY(Guard::create(std::move(read)))));
}

void ChatGuard::use_model(const Model& model) {
  watch_ = nullptr;
  std::string errors;
  heads_ = open_heads(policy(), model, errors);
  if (!heads_.open && !errors.empty())
    fmt::print(stderr, "note: the guard judges without heads:{}\n", errors);
}

std::optional<std::string> ChatGuard::screen(std::vector<ChatTurn>& turns,
                                             const ChatContext& context) {
  std::optional<std::string> refusal;
  Action strictest = Action::allow;
  const int injection = policy().categories.find("injection");
  calls_ = {};
  calls_.texts.user = context.system + "\n";
  for (ChatTurn& turn : turns) {
    const bool is_last = &turn == &turns.back();
    const Direction direction = turn.is_result ? Direction::tool_result : Direction::prompt;
    calls_.after_results = calls_.after_results || turn.is_result;
    for (Message& message : turn.question) {
      (turn.is_result ? calls_.texts.documents : calls_.texts.user) += message.content + "\n";
      const GuardVerdict verdict = guard_->check(message.content, direction, {});
      if (turn.is_result)
        calls_.after_injection = calls_.after_injection ||
                                 std::ranges::any_of(verdict.findings, [&](const GuardFinding& f) {
                                   return f.category == injection;
                                 });
      if (changes_text(verdict.action)) message.content = Guard::replaced(message.content, verdict);
      if (!ends_reply(verdict.action)) continue;
      message.content = policy().mark_of(verdict.category);
      if (!is_last || turn.is_result || verdict.action <= strictest) continue;
      strictest = verdict.action;
      refusal = verdict.text;
    }
  }
  return refusal;
}

void ChatGuard::begin(Request& request, bool resumes) {
  thinking_.emplace(*guard_, Direction::thinking, GuardSubject{});
  answer_.emplace(*guard_, Direction::answer, GuardSubject{});
  if (!resumes) answer_text_.clear();
  tokens_ = 0;
  is_thinking_over_ = is_ended_ = false;
  watch_ =
      heads_.open ? std::make_unique<HeadWatch>(heads_.open, int(request.prompt.size())) : nullptr;
  request.hidden_reader = watch_.get();
  const int64_t most = policy().budget.tokens_per_reply;
  if (most > 0) request.tokens_max = int(std::min<int64_t>(request.tokens_max, most));
}

// Before the pieces of each token.
void ChatGuard::score() {
  if (!watch_) return;
  const size_t number = tokens_++;
  const std::vector<float> scores = watch_->scores(number);
  if (scores.empty()) return;
  if (number > 0) {
    thinking_->score(scores, *heads_.open->answer, *heads_.how);
    answer_->score(scores, *heads_.open->answer, *heads_.how);
    return;
  }
  const GuardVerdict verdict =
      guard_->check_scores(scores, *heads_.open->prompt, *heads_.how, Direction::prompt, {}, 0, 0);
  if (ends_reply(verdict.action)) answer_->end(verdict);
}

std::vector<ReplyPiece> ChatGuard::pass(std::vector<ReplyPiece> pieces, bool is_last) {
  std::vector<ReplyPiece> out;
  if (is_ended_) return out;
  if (!is_last) score();
  if (answer_->is_ended()) {
    end_with(answer_->verdict(), out);
    return out;
  }
  const auto push = [&](StreamingGate& gate, ReplyPiece::Part part, const std::string& text,
                        bool ends) {
    std::string passed = gate.push(text, ends);
    if (part == ReplyPiece::Part::answer) answer_text_ += passed;
    if (!passed.empty()) out.push_back({part, std::move(passed)});
    if (gate.is_ended()) end_with(gate.verdict(), out);
  };
  const auto end_thinking = [&] {
    if (!std::exchange(is_thinking_over_, true))
      push(*thinking_, ReplyPiece::Part::thinking, "", true);
  };
  for (ReplyPiece& piece : pieces) {
    if (piece.part == ReplyPiece::Part::thinking) {
      if (!is_thinking_over_) push(*thinking_, piece.part, piece.text, false);
    } else {
      end_thinking();
      if (is_ended_) return out;
      if (piece.part == ReplyPiece::Part::answer)
        push(*answer_, piece.part, piece.text, false);
      else
        out.push_back(std::move(piece));
    }
    if (is_ended_) return out;
  }
  if (!is_last) return out;
  end_thinking();
  if (!is_ended_) push(*answer_, ReplyPiece::Part::answer, "", true);
  const std::string& label = policy().label.visible;
  if (!is_ended_ && !label.empty() && !answer_text_.empty()) {
    out.push_back({ReplyPiece::Part::answer, "\n\n" + label});
    answer_text_ += "\n\n" + label;
  }
  return out;
}

void ChatGuard::end_with(const GuardVerdict& verdict, std::vector<ReplyPiece>& out) {
  is_ended_ = true;
  if (verdict.text.empty()) return;
  const std::string text = (answer_text_.empty() ? "" : "\n\n") + verdict.text;
  answer_text_ += text;
  out.push_back({ReplyPiece::Part::answer, text});
}

std::optional<std::string> ChatGuard::screen_calls(Json& calls) {
  for (size_t i = 0; i < calls.size(); ++i) {
    Json& call = calls.items()[i];
    const Json* function = call.find("function");
    if (!function) continue;
    Json changed = *function;
    Json arguments = function->find("arguments") ? *function->find("arguments") : Json::object();
    const GuardVerdict verdict =
        check_call(*guard_, function->text_at("name"), arguments, calls_, {});
    if (ends_reply(verdict.action)) {
      calls = Json();
      return verdict.text;
    }
    changed.set("arguments", std::move(arguments));
    call.set("function", std::move(changed));
  }
  return {};
}

}  // namespace weir
