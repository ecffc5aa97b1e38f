// A loaded model that works on many sequences at once, in tokens: it knows no text (chat/reply.h
// does). One thread calls it.
//
// Every step is one pass over the model with one row for each running sequence, rows of tokens that
// are guessed to follow (speculation.h), and up to prefill_rows rows of prompts, so a long prompt
// does not delay the replies of others, and a waiting sequence takes the place of one that ends
// (continuous batching: Yu et al. 2022, Orca; chunked prefill: Agrawal et al. 2023, Sarathi). A
// sequence takes cache pages as it grows (Kwon et al. 2023, PagedAttention), and begins with those
// that hold the beginning of its prompt already, whoever computed them (prefix_cache.h). When no
// page is free, the engine preempts a running sequence: it waits again, and its tokens are
// recomputed later. The oldest that runs is never preempted, so every sequence ends.
//
// Owners (TokenRequest::owner) share fairly: a slot goes to the one with the fewest, and one with
// none takes it from the one with the most; prompt rows are divided equally (row_shares.h); pages
// are taken from the one with the most slots.
//
// A sequence's tokens and log-probabilities are the same bits alone and in any batch, preempted or
// not, with guesses or without, joined with others or not, at any chunk size and any number of
// threads: the operations compute every row by itself (ops.h), and draws depend on (seed, stream,
// step) only.
#pragma once
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "base/arena.h"
#include "base/thread_pool.h"
#include "engine/drafter.h"
#include "engine/hidden_rows.h"
#include "engine/kv_cache.h"
#include "engine/prefix_cache.h"
#include "engine/request.h"
#include "engine/row_budget.h"
#include "engine/speculation.h"
#include "model/model.h"

namespace weir {

struct EngineOptions {
  int sequences_max = 32;  // that run at the same time; others wait
  int prefill_rows = 256;  // prompt tokens of one pass, at most
  // What a pass should take where others wait for its end: it has fewer prompt rows when earlier
  // ones took longer, twice as long without running sequences (row_budget.h). 0: no matter.
  double pass_seconds = 0;
  CacheForm cache = CacheForm::expanded;
  // Other types than f32 take less memory and change results a little (docs/inference.md).
  CacheType cache_type = CacheType::f32;
  size_t cache_bytes_max = size_t(4) << 30;
  // Keep the pages of finished sequences while their memory is not needed. Only for a model whose
  // weights do not change while the engine is idle; else an idle engine forgets.
  bool keeps_prefixes = false;
  // Keep them on disk too, for the next process (prefix_store.h). Needs keeps_prefixes.
  PrefixStoreOptions store = {};
  // Sequences of equal tokens are computed once until their draws differ: for replies of one prompt
  // that are much alike. Not where guesses are on.
  bool joins_equal = false;
  // False: products with quantized weights quantize activations to int14 (Run::exact).
  bool exact = true;
  int drawable = 0;  // ids in [0, drawable) may be drawn; 0: all of the model
  SpeculationOptions speculation = {};

  // Rows whose logits are computed at once, at most.
  int logit_rows_max() const { return sequences_max + (speculation.is_on() ? kGuessesMax : 0); }
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
  // Runs one pass. Returns the tokens drawn in it: none while only prompts are read, or when idle;
  // of one sequence several, in order, one after the other, where guesses came true. A caller that
  // ends a sequence at one of them ignores the rest. Valid until the next call; the caller may move
  // from them. A sequence whose logits are not finite fails; the others continue.
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
  struct Sequence;
  // The sequences of one owner.
  struct Key {
    std::vector<Sequence*> waiting = {};  // without a slot, the oldest first
    int sequences = 0, running = 0;       // that have not ended; that have a slot
    int64_t served = 0;                   // prompt rows
    size_t looked = 0;                    // of `waiting`, in one round of admit()
  };
  struct Sequence {
    SequenceId id = 0;
    Key* key = nullptr;
    TokenRequest request;     // its prompt moved into `tokens`
    std::string rows_owner;   // of its cached rows: the request's owner with its adapter
    std::vector<int> tokens;  // the prompt, then what was drawn
    size_t prompt = 0;        // tokens of it
    // Tokens to compute before the next draw: the prompt, and what a preempted sequence had drawn.
    size_t to_read = 0;
    int reused = 0;  // of the prompt, found in the cache by the first admission
    int slot = -1;   // -1: waiting, or joined with a leader
    // The sequence of equal tokens whose rows this one draws from, and those that draw from its
    // rows.
    Sequence* leader = nullptr;
    std::vector<Sequence*> followers = {};
    int shown = 0;  // positions before this one that the hidden reader has had
    std::vector<TokenScore> prompt_scores = {};  // so far
    size_t drawn() const { return tokens.size() - prompt; }
    bool scores_prompt() const { return request.scores_prompt && drawn() == 0; }
    // Rows of the prompt whose outputs nobody needs, so that the cache may have them.
    size_t unneeded_rows() const {
      return scores_prompt() ? size_t(request.scored_from - 1) : tokens.size() - 1;
    }
  };
  // One sequence of the cache.
  struct Slot : CachedRows {
    Sequence* sequence = nullptr;       // null: free
    PrefixTree::Node* place = nullptr;  // of its last whole page
    int stored = 0;                     // its next pages are on disk and will be read
    bool is_reading() const { return sequence && cached.size() < sequence->to_read; }
  };
  struct Row {
    int slot, token, position;
    bool is_sampled;
    bool is_guess = false;  // its token is not drawn yet
  };
  // The draws of one sequence: from its last known token and from guesses after it.
  struct Draws {
    Sequence* sequence;
    size_t known;      // tokens before the guesses
    int first, count;  // of the rows of logits
    int result;        // of the results, the first
  };
  enum class Placement { placed, waits_for_prefix, no_slot, no_room };

