#include "base/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/clock.h"
#include "base/terminal.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr int64_t kTerminalInterval_ns = 100'000'000;
constexpr int64_t kPlainInterval_ns = 10'000'000'000;
constexpr size_t kDetailBytesMax = 200;

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
