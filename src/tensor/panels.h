// The rows of a quantized matrix repacked for integer products (kernels/quant/integer_gemm.h).
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "tensor/buffer.h"
#include "tensor/matrix.h"

namespace weir {

// Bytes of panels that products may still make in this pass over the model. Most of the time of
// making a panel is the system's, which clears new memory, so a pass makes few.
struct PanelBudget {
  std::atomic<int64_t> left{0};
};

// Panels that an earlier process made, in a mapped file (tensor/panel_file.h).
struct StoredPanels {
  const uint8_t* data = nullptr;            // all of a matrix, group by group; null: there are none
  const uint64_t* sums = nullptr;           // checksum() of each
  std::atomic<bool>* is_damaged = nullptr;  // set when one has another
};

// A panel is made by a product that reads it while the pass has a budget, or by another thread
// (tensor/panel_set.h), or is found in a file; products with stored rows have the same bits, so
// nobody sees which it was. When a group has all its panels, the pages of its stored rows are given
// back; the system reads them from the file again if they are needed.
class Panels {
 public:
  // `source` and the budget (null: any number) outlive this; `source` has blocks, and
  // kernels().repack_panel exists.
  explicit Panels(const Matrix& source, PanelBudget* budget = nullptr);

  // Panel `index` of a group: its rows from 16 * index on. Null while another thread makes it
  // and when the budget is spent: then the product reads the stored rows. Any thread. Those of a
  // group lie one after the other, unless a damaged one is between them.
  const uint8_t* get(int group, int index);
  // Makes panel `at` of all, [0, count()), unless somebody has or does; whether it did. Any thread.
  bool make(size_t at);
  // From now on reads those of a file, which outlives this; before the first product.
  void use(const StoredPanels& stored) { stored_ = stored; }

  size_t count() const { return size_t(of_group_) * size_t(source_.groups); }
  size_t panel_bytes() const { return panel_bytes_; }
  // Repacks panel `at` of all of `source` to panel_bytes().
  static void repack(const Matrix& source, size_t at, uint8_t* to);
  // Whether this processor's products read panels of such weights.
  static bool suit(WeightType type) { return kernels().repack_panel && has_integer_products(type); }
  // Of all panels.
  static size_t bytes_of(const Matrix& source);

 private:
  enum State : uint8_t { kAbsent, kBeingMade, kReady, kStored, kDamaged };
  const uint8_t* check_stored(size_t at);
  void count_made(size_t at);

  const Matrix& source_;
  PanelBudget* budget_;
  size_t panel_bytes_;
  int of_group_;  // panels
  Buffer memory_;
  StoredPanels stored_;
  std::unique_ptr<std::atomic<uint8_t>[]> states_;
  std::unique_ptr<std::atomic<int>[]> missing_;  // panels of each group
};

}  // namespace weir
