#include "tensor/panel_set.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>

namespace weir {
namespace {

// Bytes made between two looks at the memory that is available.
constexpr size_t kLookEvery = size_t(4) << 20;

// This thread runs when no other wants the processor.
void run_when_idle() {
  const sched_param none{};
  if (sched_setscheduler(0, SCHED_IDLE, &none) != 0) (void)setpriority(PRIO_PROCESS, 0, 19);
}

}  // namespace

PanelSet::PanelSet(std::span<Matrix* const> matrices, bool has_room, double (*available)())
    : has_room_(has_room), available_(available) {
  for (Matrix* matrix : matrices) {
    if (!has_integer_products(matrix->type)) continue;
    matrices_.push_back(matrix);
    panels_.emplace_back(*matrix, matrix->is_experts() ? &experts_budget_ : &budget_);
    if (has_room) matrix->panels = &panels_.back();
  }
}

PanelSet::~PanelSet() {
  stop_ = true;
  wait();
  if (file_) file_->report_damage();
}

void PanelSet::wait() {
  if (thread_.joinable()) thread_.join();
}

void PanelSet::begin_pass(int rows, int sequences) {
  if (file_) file_->report_damage();
  const bool makes = has_room_ && !is_short_ && rows <= kDecodeRows * sequences;
  budget_.left = makes ? kOfPass : 0;
  experts_budget_.left = makes ? kOfExperts : 0;
  if (!makes || file_ || has_begun_ || panels_.empty()) return;
  has_begun_ = true;
  thread_ = std::thread([this] {
    run_when_idle();
    make_missing();
  });
}

void PanelSet::use(std::shared_ptr<PanelFile> file) {
  for (size_t i = 0; i < panels_.size(); ++i) {
    panels_[i].use(file->of(i));
    matrices_[i]->panels = &panels_[i];
  }
  file_ = std::move(file);
}

void PanelSet::complete() {
  if (thread_.joinable()) make_missing();
  wait();
}

void PanelSet::make_missing() {
  const double spare = std::min(kSpareMemory, available_() * kSpareShare);
  size_t unseen = 0;  // bytes made since the last look at the memory
  for (Panels& panels : panels_)
    for (size_t i = 0; i < panels.count(); ++i) {
      if (stop_ || is_short_) return;
      if (!panels.make(i)) continue;
      unseen += panels.panel_bytes();
      if (unseen < kLookEvery) continue;
      unseen = 0;
      is_short_ = available_() < spare;
    }
}

}  // namespace weir
