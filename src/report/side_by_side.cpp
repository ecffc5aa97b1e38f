#include "report/side_by_side.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/report_table.h"
#include "stages/shown_reply.h"
#include "text/terminal_text.h"

namespace weir {
namespace {

constexpr size_t kTextBytes = 400, kNameBytes = 40;

// How well a pair shows what has changed.
int merit(const SampleReply& before, const SampleReply& now) {
  const bool was_right = before.verdict == "right", is_right = now.verdict == "right";
  const int change = is_right && !was_right ? 4 : before.verdict != now.verdict ? 2 : 0;
  return change + (is_reasoning(now.family) ? 1 : 0);
}

std::string reply_line(const std::string& label, const SampleReply& reply) {
  const std::string thinking = one_line(reply.thinking, kTextBytes);
  const std::string answer = one_line(reply.answer, kTextBytes);
  return fmt::format("  {}{}{} ({})", label, thinking.empty() ? "" : thinking + " -> ",
                     answer.empty() ? "no answer" : answer,
                     one_line(shown_verdict(reply), kNameBytes));
}

}  // namespace

std::string side_by_side(const StageReport& before, const StageReport& now) {
  const SampleReply *first = nullptr, *second = nullptr;
  int best = -1;
  for (const SampleReply& earlier : before.samples)
    for (const SampleReply& later : now.samples) {
      if (earlier.question != later.question || earlier.family != later.family) continue;
      if (merit(earlier, later) <= best) continue;
      best = merit(earlier, later);
      first = &earlier;
      second = &later;
    }
  if (!first) return "";
  const std::string names[] = {"asked", one_line(before.name, kNameBytes),
                               one_line(now.name, kNameBytes)};
  int width = 0;
  for (const std::string& name : names) width = std::max(width, columns_of(name));
  const auto label = [&](const std::string& name) {
    return name + std::string(size_t(width - columns_of(name)) + 2, ' ');
  };
  return "  " + label(names[0]) + one_line(second->question, kTextBytes) + "\n" +
         reply_line(label(names[1]), *first) + "\n" + reply_line(label(names[2]), *second);
}

}  // namespace weir
