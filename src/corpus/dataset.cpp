#include "corpus/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <optional>
#include <string_view>

#include "base/check.h"
#include "base/progress.h"
#include "base/random.h"

namespace weir {
namespace {

constexpr size_t kWaveBytes = size_t(16) << 20;      // tokenized between two looks at progress
constexpr size_t kProgressBytes = size_t(32) << 20;  // less takes a moment only
constexpr uint64_t kShuffleSalt = 0x73687566, kSplitSalt = 0x73706c69, kCropSalt = 0x63726f70;

uint64_t hash_text(std::string_view text, uint64_t seed) {
  uint64_t hash = mix64(seed ^ mix64(text.size()));
  for (size_t i = 0; i < text.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + i, std::min<size_t>(8, text.size() - i));
    hash = mix64(hash ^ word) + 0x9e3779b97f4a7c15u;
  }
  return hash;
}

}  // namespace

Result<Dataset> Dataset::build(const Corpus& corpus, const Tokenizer& tokenizer,
                               const DatasetOptions& options, ThreadPool& pool) {
  CHECK(options.sequence_length > 0);
  CHECK(options.validation_fraction >= 0 && options.validation_fraction < 1);
  Dataset dataset;
  dataset.options_ = options;
  TRY(dataset.tokenize(corpus, tokenizer, pool));
  if (options.packing == Packing::documents && dataset.documents_.size() > 1) {
    dataset.split_documents(corpus, pool);
  } else {
    dataset.split_text();
  }
  TRY(dataset.check_sizes());
  return dataset;
}

Result<void> Dataset::tokenize(const Corpus& corpus, const Tokenizer& tokenizer, ThreadPool& pool) {
  const bool packs_documents = options_.packing == Packing::documents;
  if (packs_documents && options_.end_of_document && tokenizer.eos() < 0)
    return Error{
        "the tokenizer has no end-of-text token; set 'data.end_of_document' to false or use "
        "another tokenizer"};
  token_bytes_.resize(size_t(tokenizer.size()));
  for (int id = 0; id < tokenizer.size(); ++id)
    token_bytes_[size_t(id)] =
        tokenizer.is_special(id) ? 0 : uint32_t(tokenizer.token_bytes(id).size());

  std::optional<Progress> progress;
  if (corpus.bytes >= kProgressBytes)
    progress.emplace("tokenize", double(corpus.bytes) / 1e6, "MB");
  const bool ends = options_.end_of_document && tokenizer.eos() >= 0;
  const size_t count = corpus.documents.size();
  size_t done_bytes = 0;
  for (size_t first = 0; first < count;) {
    std::vector<std::string_view> wave;
    for (size_t bytes = 0; first + wave.size() < count && bytes < kWaveBytes;) {
      wave.push_back(corpus.documents[first + wave.size()]);
      bytes += wave.back().size();
      done_bytes += wave.back().size();
    }
    std::vector<std::vector<int>> ids = TRY(tokenizer.encode_documents(wave, pool));
    for (const std::vector<int>& document : ids) {
      const size_t begin = tokens_.size();
      // What a prompt will begin with, a document begins with.
      if (packs_documents)
        tokens_.insert(tokens_.end(), tokenizer.prefix().begin(), tokenizer.prefix().end());
      tokens_.insert(tokens_.end(), document.begin(), document.end());
      const bool last = documents_.size() + 1 == count;
      if (ends && (packs_documents || !last)) tokens_.push_back(uint32_t(tokenizer.eos()));
      documents_.push_back({begin, tokens_.size() - begin});
    }
    first += wave.size();
    if (progress) progress->update(double(done_bytes) / 1e6);
  }
  tokens_.shrink_to_fit();
  return {};
}

