#include "embed/embedder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/file.h"
#include "embed/embedding_source.h"
#include "kernels/kernels.h"

namespace weir {
namespace {

constexpr size_t kArenaKept = size_t(512) << 20;  // between calls

// One vector of the rows of a segment.
std::vector<float> pooled(const Tensor& hidden, const Segment& segment, Pooling pooling) {
  std::vector<float> sum(size_t(hidden.cols), 0.f);
  const int last = segment.begin + segment.count - 1;
  if (pooling != Pooling::mean) {
    const float* row = hidden.row(pooling == Pooling::first ? segment.begin : last);
    sum.assign(row, row + hidden.cols);
    return sum;
  }
  for (int r = segment.begin; r <= last; ++r)
    kernels().add(sum.data(), hidden.row(r), sum.data(), hidden.cols);
  kernels().scale(1 / float(segment.count), sum.data(), sum.data(), hidden.cols);
  return sum;
}

// Makes the length 1; false: it is no number. A vector of zeros stays.
bool normalize(std::vector<float>& vector) {
  const int n = int(vector.size());
  const float square = kernels().dot(vector.data(), vector.data(), n);
  if (!std::isfinite(square)) return false;
  if (square > 0) kernels().scale(1 / std::sqrt(square), vector.data(), vector.data(), n);
  return true;
}

}  // namespace

Embedder::Embedder(std::unique_ptr<Source> source, EmbeddingConfig config, EmbedderOptions options)
    : source_(std::move(source)), config_(std::move(config)), options_(options) {}
Embedder::~Embedder() = default;

Result<void> Embedder::settle() {
  const int most = source_->positions_max();
  if (config_.tokens_max == 0) config_.tokens_max = kEmbeddedTokensMax;
  config_.tokens_max = std::min(config_.tokens_max, most);
  const size_t frame = source_->before().size() + source_->after().size();
  if (size_t(config_.tokens_max) <= frame)
    return Error{fmt::format("texts of {} tokens have no room for the {} tokens around them",
                             config_.tokens_max, frame)};
  if (!config_.is_stated)
    note_ = "the files do not say how hidden states become a vector; their mean is taken";
  return {};
}

Result<std::unique_ptr<Embedder>> Embedder::open(const std::string& path, EmbedderOptions options) {
  EmbeddingConfig config;
  if (is_directory(path)) {
    config = TRY(read_embedding_config(path));
  } else if (file_exists(path) && is_gguf(path)) {
    const GgufFile file = TRY(GgufFile::open(path, GgufUse::metadata));
    config = TRY_IN(path, read_embedding_config(file.metadata()));
    config.model_folder = path;
  } else {
    return Error{path + ": no such model; give a model's folder or a .gguf file"};
  }
  auto source = TRY(open_source(config.model_folder, options));
  std::unique_ptr<Embedder> made(new Embedder(std::move(source), std::move(config), options));
  TRY_IN(path, made->settle());
  return made;
}

Result<std::unique_ptr<Embedder>> Embedder::over(const OpenModel& open, const std::string& path,
                                                 EmbedderOptions options) {
  EmbeddingConfig config;
  if (is_directory(path)) {
    config = TRY(read_embedding_config(path));
  } else if (file_exists(path)) {
    const GgufFile file = TRY(GgufFile::open(path, GgufUse::metadata));
    config = TRY_IN(path, read_embedding_config(file.metadata()));
  }
  std::unique_ptr<Embedder> made(new Embedder(source_over(open), std::move(config), options));
  TRY_IN(path, made->settle());
  return made;
}

int Embedder::width() const { return source_->width(); }
int Embedder::tokens_max() const { return config_.tokens_max; }

Result<std::string> Embedder::prompt(const std::string& name) const {
  if (name.empty()) return config_.default_prompt;
  std::string names;
  for (const auto& [known, text] : config_.prompts) {
    if (known == name) return text;
    names += (names.empty() ? "" : ", ") + known;
  }
  return Error{"there is no prompt '" + name + "'; the model has " +
               (names.empty() ? "none" : names)};
}

Result<std::vector<int>> Embedder::encode(std::string_view text) const {
  return frame(TRY(source_->encode(text)));
}

Result<std::vector<int>> Embedder::frame(std::vector<int> tokens) const {
  for (const int token : tokens)
    if (token < 0 || token >= source_->vocabulary())
      return Error{fmt::format("there is no token {}; tokens are 0 to {}", token,
                               source_->vocabulary() - 1)};
  const std::vector<int>&before = source_->before(), &after = source_->after();
  const bool is_framed = tokens.size() >= before.size() + after.size() &&
                         before.size() + after.size() > 0 &&
                         std::equal(before.begin(), before.end(), tokens.begin()) &&
                         std::equal(after.begin(), after.end(), tokens.end() - long(after.size()));
  if (!is_framed) {
    tokens.insert(tokens.begin(), before.begin(), before.end());
    tokens.insert(tokens.end(), after.begin(), after.end());
  }
  if (tokens.empty())
    return Error{
        "an empty text has no vector in this model, whose tokenizer puts no token around "
        "texts"};
  return tokens;
}

std::vector<int> Embedder::cut(std::vector<int> tokens) const {
  const size_t most = size_t(config_.tokens_max), after = source_->after().size();
  if (tokens.size() <= most) return tokens;
  tokens.erase(tokens.begin() + long(most - after), tokens.end() - long(after));
  return tokens;
}

Result<void> Embedder::pass(std::span<const std::vector<int>> texts,
                            std::vector<std::vector<float>>& vectors) {
  std::vector<int> tokens, positions, sequences;
  for (size_t i = 0; i < texts.size(); ++i)
    for (size_t t = 0; t < texts[i].size(); ++t) {
      tokens.push_back(texts[i][t]);
      positions.push_back(int(t));
      sequences.push_back(int(i));
    }
  const Batch batch(tokens, positions, sequences);
  ThreadPool& pool = source_->pool();
  {
    Arena counting{Arena::Measuring{}};
    ThreadPool dry{ThreadPool::Dry{pool.threads()}};
    Run run{counting, dry, batch};
    run.exact = options_.exact;
    source_->forward(run);
    if (!arena_ || arena_->size() < counting.peak())
      arena_ = std::make_unique<Arena>(counting.peak());
  }
  arena_->reset();
  Run run{*arena_, pool, batch};
  run.exact = options_.exact;
  const Tensor hidden = source_->forward(run);
  if (std::string failure = source_->failure(); !failure.empty()) return Error{failure};
  for (const Segment& segment : batch.segments()) {
    std::vector<float> vector = pooled(hidden, segment, config_.pooling);
    if (!normalize(vector)) return Error{"the model computed a vector that is not finite"};
    vectors.push_back(std::move(vector));
  }
  return {};
}

Result<std::vector<std::vector<float>>> Embedder::embed_tokens(
    std::span<const std::vector<int>> texts) {
  std::vector<std::vector<float>> vectors;
  vectors.reserve(texts.size());
  for (size_t begin = 0; begin < texts.size();) {
    size_t end = begin, rows = 0;
    do {
      CHECK(!texts[end].empty() && int(texts[end].size()) <= config_.tokens_max);
      rows += texts[end++].size();
    } while (end < texts.size() && rows + texts[end].size() <= size_t(options_.rows));
    TRY(pass(texts.subspan(begin, end - begin), vectors));
    begin = end;
  }
  if (arena_ && arena_->size() > kArenaKept) arena_.reset();
  return vectors;
}

Result<std::vector<Embedding>> Embedder::embed(std::span<const std::string> texts) {
  std::vector<std::vector<int>> tokens;
  std::vector<Embedding> made(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    std::vector<int> ids = TRY(encode(config_.default_prompt + texts[i]));
    made[i].is_cut = int(ids.size()) > config_.tokens_max;
    tokens.push_back(cut(std::move(ids)));
    made[i].tokens = int(tokens.back().size());
  }
  std::vector<std::vector<float>> vectors = TRY(embed_tokens(tokens));
  for (size_t i = 0; i < texts.size(); ++i) made[i].vector = std::move(vectors[i]);
  return made;
}

std::vector<float> shortened(std::vector<float> vector, size_t width) {
  if (width >= vector.size()) return vector;
  vector.resize(width);
  normalize(vector);
  return vector;
}

}  // namespace weir
