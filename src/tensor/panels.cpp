#include "tensor/panels.h"

#include <algorithm>

#include "base/div_up.h"
#include "base/file.h"

namespace weir {

Panels::Panels(const Matrix& source, PanelBudget* budget)
    : source_(source),
      budget_(budget),
      panel_bytes_(weir::panel_bytes(source.type, source.cols)),
      of_group_(div_up(source.group_rows(), kPanelRows)),
      memory_(bytes_of(source)),
      states_(new std::atomic<uint8_t>[size_t(of_group_) * size_t(source.groups)]()),
      missing_(new std::atomic<int>[size_t(source.groups)]) {
  for (int g = 0; g < source.groups; ++g) missing_[size_t(g)] = of_group_;
}

size_t Panels::bytes_of(const Matrix& source) {
  return weir::panel_bytes(source.type, source.cols) *
         size_t(div_up(source.group_rows(), kPanelRows)) * size_t(source.groups);
}

const uint8_t* Panels::get(int group, int index) {
  const size_t at = size_t(group) * size_t(of_group_) + size_t(index);
  uint8_t* panel = reinterpret_cast<uint8_t*>(memory_.data()) + at * panel_bytes_;
  std::atomic<uint8_t>& state = states_[at];
  uint8_t found = state.load(std::memory_order_acquire);
  if (found == kReady) return panel;
  if (budget_ && found == kAbsent && budget_->left.fetch_sub(int64_t(panel_bytes_)) <= 0)
    return nullptr;
  if (found == kBeingMade ||
      !state.compare_exchange_strong(found, kBeingMade, std::memory_order_acquire))
    return found == kReady ? panel : nullptr;
  make(group, index, panel);
  state.store(kReady, std::memory_order_release);
  return panel;
}

void Panels::make(int group, int index, uint8_t* panel) {
  const size_t row_bytes = type_bytes(source_.type, size_t(source_.cols));
  const int first = index * kPanelRows;
  const char* rows = static_cast<const char*>(source_.parts[size_t(group)]);
  kernels().repack_panel(source_.type, rows + size_t(first) * row_bytes, row_bytes,
                         std::min(kPanelRows, source_.group_rows() - first), source_.cols, panel);
  if (missing_[size_t(group)].fetch_sub(1) == 1 && source_.is_mapped)
    forget_pages(
        {reinterpret_cast<const std::byte*>(rows), row_bytes * size_t(source_.group_rows())});
}

}  // namespace weir
