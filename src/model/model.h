// The model, written once: a decoder of attention and feed-forward blocks on a residual stream. The
// same forward trains (with a tape), prefills and decodes (with a cache).
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/config.h"
#include "model/dspark.h"
#include "model/layers.h"
#include "model/rope_angles.h"
#include "ops/ops.h"
#include "tensor/buffer.h"
#include "tensor/low_rank.h"
#include "tensor/packed.h"

namespace weir {

class BlockObserver;
class Checkpoint;
class PanelSet;
class TableReader;
struct LoraAdapter;

// How a model whose experts may be larger than memory is opened.
struct ExpertMemory {
  double bytes = 0;  // for experts read on demand; 0: only if the weights do not fit, see note
  bool wants_direct = true;  // past the page cache
};

class Model {
 public:
  // Allocates every weight (zero); `trainable` adds gradients. Weights keep HuggingFace names.
  static std::unique_ptr<Model> create(const ModelConfig& config, bool trainable);
  // Shapes and names without a number: for dry runs (engine/pass_memory.h) of models of any size.
  static std::unique_ptr<Model> outline(const ModelConfig& config);
  // Frozen, with the weights where the files have them: matrices keep their stored type and are
  // mapped, never copied; vectors become f32. Missing tensors, wrong shapes and types, and values
  // of f32 tensors that are not finite are errors.
  // A mixture of experts that does not fit the available memory keeps only some experts there and
  // reads the others when they are chosen (stream_experts.cpp); where what every token reads does
  // not fit either, that is an error.
  static Result<std::unique_ptr<Model>> open(std::shared_ptr<const Checkpoint> checkpoint,
                                             ExpertMemory memory = {});

  ~Model();

  // Normal(0, initializer_range) for matrices, 1 for gains, 0 for biases. Each tensor draws from
  // its own stream of `seed`, so the values do not depend on the order of tensors.
  void initialize(uint64_t seed);

  const ModelConfig& config() const { return config_; }
  // Final hidden states after the last norm, [tokens, hidden]. Positions must be below
  // max_position_embeddings and tokens below vocab_size: callers check. `observer`, which may be
  // null, sees what the blocks compute. `further`, which may be null, becomes what
  // predict_further() reads.
  Tensor forward(Run& run, BlockObserver* observer = nullptr, Tensor* further = nullptr) const;
  // Scores over the vocabulary, [rows, vocab].
  Tensor logits(Run& run, Tensor hidden) const { return linear(run, hidden, head()); }
  // Those of some rows.
  Tensor logits(Run& run, Tensor hidden, std::span<const int> rows) const;
  const Matrix& head() const { return config_.tie_word_embeddings ? *embedding_ : *head_; }

  // Multi-token prediction (DeepSeek-V3, section 2.2): hidden states that predict the token after
  // next. `states` [tokens, further_width()]: those of forward(), which become what the next module
  // reads. `next` holds the following token of every row (any valid token where there is none:
  // those rows have no target). depth in [0, num_nextn_predict_layers).
  Tensor predict_further(Run& run, Tensor& states, std::span<const int> next, int depth) const;
  // Hidden states after the last norm; of compressed models all streams after the last block, with
  // DSpark the means of the streams of some layers.
  int further_width() const {
    const int targets = int(config_.dspark_target_layer_ids.size());
    return config_.hidden_size * (targets > 0               ? targets
                                  : config_.is_compressed() ? config_.hc_mult
                                                            : 1);
  }

  // DSpark (model/dspark.h), of a model whose configuration has it. What the stages keep of tokens:
  // `states` [tokens, further_width()] of forward(), at the positions of the run's batch.
  Tensor draft_context(Run& run, Tensor states) const;
  // [rows, hidden], before the last norm. Each segment of the batch is a block: the last known
  // token, then noise tokens, at the positions after the context's.
  Tensor draft_hidden(Run& run, const DraftContext& context) const;
  // Scores over the vocabulary, [rows, vocab], of a block's tokens by themselves; and with what the
  // token before each adds, in place of `logits`. `before` outlives the tape.
  Tensor draft_logits(Run& run, Tensor hidden) const;
  Tensor draft_bias(Run& run, Tensor logits, std::span<const int> before) const;
  // [rows, 1]: the sigmoid of it is the chance that the drafted token is right. No gradient reaches
  // `hidden`.
  Tensor draft_confidence(Run& run, Tensor hidden, std::span<const int> before) const;

