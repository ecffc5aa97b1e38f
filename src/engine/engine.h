// A loaded model that works on many sequences at once, in tokens: it knows no text (chat/reply.h
// does). One thread calls it.
//
// Every step is one pass over the model with one row for each running sequence and up to
// prefill_rows rows of prompts, so a long prompt does not delay the replies of others, and a
// waiting sequence takes the place of one that ends (continuous batching: Yu et al. 2022, Orca;
// chunked prefill: Agrawal et al. 2023, Sarathi). A sequence takes cache pages as it grows (Kwon et
// al. 2023, PagedAttention). When no page is free, the engine preempts the youngest running
// sequence: it waits again, and its tokens are recomputed later. The oldest is never preempted, so
// every sequence ends.
//
// A sequence's tokens and log-probabilities are the same bits alone and in any batch, preempted or
// not, at any chunk size and any number of threads: the operations compute every row by itself
// (ops.h), and draws depend on (seed, stream, step) only.
#pragma once
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "base/arena.h"
#include "base/thread_pool.h"
#include "engine/kv_cache.h"
#include "engine/request.h"
#include "model/model.h"

namespace weir {

struct EngineOptions {
  int sequences_max = 32;  // that run at the same time; others wait
  int prefill_rows = 256;  // prompt tokens of one pass
  CacheForm cache = CacheForm::expanded;
  // Other types than f32 take less memory and change results a little (docs/inference.md).
  CacheType cache_type = CacheType::f32;
  size_t cache_bytes_max = size_t(4) << 30;
  // Keep the cache of finished sequences while its memory is not needed, and start a request from
  // the longest beginning that its prompt shares with one (a conversation grows by turns). Only for
  // a model whose weights do not change while the engine is idle; else an idle engine forgets.
  bool keeps_prefixes = false;
  // False: products with quantized weights quantize activations to int15 (Run::exact).
  bool exact = true;
  int drawable = 0;  // ids in [0, drawable) may be drawn; 0: all of the model
};

class Engine {
 public:
  // Model and pool outlive the engine.
  static Result<std::unique_ptr<Engine>> create(const Model& model, ThreadPool& pool,
                                                EngineOptions options = {});

  // Queues a request, without computing. Fails only for a request that can never run.
  Result<SequenceId> submit(TokenRequest request);
  // Ends a sequence without a further event; does nothing if it has ended. Returns the experts its
  // gates chose so far, if it records them and is not waiting.
  std::vector<uint16_t> cancel(SequenceId id);
  // Runs one pass. Returns the tokens drawn in it, at most one of each sequence: none while only
  // prompts are read, or when idle. Valid until the next call; the caller may move from them. A
  // sequence whose logits are not finite fails; the others continue.
  std::span<Drawn> step();
  bool is_idle() const { return sequences_.empty(); }

  // Places waiting sequences in the cache, as step() does first; then unread_tokens() counts what
  // they find there.
  void admit();
  // Prompt tokens that are not in the cache yet, of sequences that have drawn nothing.
  int64_t unread_tokens() const;
  // Drops the cached rows of finished sequences.
  void forget();
  // Packs the weights and touches the memory of a pass, so that the first request is as fast as the
  // others; resets the statistics. Only when idle. Fails if the logits are not finite.
  Result<void> warm_up();

  // Most tokens of a prompt and its reply, by the model's context and the cache's limit.
  int positions_max() const { return cache_.positions_max(); }
  const GenerateStatistics& statistics() const { return statistics_; }

 private:
  struct Sequence {
    SequenceId id = 0;
    TokenRequest request;     // its prompt moved into `tokens`
    std::vector<int> tokens;  // the prompt, then what was drawn
    size_t prompt = 0;        // tokens of it
    // Tokens to compute before the next draw: the prompt, and what a preempted sequence had drawn.
    size_t to_read = 0;
    int slot = -1;  // -1: waiting
    size_t drawn() const { return tokens.size() - prompt; }
  };
  // One sequence of the cache: the tokens whose rows it holds, and the experts of those rows when
  // they are recorded, so that a sequence that shares the rows has their experts too.
  struct Slot {
    Sequence* sequence = nullptr;  // null: idle
    std::vector<int> cached;
    bool records = false;           // `experts` has all of `cached`
    std::vector<uint16_t> experts;  // [cached][trace_.row_size()]
    bool is_reading() const { return sequence && cached.size() < sequence->to_read; }
    void resize(size_t tokens, size_t row_size);
  };
  struct Row {
    int slot, token, position;
    bool is_sampled;
  };
  enum class Placement { placed, waits_for_prefix, no_room };

  Engine(const Model& model, ThreadPool& pool, EngineOptions options, KvCache cache);

  // engine.cpp: passes over the model.
  Result<void> check(const TokenRequest& request) const;
  bool records(const Sequence& sequence) const;
  void add_decode_rows(std::vector<Row>& rows);
  void add_prompt_rows(std::vector<Row>& rows) const;
  void compute(const std::vector<Row>& rows);
  void draw(Tensor logits, const std::vector<int>& slots);
  void accept(Sequence& sequence, Drawn& drawn);
  std::vector<uint16_t> end(Sequence& sequence);

  // admission.cpp: slots and pages.
  Placement place(Sequence& sequence);
  bool make_room(int slot, int positions, int spare, int keep);
  bool make_room_for_next(Sequence& sequence);
  void preempt(Sequence& sequence);
  void release(int slot);

  const Model& model_;
  ThreadPool& pool_;
  EngineOptions options_;
  KvCache cache_;
  Arena arena_;
  std::vector<Sampler> samplers_;                // one per thread
  std::vector<std::vector<uint8_t>> forbidden_;  // one per thread
  std::map<SequenceId, Sequence> sequences_;     // that have not ended, the oldest first
  std::vector<Sequence*> waiting_;               // those of them without a slot, the oldest first
  std::vector<Slot> slots_;
  SequenceId next_id_ = 0;
  int recording_ = 0;   // sequences that want experts; while there are any, new ones record
  RoutingTrace trace_;  // of one pass
  std::vector<Drawn> drawn_;
  GenerateStatistics statistics_;
};

}  // namespace weir
