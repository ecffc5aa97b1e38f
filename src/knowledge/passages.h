// The sentences of found chunks that fit a question best, by its words alone: what a prompt shows
// of the chunks, and what is quoted where a model writes nothing that the documents say.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "knowledge/knowledge_search.h"

namespace weir {

struct Passage {
  size_t chunk = 0;  // index into the chunks
  int64_t chunk_id = 0;
  std::string text = {};    // one sentence, list item or table row, as it stands there
  std::string before = {};  // the sentence before it on its line; "": it begins the line
  std::string after = {};   // the one after it on its line
  std::string label = {};   // of a list item or definition, "fsync (boolean)"; "": the text has it
  double score = 0;         // below; up to 1
};

struct PassageOptions {
  int count = 8;      // at most
  int per_chunk = 3;  // at most
};

// Best first. The score is the share of the question's words' weight (rare words count more): whole
// where the sentence has the word, less where only its neighbours, the beginning of its line, the
// chunk's headings or the rest of the chunk have it; less 0.01 for each chunk that the search
// ranked before. Sentences of fewer than three words and questions count
// half. What instructs its reader (text/instructions.h) is left out.
std::vector<Passage> find_passages(const std::vector<WeighedWord>& words,
                                   std::span<const FoundChunk> found,
                                   const PassageOptions& options = {});

// With the sentences beside it.
std::string whole_passage(const Passage& passage);

// Leaves out passages that none of the chunks has, as a whole or as these are cut, and what stands
// beside the others where their chunk does not have it.
void keep_passages_of(std::span<const FoundChunk> chunks, std::vector<Passage>& passages);

// How many passages are scored by a model: the first ones.
inline constexpr size_t kScoredPassages = 5;
// These, as chunks that hold nothing else, for a ChunkScorer. Each is of one of the chunks. None of
// a question of more than kScoredQuestionBytes: it is read once for each.
inline constexpr size_t kScoredQuestionBytes = 1024;
std::vector<FoundChunk> passages_to_score(std::string_view question,
                                          const std::vector<Passage>& passages,
                                          std::span<const FoundChunk> chunks);
// Orders them by their words and by what the model says of them together: a score becomes less by
// 0.3 of what the passage's fit, a mean log-probability, lies below the best one. Passages that
// were not scored come after them.
void order_by_fit(std::span<const double> fits, std::vector<Passage>& passages);

// The chunks of the passages, at most `count`, that of the best passage first; the text of each is
// cut down to its passages, in their order there, with what introduces them.
std::vector<FoundChunk> excerpts_of(std::span<const FoundChunk> found,
                                    const std::vector<Passage>& passages, int count);

}  // namespace weir