  // Of a model made by create(): what may be trained, in a fixed order. The gate biases
  // (e_score_correction_bias), which the trainer moves, and the indexers of sparse attention, which
  // nobody does, have no gradient and are in `buffers()`. An opened model has neither.
  const std::vector<Parameter*>& parameters() const { return parameters_; }
  const std::vector<Parameter*>& buffers() const { return buffers_; }
  // The gradients of all parameters in one piece of memory, in the order of parameters(): what
  // several machines sum. Parameter::grad points into it, at a multiple of 64 bytes; the floats in
  // between are 0. Empty when the model is frozen.
  std::span<float> gradients() const {
    return {gradients_.floats(), gradients_.size() / sizeof(float)};
  }
  // Every weight, those of buffers() last.
  const std::vector<Matrix*>& weights() const { return weights_; }
  Matrix* find(const std::string& name) const;  // null when absent
  void zero_gradients();
  // After any write to parameters or buffers; then pack() before the next forward().
  void weights_changed();
  // Brings the packed copies up to date with the weights; at once where they are. Called by whoever
  // loaded or updated the weights.
  void pack(ThreadPool& pool);
  // The repacked quantized weights of an opened model. Null: it has none, or this processor's
  // products read none.
  PanelSet* panels() const { return panels_.get(); }

  // Mixture-of-experts layers in order, MTP modules last: their gate bias and the tokens routed to
  // each expert since clear_loads() (counted by forward when a tape is present).
  struct GateState {
    int layer;
    Parameter* bias;             // null when the gate has none or the model was opened
    std::vector<int64_t>* load;  // [experts]
  };
  const std::vector<GateState>& gates() const { return gates_; }
  void clear_loads();
  // A trace without rows for the gates of forward(); those of MTP modules are not part of it.
  RoutingTrace routing_trace() const;

  // Of a model whose experts are read on demand, else null.
  const ExpertCache* expert_cache() const { return expert_cache_.get(); }
  // A sentence that says so and how much is kept; empty for other models.
  const std::string& streaming_note() const { return streaming_note_; }
  // Of a model with tables of n-grams that are read from the files, else null.
  const TableReader* table_reader() const { return table_reader_.get(); }
  // The first thing that failed when experts or rows of tables were read: the rows concerned are
  // NaN. Empty: nothing.
  std::string failure() const;
  // Of a model made by create() whose tokens are counted by classes (config/engram.h): those of its
  // tokenizer; tokens beyond count as padding.
  void set_token_classes(std::span<const int> of_token);
  // Bytes of memory that the model will take in its first passes, beside mapped files.
  double memory_to_come() const;

  // Adds an adapter to a frozen model, before anything computes with it; it must fit the model
  // (fit_to in adapter/lora.h). Returns its number. `trainable`: parameters() and gradients() are
  // then those of this adapter alone, which save_model() writes and load_weights() reads in place
  // of the base's. Fails for experts that are read on demand.
  Result<int> add_adapter(const LoraAdapter& adapter, bool trainable = false);
  int adapters() const { return int(adapters_.size()); }
  bool trains_adapter() const { return trains_adapter_; }
  // Its numbers as they are now; and others for the same modules, after which pack() is due.
  LoraAdapter adapter(int number) const;
  void set_adapter(int number, const LoraAdapter& adapter);
  // SHA-256 of its numbers when it was added: rows of the cache are another's with another.
  const std::string& adapter_key(int number) const;
  // Whether one of them changes kv_b_proj, which absorbed attention reads as it is: such a model
  // needs a cache in expanded form.
  bool adapts_kv_b() const;
  // What runs that choose no adapter are computed with.
  int default_adapter = AdapterUse::kNone;

  bool recompute_blocks = false;  // run each block again in the backward pass instead of keeping it
  float balance_weight = 0;       // alpha of the sequence-wise balance loss

