#include "serve/serve_job.h"

#include <iterator>
#include <utility>

#include "base/clock.h"

namespace weir {
namespace {

template <class T>
void append(std::vector<T>& to, std::vector<T>& more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

}  // namespace

void ServeJob::start() {
  began_ns_ = monotonic_ns();
  usage_.prompt = setup_.prepared.prompt_tokens;
  for (const TokenRequest& sequence : setup_.prepared.sequences)
    usage_.prompts.push_back(int64_t(sequence.prompt.size()));
  const size_t count = setup_.prepared.sequences.size();
  const bool scores_prompts = count > 0 && setup_.prepared.sequences.front().scores_prompt;
  for (size_t i = 0; i < count; ++i) {
    Result<ReplyText> text = ReplyText::create(setup_.tokenizer, setup_.prepared.text);
    if (!text) return end_with({.message = text.error().message, .param = "stop"});
    texts_.push_back(*std::move(text));
    if (setup_.desk)
      guards_.push_back(
          std::make_unique<ReplyGuard>(*setup_.desk, setup_.guarded, setup_.judge != nullptr));
  }
  left_ = int(count);
  whole_.resize(count);
  // Where many wait, replies come first: passages are then quoted by their words alone.
  const int room = setup_.engine.sequences_max() - setup_.engine.sequences();
  if (room < int(count + setup_.prepared.scored.size())) {
    for (const TokenRequest& sequence : setup_.prepared.scored)
      usage_.prompt -= int64_t(sequence.prompt.size());
    setup_.prepared.scored.clear();
  }
  append(setup_.prepared.sequences, setup_.prepared.scored);
  fits_left_ = int(setup_.prepared.scored.size());
  fits_.resize(size_t(fits_left_));
  const auto job = setup_.engine.submit(std::move(setup_.prepared.sequences), shared_from_this());
  if (!job)
    return end_with({.status = 429,
                     .message = "the server has as many requests as it may queue; try again",
                     .code = "rate_limit_exceeded",
                     .retry_seconds = 1});
  job_ = *job;
  charge(usage_.prompt);
  setup_.exchange->on_left([self = shared_from_this()] {
    self->is_done_ = true;
    self->setup_.engine.cancel(self->job_);
  });
  std::string out;
  if (setup_.streams) {
    setup_.exchange->begin_stream(setup_.writer->content_type(true), setup_.writer->keep_alive());
    has_begun_ = true;
    out = setup_.writer->begin(usage_);
  }
  for (size_t i = 0; i < setup_.prepared.echoes.size() && !scores_prompts; ++i)
    add(int(i), {.answer = std::exchange(setup_.prepared.echoes[i], "")}, out);
  if (!out.empty()) setup_.exchange->write(std::move(out));
  for (size_t i = 0; i < guards_.size(); ++i) ask_judge(int(i));
}

void ServeJob::take(std::vector<Token> tokens) {
  std::lock_guard lock(mutex_);
  append(inbox_, tokens);
  if (std::exchange(is_scheduled_, true)) return;
  setup_.exchange->post([self = shared_from_this()] { self->process(); });
}

void ServeJob::fail(const std::string& error) {
  setup_.exchange->post([self = shared_from_this(), error] {
    self->end_with({.status = 503, .message = error, .code = "unavailable", .retry_seconds = 5});
  });
}

void ServeJob::process() {
  std::vector<Token> tokens;
  {
    std::lock_guard lock(mutex_);
    tokens.swap(inbox_);
    is_scheduled_ = false;
  }
  charge(int64_t(tokens.size()));
  std::string out;
  for (Token& token : tokens) {
    if (is_done_) return;
    if (size_t(token.sequence) >= texts_.size())
      take_fit(token);
    else if (fits_left_ > 0)
      waiting_.push_back(std::move(token));
    else
      process_token(token, out);
    if (fits_left_ > 0) continue;
    for (const Token& earlier : std::exchange(waiting_, {}))
      if (!is_done_) process_token(earlier, out);
  }
  if (is_done_) return;
  if (!out.empty() && !setup_.exchange->write(std::move(out))) {
    is_done_ = true;
    setup_.engine.cancel(job_);
    return;
  }
  end_when_done();
}

void ServeJob::end_when_done() {
  if (left_ == 0 && questions_ == 0) end();
}

// Where the guard of a choice has a question.
void ServeJob::ask_judge(int choice) {
  auto question = guards_[size_t(choice)]->take_question();
  if (!question) return;
  ++questions_;
  setup_.judge->ask(
      judge_prompt(setup_.desk->policy(), *question), setup_.lease,
      [self = shared_from_this(), choice](std::optional<double> score) {
        self->setup_.exchange->post([self, choice, score] { self->take_judgement(choice, score); });
      });
}

void ServeJob::take_judgement(int choice, std::optional<double> score) {
  --questions_;
  if (is_done_) return;
  ReplyGuard& guard = *guards_[size_t(choice)];
  if (guard.is_ended()) return end_when_done();
  ReplyParts parts;
  if (auto error = guard.answer(score, parts)) return end_with(*error);
  if (guard.is_ended() && !texts_[size_t(choice)].is_finished()) {
    --left_;
    setup_.engine.cancel(job_, choice);
  }
  std::string out;
  if (parts.has_text() || parts.is_last) add(choice, std::move(parts), out);
  ask_judge(choice);
  if (!out.empty() && !setup_.exchange->write(std::move(out))) {
    is_done_ = true;
    setup_.engine.cancel(job_);
    return;
  }
  end_when_done();
}

void ServeJob::take_fit(const Token& token) {
  const Drawn& drawn = token.drawn;
  if (drawn.reason == FinishReason::failed && drawn.is_last)
    return end_with({.status = 500, .message = "the model could not go on: " + drawn.error});
  double sum = 0;
  int count = 0;
  for (const TokenScore& score : drawn.prompt_scores)
    if (score.is_scored) {
      sum += double(score.log_probability);
      ++count;
    }
  fits_[size_t(token.sequence) - texts_.size()] = count > 0 ? sum / count : 0;
  if (--fits_left_ == 0) setup_.writer->take_fits(fits_);
}

void ServeJob::process_token(const Token& token, std::string& out) {
  ReplyText& text = texts_[size_t(token.sequence)];
  ReplyGuard* guard = guards_.empty() ? nullptr : guards_[size_t(token.sequence)].get();
  if (text.is_finished() || (guard && guard->is_ended())) return;
  const Drawn& drawn = token.drawn;
  if (drawn.reason == FinishReason::failed && drawn.is_last)
    return end_with({.status = 500, .message = "the model could not go on: " + drawn.error});
  if (usage_.completion == 0) usage_.prompt_seconds = seconds();
  if (text.tokens() == 0 && token.sequence == 0) usage_.cached = drawn.reused_tokens;
  if (!drawn.prompt_scores.empty())
    add(token.sequence,
        {.answer = std::move(setup_.prepared.echoes[size_t(token.sequence)]),
         .answer_scores = drawn.prompt_scores},
        out);
  if (setup_.prepared.is_prompt_alone) {
    --left_;
    return add(token.sequence, {.is_last = true}, out);
  }
  if (guard && !setup_.prepared.watches.empty()) {
    const auto number = size_t(text.tokens());
    guard->score(number, setup_.prepared.watches[size_t(token.sequence)]->scores(number));
  }
  const int thinking = text.thinking_tokens();
  const double limit = setup_.prepared.text.seconds_max;
  ReplyParts parts = text.push(drawn, limit > 0 && seconds() - usage_.prompt_seconds > limit);
  ++usage_.completion;
  usage_.thinking += text.thinking_tokens() - thinking;
  usage_.seconds = seconds();
  if (guard) {
    if (auto error = guard->pass(parts)) return end_with(*error);
    ask_judge(token.sequence);
  }
  if (text.is_finished() || (guard && guard->is_ended())) {
    --left_;
    if (!drawn.is_last) setup_.engine.cancel(job_, token.sequence);
  }
  if (parts.has_text() || parts.is_last) add(token.sequence, std::move(parts), out);
}

void ServeJob::charge(int64_t tokens) {
  if (setup_.key) setup_.key->meter().charge(tokens, monotonic_ns());
}

void ServeJob::add(int choice, ReplyParts parts, std::string& out) {
  if (setup_.streams)
    out += setup_.writer->part(choice, parts, usage_);
  else
    append_parts(whole_[size_t(choice)], std::move(parts));
}

void ServeJob::end() {
  is_done_ = true;
  if (setup_.streams) {
    setup_.exchange->write(setup_.writer->end(usage_));
    setup_.exchange->end_stream();
    return;
  }
  setup_.exchange->reply({.content_type = setup_.writer->content_type(false),
                          .body = setup_.writer->whole(whole_, usage_)});
}

void ServeJob::end_with(const ApiError& error) {
  if (std::exchange(is_done_, true)) return;
  if (job_ > 0) setup_.engine.cancel(job_);
  if (!has_begun_) return setup_.exchange->reply(setup_.write_error(error));
  setup_.exchange->write(setup_.writer->failure(error));
  setup_.exchange->end_stream();
}

double ServeJob::seconds() const { return double(monotonic_ns() - began_ns_) * 1e-9; }

}  // namespace weir
