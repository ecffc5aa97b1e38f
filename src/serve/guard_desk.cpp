#include "serve/guard_desk.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir {
namespace {

ApiError log_error(const std::string& why) {
  return {
      .status = 503,
      .message = "the audit log can not be written, and the policy then answers nothing: " + why,
      .code = "unavailable",
      .retry_seconds = 30};
}

}  // namespace

Json withheld_json(const Policy& policy, const GuardVerdict& verdict) {
  Json j = Json::object();
  j.set("action", action_name(verdict.action));
  if (verdict.category >= 0) {
    j.set("category", policy.categories.at(verdict.category).id);
    j.set("name", policy.categories.at(verdict.category).name);
    for (const KnownCategory& known : known_categories())
      if (known.id == policy.categories.at(verdict.category).id) j.set("name_zh", known.chinese);
  }
  return j;
}

// One request on its way through the rules.
struct GuardDesk::Screening {
  GuardDesk& desk;
  const Tokenizer& tokenizer;
  GuardedRequest guarded = {};
  std::optional<ApiError> error = {};

  // Judges and notes; the strictest refusal of what is new ends the request.
  GuardVerdict judge(const std::string& text, Direction direction) {
    GuardVerdict verdict = desk.guard_->check(text, direction, guarded.subject);
    if (!error) error = desk.note(guarded, direction, verdict, text);
    const int injection = desk.policy().categories.find("injection");
    for (const GuardFinding& finding : verdict.findings)
      if (finding.category == injection && direction != Direction::prompt)
        guarded.calls.after_injection = true;
    return verdict;
  }

  // Returns the text that the model reads.
  std::string pass(const std::string& text, Direction direction, bool is_new) {
    GuardVerdict verdict = judge(text, direction);
    if (direction == Direction::prompt && is_new && desk.policy().judge.is_asked())
      guarded.asked += (guarded.asked.empty() ? "" : "\n\n") + text;
    if (changes_text(verdict.action)) return Guard::replaced(text, verdict);
    if (!ends_reply(verdict.action)) return text;
    if (direction == Direction::prompt && is_new) {
      if (!guarded.refusal || verdict.action > guarded.refusal->action) guarded.refusal = verdict;
      return text;
    }
    return desk.policy().mark_of(verdict.category);
  }

  void pass(Json& message, bool is_new) {
    const std::string role = message.text_at("role");
    const bool is_result = role == "tool" || role == "function" || role == "ipython";
    if (is_result) guarded.calls.after_results = true;
    const Json* content = message.find("content");
    if (content && content->is_string() && !content->text().empty()) {
      const std::string text = content->text();
      CallTexts& texts = guarded.calls.texts;
      if (desk.policy().tools.grounds_after_results && role != "assistant")
        (is_result ? texts.documents : texts.user) += text + "\n";
      message.set("content",
                  pass(text, is_result ? Direction::tool_result : Direction::prompt, is_new));
    }
    if (const Json* calls = message.find("tool_calls"))
      guarded.calls_before += int64_t(calls->size());
  }

  void pass(TextPrompt& prompt) {
    for (TextPrompt& piece : prompt.pieces) pass(piece);
    if (!prompt.pieces.empty()) return;
    std::string text = prompt.text;
    if (prompt.is_tokens)
      if (auto decoded = tokenizer.decode(prompt.tokens, true)) text = *std::move(decoded);
    std::string passed = pass(text, Direction::prompt, true);
    if (passed == text) return;
    prompt.text = std::move(passed);
    prompt.tokens.clear();
    prompt.is_tokens = false;
  }
};

ApiResult<GuardedRequest> GuardDesk::screen(ServeRequest& request, const std::string& key,
                                            const std::string& model, const std::string& id,
                                            const Tokenizer& tokenizer) {
  if (auto error = check_log()) return *error;
  Screening screening{*this, tokenizer};
  GuardedRequest& guarded = screening.guarded;
  guarded.id = id;
  guarded.subject = {key, model};
  guarded.has_form = request.form.has_value();
  if (request.asked) {
    screening.pass(*request.asked, Direction::prompt, true);
    guarded.calls = {.after_injection = request.is_injected, .after_results = true};
    // The messages hold the sources and the question.
    guarded.calls.texts.user = *request.asked;
    for (const Json& message : request.messages.items())
      guarded.calls.texts.documents += message.text_at("content") + "\n";
  } else if (request.messages.is_array()) {
    std::vector<Json>& list = request.messages.items();
    // What follows the last reply is new; earlier turns were answered or refused then.
    size_t replied = 0;
    for (size_t i = 0; i < list.size(); ++i)
      if (list[i].text_at("role") == "assistant" && !(request.continues && i + 1 == list.size()))
        replied = i + 1;
    for (size_t i = 0; i < list.size(); ++i) screening.pass(list[i], i >= replied);
  } else {
    for (TextPrompt& prompt : request.prompts) screening.pass(prompt);
    if (request.infill) {
      request.infill->suffix = screening.pass(request.infill->suffix, Direction::prompt, true);
      for (auto& file : request.infill->files)
        file.text = screening.pass(file.text, Direction::document, true);
    }
  }
  if (screening.error) return *screening.error;
  const PolicyBudget& budget = policy().budget;
  if (budget.tokens_per_reply > 0) {
    const int limit = int(std::min<int64_t>(budget.tokens_per_reply, INT32_MAX));
    request.tokens_max = request.tokens_max > 0 ? std::min(request.tokens_max, limit) : limit;
  }
  return std::move(guarded);
}

std::optional<std::string> GuardDesk::screen_document(const std::string& text,
                                                      const GuardedRequest& who,
                                                      bool& is_injected) {
  const GuardVerdict verdict = guard_->check(text, Direction::document, who.subject);
  if (note(who, Direction::document, verdict, text)) return {};
  const int injection = policy().categories.find("injection");
  is_injected =
      is_injected || std::ranges::any_of(verdict.findings, [&](const GuardFinding& finding) {
        return finding.category == injection;
      });
  if (ends_reply(verdict.action)) return {};
  return changes_text(verdict.action) ? Guard::replaced(text, verdict) : text;
}

// A log that failed is tried again before anything is answered.
std::optional<ApiError> GuardDesk::check_log() {
  if (!audit_ || !is_failing_ || !policy().audit.stops_when_full) return {};
  if (auto sealed = audit_->seal(); !sealed) return log_error(sealed.error().message);
  is_failing_ = false;
  return {};
}

std::optional<ApiError> GuardDesk::note(const GuardedRequest& who, Direction direction,
                                        const GuardVerdict& verdict, std::string_view text) {
  if (!audit_ || (verdict.findings.empty() && !policy().audit.logs_allowed)) return {};
  const auto noted = audit_->decide(policy(), {.request = who.id,
                                               .subject = who.subject,
                                               .direction = direction,
                                               .verdict = verdict,
                                               .text = text});
  if (noted) return {};
  is_failing_ = true;
  if (!policy().audit.stops_when_full) return {};
  return log_error(noted.error().message);
}

}  // namespace weir
