// Text in, packed batches out. Documents become tokens once; a batch of any step is a pure function
// of (data, seed, step), so a resumed run sees what the uninterrupted one would have seen.
#pragma once
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "corpus/corpus.h"
#include "corpus/document_stream.h"
#include "tokenizer/tokenizer.h"

namespace weir {

enum class Packing {
  documents,  // whole documents side by side in windows, each attending to itself only
  windows,    // random crops of the joined text (nanoGPT's sampling)
};

struct DatasetOptions {
  Packing packing = Packing::documents;
  int sequence_length = 256;  // rows per window; a longer document goes on in the next window
  double validation_fraction = 0.05;  // of the tokens; 0: hold nothing out
  uint64_t seed = 1;
  // Appends eos to every document (documents packing) or puts it between them (windows packing,
  // when the tokenizer has one).
  bool end_of_document = true;
};

class Dataset {
 public:
  // Tokenizes (in parallel; with progress when there is much) and splits. Documents packing holds
  // out the last documents by a hash of seed and text, so that equal documents stay on one side,
  // and the end of the text when there is only one document; windows packing always the end of the
  // text. Error when either side holds less than one window.
  static Result<Dataset> build(const Corpus& corpus, const Tokenizer& tokenizer,
                               const DatasetOptions& options, ThreadPool& pool);

  // Micro-batch `index` of `windows` windows in the endless stream of shuffled training data:
  // window number index * windows + i. Each epoch is another permutation of the documents. All
  // windows are full: the one at the end of an epoch goes on in the next. Not for several threads
  // at once.
  void training_batch(int64_t index, int windows, TrainingBatch& batch) const;
  // Held-out windows in a fixed order, [first, first + windows) modulo validation_windows(). The
  // last window holds what is left, so that one round has every held-out row once.
  void validation_batch(int64_t first, int windows, TrainingBatch& batch) const;
  int64_t validation_windows() const;
  // Tokens to be predicted: per epoch, and held out.
  int64_t training_tokens() const { return training_.rows(); }
  int64_t validation_tokens() const { return validation_.rows(); }

 private:
  Dataset() = default;
  Result<void> tokenize(const Corpus& corpus, const Tokenizer& tokenizer, ThreadPool& pool);
  void split_documents(const Corpus& corpus, ThreadPool& pool);
  void split_text();
  Result<void> check_sizes() const;
  void count_bytes(TrainingBatch& batch) const;

  DatasetOptions options_;
  std::vector<uint32_t> tokens_;
  std::vector<TokenRange> documents_;  // of tokens_
  std::vector<uint32_t> token_bytes_;  // of each token of the vocabulary, 0 for special ones
  // The order of the epoch last asked for: a cache, with no influence on results.
  mutable DocumentStream training_{std::vector<TokenRange>()};
  mutable int64_t epoch_ = -1;
  DocumentStream validation_{std::vector<TokenRange>()};
};

}  // namespace weir
