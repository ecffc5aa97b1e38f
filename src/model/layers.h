// The parts of a block. Each is a small struct of projections and gains and a function of (run, x);
// the model owns the weights.
#pragma once
#include <vector>

#include "config/config.h"
#include "model/compressed_layers.h"
#include "ops/ngram_ops.h"
#include "ops/ops.h"
#include "ops/streamed_experts.h"

namespace weir {

struct Norm {
  const Matrix* gain = nullptr;
  float epsilon = 1e-6f;
  Tensor operator()(Run& run, Tensor x) const { return rms_norm(run, x, *gain, epsilon); }
};

// Grouped-query attention (Ainslie et al. 2023), as in Llama and Qwen2; DeepSeekMoE's multi-head
// form. Qwen3 normalises each head's query and key before they are rotated.
struct Gqa {
  Linear q, k, v, out;
  Norm q_norm, k_norm;  // [head]; null gains: none
  AttentionShape shape;
};

// Which tokens a row attends to (DeepSeek-V3.2, section 2.1). Frozen: DeepSeek trains it apart, on
// a detached input, so nothing of the language model's loss reaches it.
struct Indexer {
  Linear q, k, weights;                               // wq_b, wk, weights_proj
  const Matrix *k_gain = nullptr, *k_bias = nullptr;  // a LayerNorm
  bool interleaved = false;                           // pairs (2i, 2i+1) turn, else halves
  IndexShape shape;
};

// Multi-head latent attention (DeepSeek-V2, section 2.1). q alone without a query latent, else
// q_a -> q_norm -> q_b.
struct Mla {
  Linear q, q_a, q_b;
  Norm q_norm, kv_norm;
  Linear kv_a, kv_b, out;
  int rank = 0, rope_width = 0;
  Indexer indexer;  // empty: attention to all tokens, or to those that a layer before chose
  bool takes_choice = false;
  float query_beta = 0;     // of scale_by_position()
  int query_positions = 0;  // the same
  float out_scale = 1;      // of what is added to the residual (MiniCPM)
  AttentionShape shape;
};

struct Mlp {
  Linear gate, up, down;
  float limit = 0;      // of swiglu()
  float out_scale = 1;  // of what is added to the residual (MiniCPM)
};

// DeepSeekMoE: routed experts chosen per token and shared experts always at work.
struct Moe {
  Linear router;
  const Matrix* bias = nullptr;   // e_score_correction_bias, may be null
  const Matrix* table = nullptr;  // tid2eid: tokens choose, may be null
  Linear gate, up, down;          // one group per expert
  Mlp shared;                     // empty: none
  float limit = 0;                // of swiglu()
  GateShape shape;
  std::vector<int64_t>* load = nullptr;
  ExpertSource
      source;  // where the experts' rows are read from on demand; none: from gate, up, down
  // Of the next layer with experts: what is likely to be read there is asked for early.
  const Norm* next_norm = nullptr;
  const Moe* next = nullptr;
};

// Engram: what a table of n-grams has to say, before the block's attention (config/engram.h).
struct Engram {
  NgramTable table;  // empty: none
  Linear kv;         // wkv: keys of all streams, then the value
  const Matrix *q = nullptr, *k = nullptr;
  const NgramHash* hash = nullptr;
  int number = 0, streams = 1;
  float epsilon = 0;
};

// The rows of a pass in the tables of all layers that have one.
struct NgramRows {
  const int32_t* rows = nullptr;  // [tables][rows of the batch][columns]
  size_t step = 0;
  const int32_t* of(const Engram& engram) const { return rows + size_t(engram.number) * step; }
};

struct Block {
  Engram engram;
  Norm attention_norm, mlp_norm;
  bool is_mla = false, is_moe = false, is_compressed = false;
  Gqa gqa;
  Mla mla;
  WindowAttention window;
  StreamSite attention_site, mlp_site;
  Mlp mlp;
  Moe moe;
};

struct MtpModule {
  Norm embedding_norm, hidden_norm, final_norm;
  Linear project;  // eh_proj [H, 2H], embedding half first
  // Of a compressed model, instead: e_proj for all streams alike and h_proj for each, [H, H]; and
  // where its streams end.
  Linear embedding_project, stream_project;
  StreamSite end;
  Block block;
};

// x + attention(norm(x)).
Tensor attention_residual(Run& run, const Norm& norm, const Gqa& a, const RopeTable& rope,
                          Tensor x);
// `shared`: choices of tokens that go from layer to layer; null: every layer chooses.
Tensor attention_residual(Run& run, const Norm& norm, const Mla& a, const RopeTable& rope, Tensor x,
                          SharedEntries* shared = nullptr);
// x + mlp(norm(x)).
Tensor mlp_residual(Run& run, const Norm& norm, const Mlp& m, Tensor x);
Tensor mlp_residual(Run& run, const Norm& norm, const Moe& m, float balance_weight, Tensor x);
// Of a compressed block x is all streams. `shared` goes from block to block: V4.1's entries, or
// choices of tokens (GLM-5.2). `context`: of window_attention().
Tensor block_forward(Run& run, const Block& block, const RopeTable& rope, float balance_weight,
                     Tensor x, const NgramRows& rows = {}, SharedEntries* shared = nullptr,
                     const Entries* context = nullptr);

}  // namespace weir
