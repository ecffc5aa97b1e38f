#include "serve/embedding_job.h"

#include <utility>

#include "base/clock.h"

namespace weir {

void EmbeddingJob::start() {
  began_ns_ = monotonic_ns();
  for (const auto& text : setup_.tokens) tokens_ += int64_t(text.size());
  if (setup_.tokens.empty()) return finish(std::vector<std::vector<float>>());
  EmbeddingThread& thread = *setup_.lease->embedding;
  // Made on the embedding's thread, written where other work waits for nobody.
  const auto job =
      thread.submit(std::move(setup_.tokens),
                    [self = shared_from_this()](Result<std::vector<std::vector<float>>> vectors) {
                      self->setup_.exchange->work([self, vectors = std::move(vectors)]() mutable {
                        self->finish(std::move(vectors));
                      });
                    });
  if (!job)
    return setup_.exchange->reply(
        setup_.write_error({.status = 429,
                            .message = "the server has as many requests as it may queue; try again",
                            .code = "rate_limit_exceeded",
                            .retry_seconds = 1}));
  if (setup_.key) setup_.key->meter().charge(tokens_, monotonic_ns());
  setup_.exchange->on_left(
      [self = shared_from_this(), job = *job] { self->setup_.lease->embedding->cancel(job); });
}

void EmbeddingJob::finish(Result<std::vector<std::vector<float>>> vectors) {
  if (!vectors)
    return setup_.exchange->reply(setup_.write_error(
        {.status = 500, .message = "no vector could be computed: " + vectors.error().message}));
  EmbeddingReply reply{.model = setup_.model, .vectors = *std::move(vectors), .tokens = tokens_};
  reply.seconds = double(monotonic_ns() - began_ns_) * 1e-9;
  if (setup_.request.dimensions > 0)
    for (auto& vector : reply.vectors)
      vector = shortened(std::move(vector), size_t(setup_.request.dimensions));
  setup_.exchange->reply({.body = setup_.request.write(setup_.request, reply)});
}

}  // namespace weir
