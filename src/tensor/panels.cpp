#include "tensor/panels.h"

#include <algorithm>

#include "base/checksum.h"
#include "base/div_up.h"
#include "base/file.h"

namespace weir {
namespace {

int panels_of_group(const Matrix& source) { return div_up(source.group_rows(), kPanelRows); }

}  // namespace

Panels::Panels(const Matrix& source, PanelBudget* budget)
    : source_(source),
      budget_(budget),
      panel_bytes_(weir::panel_bytes(source.type, source.cols)),
      of_group_(panels_of_group(source)),
      memory_(bytes_of(source)),
      states_(new std::atomic<uint8_t>[count()]()),
      missing_(new std::atomic<int>[size_t(source.groups)]) {
  for (int g = 0; g < source.groups; ++g) missing_[size_t(g)] = of_group_;
}

size_t Panels::bytes_of(const Matrix& source) {
  return weir::panel_bytes(source.type, source.cols) * size_t(panels_of_group(source)) *
         size_t(source.groups);
}

void Panels::repack(const Matrix& source, size_t at, uint8_t* to) {
  const auto of_group = size_t(panels_of_group(source));
  const size_t row_bytes = type_bytes(source.type, size_t(source.cols));
  const int first = int(at % of_group) * kPanelRows;
  const char* rows = static_cast<const char*>(source.parts[at / of_group]);
  kernels().repack_panel(source.type, rows + size_t(first) * row_bytes, row_bytes,
                         std::min(kPanelRows, source.group_rows() - first), source.cols, to);
}

const uint8_t* Panels::get(int group, int index) {
  const size_t at = size_t(group) * size_t(of_group_) + size_t(index);
  const uint8_t state = states_[at].load(std::memory_order_acquire);
  if (state == kReady) return reinterpret_cast<const uint8_t*>(memory_.data()) + at * panel_bytes_;
  if (state == kStored) return stored_.data + at * panel_bytes_;
  if (state == kBeingMade) return nullptr;
  if (state == kAbsent && stored_.data)
    if (const uint8_t* panel = check_stored(at)) return panel;
  if (budget_ && budget_->left.fetch_sub(int64_t(panel_bytes_)) <= 0) return nullptr;
  return make(at) ? reinterpret_cast<const uint8_t*>(memory_.data()) + at * panel_bytes_ : nullptr;
}

bool Panels::make(size_t at) {
  std::atomic<uint8_t>& state = states_[at];
  uint8_t found = stored_.data ? kDamaged : kAbsent;
  if (!state.compare_exchange_strong(found, kBeingMade, std::memory_order_acquire)) return false;
  repack(source_, at, reinterpret_cast<uint8_t*>(memory_.data()) + at * panel_bytes_);
  state.store(kReady, std::memory_order_release);
  count_made(at);
  return true;
}

// Threads that meet at a panel check it both, with the same result.
const uint8_t* Panels::check_stored(size_t at) {
  const uint8_t* panel = stored_.data + at * panel_bytes_;
  const bool is_good =
      checksum({reinterpret_cast<const std::byte*>(panel), panel_bytes_}) == stored_.sums[at];
  if (!is_good) *stored_.is_damaged = true;
  uint8_t found = kAbsent;
  states_[at].compare_exchange_strong(found, is_good ? kStored : kDamaged);
  return is_good ? panel : nullptr;
}

void Panels::count_made(size_t at) {
  const size_t group = at / size_t(of_group_);
  if (missing_[group].fetch_sub(1) == 1 && source_.is_mapped)
    forget_pages({static_cast<const std::byte*>(source_.parts[group]),
                  type_bytes(source_.type, size_t(source_.cols)) * size_t(source_.group_rows())});
}

}  // namespace weir
