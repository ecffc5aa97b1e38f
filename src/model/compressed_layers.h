// The parts of a block of DeepSeek-V4: streams of the residual that are mixed around every part
// (ops/hyper_ops.h), and attention over a window and entries (ops/window_ops.h).
#pragma once
#include "ops/hyper_ops.h"
#include "ops/ops.h"
#include "ops/window_ops.h"

namespace weir {

// The mixtures of one part of a block, or, where the streams end, the last one.
struct StreamSite {
  Linear fn;  // [mixes, streams * hidden]
  const Matrix *base = nullptr, *scale = nullptr;
  StreamShape shape;
  float epsilon = 0;  // of the norm over all streams
};

// What makes entries of positions. Norm without a name: layers.h includes this file.
struct Compressor {
  Linear kv, gate;
  const Matrix* bias = nullptr;  // position_bias [ratio, columns of gate]; null in V4.1
  const Matrix* gain = nullptr;
  float epsilon = 0;
  CompressShape shape;
};

// Which entries a row attends to. Frozen, as the indexer of V3.2 is: a choice passes no gradient.
struct EntryIndexer {
  Linear q, weights;
  Compressor keys;                 // V4: entries of positions
  Linear k;                        // V4.1: of the entries themselves, before they are turned
  const Matrix* k_gain = nullptr;  // of an RMS norm
  EntryChoiceShape shape;
  int candidate_blocks = 0, candidate_size = 0;  // which it publishes; 0: none
};

// What the layers of one pass hand on: choices of tokens (GLM-5.2); in V4.1 entries, choices of
// them, and the mixture that the next part reads, which is the one that the part before it
// computed.
struct SharedEntries {
  Entries entries, keys;
  TokenChoice choice;
  int* room = nullptr;  // of choices of tokens, where blocks give back what they take
  Candidates candidates;
  Tensor pre;  // [tokens, streams]; of V4.1 alone
};

struct WindowAttention {
  Linear q_a, q_b, kv;
  const Matrix *q_gain = nullptr, *kv_gain = nullptr, *sinks = nullptr;
  float epsilon = 0;
  Compressor compressor;  // no kv: the window alone
  EntryIndexer indexer;   // no q: all entries
  Linear out_groups, out;
  WindowShape shape;
  bool norms_heads = true;      // V4
  bool shares_entries = false;  // V4.1
  // Whether something that it makes is read after its part of the block.
  bool hands_on() const { return shares_entries && (compressor.kv || indexer.q); }
};

// The mixture that reads the first stream alone, which V4.1 begins with.
Tensor first_stream(Run& run, int rows, int streams);
// The coefficients of a site, and the input of its part.
Tensor site_coefficients(Run& run, const StreamSite& site, Tensor streams);

// The attention of normalised rows n, [tokens, hidden], without a residual. `table`: angles of a
// layer with entries differ from those of one without. `shared`: of this pass, V4.1 alone.
// `context`: of a block that is drafted at once, what all its rows see; else null.
Tensor window_attention(Run& run, const WindowAttention& a, const RopeTable& table, const Tensor& n,
                        SharedEntries* shared, const Entries* context = nullptr);

}  // namespace weir
