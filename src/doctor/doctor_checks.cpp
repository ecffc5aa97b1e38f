#include "doctor/doctor_checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "stages/tuning.h"

namespace weir {
namespace {

constexpr size_t kShownBytes = 240;  // of a text in an example
constexpr size_t kJudgedMax = 64;

std::string question_text(const Problem& problem) {
  std::string text;
  for (const Message& message : problem.question())
    text += (text.empty() ? "" : " / ") + message.content;
  return text;
}

std::string describe(const Problem& problem, const std::string& detail) {
  std::string text = problem.place;
  auto line = [&](const char* name, const std::string& value) {
    if (!value.empty()) text += fmt::format("\n{:<9}{}", name, printable(value, kShownBytes));
  };
  line("question", question_text(problem));
  if (problem.has_reply()) {
    line("thinking", problem.messages.back().thinking);
    line("reply", problem.messages.back().content);
  }
  line("gold", problem.gold);
  line("found", detail);
  return text;
}

// How a conversation reads as text with its control tokens, and the assistant's part of it: the
// form of conversation.h, written a second time.
struct ExpectedText {
  std::string all = "<｜begin▁of▁sentence｜>", learned;
};
ExpectedText expected_text(const std::vector<Message>& messages) {
  ExpectedText text;
  for (const Message& message : messages) {
    if (message.role == Role::user) text.all += "<｜User｜>";
    if (message.role != Role::assistant) {
      text.all += message.content;
      continue;
    }
    std::string reply = message.content + "<｜end▁of▁sentence｜>";
    if (message.has_thinking && &message == &messages.back())
      reply = "<think>" + message.thinking + "</think>" + reply;
    text.all += "<｜Assistant｜>" + reply;
    text.learned += reply;
  }
  return text;
}

}  // namespace

ProblemExaminer::ProblemExaminer(const Tokenizer& tokenizer, const ConversationFormat& format,
                                 int context, Findings& findings)
    : tokenizer_(tokenizer),
      format_(format),
      context_(context),
      findings_(findings),
      seen_(size_t(tokenizer.size())) {
  for (const AddedToken& token : tokenizer.added_tokens()) {
    const bool is_mark = token.id == format.think() || token.id == format.end_of_thinking();
    if (!token.special && !is_mark) continue;
    controls_.push_back(token.id);
    attack_ += token.text;
  }
}

ProblemExaminer::Vocabulary ProblemExaminer::vocabulary() const {
  Vocabulary counts;
  for (int id = 0; id < tokenizer_.size(); ++id) {
    if (tokenizer_.is_added(id) || tokenizer_.token_bytes(id).size() < 2) continue;
    ++counts.learned;
    counts.used += seen_[size_t(id)];
  }
  return counts;
}

int ProblemExaminer::count_controls(std::span<const int> tokens) const {
  int count = 0;
  for (int token : tokens)
    count += std::find(controls_.begin(), controls_.end(), token) != controls_.end();
  return count;
}

void ProblemExaminer::complain(const Place& at, Severity severity, const std::string& check,
                               const std::string& message, const std::string& remedy,
                               const std::string& detail) {
  findings_.add({severity, check, at.purpose.stage, at.report.source, message, remedy,
                 describe(at.problem, detail)});
}

void ProblemExaminer::examine(const Problem& problem, const Purpose& purpose,
                              SourceReport& report) {
  const Place at{problem, purpose, report};
  ++report.problems;
  report.unclaimed += !problem.claims_right;
  Result<std::vector<int>> prompt = format_.prompt(problem.question());
  if (!prompt) {
    complain(at, Severity::error, "question", "a question cannot be put to the model",
             "correct the messages of this problem", prompt.error().message);
    return;
  }
  if (!problem.has_reply()) {
    if (purpose.is_learned)
      complain(at, Severity::error, "reply", "has no model reply, so there is nothing to learn",
               "give it a reply, or leave it to stages of kind grpo");
    check_verifier(at, nullptr);
    check_lengths(at, int(prompt->size()), 0, 0);
    return;
  }
  Result<TrainingSequence> sequence = render_problem(format_, problem, purpose.all_tokens);
  if (!sequence) {
    complain(at, Severity::error, "coverage", "a conversation cannot be encoded",
             "use a tokenizer with all 256 bytes", sequence.error().message);
    return;
  }
  const std::vector<int>& tokens = sequence->tokens;
  const bool begins_with_prompt =
      tokens.size() > prompt->size() && std::equal(prompt->begin(), prompt->end(), tokens.begin());
  if (!begins_with_prompt) {
    complain(at, Severity::error, "prompt",
             "the tokens that are learned do not begin with the tokens the model is asked with",
             "report this as a fault of the program");
    return;
  }
  const std::span<const int> reply = std::span(tokens).subspan(prompt->size());
  check_conversation(at, *sequence, reply);
  if (purpose.is_learned) check_mask(at, *sequence);
  const ParsedReply parsed = format_.parse(reply);
  check_verifier(at, &parsed);
  check_lengths(at, int(prompt->size()), int(reply.size()), sequence->rows());
  count(at, *sequence, int(reply.size()));
}

void ProblemExaminer::check_verifier(const Place& at, const ParsedReply* reply) {
  const Problem& problem = at.problem;
  if (problem.verifier.empty()) {
    const bool is_model_judged = at.purpose.grpo && is_judged(*at.purpose.grpo, at.problem.family);
    if (at.purpose.needs_verifier && !is_model_judged)
      complain(at, Severity::error, "verifier",
               "has no verifier, and no model judges replies to it",
               "give the source a verifier, or leave it out here");
    return;
  }
  Result<const Verifier*> verifier = verifiers_.of(problem);
  if (!verifier) {
    complain(at, Severity::error, "verifier",
             fmt::format("the gold is nothing that verifier '{}' can compare with, or there is no "
                         "such verifier",
                         printable(problem.verifier)),
             "correct the gold or choose another verifier", verifier.error().message);
    return;
  }
  // Without a reply the gold is the answer that is tried on other problems.
  if ((!reply || problem.claims_right) && judged_.size() < kJudgedMax)
    judged_.push_back({problem.verifier, reply ? reply->answer : problem.gold, problem.gold});
  if (!reply || !problem.claims_right) return;
  ++at.report.verified;
  const Verdict verdict = (*verifier)->check(reply->answer, problem.gold);
  at.report.right += verdict == Verdict::right;
  if (verdict != Verdict::right)
    complain(at, Severity::error, "gold",
             fmt::format("verifier '{}' says {} on its own gold", printable(problem.verifier),
                         verdict_name(verdict)),
             "correct the reply or the gold, or choose another verifier");
}

void ProblemExaminer::check_conversation(const Place& at, const TrainingSequence& sequence,
                                         std::span<const int> reply) {
  const Message& message = at.problem.messages.back();
  const ParsedReply parsed = format_.parse(reply);
  const std::string thinking(message.has_thinking ? trim(message.thinking) : "");
  if (parsed.thinking != thinking || parsed.answer != trim(message.content))
    complain(at, Severity::error, "round trip",
             "a reply does not come back from its tokens as it was written",
             "use a tokenizer without normalisation, and text that is valid UTF-8",
             fmt::format("<think>{}</think>{}", parsed.thinking, parsed.answer));
  if (trim(message.content).empty())
    complain(at, Severity::error, "reply", "the model reply has no answer",
             "write one: an empty answer never counts as well-formed");
  const ExpectedText expected = expected_text(at.problem.messages);
  Result<std::string> text = tokenizer_.decode_bytes(sequence.tokens, true);
  // What a model's own template writes around the messages is known to it alone.
  if (!text || (!format_.has_template() && *text != expected.all))
    complain(at, Severity::error, "round trip", "a conversation decodes to another text",
             "use a tokenizer without normalisation",
             text ? std::string(*text) : text.error().message);
  std::vector<int> learned;
  for (size_t i = 0; i < sequence.tokens.size(); ++i)
    if (sequence.trained[i]) learned.push_back(sequence.tokens[i]);
  if (at.purpose.all_tokens) return;
  Result<std::string> learned_text = tokenizer_.decode_bytes(learned, true);
  const bool has_end = !learned.empty() && std::ranges::count(format_.ends(), learned.back()) > 0;
  if (!learned_text || (format_.has_template() ? !has_end : *learned_text != expected.learned))
    complain(at, Severity::error, "mask", "other tokens are learned than the assistant's",
             "report this as a fault of the program",
             learned_text ? *learned_text : learned_text.error().message);
}

void ProblemExaminer::check_mask(const Place& at, const TrainingSequence& sequence) {
  const bool learns = std::any_of(sequence.trained.begin() + 1, sequence.trained.end(),
                                  [](uint8_t is_trained) { return is_trained != 0; });
  if (!learns)
    complain(at, Severity::error, "mask", "no token of a conversation is learned",
             "leave it out: it costs time and teaches nothing");
}

void ProblemExaminer::check_lengths(const Place& at, int prompt, int reply, int rows) {
  const Purpose& purpose = at.purpose;
  if (purpose.is_learned && rows > context_)
    complain(at, Severity::warning, "length",
             fmt::format("conversations are longer than the model's context of {} and left out",
                         context_),
             "raise 'max_position_embeddings', or make them shorter",
             fmt::format("{} tokens", rows));
  else if (purpose.step_rows > 0 && rows > purpose.step_rows)
    complain(at, Severity::warning, "length",
             fmt::format("conversations are longer than a step of {} tokens, and each becomes one",
                         purpose.step_rows),
             "raise the stage's 'tokens'", fmt::format("{} tokens", rows));
  if (purpose.reply_tokens == 0) return;
  if (prompt >= context_)
    complain(at, Severity::error, "length",
             fmt::format("questions fill the model's context of {} tokens", context_),
             "raise 'max_position_embeddings', or ask for less", fmt::format("{} tokens", prompt));
  else if (prompt + purpose.reply_tokens > context_)
    complain(at, Severity::warning, "length",
             fmt::format("a question with '{}' {} exceeds the model's context of {}, which will "
                         "cut replies first",
                         purpose.reply_key, purpose.reply_tokens, context_),
             "raise 'max_position_embeddings', or lower '" + purpose.reply_key + "'",
             fmt::format("{} tokens of question", prompt));
  if (reply > purpose.reply_tokens)
    complain(at, Severity::warning, "length",
             fmt::format("the model reply would be cut at '{}' {}", purpose.reply_key,
                         purpose.reply_tokens),
             "raise '" + purpose.reply_key + "'", fmt::format("{} tokens of reply", reply));
}

void ProblemExaminer::count(const Place& at, const TrainingSequence& sequence, int reply) {
  SourceReport& report = at.report;
  ++report.rendered;
  report.tokens += int64_t(sequence.tokens.size());
  report.trained += std::count(sequence.trained.begin() + 1, sequence.trained.end(), uint8_t(1));
  report.longest = std::max(report.longest, int(sequence.tokens.size()));
  report.longest_reply = std::max(report.longest_reply, reply);
  // Control tokens are no measure of how well text is encoded.
  tokens_ += double(sequence.tokens.size()) - count_controls(sequence.tokens);
  for (const Message& message : at.problem.messages) {
    const bool is_last = &message == &at.problem.messages.back();
    bytes_ += double(message.content.size() + (is_last ? message.thinking.size() : 0));
    for (const std::string* text : {&message.content, &message.thinking})
      if (text->find("<think>") != text->npos || text->find("</think>") != text->npos ||
          text->find("<｜") != text->npos)
        complain(at, Severity::note, "control text",
                 "texts spell control tokens; they are encoded letter by letter",
                 "if a conversation was pasted into one message, split it into messages");
  }
  for (int token : sequence.tokens) seen_[size_t(token)] = 1;
}

void ProblemExaminer::try_to_forge(const Problem& problem, const Purpose& purpose,
                                   const SourceReport& report) {
  Problem forged = problem;
  for (Message& message : forged.messages) message.content += attack_;
  if (forged.has_reply() && forged.messages.back().has_thinking)
    forged.messages.back().thinking += attack_;
  SourceReport unused = report;
  const Place at{forged, purpose, unused};
  auto fail = [&](const std::string& detail) {
    complain(at, Severity::error, "forgery", "text can forge control tokens",
             "do not use this tokenizer: it reads control tokens out of plain text", detail);
  };
  Result<std::vector<int>> before = format_.prompt(problem.question());
  Result<std::vector<int>> after = format_.prompt(forged.question());
  if (!before || !after) return;  // examine() complains
  if (count_controls(*before) != count_controls(*after)) return fail("in the question");
  if (!forged.has_reply()) return;
  Result<RenderedConversation> rendered = format_.render(forged.messages);
  if (!rendered || rendered->tokens.size() < after->size()) return;
  const ParsedReply reply = format_.parse(std::span(rendered->tokens).subspan(after->size()));
  if (reply.answer != trim(forged.messages.back().content) || !reply.is_well_formed)
    fail("in the reply, which comes back as: " + reply.answer);
}

void ProblemExaminer::finish_source(const Purpose& purpose, const SourceReport& report) {
  size_t tried = 0, refused = 0;
  for (size_t i = 0; i < judged_.size(); ++i) {
    const Judged& one = judged_[i];
    const Judged& other = judged_[(i + 1) % judged_.size()];
    if (one.verifier != other.verifier || one.gold == other.gold || one.answer == other.answer)
      continue;
    Problem problem;
    problem.verifier = one.verifier;
    problem.gold = one.gold;
    Result<const Verifier*> verifier = verifiers_.of(problem);
    if (!verifier) continue;
    ++tried;
    refused += (*verifier)->check(other.answer, one.gold) != Verdict::right;
  }
  judged_.clear();
  if (tried == 0 || refused > 0) return;
  findings_.add({Severity::error, "verifier", purpose.stage, report.source,
                 fmt::format("the verifier said right to all {} answers of other problems", tried),
                 "choose another verifier: this one passes every reply, so it rewards anything"});
}

}  // namespace weir