 private:
  explicit Model(const ModelConfig& config);
  friend class ModelBuilder;
  Result<void> bind(const Checkpoint& checkpoint, const ExpertMemory& memory);
  Result<void> bind(Matrix& weight, const Checkpoint& checkpoint);
  void bind_groups(Matrix& weight);
  void add_packed();
  void allocate_gradients();
  void require_angles(const Run& run) const;
  void keep_targets(Run& run, int layer, const Tensor& streams, Tensor& further) const;
  void add_panels(bool has_room);
  // stream_experts.cpp
  std::vector<std::pair<const Norm*, Moe*>> expert_layers();
  bool is_streamed(const Matrix& weight) const;
  double resident_bytes() const;
  Result<void> stream_experts(const Checkpoint& checkpoint, const ExpertMemory& memory,
                              double available);
  void keep_resident(Matrix& weight);
  // stream_tables.cpp
  NgramRows read_ngrams(Run& run) const;
  double table_bytes() const;
  Result<void> stream_tables(const Checkpoint& checkpoint, const ExpertMemory& memory,
                             double available);
  // adapters.cpp
  struct Adapter;
  std::vector<Linear*> projections();
  void choose_adapter(Run& run) const {
    if (run.adapters.all == AdapterUse::kOfModel) run.adapters.all = default_adapter;
  }
  ModelConfig config_;
  std::deque<Matrix> matrices_;
  std::deque<Parameter> owned_;
  std::deque<Packed> packed_;
  std::vector<Buffer> memory_;
  Buffer gradients_;
  std::vector<std::unique_ptr<std::vector<int64_t>>> loads_;
  std::vector<Parameter*> parameters_, buffers_;
  std::vector<Matrix*> weights_, multiplied_;  // all; those that products read
  std::vector<GateState> gates_;
  const Matrix* embedding_ = nullptr;
  const Matrix* head_ = nullptr;
  const Matrix* final_norm_ = nullptr;
  std::vector<Block> blocks_;
  std::vector<MtpModule> mtp_;
  std::optional<Dspark> dspark_;
  std::vector<std::shared_ptr<const void>> kept_;  // mapped files and what belongs to them
  std::unique_ptr<RopeAngles> rope_angles_;        // null in an outline
  std::unique_ptr<ExpertCache> expert_cache_;      // null: all weights are where matrices say
  std::string streaming_note_;
  double memory_planned_ = 0, memory_before_ = 0;
  std::vector<std::unique_ptr<Adapter>> adapters_;
  std::map<const Matrix*, LowRankSet> adapter_sets_;  // by the base's weight
  bool trains_adapter_ = false;
  bool has_permuted_rows_ = false;  // of q and k (checkpoint.h)
  RopeTable rope_;
  // Of compressed attention: angles of layers with entries, and where the streams end.
  RopeTable entry_rope_;
  std::unique_ptr<RopeAngles> entry_angles_;
  StreamSite stream_end_;
  const RopeTable& rope_of(const Block& block) const {
    return block.window.shape.ratio > 0 ? entry_rope_ : rope_;
  }
  // Engram: of each layer that has it; of folded tokens; of tables in E4M3; where rows are read.
  std::vector<NgramHash> ngram_hashes_;
  const Matrix* token_classes_ = nullptr;
  std::map<const Matrix*, const std::byte*> row_scales_;
  std::unique_ptr<TableReader> table_reader_;  // null: rows are where matrices say
  std::unique_ptr<PanelSet> panels_;           // the last: its thread reads the weights
};

// One weight as the tensors of a file: one entry for a plain weight, one per group for experts.
struct NamedSlice {
  std::string name;
  std::vector<uint64_t> shape;
  size_t begin, count;  // elements of the weight
};
std::vector<NamedSlice> named_slices(const Matrix& weight);

// Writes `path` as safetensors (f32), parameters and buffers, or the trainable adapter alone, as
// PEFT names it; returns its SHA-256. Metadata: {"format": "pt"}.
Result<std::string> save_model(const Model& model, const std::string& path);
// Reads the weights of a folder or GGUF file into a model that has memory for them, as f32 whatever
// their type; a folder needs no config.json. Missing tensors, wrong shapes and non-finite values
// are errors; unexpected tensors are returned. Of a model with a trainable adapter: the adapter's
// numbers alone, as save_model() wrote them.
Result<std::vector<std::string>> load_weights(Model& model, const std::string& path);
// The model of a folder or GGUF file: with f32 weights of its own if trainable, else Model::open.
Result<std::unique_ptr<Model>> load_model(const std::string& path, bool trainable);

// Rows `rows` of `from`, [rows, columns of from]. Not recorded.
Tensor picked_rows(Run& run, const Tensor& from, std::span<const int> rows);

}  // namespace weir
