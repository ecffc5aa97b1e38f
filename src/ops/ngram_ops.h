// Engram, a memory of n-grams (Cheng et al. 2026, arXiv:2601.07372; as DeepSeek-V4.1 has it): the
// last tokens of a position are hashed to rows of a large table, and what the rows say is added to
// the residual as far as it suits it. A table is looked up, never multiplied.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "ops/ops.h"

namespace weir {

class TableReader;

// How the n-grams that end at a position become rows of one layer's table. For n = 2 ... reach and
// every head h, with class c_s of the token s places back:
//   row(n, h) = (c_0 m_0 xor ... xor c_{n-1} m_{n-1}) mod prime(n, h) + offset(n, h).
// Products of classes and multipliers are below 2^63.
struct NgramHash {
  std::vector<int64_t> multipliers;  // [reach]
  std::vector<int64_t> primes;       // [(reach - 1) * heads], head by head, n by n
  std::vector<int64_t> offsets;      // the same: the sum of the primes before
  int heads = 0;
  int reach() const { return int(multipliers.size()); }
  int columns() const { return int(primes.size()); }  // rows of a position
};

// What a token counts as. Several tokens may be one class ("The", " the").
struct NgramClasses {
  const float* of_token = nullptr;  // [vocabulary] whole numbers; null: each is a class of its own
  int pad = 0;                      // the class of what is before a sequence
  int reach = 0;                    // tokens of the longest n-gram
};

// The classes of the tokens 0 ... reach - 1 places back from every row of the batch, [rows][reach].
// Of a branch its root's rows come before its own; over a cache the classes that earlier passes put
// there (tensor/cached_classes.h), and this call puts the batch's there.
const int32_t* ngram_classes(Run& run, const NgramClasses& classes);

// The table's row of every n-gram and head, to [rows of the batch][hash.columns()].
void ngram_rows(Run& run, const int32_t* classes, const NgramHash& hash, int32_t* to);

// A table, and where its rows are read from.
struct NgramTable {
  const Matrix* matrix = nullptr;  // null: the layer has none
  // Of E4M3 with scales that lie apart: E8M0, [rows][columns / 32]; else null.
  const std::byte* row_scales = nullptr;
  // Reads rows from the file, those of the pass at once; null: they are in memory or mapped.
  TableReader* reader = nullptr;
  int number = 0;  // of the reader's tables
  explicit operator bool() const { return matrix != nullptr; }
};

// y[t] = the rows table[rows[t][0]], table[rows[t][1]] ... side by side, [tokens, columns * width].
Tensor gather_ngrams(Run& run, const NgramTable& table, const int32_t* rows, int columns);

// For each stream i of x with its key k_i and the value v, kv = [k_0 ... k_{n-1} | v] of `hidden`
// numbers each:
//   d = sum(x_i q_i g_i k_i) / (rms(x_i) rms(k_i) sqrt(hidden)),  rms(z) = sqrt(mean(z^2) +
//   epsilon) y_i = x_i + sigmoid(sign(d) sqrt(max(|d|, 1e-6))) v.
// q, g: gains [streams, hidden], which only their product matters of. Shares the residual's
// gradient: after the call use the output, never x.
Tensor add_recalled(Run& run, Tensor x, Tensor kv, const Matrix& q, const Matrix& k, int streams,
                    float epsilon);

}  // namespace weir
