// Generates text for many requests at once: prompts are computed in chunks, then every active
// sequence gains one token per pass over the model; whoever finishes makes room for the next
// (continuous batching: Yu et al. 2022, Orca).
//
// A request's tokens and log-probabilities are the same bits alone and in any company, at any chunk
// size and any number of threads: the operations compute every row by itself (ops.h), draws depend
// on (seed, stream, step) only, and room in the cache is reserved before a request begins.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "base/arena.h"
#include "base/thread_pool.h"
#include "engine/kv_cache.h"
#include "engine/request.h"
#include "model/model.h"
#include "tokenizer/tokenizer.h"

namespace weir {

struct GeneratorOptions {
  int sequences_max = 32;  // computed together; further requests wait
  int prefill_rows = 256;  // prompt tokens of one pass
  CacheForm cache = CacheForm::expanded;
  size_t cache_bytes_max = size_t(4) << 30;
  // Keep the cache of finished sequences while its memory is not needed, and start a request from
  // the longest beginning that its prompt shares with one (a conversation grows by turns). Only for
  // a model whose weights do not change between calls.
  bool keeps_prefixes = false;
  // False: quantized weights meet activations rounded to 15 bits (Run::exact). Other weights do not
  // know the difference.
  bool exact = true;
};

class Sequence;

class Generator {
 public:
  // Model, tokenizer and pool outlive the generator.
  static Result<std::unique_ptr<Generator>> create(const Model& model, const Tokenizer& tokenizer,
                                                   ThreadPool& pool, GeneratorOptions options = {});
  ~Generator();

  // Blocks until every request is finished; completions come in the order of the requests. Fails on
  // a request that can never run (the error tells which) before anything is computed, and on logits
  // that are not finite.
  Result<std::vector<Completion>> generate(std::span<const Request> requests,
                                           Listener* listener = nullptr);

  // Packs the weights and touches the memory of a pass, so that the first request is as fast as the
  // others; statistics begin anew. Fails when the model gives no finite numbers.
  Result<void> warm_up();

  // Tokens that prompt and completion together can have, by the model's context and the cache's
  // limit.
  int positions_max() const { return cache_.positions_max(); }
  const GenerateStatistics& statistics() const { return statistics_; }

 private:
  // A place for one sequence in the cache, and the tokens whose rows it holds there, with the
  // experts of those rows when they are recorded: whoever shares the rows shares them too.
  struct Slot {
    Sequence* sequence = nullptr;  // null: free
    std::vector<int> cached;
    std::vector<uint16_t> experts;  // [cached][trace_.row_size()], or empty
    void forget();
    bool is_prefilling() const;
    bool is_decoding() const;
  };
  struct Row {
    int slot, token, position;
    bool is_sampled;
  };
  enum class Placement { placed, waits_for_prefix, no_room };

  Generator(const Model& model, const Tokenizer& tokenizer, ThreadPool& pool,
            GeneratorOptions options, KvCache cache);
  Result<void> check_prompt(const std::vector<int>& prompt) const;

  // generator.cpp: passes over the model.
  Result<void> run(std::vector<Sequence*> waiting, Listener* listener);
  int64_t unread_tokens(const std::vector<Sequence*>& waiting) const;
  std::vector<Row> prefill_rows() const;
  std::vector<Row> decode_rows() const;
  void begin_recording(std::span<const Request> requests);
  Result<void> compute(const std::vector<Row>& rows, Listener* listener);
  Result<std::vector<SampledToken>> sample(Tensor logits, const std::vector<int>& slots);
  void finish(Slot& slot);

  // admission.cpp: who gets which slot.
  void admit(std::vector<Sequence*>& waiting);
  Placement place(Sequence& sequence);
  bool make_room(int slot, int keep, int positions);
  void release_idle();

  const Model& model_;
  const Tokenizer& tokenizer_;
  ThreadPool& pool_;
  GeneratorOptions options_;
  KvCache cache_;
  Arena arena_;
  std::vector<Sampler> samplers_;  // one per thread
  std::vector<Slot> slots_;
  bool records_experts_ = false;  // of every slot, in this call
  RoutingTrace trace_;            // of one pass
  GenerateStatistics statistics_;
};

}  // namespace weir
