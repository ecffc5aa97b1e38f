// Live progress of long work: one line that rewrites itself on a terminal, a plain line now and then
// elsewhere. Also the flag that Ctrl-C and SIGTERM set.
#pragma once
#include <cstdint>
#include <string>

namespace weir {

class Progress {
 public:
  // `unit` as in "MB" or "steps"; total 0 means unknown. Lines go to stderr.
  Progress(std::string title, double total, std::string unit);
  ~Progress();  // ends the line
  // `done` in units since the work began; `detail` is free text ("loss 2.31  lr 3.0e-4"). Shows done,
  // total, rate, time left. At most 10 updates a second on a terminal, one line each 10 s elsewhere.
  void update(double done, const std::string& detail = "");
  // Work done before this process began (after a resume), so that the rate counts only our own.
  void start_at(double done);
  void finish(const std::string& detail = "");

 private:
  void show(double done, const std::string& detail, bool last);
  std::string title_, unit_;
  double total_, start_ = 0;
  int64_t began_ns_, shown_ns_ = 0;
  bool terminal_, open_ = false;
};

int64_t monotonic_ns();
bool stderr_is_terminal();
bool stdout_is_terminal();

// After the first SIGINT or SIGTERM stop_requested() is true and the work ends at its next safe point;
// a second signal ends the process at once.
void catch_stop_signals();
bool stop_requested();

}  // namespace weir
