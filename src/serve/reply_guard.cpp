#include "serve/reply_guard.h"

#include <algorithm>
#include <iterator>

namespace weir {
namespace {

constexpr size_t kTextKept = size_t(1) << 20;

void append(std::vector<TokenScore>& to, std::vector<TokenScore>& more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  more.clear();
}

void keep(std::string& text, const std::string& more) {
  if (text.size() < kTextKept) text += more;
}

}  // namespace

// Without heads everything is undecided.
ReplyGuard::ReplyGuard(GuardDesk& desk, const GuardedRequest& request, bool has_judge)
    : desk_(desk), request_(request), has_judge_(has_judge) {
  thinking_.emplace(desk.guard(), Direction::thinking, request.subject);
  answer_.emplace(desk.guard(), Direction::answer, request.subject);
  if (!has_judge_) return;
  const OpenHeads* open = request.heads.open.get();
  if (!open)
    ask(Direction::prompt, judged_category(desk.policy(), Direction::prompt, request.subject));
  if (!open || !open->answer)
    answer_category_ = judged_category(desk.policy(), Direction::answer, request.subject);
}

void ReplyGuard::ask(Direction direction, int category) {
  if (category < 0) return;
  asked_ = {direction, request_.asked, direction == Direction::answer ? judged_text_ : "",
            category};
  question_ = asked_;
  is_waiting_ = true;
}

bool ReplyGuard::ask_about_answer() {
  if (answer_category_ < 0 || judged_text_.empty()) return false;
  ask(Direction::answer, answer_category_);
  return true;
}

void ReplyGuard::score(size_t number, std::span<const float> scores) {
  const PolicyHeads& heads = request_.heads;
  if (!heads.open || scores.empty() || is_ended_) return;
  if (number == 0) {
    prompt_verdict_ = desk_.guard().check_scores(scores, *heads.open->prompt, *heads.how,
                                                 Direction::prompt, request_.subject, 0, 0);
    if (!prompt_verdict_.findings.empty())
      noted_.push_back({Direction::prompt, prompt_verdict_, ""});
    if (has_judge_ && !ends_reply(prompt_verdict_.action))
      ask(Direction::prompt, undecided_category(desk_.policy(), scores, *heads.open->prompt,
                                                *heads.how, Direction::prompt, request_.subject));
    return;
  }
  thinking_->score(scores, *heads.open->answer, *heads.how);
  answer_->score(scores, *heads.open->answer, *heads.how);
  if (has_judge_ && answer_category_ < 0)
    answer_category_ = undecided_category(desk_.policy(), scores, *heads.open->answer, *heads.how,
                                          Direction::answer, request_.subject);
}

std::optional<ApiError> ReplyGuard::pass(ReplyParts& parts) {
  if (is_ended_) return {};
  if (ends_reply(prompt_verdict_.action)) {  // before anything was written
    parts = {.tokens = parts.tokens};
    end_with(prompt_verdict_, parts);
    return note(parts);
  }
  keep(thinking_text_, parts.thinking);
  keep(answer_text_, parts.answer);
  if (has_judge_) keep(judged_text_, parts.answer);
  pass_thinking(parts);
  const bool has_calls = parts.calls.size() > 0;
  if (!is_ended_) pass_answer(parts, parts.is_last || has_calls);
  if (!is_ended_ && has_calls) pass_calls(parts);
  if (is_ended_) {
    parts.calls = Json();
    parts.call_parts.clear();
  }
  hold_scores(parts);
  if (is_ended_) {
    if (holds()) {  // what was held back never leaves
      parts.thinking.clear();
      parts.answer = (has_begun_ ? "\n\n" : "") + parts.refusal;
      held_ = {};
    }
    return finish(parts);
  }
  if (!holds()) return parts.is_last ? finish(parts) : std::nullopt;
  append_parts(held_, std::move(parts));
  parts = {.tokens = held_.tokens};
  if (!held_.is_last || is_waiting_ || ask_about_answer()) return {};
  parts = std::exchange(held_, {});
  return finish(parts);
}

std::optional<ApiError> ReplyGuard::answer(std::optional<double> score, ReplyParts& parts) {
  is_waiting_ = false;
  const GuardVerdict verdict = judge_verdict(desk_.policy(), asked_, score, request_.subject);
  if (!verdict.findings.empty())
    noted_.push_back({asked_.direction, verdict,
                      asked_.direction == Direction::answer ? asked_.answer : asked_.prompt});
  if (ends_reply(verdict.action)) {
    parts = {.tokens = held_.tokens};
    held_ = {};
    end_with(verdict, parts);
    return note(parts);
  }
  if (asked_.direction == Direction::prompt && answer_category_ >= 0 &&
      (!held_.is_last || ask_about_answer()))
    return {};
  parts = std::exchange(held_, {});
  has_begun_ = has_begun_ || !parts.answer.empty();
  return parts.is_last ? finish(parts) : std::nullopt;
}

std::optional<ApiError> ReplyGuard::finish(ReplyParts& parts) {
  const PolicyLabel& label = desk_.policy().label;
  if (!label.visible.empty() && label.at_end && !request_.has_form && !parts.has_calls)
    parts.answer += "\n\n" + label.visible;
  return note(parts);
}

// Thinking has ended when an answer or a call begins.
void ReplyGuard::pass_thinking(ReplyParts& parts) {
  if (!thinking_) return;
  const bool is_over = parts.is_last || !parts.answer.empty() || parts.calls.size() > 0;
  if (parts.thinking.empty() && !is_over) return;
  parts.thinking = thinking_->push(parts.thinking, is_over);
  is_changed_ = is_changed_ || thinking_->verdict().action >= Action::redact;
  if (thinking_->is_ended()) {
    parts.answer.clear();
    end_with(thinking_->verdict(), parts);
  }
}

void ReplyGuard::pass_answer(ReplyParts& parts, bool is_last) {
  if (parts.answer.empty() && !is_last) return;
  parts.answer = answer_->push(parts.answer, is_last);
  is_changed_ = is_changed_ || answer_->verdict().action >= Action::redact;
  const PolicyLabel& label = desk_.policy().label;
  if (!label.visible.empty() && !label.at_end && !has_labelled_ && !parts.answer.empty() &&
      !request_.has_form) {
    parts.answer = label.visible + "\n\n" + parts.answer;
    has_labelled_ = true;
  }
  if (!holds()) has_begun_ = has_begun_ || !parts.answer.empty();
  if (answer_->is_ended()) return end_with(answer_->verdict(), parts);
  if (!is_last || parts.is_last) return;
  // Text after a call is a text of its own.
  noted_.push_back({Direction::answer, answer_->verdict(), answer_text_});
  answer_text_.clear();
  answer_.emplace(desk_.guard(), Direction::answer, request_.subject);
}

void ReplyGuard::pass_calls(ReplyParts& parts) {
  const PolicyBudget& budget = desk_.policy().budget;
  const bool has_parts = !parts.call_parts.empty();
  const int first = has_parts ? parts.call_parts.front().index : 0;
  parts.call_parts.clear();
  for (size_t i = 0; i < parts.calls.size(); ++i) {
    Json& call = parts.calls.items()[i];
    const Json* function = call.find("function");
    if (!function) continue;
    Json changed = *function;
    Json arguments = function->find("arguments") ? *function->find("arguments") : Json::object();
    const std::string name = function->text_at("name"), before = arguments.dump();
    GuardVerdict verdict =
        check_call(desk_.guard(), name, arguments, request_.calls, request_.subject);
    ++calls_count_;
    const bool is_over = (budget.calls_per_reply > 0 && calls_count_ > budget.calls_per_reply) ||
                         (budget.calls_per_conversation > 0 &&
                          request_.calls_before + calls_count_ > budget.calls_per_conversation);
    if (is_over) {
      const Policy& policy = desk_.policy();
      const int category = policy.categories.find("budget");
      PolicyAction action = policy.action(category, Direction::tool_call, request_.subject.key,
                                          request_.subject.model);
      if (!ends_reply(action.action)) action.action = Action::refuse;
      add_finding(verdict, {.category = category, .layer = GuardLayer::budget, .rule = "calls"},
                  action, policy);
    }
    noted_.push_back({Direction::tool_call, verdict, name + " " + before});
    if (ends_reply(verdict.action)) return end_with(verdict, parts);
    changed.set("arguments", arguments);
    call.set("function", std::move(changed));
    if (has_parts)
      parts.call_parts.push_back(
          {.index = first + int(i), .name = name, .arguments = arguments.dump()});
  }
}

void ReplyGuard::end_with(const GuardVerdict& verdict, ReplyParts& parts) {
  is_ended_ = true;
  parts.refusal = verdict.text;
  if (!verdict.text.empty()) parts.answer += (has_begun_ ? "\n\n" : "") + verdict.text;
  parts.withheld = withheld_json(desk_.policy(), verdict);
  parts.is_last = true;
  parts.has_calls = false;
  parts.stop.clear();
  parts.reason = FinishReason::filtered;
}

// Scores name tokens, so they leave when the text of all of them has left unchanged.
void ReplyGuard::hold_scores(ReplyParts& parts) {
  append(thinking_scores_, parts.thinking_scores);
  append(answer_scores_, parts.answer_scores);
  if (is_changed_ || is_ended_) {
    thinking_scores_.clear();
    answer_scores_.clear();
  } else if (thinking_->held_back() == 0 && answer_->held_back() == 0) {
    parts.thinking_scores = std::exchange(thinking_scores_, {});
    parts.answer_scores = std::exchange(answer_scores_, {});
  }
}

std::optional<ApiError> ReplyGuard::note(ReplyParts& parts) {
  std::optional<ApiError> error;
  const auto add = [&](Direction direction, const GuardVerdict& verdict, const std::string& text) {
    if (!error) error = desk_.note(request_, direction, verdict, text);
  };
  if (!thinking_text_.empty()) add(Direction::thinking, thinking_->verdict(), thinking_text_);
  for (const Noted& noted : noted_)
    if (!noted.verdict.findings.empty()) add(noted.direction, noted.verdict, noted.text);
  add(Direction::answer, answer_->verdict(), answer_text_);
  if (parts.withheld.is_null() && answer_->verdict().action > Action::flag)
    parts.withheld = withheld_json(desk_.policy(), answer_->verdict());
  return error;
}

ReplyParts refused_parts(const Policy& policy, const GuardVerdict& verdict) {
  ReplyParts parts;
  parts.answer = parts.refusal = verdict.text;
  parts.withheld = withheld_json(policy, verdict);
  parts.is_last = true;
  parts.reason = FinishReason::filtered;
  return parts;
}

}  // namespace weir
