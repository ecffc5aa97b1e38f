// A run through stages, seen while it happens: on a terminal a few lines that rewrite themselves
// and now and then a reply of the model; elsewhere a plain line every 10 seconds. What the lines
// say is status_block.h, how they are rewritten is live_screen.h.
#pragma once
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/processor.h"
#include "live/live_screen.h"
#include "live/status_block.h"
#include "stages/scores.h"

namespace weir {

struct LiveOptions {
  std::FILE* out = stderr;
  bool is_terminal = false;
  bool has_color = false;
  int columns = 0, rows = 0;  // 0: as the terminal says, asked again each time
  // Null: how busy the cores are and how much memory the process takes is not shown.
  CoreTimes (*core_times)() = nullptr;
  double (*resident_bytes)() = nullptr;

  // stderr as it is.
  static LiveOptions of_stderr();
  // No terminal when TERM is unset or "dumb", no color when NO_COLOR is set and not empty
  // (no-color.org). Either text may be null.
  static LiveOptions of(bool is_terminal, const char* term, const char* no_color);
};

// Not for several threads at once. Every text may come from a model or a file: it is shown without
// control characters and cut to the width of the terminal.
class LiveView {
 public:
  explicit LiveView(std::vector<PlannedStage> stages,
                    LiveOptions options = LiveOptions::of_stderr());
  ~LiveView();  // leaves the last block where it is and ends its line
  LiveView(const LiveView&) = delete;
  LiveView& operator=(const LiveView&) = delete;

  // `index` into the planned stages. steps_done: by earlier processes, so that the rate counts only
  // our own; steps: of the whole stage.
  void begin_stage(size_t index, int64_t steps_done, int64_t steps);
  // Steps that earlier processes did, once they are known: the rate counts from here.
  void resume_at(int64_t steps_done);
  // Of the stage at work, when another round of steps follows.
  void set_steps(int64_t steps);
  // One line of metrics.jsonl, as docs/r1-report.md lists them; "step" counts from 1. Cheap: call
  // it after every step.
  void update(const Json& metrics);
  // What the stage does outside of its steps, the time of which is no part of a step's:
  // ("evaluating", 40, 120). total 0 means unknown. Stays until the next update() or stage.
  void show_activity(const std::string& what, double done = 0, double total = 0);
  // A reply worth reading. On a terminal it stays a few seconds before the next replaces it.
  void show_sample(const SampleReply& sample);
  // Ends the stage; `summary` is a line that stays above the block: "cold-start: 64.1 % right".
  void end_stage(const std::string& summary);
  // Lines that stay: a warning, a comparison. Longer lines than the terminal are wrapped.
  void note(const std::string& text);
  // Takes the block away, as before printing a table to stdout. The next call brings it back.
  void clear();

 private:
  void refresh(bool always);
  void write(const std::string& bytes);
  int columns() const;
  void set_time_left();
  void look_at_machine();

  LiveOptions options_;
  LiveState state_;
  LiveScreen screen_;
  int64_t stage_began_ns_ = 0, step_began_ns_ = 0;
  int64_t shown_ns_, sample_ns_;        // when the block and the sample were last changed
  int64_t first_step_ = 0;              // of the stage, done before begin_stage()
  CoreTimes stage_cores_, last_cores_;  // when the stage began, at the last look
  int64_t machine_ns_ = 0;              // when the machine was last looked at
  double step_seconds_ = 0;             // moving average
};

}  // namespace weir
