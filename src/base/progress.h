// Live progress of long work: one line that rewrites itself on a terminal, a plain line now and
// then elsewhere.
#pragma once
#include <cstdint>
#include <string>

namespace weir {

class Progress {
 public:
  // `unit` as in "MB" or "steps"; total 0 means unknown. Lines go to stderr.
  Progress(std::string title, double total, std::string unit);
  ~Progress();  // ends the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  // `done` in units since the work began; `detail` is free text ("loss 2.31  lr 3.0e-4"). Shows
  // done, total, rate, time left. At most 10 updates a second on a terminal, one line each 10 s
  // elsewhere.
  void update(double done, const std::string& detail = "");
  // Work done before this process began (after a resume), so that the rate counts only our own.
  void start_at(double done);
  // For a total that is known only after some work.
  void set_total(double total) { total_ = total; }
  // Shows the total (or, when it is unknown, what the last update said) and the time it took.
  void finish(const std::string& detail = "");

 private:
  void show(double done, const std::string& detail, bool last);
  std::string title_, unit_;
  double total_, start_ = 0, done_ = 0;
  int64_t began_ns_, shown_ns_;
  bool terminal_, open_ = false;
};

// What the line says: "training  120/500 steps (24 %)  loss 2.31  3.40 steps/s  1 m 52 s left".
struct ProgressLine {
  std::string title, unit, detail;
  double done = 0, total = 0;
  double start = 0;    // the part of `done` that an earlier process did
  double seconds = 0;  // since then
  bool last = false;
};
// Cut to `columns_max` characters, so that it stays one line on a terminal; 0 means any length.
std::string progress_text(const ProgressLine& line, int columns_max = 0);

}  // namespace weir
