// The rows of a quantized matrix repacked for integer products (kernels/quant/integer_gemm.h).
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>

#include "tensor/buffer.h"
#include "tensor/matrix.h"

namespace weir {

// Bytes of panels that may still be made in this pass over the model: making all at once would hold
// up the first prompt, as the system must find that much memory.
struct PanelBudget {
  static constexpr int64_t kAtFirst = int64_t(2) << 30, kOfPass = int64_t(256) << 20;
  std::atomic<int64_t> left{kAtFirst};
  void begin_pass() {
    if (left < kOfPass) left = kOfPass;
  }
};

// A panel is made by the first product that reads it, so a model answers at once and only what is
// read takes memory; products with stored rows have the same bits, so nobody sees which it was.
// When a group has all its panels, the pages of its stored rows are given back; the system reads
// them from the file again if they are needed.
class Panels {
 public:
  // `source` and the budget (null: none) outlive this; `source` has blocks, and
  // kernels().repack_panel exists.
  explicit Panels(const Matrix& source, PanelBudget* budget = nullptr);

  // Panel `index` of a group: its rows from 16 * index on. Null while another thread makes it
  // and when the budget is spent: then the product reads the stored rows. Any thread.
  const uint8_t* get(int group, int index);
  size_t panel_bytes() const { return panel_bytes_; }
  // Of all panels.
  static size_t bytes_of(const Matrix& source);

 private:
  enum State : uint8_t { kAbsent, kBeingMade, kReady };
  void make(int group, int index, uint8_t* panel);

  const Matrix& source_;
  PanelBudget* budget_;
  size_t panel_bytes_;
  int of_group_;  // panels
  Buffer memory_;
  std::unique_ptr<std::atomic<uint8_t>[]> states_;
  std::unique_ptr<std::atomic<int>[]> missing_;  // panels of each group
};

}  // namespace weir
