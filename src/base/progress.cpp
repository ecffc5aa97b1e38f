#include "base/progress.h"

#include <fmt/format.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>

#include "base/text.h"

namespace weir {
namespace {

constexpr int64_t kTerminalInterval_ns = 100'000'000;
constexpr int64_t kPlainInterval_ns = 10'000'000'000;

volatile sig_atomic_t stop_signals = 0;

void on_stop_signal(int signal_number) {
  if (stop_signals) {  // the second one: at once, as without a handler
    signal(signal_number, SIG_DFL);
    raise(signal_number);
    return;
  }
  stop_signals = 1;
}

}  // namespace

int64_t monotonic_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

bool stderr_is_terminal() { return isatty(STDERR_FILENO) == 1; }
bool stdout_is_terminal() { return isatty(STDOUT_FILENO) == 1; }

void catch_stop_signals() {
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool stop_requested() { return stop_signals != 0; }

Progress::Progress(std::string title, double total, std::string unit)
    : title_(std::move(title)),
      unit_(std::move(unit)),
      total_(total),
      began_ns_(monotonic_ns()),
      shown_ns_(began_ns_ - kPlainInterval_ns),
      terminal_(stderr_is_terminal()) {}

Progress::~Progress() {
  if (open_) std::fputc('\n', stderr);
}

void Progress::start_at(double done) {
  start_ = done;
  began_ns_ = monotonic_ns();
}

void Progress::update(double done, const std::string& detail) {
  int64_t now = monotonic_ns();
  if (now - shown_ns_ < (terminal_ ? kTerminalInterval_ns : kPlainInterval_ns)) return;
  shown_ns_ = now;
  show(done, detail, false);
}

void Progress::finish(const std::string& detail) { show(total_, detail, true); }

void Progress::show(double done, const std::string& detail, bool last) {
  double seconds = double(monotonic_ns() - began_ns_) * 1e-9;
  double rate = seconds > 0 ? (done - start_) / seconds : 0;
  auto number = [](double v) { return fmt::format("{:.{}f}", v, v < 100 && v != double(int64_t(v)) ? 1 : 0); };
  std::string line = title_ + "  " + number(done);
  if (total_ > 0) line += fmt::format("/{} {} ({:.0f} %)", number(total_), unit_, 100 * done / total_);
  else line += " " + unit_;
  if (!detail.empty()) line += "  " + detail;
  if (last) line += "  in " + format_seconds(seconds);
  else if (rate > 0)
    line += fmt::format("  {:.{}f} {}/s", rate, rate < 10 ? 2 : 0, unit_) +
            (total_ > 0 ? "  " + format_seconds((total_ - done) / rate) + " left" : "");
  if (terminal_) std::fprintf(stderr, "\r\033[K%s%s", line.c_str(), last ? "\n" : "");
  else std::fprintf(stderr, "%s\n", line.c_str());
  std::fflush(stderr);
  open_ = terminal_ && !last;
}

}  // namespace weir
