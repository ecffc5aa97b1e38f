#include "base/progress.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>

#include "base/text.h"

namespace weir {
namespace {

constexpr int64_t kTerminalInterval_ns = 100'000'000;
constexpr int64_t kPlainInterval_ns = 10'000'000'000;
constexpr size_t kDetailBytesMax = 200;

// Written by a signal handler on any thread: lock-free, hence safe there.
std::atomic<bool> stop_signalled{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void on_stop_signal(int signal_number) {
  if (!stop_signalled.exchange(true)) return;
  signal(signal_number, SIG_DFL);  // the second one: as without a handler, once this one returns
  raise(signal_number);
}

// 0.5, 99.9, 100, 12345: a decimal where it matters.
std::string amount(double v) {
  bool fraction = std::fabs(v) < 100 && v != std::floor(v);
  return fmt::format("{:.{}f}", v, fraction ? 1 : 0);
}

// Characters are counted, not bytes: continuation bytes of UTF-8 have no column.
std::string cut(std::string text, int columns) {
  int seen = 0;
  for (size_t i = 0; i < text.size(); ++i)
    if ((text[i] & 0xc0) != 0x80 && ++seen > columns) return text.substr(0, i);
  return text;
}

}  // namespace

int64_t monotonic_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

double process_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return double(now.tv_sec) + double(now.tv_nsec) * 1e-9;
}

bool stderr_is_terminal() { return isatty(STDERR_FILENO) == 1; }
bool stdout_is_terminal() { return isatty(STDOUT_FILENO) == 1; }

TerminalSize stderr_size() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0) return {};
  return {size.ws_col, size.ws_row};
}

void catch_stop_signals() {
  // Without SA_RESTART: a thread that waits for input gets to look at stop_requested().
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGXFSZ, SIG_IGN);
}

void write_stderr(const std::string& text) { (void)std::fputs(text.c_str(), stderr); }

bool stop_requested() { return stop_signalled.load(std::memory_order_relaxed); }

std::string progress_text(const ProgressLine& line, int columns_max) {
  std::string text = line.title + "  " + amount(line.done);
  if (line.total > 0)
    text += fmt::format("/{} {} ({:.0f} %)", amount(line.total), line.unit,
                        std::floor(100 * std::min(1.0, line.done / line.total)));
  else
    text += " " + line.unit;
  if (!line.detail.empty()) text += "  " + printable(line.detail, kDetailBytesMax);
  const double rate = line.seconds > 0 ? (line.done - line.start) / line.seconds : 0;
  if (line.last) {
    text += "  in " + format_seconds(line.seconds);
  } else if (rate > 0) {
    text += fmt::format("  {:.{}f} {}/s", rate, rate < 10 ? 2 : 0, line.unit);
    if (line.total > line.done)
      text += "  " + format_seconds((line.total - line.done) / rate) + " left";
  }
  return columns_max > 0 ? cut(std::move(text), columns_max) : text;
}

Progress::Progress(std::string title, double total, std::string unit)
    : title_(std::move(title)),
      unit_(std::move(unit)),
      total_(total),
      began_ns_(monotonic_ns()),
      shown_ns_(began_ns_ - kPlainInterval_ns),  // the first update shows
      terminal_(stderr_is_terminal()) {}

Progress::~Progress() {
  if (open_) std::fputc('\n', stderr);
}

void Progress::start_at(double done) {
  start_ = done_ = done;
  began_ns_ = monotonic_ns();
}

void Progress::update(double done, const std::string& detail) {
  done_ = done;
  int64_t now = monotonic_ns();
  if (now - shown_ns_ < (terminal_ ? kTerminalInterval_ns : kPlainInterval_ns)) return;
  shown_ns_ = now;
  show(done, detail, false);
}

void Progress::finish(const std::string& detail) {
  show(total_ > 0 ? total_ : done_, detail, true);
}

void Progress::show(double done, const std::string& detail, bool last) {
  ProgressLine line{title_, unit_, detail, done, total_, start_, 0, last};
  line.seconds = double(monotonic_ns() - began_ns_) * 1e-9;
  if (terminal_) {
    // The last column stays free: some terminals wrap when it is written.
    std::string text = progress_text(line, std::max(0, stderr_size().columns - 1));
    std::fprintf(stderr, "\r\033[K%s%s", text.c_str(), last ? "\n" : "");
  } else {
    std::fprintf(stderr, "%s\n", progress_text(line).c_str());
  }
  std::fflush(stderr);
  open_ = terminal_ && !last;
}

}  // namespace weir
