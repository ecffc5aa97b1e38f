#include "corpus/dataset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/random.h"
#include "tokenizer/tokenizer_train.h"

namespace weir {
namespace {

// Documents in which every character occurs once, so that a token names its place: document d has
// the code points from 0x4E00 + 100 d on. Document lengths run over short, long and one character
// only.
Corpus numbered_corpus(const std::vector<int>& lengths) {
  Corpus corpus;
  for (size_t d = 0; d < lengths.size(); ++d) {
    std::string text;
    for (int i = 0; i < lengths[d]; ++i) {
      unsigned code = 0x4E00 + 100 * unsigned(d) + unsigned(i);
      text += {char(0xE0 | code >> 12), char(0x80 | (code >> 6 & 63)), char(0x80 | (code & 63))};
    }
    corpus.bytes += text.size();
    corpus.documents.push_back(std::move(text));
  }
  return corpus;
}

Tokenizer character_tokenizer(const Corpus& corpus, bool with_end = true) {
  std::vector<std::string_view> documents(corpus.documents.begin(), corpus.documents.end());
  CharacterTokenizerOptions options;
  if (with_end) {
    options.added_tokens = {{.text = "<end>", .special = true}};
    options.eos = "<end>";
  }
  auto tokenizer = train_character_tokenizer(documents, options);
  EXPECT_TRUE(tokenizer) << (tokenizer ? "" : tokenizer.error().message);
  return std::move(*tokenizer);
}

const std::vector<int> kLengths = {7, 40, 1, 3, 90, 12, 25, 2, 66, 31, 5, 18};

class DatasetTest : public testing::Test {
 protected:
  void use(Corpus corpus) {
    corpus_ = std::move(corpus);
    tokenizer_ = character_tokenizer(corpus_);
  }
  void build(DatasetOptions options) {
    auto built = Dataset::build(corpus_, tokenizer_, options, pool_);
    ASSERT_TRUE(built) << built.error().message;
    dataset_.emplace(std::move(*built));
    options_ = options;
  }
  std::string error(DatasetOptions options) {
    auto built = Dataset::build(corpus_, tokenizer_, options, pool_);
    EXPECT_FALSE(built);
    return built ? "" : built.error().message;
  }
  // The character after a character in its document, as ids.
  std::map<int, int> successors() const {
    std::map<int, int> next;
    for (const std::string& document : corpus_.documents) {
      std::vector<int> ids = *tokenizer_.encode(document);
      ids.push_back(tokenizer_.eos());
      for (size_t i = 0; i + 1 < ids.size(); ++i) next[ids[i]] = ids[i + 1];
    }
    return next;
  }
  void check_rows(const TrainingBatch& batch) const {
    const std::map<int, int> next = successors();
    const size_t rows = batch.tokens.size();
    ASSERT_EQ(batch.positions.size(), rows);
    ASSERT_EQ(batch.sequences.size(), rows);
    ASSERT_EQ(batch.targets.size(), rows);
    EXPECT_EQ(batch.counted, int(rows));
    int64_t bytes = 0;
    for (size_t i = 0; i < rows; ++i) {
      EXPECT_EQ(batch.targets[i], next.at(batch.tokens[i]));
      bytes += batch.targets[i] == tokenizer_.eos() ? 0 : 3;
      bool begins = i == 0 || batch.sequences[i] != batch.sequences[i - 1] ||
                    i % size_t(options_.sequence_length) == 0;
      EXPECT_EQ(batch.positions[i], begins ? 0 : batch.positions[i - 1] + 1);
      if (begins) {
        EXPECT_TRUE(i == 0 || batch.sequences[i] != batch.sequences[i - 1]);
      } else {  // the input is what was to be predicted: no document runs into another
        EXPECT_EQ(batch.tokens[i], batch.targets[i - 1]);
      }
    }
    EXPECT_EQ(batch.target_bytes, bytes);
  }
  void expect_equal(const TrainingBatch& a, const TrainingBatch& b) const {
    EXPECT_EQ(a.tokens, b.tokens);
    EXPECT_EQ(a.positions, b.positions);
    EXPECT_EQ(a.sequences, b.sequences);
    EXPECT_EQ(a.targets, b.targets);
    EXPECT_EQ(a.counted, b.counted);
    EXPECT_EQ(a.target_bytes, b.target_bytes);
  }

