#include "chat/generator.h"

#include <algorithm>

namespace weir {

// The requests of one generate(): sequence `first + i` of the engine is replies[i].
struct Generator::Call {
  SequenceId first = 0;
  std::vector<Reply> replies;
  std::vector<size_t> prompts;  // tokens of each
  PromptProgress progress;
};

Result<std::unique_ptr<Generator>> Generator::create(const Model& model, const Tokenizer& tokenizer,
                                                     ThreadPool& pool, EngineOptions options) {
  options.drawable = std::min(tokenizer.size(), model.config().vocab_size);
  return std::unique_ptr<Generator>(
      new Generator(tokenizer, TRY(Engine::create(model, pool, options)),
                    model.routing_trace().row_size()));
}

Result<std::vector<Completion>> Generator::generate(std::span<const Request> requests,
                                                    Listener* listener) {
  Call call;
  auto done = submit(requests, call);
  if (done) done = run(call, listener);
  if (!done) {
    cancel(call);
    engine_->forget();
    return std::move(done).error();
  }
  std::vector<Completion> completions;
  for (Reply& reply : call.replies) completions.push_back(reply.take_completion());
  return completions;
}

Result<void> Generator::submit(std::span<const Request> requests, Call& call) {
  for (size_t i = 0; i < requests.size(); ++i) {
    Result<SequenceId> id = engine_->submit(requests[i]);
    Result<Reply> reply = Reply::create(requests[i], tokenizer_);
    if (id && call.replies.empty()) call.first = *id;
    if (id && reply) {
      call.replies.push_back(*std::move(reply));
      call.prompts.push_back(requests[i].prompt.size());
      call.progress.total += int64_t(requests[i].prompt.size());
      continue;
    }
    if (id) engine_->cancel(*id);
    Error error = id ? std::move(reply).error() : std::move(id).error();
    if (requests.size() == 1) return error;
    return std::move(error).within("request " + std::to_string(i + 1));
  }
  return {};
}

Result<void> Generator::run(Call& call, Listener* listener) {
  PromptProgress& progress = call.progress;
  const int64_t read_before = statistics().prompt_tokens;
  auto report = [&] {
    progress.computed = statistics().prompt_tokens - read_before;
    // A sequence that is preempted while its prompt is read begins it again.
    progress.done = std::max(progress.done, progress.total - engine_->unread_tokens());
    if (listener) listener->on_prompt(progress);
  };
  engine_->admit();
  for (bool is_first = true; !engine_->is_idle(); is_first = false) {
    if (listener && listener->is_cancelled()) {
      cancel(call);
      return {};
    }
    if (is_first) report();
    const int64_t read = statistics().prompt_tokens;
    for (Drawn& drawn : engine_->step()) {
      const int i = int(drawn.sequence - call.first);
      Reply& reply = call.replies[size_t(i)];
      if (reply.is_finished()) {  // at an earlier token of this pass
        if (drawn.is_last) set_experts(call, i, std::move(drawn.experts));
        continue;
      }
      if (drawn.reason == FinishReason::failed)
        return Error{"request " + std::to_string(i + 1) + ", " + drawn.error};
      const std::string_view text = reply.push(drawn);
      const TokenEvent event{i, drawn.token, text, reply.is_finished()};
      if (listener && !listener->on_token(event)) reply.cancel();
      if (!reply.is_finished()) continue;
      set_experts(call, i,
                  drawn.is_last ? std::move(drawn.experts) : engine_->cancel(drawn.sequence));
    }
    if (statistics().prompt_tokens > read) report();
  }
  return {};
}

// Of the tokens that the reply has: the engine may have drawn more in the same pass.
void Generator::set_experts(Call& call, int request, std::vector<uint16_t> experts) {
  Reply& reply = call.replies[size_t(request)];
  const size_t rows = call.prompts[size_t(request)] + reply.tokens() - 1;
  if (reply.tokens() > 0) experts.resize(std::min(experts.size(), rows * experts_of_a_token_));
  reply.set_experts(std::move(experts));
}

// What the engine has ended is left alone.
void Generator::cancel(Call& call) {
  for (size_t i = 0; i < call.replies.size(); ++i) {
    Reply& reply = call.replies[i];
    if (reply.is_finished()) continue;
    set_experts(call, int(i), engine_->cancel(call.first + SequenceId(i)));
    reply.cancel();
  }
}

}  // namespace weir
