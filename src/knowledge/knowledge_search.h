// Finds the chunks of a base that fit a question: by words (BM25 over FTS5's index, then how much
// of the question a chunk holds) and, where the base has vectors, by meaning; both ranks are fused.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread_pool.h"
#include "knowledge/knowledge_base.h"
#include "knowledge/vector_index.h"
#include "knowledge/words.h"

namespace weir {

struct FoundChunk {
  int64_t chunk = 0, document_id = 0;
  int ordinal = 0, page = 0, last_page = 0;
  std::string document, title, heading, text;
  double score = 0;     // of the fused ranking; higher is better, comparable within one search
  double coverage = 0;  // share of the question's words in the chunk, rare words counting more
  double cosine = 0;    // 0: no vectors
};

// How well chunks fit a question, one number each, higher is better; comparable within one call.
using ChunkScorer = std::function<Result<std::vector<double>>(std::string_view question,
                                                              std::span<const FoundChunk> chunks)>;

struct SearchOptions {
  int count = 5;
  // Documents without labels and those with one of these; nothing: all documents.
  std::optional<std::vector<std::string>> labels = {};
  std::vector<float> vector = {};  // of the question; empty: by words alone
  ChunkScorer rerank = {};         // of the best `reranked` chunks (at least `count`); may be empty
  int reranked = 10;
};

// How rare the words of a question are in the base.
struct WeighedWord {
  Word word;
  int64_t chunks;  // that have it, n
  double weight;   // log(1 + (N - n + 0.5) / (n + 0.5)), n of N chunks have the word
};

class KnowledgeSearch {
 public:
  // Reads the vectors. The pool outlives the search. Not for two threads at once.
  static Result<KnowledgeSearch> open(const std::string& path, ThreadPool& pool);

  Result<std::vector<FoundChunk>> search(std::string_view question, const SearchOptions& options);
  // The chunks of the same document right before and after, if there are any.
  Result<std::vector<FoundChunk>> neighbours(const FoundChunk& chunk) const;
  Result<std::vector<WeighedWord>> weigh(std::string_view question) const;

  const KnowledgeBase& base() const { return *base_; }
  bool has_vectors() const { return vectors_.size() > 0; }

 private:
  KnowledgeSearch(std::unique_ptr<KnowledgeBase> base, ThreadPool& pool)
      : base_(std::move(base)), pool_(&pool) {}
  Result<void> reload();
  Result<std::vector<int64_t>> allowed_chunks(const SearchOptions& options) const;
  Result<std::vector<FoundChunk>> by_words(const std::vector<WeighedWord>& words,
                                           const SearchOptions& options) const;
  Result<FoundChunk> read_chunk(int64_t chunk) const;

  std::unique_ptr<KnowledgeBase> base_;
  ThreadPool* pool_;
  VectorIndex vectors_;
  int64_t version_ = -1;  // PRAGMA data_version that the vectors were read at
  int64_t chunks_ = 0;
};

// The share of the words' weight that a text holds.
double coverage_of(const std::vector<WeighedWord>& words, std::string_view text);

}  // namespace weir