  Corpus corpus_ = numbered_corpus(kLengths);
  Tokenizer tokenizer_ = character_tokenizer(corpus_);
  ThreadPool pool_{2};
  DatasetOptions options_;
  std::optional<Dataset> dataset_;
};

TEST_F(DatasetTest, EveryTrainingTokenIsAnInputOncePerEpoch) {
  build({.sequence_length = 8, .validation_fraction = 0.2, .seed = 3});
  std::vector<int> stream;  // of three epochs
  TrainingBatch batch;
  const int64_t epoch = dataset_->training_tokens();
  for (int64_t index = 0; int64_t(stream.size()) < 3 * epoch; ++index) {
    dataset_->training_batch(index, 3, batch);
    ASSERT_EQ(batch.tokens.size(), 24u);
    check_rows(batch);
    stream.insert(stream.end(), batch.tokens.begin(), batch.tokens.end());
  }
  std::set<int> held;
  for (int64_t w = 0; w < dataset_->validation_windows(); ++w) {
    dataset_->validation_batch(w, 1, batch);
    held.insert(batch.tokens.begin(), batch.tokens.end());
  }
  std::vector<std::vector<int>> orders;
  for (int e = 0; e < 3; ++e) {
    std::vector<int> inputs(stream.begin() + e * epoch, stream.begin() + (e + 1) * epoch);
    orders.push_back(inputs);
    std::ranges::sort(inputs);
    EXPECT_EQ(std::ranges::adjacent_find(inputs), inputs.end());
    for (int token : inputs) EXPECT_FALSE(held.count(token));
    // Every character is either trained on or held out.
    EXPECT_EQ(inputs.size() + held.size(), size_t(tokenizer_.size()) - 1);
  }
  EXPECT_NE(orders[0], orders[1]);
  EXPECT_NE(orders[1], orders[2]);
}

TEST_F(DatasetTest, RandomAccessEqualsSequential) {
  for (Packing packing : {Packing::documents, Packing::windows}) {
    DatasetOptions options{.packing = packing, .sequence_length = 10, .validation_fraction = 0.2};
    build(options);
    std::vector<TrainingBatch> batches(40);
    for (int i = 0; i < 40; ++i) dataset_->training_batch(i, 2, batches[size_t(i)]);
    for (int i : {39, 0, 17, 18, 3, 30}) {
      TrainingBatch batch;
      dataset_->training_batch(i, 2, batch);
      expect_equal(batch, batches[size_t(i)]);
    }
    build(options);  // another process, resumed at batch 25
    TrainingBatch batch;
    dataset_->training_batch(25, 2, batch);
    expect_equal(batch, batches[25]);
  }
}

TEST_F(DatasetTest, WindowsDoNotDependOnTheSizeOfMicroBatches) {
  for (Packing packing : {Packing::documents, Packing::windows}) {
    build({.packing = packing, .sequence_length = 9, .validation_fraction = 0.2});
    TrainingBatch whole, part;
    dataset_->training_batch(2, 4, whole);
    std::vector<int> tokens, targets, positions;
    for (int i = 0; i < 4; ++i) {
      dataset_->training_batch(8 + i, 1, part);
      tokens.insert(tokens.end(), part.tokens.begin(), part.tokens.end());
      targets.insert(targets.end(), part.targets.begin(), part.targets.end());
      positions.insert(positions.end(), part.positions.begin(), part.positions.end());
    }
    EXPECT_EQ(tokens, whole.tokens);
    EXPECT_EQ(targets, whole.targets);
    EXPECT_EQ(positions, whole.positions);
  }
}

TEST_F(DatasetTest, HeldOutWindowsCoverTheirTokensOnce) {
  for (Packing packing : {Packing::documents, Packing::windows}) {
    build({.packing = packing, .sequence_length = 16, .validation_fraction = 0.3});
    TrainingBatch all, batch;
    const int64_t windows = dataset_->validation_windows();
    dataset_->validation_batch(0, int(windows), all);
    EXPECT_EQ(int64_t(all.counted), dataset_->validation_tokens());
    if (packing == Packing::documents) check_rows(all);
    dataset_->validation_batch(windows, int(windows), batch);  // once around
    expect_equal(all, batch);
  }
}

TEST_F(DatasetTest, TheSplitFollowsTheSeedAndKeepsItsSize) {
  auto held = [&](uint64_t seed, double fraction) {
    build({.sequence_length = 4, .validation_fraction = fraction, .seed = seed});
    TrainingBatch batch;
    dataset_->validation_batch(0, int(dataset_->validation_windows()), batch);
    return std::set<int>(batch.tokens.begin(), batch.tokens.end());
  };
  EXPECT_EQ(held(1, 0.3), held(1, 0.3));
  EXPECT_NE(held(1, 0.3), held(2, 0.3));
  const size_t all = size_t(tokenizer_.size()) - 1 + kLengths.size();  // with ends of documents
  for (uint64_t seed = 1; seed < 20; ++seed) EXPECT_LE(held(seed, 0.3).size(), all * 3 / 10);
}

TEST_F(DatasetTest, EqualDocumentsStayOnOneSide) {
  const Corpus once = corpus_;
  for (const std::string& document : once.documents) corpus_.documents.push_back(document);
  for (uint64_t seed = 1; seed < 10; ++seed) {
    build({.sequence_length = 8, .validation_fraction = 0.3, .seed = seed});
    TrainingBatch batch;
    dataset_->validation_batch(0, int(dataset_->validation_windows()), batch);
    const std::set<int> held(batch.tokens.begin(), batch.tokens.end());
    for (int64_t i = 0; i * 8 < dataset_->training_tokens(); ++i) {
      dataset_->training_batch(i, 1, batch);
      for (int token : batch.tokens) EXPECT_FALSE(held.count(token));
    }
  }
}

TEST_F(DatasetTest, HoldsOutTheShortestDocumentWhenNothingFits) {
  use(numbered_corpus({50, 40, 60}));
  build({.sequence_length = 8, .validation_fraction = 0.05});
  EXPECT_EQ(dataset_->validation_tokens(), 40);
}

TEST_F(DatasetTest, HoldsOutTheEndOfASingleDocument) {
  use(numbered_corpus({99}));
  build({.sequence_length = 8, .validation_fraction = 0.1});
  EXPECT_EQ(dataset_->training_tokens(), 89);
  EXPECT_EQ(dataset_->validation_tokens(), 9);  // ten tokens of 99 and the end of the document
}

TEST_F(DatasetTest, CropsAreConsecutiveAndNeverReachTheHeldOutPart) {
  build({.packing = Packing::windows, .sequence_length = 20, .validation_fraction = 0.1});
  std::vector<int> text;
  for (size_t d = 0; d < corpus_.documents.size(); ++d) {
    if (d > 0) text.push_back(tokenizer_.eos());
    const std::vector<int> ids = *tokenizer_.encode(corpus_.documents[d]);
    text.insert(text.end(), ids.begin(), ids.end());
  }
  const size_t kept = text.size() - text.size() / 10;
  EXPECT_EQ(dataset_->training_tokens(), int64_t(kept) - 1);
  std::set<size_t> begins;
  TrainingBatch batch;
  for (int i = 0; i < 3000; ++i) {
    dataset_->training_batch(i, 1, batch);
    auto at = std::search(text.begin(), text.end(), batch.tokens.begin(), batch.tokens.end());
    const size_t begin = size_t(at - text.begin());
    ASSERT_LE(begin + 21, kept);
    EXPECT_TRUE(std::equal(batch.targets.begin(), batch.targets.end(), at + 1));
    EXPECT_EQ(batch.positions.back(), 19);
    EXPECT_EQ(batch.sequences.back(), 0);
    begins.insert(begin);
  }
  EXPECT_EQ(*begins.begin(), 0u);
  EXPECT_EQ(*begins.rbegin(), kept - 21);  // the last possible crop is drawn too
}

TEST_F(DatasetTest, NothingIsHeldOutOnRequest) {
  build({.sequence_length = 8, .validation_fraction = 0});
  EXPECT_EQ(dataset_->validation_windows(), 0);
  EXPECT_EQ(dataset_->training_tokens(), int64_t(tokenizer_.size()) - 1);
}

TEST_F(DatasetTest, DoesWithoutEndOfDocument) {
  tokenizer_ = character_tokenizer(corpus_, /*with_end=*/false);
  EXPECT_NE(error({.sequence_length = 8}).find("no end-of-text token"), std::string::npos);
  build({.sequence_length = 8, .validation_fraction = 0, .end_of_document = false});
  // The last token of a document has nothing to predict.
  EXPECT_EQ(dataset_->training_tokens(), tokenizer_.size() - int64_t(kLengths.size()));
  TrainingBatch batch;
  for (int i = 0; i < 40; ++i) {
    dataset_->training_batch(i, 1, batch);
    for (size_t row = 0; row < batch.tokens.size(); ++row)
      EXPECT_EQ(batch.targets[row], successors().at(batch.tokens[row]));
  }
}

TEST_F(DatasetTest, RefusesTooLittleText) {
  EXPECT_NE(error({.sequence_length = 1000}).find("less than one window"), std::string::npos);
  EXPECT_NE(error({.sequence_length = 100}).find("held-out data"), std::string::npos);
}

TEST(DocumentStream, PassesOverDocumentsWithoutRows) {
  const std::vector<uint32_t> tokens = {1, 2, 3, 4, 5, 6, 7};
  DocumentStream stream({{0, 1}, {1, 3}, {4, 0}, {4, 1}, {5, 2}});
  ASSERT_EQ(stream.rows(), 3);
  TrainingBatch batch;
  stream.append_rows(0, 3, tokens, batch);
  EXPECT_EQ(batch.tokens, (std::vector<int>{2, 3, 6}));
  EXPECT_EQ(batch.targets, (std::vector<int>{3, 4, 7}));
  EXPECT_EQ(batch.sequences, (std::vector<int>{0, 0, 1}));
  EXPECT_EQ(batch.positions, (std::vector<int>{0, 1, 0}));
  stream.append_rows(1, 1, tokens, batch);
  EXPECT_EQ(batch.tokens.back(), 3);
  EXPECT_EQ(batch.positions.back(), 0);
  EXPECT_EQ(batch.sequences.back(), 2);
}

}  // namespace
}  // namespace weir
