// Text in, packed batches out. Documents become tokens once; a batch of any step is a pure function of
// (data, seed, step), so a resumed run sees what the uninterrupted one would have seen.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "text/tokenizer.h"
#include "train/corpus.h"

namespace weir {

enum class Packing {
  documents,  // whole documents side by side in windows, each attending to itself only
  windows,    // random crops of the joined text (nanoGPT's sampling)
};

struct DatasetOptions {
  Packing packing = Packing::documents;
  int sequence_length = 256;   // tokens per window; a document longer than that goes on in the next window
  double validation_fraction = 0.05;
  uint64_t seed = 1;
  bool end_of_document = true;  // append eos to every document (documents packing)
};

// Rows of one micro-batch: windows * sequence_length rows at most; every row counts unless target is -1.
struct TrainingBatch {
  std::vector<int> tokens, positions, sequences, targets;
  int counted = 0;        // targets >= 0
  int64_t target_bytes = 0;  // UTF-8 bytes of the counted targets: for bits per byte
};

class Dataset {
 public:
  // Tokenizes (in parallel, with progress) and splits: the last documents by hash order (documents) or
  // the last part of the text (windows) are held out. Error when either side holds less than one window.
  static Result<Dataset> build(const Corpus& corpus, const Tokenizer& tokenizer,
                               const DatasetOptions& options, ThreadPool& pool);

  // Micro-batch `index` of `windows` windows in the endless stream of shuffled training data: window
  // number index * windows + i. Each epoch is another permutation of the documents.
  void training_batch(int64_t index, int windows, TrainingBatch& batch) const;
  // Held-out windows in a fixed order, [first, first + windows) modulo validation_windows().
  void validation_batch(int64_t first, int windows, TrainingBatch& batch) const;
  int64_t validation_windows() const;
  int64_t training_tokens() const;
  int64_t validation_tokens() const;

 private:
  // Layout of the implementation's choice.
  DatasetOptions options_;
  std::vector<uint32_t> tokens_;
  std::vector<size_t> training_documents_, validation_documents_;  // offsets into tokens_, with end
  std::vector<uint16_t> token_bytes_;
  size_t validation_begin_ = 0;
};

}  // namespace weir