void Dataset::split_documents(const Corpus& corpus, ThreadPool& pool) {
  const size_t count = documents_.size();
  std::vector<uint64_t> hashes(count);
  pool.parallel_for(int(count), [&](int i, int) {
    hashes[size_t(i)] = hash_text(corpus.documents[size_t(i)], options_.seed ^ kSplitSalt);
  });
  std::vector<uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::sort(order, [&](uint32_t a, uint32_t b) {
    return std::pair(hashes[a], a) < std::pair(hashes[b], b);
  });
  // From the end, whatever still fits: a document larger than the part to hold out would otherwise
  // take much more than was asked for. Equal documents go together. When nothing fits, the shortest
  // document is held out.
  std::vector<bool> held(count, false);
  double room = options_.validation_fraction * double(tokens_.size());
  bool any = options_.validation_fraction == 0;
  for (size_t end = count, begin; end > 0; end = begin) {
    double length = 0;
    for (begin = end; begin > 0 && hashes[order[begin - 1]] == hashes[order[end - 1]]; --begin)
      length += double(documents_[order[begin - 1]].length);
    if (length > room) continue;
    room -= length;
    any = true;
    for (size_t i = begin; i < end; ++i) held[order[i]] = true;
  }
  if (!any) {
    auto shorter = [](const TokenRange& a, const TokenRange& b) { return a.length < b.length; };
    held[size_t(std::ranges::min_element(documents_, shorter) - documents_.begin())] = true;
  }
  // Held-out documents in hash order: the first windows alone are then a fair sample.
  std::vector<TokenRange> training, validation;
  for (size_t i = 0; i < count; ++i) {
    if (!held[i]) training.push_back(documents_[i]);
    if (held[order[i]]) validation.push_back(documents_[order[i]]);
  }
  training_ = DocumentStream(std::move(training));
  validation_ = DocumentStream(std::move(validation));
}

void Dataset::split_text() {
  const size_t held = size_t(options_.validation_fraction * double(tokens_.size()));
  const size_t kept = tokens_.size() - held;
  training_ = DocumentStream(std::vector<TokenRange>{{0, kept}});
  validation_ = DocumentStream(std::vector<TokenRange>{{kept, held}});
}

Result<void> Dataset::check_sizes() const {
  const int window = options_.sequence_length;
  if (training_tokens() < window)
    return Error{
        fmt::format("the training data has {} tokens, less than one window of {}; add text "
                    "or lower 'data.sequence_length'",
                    training_tokens(), window)};
  if (options_.validation_fraction > 0 && validation_tokens() < window)
    return Error{
        fmt::format("the held-out data has {} tokens, less than one window of {}; raise "
                    "'data.validation_fraction', add text or lower 'data.sequence_length'",
                    validation_tokens(), window)};
  return {};
}

void Dataset::training_batch(int64_t index, int windows, TrainingBatch& batch) const {
  const int length = options_.sequence_length;
  batch.clear();
  for (int64_t window = index * windows; window < (index + 1) * windows; ++window) {
    if (options_.packing == Packing::windows) {
      // A crop has length + 1 tokens, so the last one begins at training_tokens() - length.
      Random random(options_.seed ^ kCropSalt, uint64_t(window));
      const int64_t begin = int64_t(random.below(uint64_t(training_tokens() - length + 1)));
      training_.append_rows(begin, length, tokens_, batch);
      continue;
    }
    int64_t row = window * length;
    for (int left = length; left > 0;) {
      const int64_t epoch = row / training_tokens(), first = row % training_tokens();
      const int take = int(std::min<int64_t>(left, training_tokens() - first));
      if (epoch != epoch_) training_.shuffle(options_.seed ^ kShuffleSalt, epoch_ = epoch);
      training_.append_rows(first, take, tokens_, batch);
      row += take;
      left -= take;
    }
  }
  count_bytes(batch);
}

void Dataset::validation_batch(int64_t first, int windows, TrainingBatch& batch) const {
  batch.clear();
  CHECK(validation_windows() > 0);
  for (int i = 0; i < windows; ++i) {
    const int64_t begin = (first + i) % validation_windows() * options_.sequence_length;
    const int64_t rows = std::min<int64_t>(options_.sequence_length, validation_tokens() - begin);
    validation_.append_rows(begin, int(rows), tokens_, batch);
  }
  count_bytes(batch);
}

int64_t Dataset::validation_windows() const {
  return (validation_tokens() + options_.sequence_length - 1) / options_.sequence_length;
}

void Dataset::count_bytes(TrainingBatch& batch) const {
  for (int target : batch.targets) batch.target_bytes += token_bytes_[size_t(target)];
}

}  // namespace weir