  Engine(const Model& model, ThreadPool& pool, EngineOptions options, KvCache cache,
         std::unique_ptr<Drafter> draft, StateDrafter* further);

  // engine.cpp: passes over the model.
  Result<void> open_store();
  Result<void> check(const TokenRequest& request) const;
  bool records(const Sequence& sequence) const;
  std::string rows_owner(const TokenRequest& request) const;
  int adapter_of(int slot) const;
  int64_t least_served(const Key& key) const;
  int add_decode_rows(std::vector<Row>& rows);
  void add_prompt_rows(std::vector<Row>& rows);
  bool load_stored();
  void compute(const std::vector<Row>& rows);
  std::vector<uint16_t> end(Sequence& sequence, bool is_good = true);

  // prompt_scores.cpp.
  void score_prompts(Run& run, Tensor hidden, const std::vector<Row>& rows);

  // decode.cpp: guesses, draws, and which of the guesses came true.
  void add_guesses(const std::vector<Sequence*>& running, std::vector<Row>& rows);
  void draw(Tensor logits, const std::vector<Row>& rows, const std::vector<int>& sampled);
  void draw_token(const Draws& draws, int i, std::span<const float> logits, int thread);
  void accept(const Draws& draws, const std::vector<Row>& rows, const std::vector<int>& sampled);
  void take(Sequence& sequence, Drawn& drawn) const;
  void accept_follower(const Draws& draws, int leader_token);
  void absorb(Tensor states, const std::vector<Row>& rows);
  void want_hidden(const std::vector<Row>& rows);
  void show_hidden(const std::vector<Row>& rows, bool guesses);

  // admission.cpp: slots and pages.
  struct Beginning;
  Beginning find_beginning(const Sequence& sequence) const;
  bool has_recent(const Slot& slot, int page) const;
  Placement place(Sequence& sequence);
  bool join(Sequence& sequence);
  void part(Sequence& follower);
  void wait_again(Sequence& sequence);
  bool reserve(int slot, const Sequence& sequence, Beginning& beginning, int spare);
  Key* next_key();
  bool free_slot_for(const Key& key);
  Sequence* victim(const Key* key);
  bool make_room_for_next(Sequence& sequence);
  void preempt(Sequence& sequence);

  const Model& model_;
  ThreadPool& pool_;
  EngineOptions options_;
  KvCache cache_;
  Arena arena_;
  std::vector<Sampler> samplers_;                // one per thread
  std::vector<std::vector<uint8_t>> forbidden_;  // one per thread
  std::map<std::string, Key> keys_;              // by owner, of the sequences
  std::map<SequenceId, Sequence> sequences_;     // that have not ended, the oldest first
  std::vector<Slot> slots_;
  RowBudget budget_;
  SequenceId next_id_ = 0;
  int recording_ = 0;   // sequences that want experts; while there are any, new ones record
  RoutingTrace trace_;  // of one pass
  HiddenRows hidden_rows_;
  PrefixCache prefixes_;
  std::unique_ptr<Speculator> speculator_;  // null: no guesses
  StateDrafter* further_ = nullptr;         // the speculator's, if that is its drafter
  std::vector<Drawn> results_;  // a token for each row of logits, before it is known which count
  std::vector<Drawn> drawn_;
  GenerateStatistics statistics_;
};

}  // namespace weir
