#include "embed/embedding_source.h"

#include <algorithm>
#include <utility>

#include "model/encoder.h"
#include "tokenizer/wordpiece.h"

namespace weir {
namespace {

class EncoderSource : public Embedder::Source {
 public:
  EncoderSource(std::unique_ptr<Encoder> encoder, WordPiece tokenizer, int threads)
      : encoder_(std::move(encoder)), tokenizer_(std::move(tokenizer)), pool_(threads) {
    encoder_->pack(pool_);
  }
  int width() const override { return encoder_->config().hidden_size; }
  int positions_max() const override { return encoder_->config().max_position_embeddings; }
  int vocabulary() const override { return encoder_->config().vocab_size; }
  const std::vector<int>& before() const override { return tokenizer_.prefix(); }
  const std::vector<int>& after() const override { return tokenizer_.suffix(); }
  Result<std::vector<int>> encode(std::string_view text) const override {
    return tokenizer_.encode(text);
  }
  Tensor forward(Run& run) const override { return encoder_->forward(run); }
  ThreadPool& pool() override { return pool_; }

 private:
  std::unique_ptr<Encoder> encoder_;
  WordPiece tokenizer_;
  ThreadPool pool_;
};

class DecoderSource : public Embedder::Source {
 public:
  DecoderSource(const Model& model, const Tokenizer& tokenizer, ThreadPool& pool)
      : model_(model), tokenizer_(tokenizer), pool_(pool) {}
  int width() const override { return model_.config().hidden_size; }
  int positions_max() const override { return model_.config().max_position_embeddings; }
  int vocabulary() const override { return model_.config().vocab_size; }
  const std::vector<int>& before() const override { return tokenizer_.prefix(); }
  const std::vector<int>& after() const override { return tokenizer_.suffix(); }
  Result<std::vector<int>> encode(std::string_view text) const override {
    return tokenizer_.encode(text);
  }
  Tensor forward(Run& run) const override { return model_.forward(run); }
  std::string failure() const override { return model_.failure(); }
  ThreadPool& pool() override { return pool_; }

 private:
  const Model& model_;
  const Tokenizer& tokenizer_;
  ThreadPool& pool_;
};

// A decoder that nobody else has.
struct OwnedDecoder {
  std::unique_ptr<Model> model;
  std::unique_ptr<Tokenizer> tokenizer;
  std::unique_ptr<ThreadPool> pool;
};
class OwnedDecoderSource : private OwnedDecoder, public DecoderSource {
 public:
  explicit OwnedDecoderSource(OwnedDecoder owned)
      : OwnedDecoder(std::move(owned)),
        DecoderSource(*OwnedDecoder::model, *OwnedDecoder::tokenizer, *OwnedDecoder::pool) {}
};

Result<std::unique_ptr<Embedder::Source>> open_encoder(const std::string& path, int threads) {
  auto files = TRY(EncoderFiles::open(path));
  WordPiece tokenizer = files->gguf() ? TRY_IN(path, read_gguf_wordpiece(files->gguf()->metadata()))
                                      : TRY(read_wordpiece(path));
  auto encoder = TRY(Encoder::open(files));
  if (tokenizer.size() > encoder->config().vocab_size)
    return Error{path + ": the tokenizer has more tokens (" + std::to_string(tokenizer.size()) +
                 ") than the model (" + std::to_string(encoder->config().vocab_size) + ")"};
  return std::unique_ptr<Embedder::Source>(
      std::make_unique<EncoderSource>(std::move(encoder), std::move(tokenizer), threads));
}

}  // namespace

Result<std::unique_ptr<Embedder::Source>> open_source(const std::string& path,
                                                      const EmbedderOptions& options) {
  if (is_encoder(path)) return open_encoder(path, options.threads);
  const auto checkpoint = TRY(open_checkpoint(path));
  OwnedDecoder owned;
  owned.model = TRY(Model::open(checkpoint));
  owned.tokenizer = TRY(open_tokenizer(*checkpoint));
  owned.pool = std::make_unique<ThreadPool>(options.threads);
  owned.model->pack(*owned.pool);
  return std::unique_ptr<Embedder::Source>(std::make_unique<OwnedDecoderSource>(std::move(owned)));
}

std::unique_ptr<Embedder::Source> source_over(const OpenModel& open) {
  return std::make_unique<DecoderSource>(*open.model, *open.tokenizer, *open.pool);
}

}  // namespace weir
