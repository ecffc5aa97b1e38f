// Attention of DeepSeek-V4 (sections 2.3.1, 2.3.2): every position has one row, key and value of
// all heads alike. A query sees the rows of a window and, further back, entries: rows made of
// several positions each. Entry w stands for positions [w ratio, (w + 1) ratio) and is seen from
// the last of them on.
//
// Positions count from the first row of a segment, a branch's from its root's, and, over a cache,
// from the sequence's first.
#pragma once
#include "ops/ops.h"

namespace weir {

// Turns table.width columns of every head_width-wide group of row r by the angles of positions[r],
// or, with direction -1, by the opposite ones; in place, as rope(). `positions` outlives the tape.
void rope_at(Run& run, Tensor x, int head_width, const RopeTable& table, const int* positions,
             float direction);

// The entries that the segments of a batch complete. Over a cache only those that no earlier pass
// made.
struct Entries {
  Tensor rows;                    // [entries, width]
  const int* begin = nullptr;     // [segments + 1] rows of each
  const int* position = nullptr;  // [entries] of the first token that it stands for
  int ratio = 0;
  const int* end = nullptr;  // [segments] their ends, where they are not the begins of the next
};

struct CompressShape {
  int ratio = 0;
  int width = 0;
  // Entry w is made of positions [(w - 1) ratio, (w + 1) ratio): kv and gates have 2 width columns,
  // of which the first half speaks for the next entry and the second for the own one.
  bool overlaps = false;
  int layer = 0;          // of the cache
  bool is_index = false;  // of the indexer, which the cache keeps beside the other ones
};
// entry[c] = sum over its positions p of softmax over p of (gate[p][c] + bias[p mod ratio][c]) *
// kv[p][c]. kv and gates: [tokens, width or 2 width], bias [ratio, the same]. Puts what later
// passes need of kv and gates into the run's cache. V4.1: without a bias, and at ratio 1 without
// gates: entries are the rows.
Entries compress(Run& run, Tensor kv, Tensor gates, const Matrix* bias, const CompressShape& shape);
// Puts finished entries (normalised, turned) into the run's cache; nothing without one.
void cache_entries(Run& run, const Entries& entries, const CompressShape& shape);

struct EntryChoiceShape {
  int heads = 0, width = 0, keep = 0;
  int ratio = 0;
  int layer = 0;  // of the cache
};
// Blocks of entries that later choices are restricted to (V4.1), for rows that see more than
// `keep`.
struct Candidates {
  uint8_t* kept = nullptr;  // [rows][blocks], null: none
  int blocks = 0;           // of the row that sees most
  int size = 0;             // entries of a block
  int keep = 0;             // blocks of a row
};
// Whether some row of the batch sees more than `keep` entries.
bool sees_more_entries(const Run& run, int ratio, int keep);
// For every row the `keep` entries of the largest
//   I(t, w) = sum over heads h of weights[t][h] * relu(q[t][h] . key[w]),
// ascending, ties to the lower; rows that see no more have all (TokenChoice::of). Without a
// gradient. Publishes the candidates of each row in `made`: the blocks of the largest best score,
// the newest always; chooses inside of `within`. Either may be null.
TokenChoice choose_entries(Run& run, Tensor q, const Entries& keys, Tensor weights,
                           const EntryChoiceShape& shape, int* chosen, Candidates* made = nullptr,
                           const Candidates* within = nullptr);

struct WindowShape {
  int heads = 0, width = 0;
  int window = 0;
  int ratio = 0;  // 0: no entries
  float scale = 1;
  int layer = 0;        // of the cache
  int entry_layer = 0;  // of the entries in the cache
  // A block that is drafted at once (DSpark): every query sees all rows of its segment, also those
  // after it, and all of the segment's entries, which segments may share. Without a cache.
  bool sees_block = false;
};
// Attention with a sink: over the rows u of the window and the entries seen (or chosen),
//   p[u] = exp(scale q . row[u]) / (exp(sink) + sum of exp(scale q . row)),  y = sum of p[u]
//   row[u].
// q, y [tokens, heads * width]; rows [tokens, width], put into the run's cache; sinks [heads].
Tensor attend_window(Run& run, Tensor q, Tensor rows, const Entries& entries,
                     const TokenChoice& choice, const Matrix& sinks, const WindowShape& shape);

}  // namespace weir
