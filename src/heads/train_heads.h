// Trains heads of a model from labelled rows (docs/guard-heads.md): reads the hidden states of some
// blocks once, takes the block that separates held-out rows best, then fits, calibrates and
// measures there.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "chat/chat_form.h"
#include "heads/labelled_rows.h"
#include "heads/pooled_states.h"
#include "heads/probe_head.h"
#include "heads/train_part.h"

namespace weir {

struct HeadTraining {
  double held_out = 0.3;          // share of the groups
  double false_positives = 0.01;  // of the threshold
  StatePooling pooling = StatePooling::last;
  std::vector<int> blocks = {};  // to choose from; empty: some of the later three quarters
  uint64_t seed = 1;             // of the division
  bool exact = false;            // EngineOptions::exact
  int tokens_max = 2048;         // longer texts are cut at their beginning
  std::string states = {};       // a file that keeps hidden states until the end; "": none
  std::function<bool()> is_stopped = [] { return false; };
  std::function<void(size_t done, size_t all)> on_progress = [](size_t, size_t) {};
};

struct TrainedHeads {
  ProbeFile file;
  bool is_stopped = false;  // the same call goes on from `states`
};

// `base`: the model's name. Errors: too few rows of a kind on either side of the division (10), a
// conversation that the model's template refuses.
Result<TrainedHeads> train_heads(const OpenModel& open, const ChatForm& form,
                                 const std::string& base, const std::vector<LabelledRow>& rows,
                                 const HeadTraining& options);

// A row's tokens as heads read them: a prompt up to where the model answers, an answer at several
// of its lengths.
Result<StateText> state_text(const OpenModel& open, const ChatForm& form, const LabelledRow& row,
                             int tokens_max);

}  // namespace weir
