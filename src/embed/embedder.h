// Vectors of texts, for search and comparison: an encoder (BERT), or the pooled hidden states of a
// decoder. All vectors have length 1, so the cosine of two is their dot product. In f32 the vector
// of a text does not depend on the other texts of a call, on how a call is cut, or on threads.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chat/open_model.h"
#include "embed/embedding_config.h"

namespace weir {

class Batch;
struct Run;
struct Tensor;

struct EmbedderOptions {
  int threads = 0;  // 0: all cores
  // EngineOptions: do not quantize activations. Only for quantized weights.
  bool exact = false;
  int rows = 2048;  // tokens of a pass, at least one text
};

// Longest text that is read where the files state no limit: a text is one pass.
constexpr int kEmbeddedTokensMax = 8192;

struct Embedding {
  std::vector<float> vector;  // [width()]
  int tokens = 0;             // of the text, those around it included, after it was cut
  bool is_cut = false;        // the text has more tokens than tokens_max()
};

class Embedder {
 public:
  // A folder of an encoder or a decoder, or a GGUF file. Encoders of other types than "bert" are
  // errors, as is what the folder's modules.json asks for and nobody here computes.
  static Result<std::unique_ptr<Embedder>> open(const std::string& path,
                                                EmbedderOptions options = {});
  // Of a decoder that is open already and outlives this. Whoever calls embed_tokens() makes sure
  // that no other pass of the model runs meanwhile.
  static Result<std::unique_ptr<Embedder>> over(const OpenModel& open, const std::string& path,
                                                EmbedderOptions options = {});
  ~Embedder();

  int width() const;       // of a vector
  int tokens_max() const;  // of a text, with the tokens around it
  Pooling pooling() const { return config_.pooling; }
  const EmbeddingConfig& config() const { return config_; }
  // A sentence where the files do not say how to pool; "": they do.
  const std::string& note() const { return note_; }
  // The text of `name` among the prompts, or the default one for "". Errors list the names.
  Result<std::string> prompt(const std::string& name) const;

  // The tokens of a text, with those around it and however many. Never empty; an error for a text
  // without tokens, or one that the vocabulary lacks bytes for. Control tokens in it are plain
  // text. Any thread may call it.
  Result<std::vector<int>> encode(std::string_view text) const;
  // Given tokens; the ones around a text are added unless they are there. An error for ids that do
  // not exist.
  Result<std::vector<int>> frame(std::vector<int> tokens) const;
  // At most tokens_max(): the end of the text is left out.
  std::vector<int> cut(std::vector<int> tokens) const;

  // The vectors of token lists from encode(), frame() and cut(), in order. One thread at a time.
  Result<std::vector<std::vector<float>>> embed_tokens(std::span<const std::vector<int>> texts);
  // The same of texts, with the default prompt, too long ones cut.
  Result<std::vector<Embedding>> embed(std::span<const std::string> texts);

  // What computes hidden states and knows the tokens: an encoder or a decoder.
  class Source;

 private:
  Embedder(std::unique_ptr<Source> source, EmbeddingConfig config, EmbedderOptions options);
  Result<void> settle();
  Result<void> pass(std::span<const std::vector<int>> texts,
                    std::vector<std::vector<float>>& vectors);

  std::unique_ptr<Source> source_;
  EmbeddingConfig config_;
  EmbedderOptions options_;
  std::string note_;
  std::unique_ptr<Arena> arena_;
};

// The first `width` numbers of a vector, of length 1 again; models are trained for that or not
// (Kusupati et al. 2022, Matryoshka representations). width is in [1, vector.size()].
std::vector<float> shortened(std::vector<float> vector, size_t width);

}  // namespace weir
