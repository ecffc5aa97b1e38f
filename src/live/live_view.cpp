#include "live/live_view.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/clock.h"
#include "base/terminal.h"
#include "base/text.h"
#include "text/terminal_text.h"

namespace weir {
namespace {

constexpr int64_t kSecond_ns = 1'000'000'000;
constexpr int64_t kTerminalInterval_ns = kSecond_ns / 10;
constexpr int64_t kPlainInterval_ns = 10 * kSecond_ns;
constexpr int64_t kMachineInterval_ns = 5 * kSecond_ns;
constexpr int64_t kSampleOnTerminal_ns = 6 * kSecond_ns;
constexpr int64_t kSamplePlain_ns = 60 * kSecond_ns;
constexpr size_t kNoteBytes = 16'384;
constexpr int kPlainColumns = 200;  // of a reply

double read_resident_bytes() {
  double pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%*f %lf", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  return pages * double(sysconf(_SC_PAGESIZE));
}

}  // namespace

LiveOptions LiveOptions::of_stderr() {
  LiveOptions options = of(stderr_is_terminal(), std::getenv("TERM"), std::getenv("NO_COLOR"));
  options.core_times = read_core_times;
  options.resident_bytes = read_resident_bytes;
  return options;
}

LiveOptions LiveOptions::of(bool is_terminal, const char* term, const char* no_color) {
  LiveOptions options;
  options.is_terminal = is_terminal && term && *term && std::string_view(term) != "dumb";
  options.has_color = options.is_terminal && !(no_color && *no_color);
  return options;
}

LiveView::LiveView(std::vector<PlannedStage> stages, LiveOptions options)
    : options_(options),
      shown_ns_(monotonic_ns() - kPlainInterval_ns),  // the first update shows
      sample_ns_(monotonic_ns() - kSamplePlain_ns) {
  state_.stages = std::move(stages);
}

LiveView::~LiveView() {
  if (!screen_.is_empty()) write("\n");
}

void LiveView::begin_stage(size_t index, int64_t steps_done, int64_t steps) {
  LiveState next;
  next.stages = std::move(state_.stages);
  next.stage = index;
  next.step = steps_done;
  next.steps = steps;
  state_ = std::move(next);
  first_step_ = steps_done;
  step_seconds_ = 0;
  stage_began_ns_ = step_began_ns_ = monotonic_ns();
  machine_ns_ = stage_began_ns_;
  if (options_.core_times) stage_cores_ = last_cores_ = options_.core_times();
  set_time_left();
  if (!options_.is_terminal && index < state_.stages.size() && !state_.stages[index].about.empty())
    write(state_.stages[index].name + ": " + one_line(state_.stages[index].about, kNoteBytes) +
          "\n");
  refresh(true);
}

void LiveView::resume_at(int64_t steps_done) {
  state_.step = first_step_ = steps_done;
  step_began_ns_ = monotonic_ns();
  set_time_left();
  refresh(true);
}

void LiveView::set_steps(int64_t steps) { state_.steps = steps; }

void LiveView::update(const Json& metrics) {
  const int64_t now = monotonic_ns();
  const Json* step = metrics.find("step");
  const int64_t before = state_.step;
  state_.step = before + 1;
  if (step && step->is_number()) {
    Result<int64_t> number = step->as_int();
    if (number) state_.step = *number;
  }
  if (state_.step > before) {
    const double seconds = double(now - step_began_ns_) * 1e-9 / double(state_.step - before);
    // About the last ten steps; a plain mean while there are fewer.
    const double weight = 1 / std::min(10.0, double(state_.step - first_step_));
    step_seconds_ += std::clamp(weight, 0.1, 1.0) * (seconds - step_seconds_);
  }
  step_began_ns_ = now;
  add_metrics(state_, metrics);
  state_.activity.clear();
  set_time_left();
  look_at_machine();
  refresh(false);
}

void LiveView::set_time_left() {
  state_.stage_seconds = double(monotonic_ns() - stage_began_ns_) * 1e-9;
  double planned = 0, later = 0;
  bool is_known = true;
  for (size_t i = 0; i < state_.stages.size(); ++i) {
    const double seconds = state_.stages[i].seconds;
    if (i == state_.stage) planned = seconds;
    if (i <= state_.stage) continue;
    later += seconds;
    is_known &= seconds > 0;
  }
  const double left = double(std::max<int64_t>(0, state_.steps - state_.step));
  if (step_seconds_ > 0)
    state_.stage_left = left * step_seconds_;
  else if (planned > 0 && state_.steps > 0)
    state_.stage_left = planned * left / double(state_.steps);
  else
    state_.stage_left = -1;
  state_.run_left = is_known && state_.stage_left >= 0 ? state_.stage_left + later : -1;
}

void LiveView::look_at_machine() {
  const int64_t now = monotonic_ns();
  if (now - machine_ns_ < kMachineInterval_ns) return;
  machine_ns_ = now;
  if (options_.resident_bytes) state_.resident_bytes = options_.resident_bytes();
  if (!options_.core_times) return;
  const CoreTimes times = options_.core_times();
  state_.stage_core_seconds = times.own - stage_cores_.own;
  state_.others = others_share(last_cores_, times);
  last_cores_ = times;
}

void LiveView::show_activity(const std::string& what, double done, double total) {
  const bool is_new = what != state_.activity;
  state_.activity = what;
  state_.activity_done = done;
  state_.activity_total = total;
  step_began_ns_ = monotonic_ns();  // not part of a step
  refresh(is_new && options_.is_terminal);
}

void LiveView::show_sample(const SampleReply& sample) {
  const int64_t now = monotonic_ns();
  const int64_t rest = options_.is_terminal ? kSampleOnTerminal_ns : kSamplePlain_ns;
  if (now - sample_ns_ < rest) return;
  sample_ns_ = now;
  if (options_.is_terminal) {
    state_.sample = sample;
    state_.has_sample = true;
    refresh(true);
  } else {
    write(sample_line(sample, kPlainColumns) + "\n");
  }
}

void LiveView::end_stage(const std::string& summary) {
  state_.activity.clear();
  state_.has_sample = false;
  if (!options_.is_terminal) write(live_line(state_) + "\n");
  note(summary);
}

void LiveView::note(const std::string& text) {
  const int width = columns();
  std::string bytes = screen_.erase(width);
  const std::string_view part = std::string_view(text).substr(0, kNoteBytes);
  for (const std::string& line : split(part, '\n')) {
    // Blanks are kept: tables are aligned with them.
    const std::string clean = printable(line, kNoteBytes);
    if (!options_.is_terminal || width <= 2)
      bytes += clean + "\n";
    else
      for (const std::string& row : hanging_lines(clean, width - 1)) bytes += row + "\n";
  }
  write(bytes);
}

void LiveView::clear() { write(screen_.erase(columns())); }

void LiveView::refresh(bool always) {
  const int64_t now = monotonic_ns();
  if (!always &&
      now - shown_ns_ < (options_.is_terminal ? kTerminalInterval_ns : kPlainInterval_ns))
    return;
  shown_ns_ = now;
  if (!options_.is_terminal) return write(live_line(state_) + "\n");
  // The last column and row stay free: some terminals wrap and scroll when they are written.
  const int width = columns(), rows = options_.rows > 0 ? options_.rows : stderr_size().rows;
  LiveFormat format;
  format.has_color = options_.has_color;
  format.columns = width > 0 ? std::min(width - 1, 120) : 79;
  format.lines_max = rows > 0 ? rows - 1 : 23;
  write(screen_.draw(live_lines(state_, format), width));
}

int LiveView::columns() const {
  return options_.columns > 0 ? options_.columns : stderr_size().columns;
}

void LiveView::write(const std::string& bytes) {
  std::fwrite(bytes.data(), 1, bytes.size(), options_.out);
  std::fflush(options_.out);
}

}  // namespace weir
