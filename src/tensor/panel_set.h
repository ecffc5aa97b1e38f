// All panels of a model, and when they are made.
//
// A prompt repacks the stored rows once for many activation rows and hardly gains by panels, which
// cost new memory; decoding repacks them for every token. So passes that read prompts make none.
// Those that decode make some of what they read: many of the matrices that every pass reads, few of
// experts, which the next pass may not choose. A thread that runs only when the processors have
// nothing else to do (SCHED_IDLE) makes all, matrix after matrix in the order of the model, from
// the first pass that decodes on.
#pragma once
#include <atomic>
#include <deque>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "base/memory.h"
#include "tensor/panel_file.h"
#include "tensor/panels.h"

namespace weir {

class PanelSet {
 public:
  // A pass reads a prompt if it has more rows than this for each sequence: decoding has one, and
  // one for each guess.
  static constexpr int kDecodeRows = 9;
  // Bytes made in a pass: of matrices without groups, whose panels pay in the next passes, and of
  // experts.
  static constexpr int64_t kOfPass = int64_t(1) << 30, kOfExperts = int64_t(16) << 20;
  // The thread ends where less memory is available than this, or than a share of what was.
  static constexpr double kSpareMemory = double(int64_t(512) << 20), kSpareShare = 0.25;

  // Of those of `matrices` that have blocks; kernels().repack_panel exists. Without room, products
  // read stored rows until use(). The matrices outlive this. `available`: as available_memory().
  PanelSet(std::span<Matrix* const> matrices, bool has_room,
           double (*available)() = available_memory);
  ~PanelSet();  // stops the thread within a panel
  PanelSet(const PanelSet&) = delete;
  PanelSet& operator=(const PanelSet&) = delete;

  // Before a pass that reads quantized activations. One thread.
  void begin_pass(int rows, int sequences);
  // Products read the panels of `file`, which is of panels(); none is made but for damaged ones.
  // Before the first pass.
  void use(std::shared_ptr<PanelFile> file);
  // Waits until the thread has made all or has ended for want of memory.
  void wait();
  // The same, and works with it: on a busy machine it might get no time.
  void complete();

  std::deque<Panels>& panels() { return panels_; }
  // Those of panels().
  std::span<const Matrix* const> matrices() const { return {matrices_.data(), matrices_.size()}; }

 private:
  void make_missing();

  const bool has_room_;
  bool has_begun_ = false;
  double (*const available_)();
  std::atomic<bool> stop_{false}, is_short_{false};  // is_short_: of memory
  PanelBudget budget_, experts_budget_;
  std::vector<Matrix*> matrices_;  // of panels_
  std::deque<Panels> panels_;
  std::shared_ptr<PanelFile> file_;
  std::thread thread_;
};

}  // namespace weir
