#include "knowledge/knowledge_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

#include "base/check.h"

namespace weir {
namespace {

// Measured on the questions of bench/knowledge (docs/benchmarks.md).
constexpr double kHeadWeight = 3.0, kBodyWeight = 1.0;
constexpr size_t kCandidates = 60;  // of each ranking
constexpr double kCoveragePower = 1.0;
// Reciprocal rank fusion: 1 / (60 + rank) (Cormack, Clarke, Buettcher, SIGIR 2009).
constexpr double kFusionRank = 60;
constexpr double kVectorShare = 0.7;
// Of a reranking: few ranks, so the first ones count more.
constexpr double kRerankRank = 5, kRerankShare = 1;
// In large bases a word in more than this share of the chunks finds nothing beside rarer ones; it
// still counts in the coverage.
constexpr double kCommonShare = 0.25;
constexpr int64_t kLargeBase = 1000;

// "(d.labels = '' OR ...)"; labels are checked to be letters, digits, _ and -.
Result<std::string> label_condition(const SearchOptions& options) {
  if (!options.labels) return std::string("1");
  std::string condition = "(d.labels = ''";
  for (const std::string& label : *options.labels) {
    const std::string text = TRY(labels_text({label}));
    condition += fmt::format(" OR instr(d.labels, '{}') > 0", text);
  }
  return condition + ")";
}

// The search's rank and the scorer's, fused; their sums become the scores.
Result<void> rerank(std::string_view question, const ChunkScorer& scorer,
                    std::vector<FoundChunk>& found) {
  const std::vector<double> fits = TRY(scorer(question, found));
  CHECK_EQ(fits.size(), found.size());
  std::vector<size_t> order(found.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::ranges::stable_sort(order, std::ranges::greater(), [&](size_t i) { return fits[i]; });
  for (size_t rank = 0; rank < order.size(); ++rank) {
    FoundChunk& chunk = found[order[rank]];
    chunk.score = 1 / (kRerankRank + double(order[rank] + 1)) +
                  kRerankShare / (kRerankRank + double(rank + 1));
  }
  std::ranges::stable_sort(found, std::ranges::greater(), &FoundChunk::score);
  return {};
}

}  // namespace

double coverage_of(const std::vector<WeighedWord>& words, std::string_view text) {
  if (words.empty()) return 0;
  std::unordered_set<std::string> present;
  for (Word& word : split_words(text)) present.insert(std::move(word.text));
  double found = 0, all = 0;
  for (const WeighedWord& word : words) {
    all += word.weight;
    if (present.contains(word.word.text)) found += word.weight;
  }
  return all > 0 ? found / all : 0;
}

Result<KnowledgeSearch> KnowledgeSearch::open(const std::string& path, ThreadPool& pool) {
  auto base =
      std::make_unique<KnowledgeBase>(TRY(KnowledgeBase::open(path, Database::Access::read)));
  KnowledgeSearch search(std::move(base), pool);
  TRY(search.reload());
  return search;
}

Result<void> KnowledgeSearch::reload() {
  const int64_t version = TRY(base_->database().integer("PRAGMA data_version"));
  if (version == version_) return {};
  vectors_ = TRY(VectorIndex::load(*base_));
  chunks_ = TRY(base_->database().integer("SELECT count(*) FROM chunks WHERE copy_of IS NULL"));
  version_ = version;
  return {};
}

Result<std::vector<WeighedWord>> KnowledgeSearch::weigh(std::string_view question) const {
  Statement count = TRY(base_->database().prepare("SELECT doc FROM vocabulary WHERE term = ?"));
  std::vector<WeighedWord> words;
  for (Word& word : query_words(question)) {
    count.bind(word.text);
    const int64_t chunks = TRY(count.step()) ? count.integer(0) : 0;
    const double n = double(chunks);
    const double weight = std::log(1 + (double(chunks_) - n + 0.5) / (n + 0.5));
    words.push_back({std::move(word), chunks, std::max(weight, 0.01)});
  }
  return words;
}

Result<std::vector<FoundChunk>> KnowledgeSearch::by_words(const std::vector<WeighedWord>& words,
                                                          const SearchOptions& options) const {
  std::vector<Word> rare, all;
  const double common = std::log(1 + (1 - kCommonShare) / kCommonShare);
  for (const WeighedWord& word : words) {
    if (word.chunks == 0 && word.word.kind != Word::Kind::single) continue;
    all.push_back(word.word);
    if (word.weight >= common) rare.push_back(word.word);
  }
  const std::string expression =
      match_expression(rare.empty() || chunks_ < kLargeBase ? all : rare);
  std::vector<FoundChunk> found;
  if (expression.empty()) return found;
  std::string sql = fmt::format(
      "SELECT rowid, -bm25(words, {}, {}) AS score FROM words WHERE words "
      "MATCH ?",
      kHeadWeight, kBodyWeight);
  if (options.labels)
    sql += " AND rowid IN (SELECT c.id FROM chunks c JOIN documents d ON d.id = c.document WHERE " +
           TRY(label_condition(options)) + ")";
  sql += fmt::format(" ORDER BY score DESC, rowid LIMIT {}", kCandidates);
  Statement match = TRY(base_->database().prepare(sql));
  match.bind(expression);
  while (TRY(match.step())) {
    FoundChunk chunk = TRY(read_chunk(match.integer(0)));
    chunk.coverage = coverage_of(words, chunk.title + "\n" + chunk.heading + "\n" + chunk.text);
    chunk.score = match.real(1) * std::pow(0.2 + chunk.coverage, kCoveragePower);
    found.push_back(std::move(chunk));
  }
  std::ranges::stable_sort(found, std::ranges::greater(), &FoundChunk::score);
  return found;
}

Result<std::vector<int64_t>> KnowledgeSearch::allowed_chunks(const SearchOptions& options) const {
  std::vector<int64_t> chunks;
  const std::string condition = TRY(label_condition(options));
  Statement find = TRY(base_->database().prepare(
      "SELECT c.id FROM chunks c JOIN documents d ON d.id = c.document WHERE " + condition +
      " ORDER BY c.id"));
  while (TRY(find.step())) chunks.push_back(find.integer(0));
  return chunks;
}

Result<FoundChunk> KnowledgeSearch::read_chunk(int64_t chunk) const {
  Statement find = TRY(base_->database().prepare(
      "SELECT c.document, c.ordinal, c.page, c.last_page, d.name, d.title, c.heading, c.text FROM "
      "chunks c JOIN documents d ON d.id = c.document WHERE c.id = ?"));
  find.bind(chunk);
  if (!TRY(find.step()))
    return Error{fmt::format("{}: chunk {} of the index is missing; see weir knowledge check",
                             base_->path(), chunk)};
  FoundChunk found;
  found.chunk = chunk;
  found.document_id = find.integer(0);
  found.ordinal = int(find.integer(1));
  found.page = int(find.integer(2));
  found.last_page = int(find.integer(3));
  found.document = find.text(4);
  found.title = find.text(5);
  found.heading = find.text(6);
  found.text = find.text(7);
  return found;
}

Result<std::vector<FoundChunk>> KnowledgeSearch::search(std::string_view question,
                                                        const SearchOptions& options) {
  TRY(reload());
  const std::vector<WeighedWord> words = TRY(weigh(question));
  std::vector<FoundChunk> found = TRY(by_words(words, options));
  if (!options.vector.empty() && vectors_.size() > 0) {
    if (options.vector.size() != size_t(vectors_.width()))
      return Error{
          fmt::format("{}: has vectors of {} numbers, the question's has {}; search with "
                      "the model that the documents were embedded with",
                      base_->path(), vectors_.width(), options.vector.size())};
    std::unordered_map<int64_t, size_t> places;
    for (size_t i = 0; i < found.size(); ++i) {
      places[found[i].chunk] = i;
      found[i].score = 1 / (kFusionRank + double(i + 1));
    }
    std::vector<int64_t> allowed;
    if (options.labels) allowed = TRY(allowed_chunks(options));
    const std::vector<NearVector> near =
        vectors_.nearest(options.vector, kCandidates, options.labels ? &allowed : nullptr, *pool_);
    for (size_t i = 0; i < near.size(); ++i) {
      auto place = places.find(near[i].chunk);
      if (place == places.end()) {
        FoundChunk chunk = TRY(read_chunk(near[i].chunk));
        chunk.coverage = coverage_of(words, chunk.title + "\n" + chunk.heading + "\n" + chunk.text);
        place = places.emplace(near[i].chunk, found.size()).first;
        found.push_back(std::move(chunk));
      }
      found[place->second].score += kVectorShare / (kFusionRank + double(i + 1));
      found[place->second].cosine = double(near[i].cosine);
    }
    std::ranges::stable_sort(found, std::ranges::greater(), &FoundChunk::score);
  }
  const int kept = options.rerank ? std::max(options.count, options.reranked) : options.count;
  if (found.size() > size_t(kept)) found.resize(size_t(kept));
  if (options.rerank) TRY(rerank(question, options.rerank, found));
  if (found.size() > size_t(options.count)) found.resize(size_t(options.count));
  return found;
}

Result<std::vector<FoundChunk>> KnowledgeSearch::neighbours(const FoundChunk& chunk) const {
  std::vector<FoundChunk> found;
  Statement find = TRY(base_->database().prepare(
      "SELECT id FROM chunks WHERE document = ? AND ordinal IN (?, ?) ORDER BY ordinal"));
  find.bind(chunk.document_id, chunk.ordinal - 1, chunk.ordinal + 1);
  while (TRY(find.step())) found.push_back(TRY(read_chunk(find.integer(0))));
  return found;
}

}  // namespace weir
