#include "adapt/training_rows.h"

#include <algorithm>

#include "adapt/answer_score.h"
#include "base/hash.h"
#include "base/random.h"

namespace weir {
namespace {

// Streams of random numbers of one question.
enum : uint64_t { kOrder = 1, kShare = 2 };

Random random_of(const MadeQuestion& question, uint64_t stream, uint64_t seed) {
  return Random(mix64(fnv1a(question.question)) ^ seed, stream);
}

bool chunk_is_among(const std::vector<FoundChunk>& chunks, int64_t chunk) {
  return std::any_of(chunks.begin(), chunks.end(),
                     [&](const FoundChunk& one) { return one.chunk == chunk; });
}

}  // namespace

bool is_shown_without_answer(const MadeQuestion& question, const SourcesOptions& options) {
  return double(random_of(question, kShare, options.seed).uniform()) < options.unanswerable_share;
}

Result<QuestionWithSources> choose_sources(const MadeQuestion& question, bool is_answerable,
                                           const SourcesOptions& options,
                                           const SearchChunks& search) {
  const auto shown = size_t(options.shown);
  // More than are shown: those that hold the answer may have to leave.
  std::vector<FoundChunk> found = TRY(search(question.question, options.shown * 3 + 5));
  if (!chunk_is_among(found, question.chunk))
    return Error{"the chunk of the question '" + question.question +
                 "' is not found any more; make the questions anew"};
  QuestionWithSources out{question, {}, -1};
  const size_t others = shown - size_t(is_answerable);
  for (const FoundChunk& chunk : found) {
    if (chunk.chunk == question.chunk) {
      if (is_answerable) out.sources.push_back(chunk);
      continue;
    }
    const bool has_own = chunk_is_among(out.sources, question.chunk);
    if (out.sources.size() - size_t(has_own) == others) {
      if (has_own || !is_answerable) break;
      continue;  // its own chunk is still to come
    }
    // A second chunk that answers would make the first one's number wrong.
    if (score_answer(chunk.text, question.answer, question.question).is_right) continue;
    out.sources.push_back(chunk);
  }
  Random random = random_of(question, kOrder, options.seed);
  for (size_t i = out.sources.size(); options.is_shuffled && i > 1; --i)
    std::swap(out.sources[i - 1], out.sources[random.below(i)]);
  if (!is_answerable) return out;
  const auto right =
      std::find_if(out.sources.begin(), out.sources.end(),
                   [&](const FoundChunk& chunk) { return chunk.chunk == question.chunk; });
  out.right = int(right - out.sources.begin());
  return out;
}

}  // namespace weir
