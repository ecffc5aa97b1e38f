#include "adapt/training_rows.h"

#include <algorithm>
#include <cstdlib>

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

// Near its place in the same document.
bool stands_beside(const FoundChunk& chunk, const FoundChunk& other) {
  return chunk.document_id != 0 && chunk.document_id == other.document_id &&
         std::abs(chunk.ordinal - other.ordinal) <= kPartChunks;
}

// The sentence that answers is in the excerpt of its chunk.
void show_answer(const MadeQuestion& question, const FoundChunk& own, const SourcesOptions& options,
                 std::vector<FoundChunk>& sources) {
  auto at = std::ranges::find(sources, question.chunk, &FoundChunk::chunk);
  if (at == sources.end()) {
    if (sources.size() >= size_t(options.shown)) sources.pop_back();
    sources.push_back(own);
    sources.back().text.clear();
    at = sources.end() - 1;
  }
  if (at->text.find(question.answer) != std::string::npos) return;
  if (!at->text.empty()) at->text += "\n";
  at->text += question.answer;
}

}  // namespace

bool is_shown_without_answer(const MadeQuestion& question, const SourcesOptions& options) {
  return double(random_of(question, kShare, options.seed).uniform()) < options.unanswerable_share;
}

Result<QuestionWithSources> choose_sources(const MadeQuestion& question, bool is_answerable,
                                           const SourcesOptions& options,
                                           const SearchChunks& search, const WeighWords& weigh) {
  const auto kept_max = size_t(weigh ? std::max(options.searched, options.shown) : options.shown);
  // More than are kept: those that hold the answer, or stand beside it, may have to leave.
  std::vector<FoundChunk> found = TRY(search(question.question, int(kept_max) * 3 + 5));
  const auto own = std::ranges::find(found, question.chunk, &FoundChunk::chunk);
  if (own == found.end())
    return Error{"the chunk of the question '" + question.question +
                 "' is not found any more; make the questions anew"};
  QuestionWithSources out{question, {}, -1};
  for (const FoundChunk& chunk : found) {
    const bool is_own = chunk.chunk == question.chunk;
    const bool has_own = chunk_is_among(out.found, question.chunk);
    // A place is left for its own chunk.
    const size_t room = kept_max - size_t(is_answerable && !has_own && !is_own);
    if (out.found.size() >= room) {
      if (has_own || !is_answerable) break;
      continue;
    }
    if (is_own && !is_answerable) continue;
    if (!is_own && !is_answerable && stands_beside(chunk, *own)) continue;
    // A second chunk that answers would make the first one's number wrong.
    if (!is_own && score_answer(chunk.text, question.answer, question.question).is_right) continue;
    out.found.push_back(chunk);
  }
  out.sources = out.found;
  if (weigh) {
    out.passages = find_passages(TRY(weigh(question.question)), out.found);
    out.sources = excerpts_of(out.found, out.passages, options.shown);
    keep_passages_of(out.sources, out.passages);
    if (is_answerable && options.is_shuffled) show_answer(question, *own, options, out.sources);
  }
  Random random = random_of(question, kOrder, options.seed);
  for (size_t i = out.sources.size(); options.is_shuffled && i > 1; --i)
    std::swap(out.sources[i - 1], out.sources[random.below(i)]);
  if (!is_answerable) return out;
  const auto right = std::ranges::find(out.sources, question.chunk, &FoundChunk::chunk);
  if (right != out.sources.end()) out.right = int(right - out.sources.begin());
  return out;
}

}  // namespace weir
