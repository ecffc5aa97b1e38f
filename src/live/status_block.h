// The status block of a running stage as a pure function of what is known: lines for a terminal of
// some width, or one plain line.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "stages/scores.h"

namespace weir {

struct PlannedStage {
  std::string name;
  double seconds = 0;      // planned, evaluation included; 0: unknown
  std::string about = {};  // what it tries, as one sentence
};

struct LiveState {
  std::vector<PlannedStage> stages;
  size_t stage = 0;                                          // index of the one at work
  int64_t step = 0, steps = 0;                               // done and in all, of this stage
  double stage_left = -1, run_left = -1, stage_seconds = 0;  // negative: unknown
  double stage_core_seconds = 0;                             // of processor time; 0: unknown
  double resident_bytes = 0;                                 // memory of this process; 0: unknown
  double others = -1;                  // share of the cores that other programs take; < 0: unknown
  Json metrics = Json::object();       // of the newest step
  std::map<std::string, double> best;  // of this stage, by key of the metrics
  std::string activity;                // "" while steps are made
  double activity_done = 0, activity_total = 0;
  bool has_sample = false;
  SampleReply sample;
};

// Takes the metrics of a step, and what is best so far.
void add_metrics(LiveState& state, const Json& metrics);

struct LiveFormat {
  int columns = 100;  // no line is wider
  int lines_max = 24;
  bool has_color = true;
};

// From the list of stages down to a reply.
std::vector<std::string> live_lines(const LiveState& state, const LiveFormat& format);
// One line without colors, of any length: "[3/4] reasoning-rl  212/350 (60 %) ...".
std::string live_line(const LiveState& state);
// A reply as one plain line of at most `columns`.
std::string sample_line(const SampleReply& sample, int columns);

}  // namespace weir
