#include "live/status_block.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/processor.h"
#include "base/text.h"
#include "stages/shown_reply.h"
#include "text/terminal_text.h"

namespace weir {
namespace {

constexpr int kBarCells = 24;
constexpr size_t kNameBytes = 80;
constexpr size_t kReplyBytes = 4000;  // looked at, of each text of a reply
constexpr size_t kAboutLines = 3;
constexpr size_t kQuestionLines = 3, kThinkingLines = 5, kAnswerLines = 2;

// "12.3", "0.042", "3.0e-4": about three digits; an exact zero is "0".
std::string number(double value) {
  const double size = std::fabs(value);
  if (size == 0) return "0";
  if (size >= 1000) return format_count(value);
  if (size >= 100) return fmt::format("{:.0f}", value);
  if (size >= 10) return fmt::format("{:.1f}", value);
  if (size >= 0.995) return fmt::format("{:.2f}", value);
  if (size >= 1e-3) return fmt::format("{:.3f}", value);
  const std::string text = fmt::format("{:.1e}", value);  // "3.0e-04"
  const size_t e = text.find('e');
  return text.substr(0, e) + fmt::format("e{}", std::atoi(text.c_str() + e + 1));
}

std::string whole(double value) { return fmt::format("{:.0f}", value); }
std::string tokens(double value) { return fmt::format("{:.1f} tokens", value); }
std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

// The values that are shown, in words that need no course; entropy, KL and gradients are in the
// report.
enum class Best { none, highest, lowest };
struct Value {
  const char* key;
  const char* name;
  std::string (*text)(double) = number;
  Best best = Best::none;
  bool is_shown_when_zero = true;
};
constexpr Value kValues[] = {
    {"accuracy", "right", percent, Best::highest},
    {"held_out", "right of held-out problems", percent, Best::highest},
    {"thinking_tokens", "thinking", tokens},
    {"loss", "loss", number, Best::lowest},
    {"reward", "reward", number, Best::highest},
    {"reward_accuracy", "accuracy"},
    {"reward_format", "format"},
    {"reward_language", "language"},
    {"reward_length", "length"},
    {"reward_safety", "safety"},
    {"reward_helpful", "helpful"},
    {"uniform_groups", "questions whose answers earned all the same", percent},
    {"truncated", "cut off", whole},
    {"unparseable", "without an answer", whole},
    {"tokens_per_second", "tokens learned from a second"},
    // Exactly 0 when replies are learned from with the probabilities they were drawn with.
    {"max_difference", "drawn with other probabilities than learned from, by", number, Best::none,
     false},
};

bool read(const Json& metrics, const char* key, double& value) {
  const Json* found = metrics.find(key);
  if (!found || !found->is_number()) return false;
  value = *found->as_double();
  return std::isfinite(value);
}

struct Field {
  std::string name, value;
};

// Those that are known: "right" and "61.3 % (best 64.0 %)".
std::vector<Field> fields_of(const LiveState& state) {
  std::vector<Field> fields;
  for (const Value& shown : kValues) {
    double value = 0;
    const auto best = state.best.find(shown.key);
    const std::string best_text =
        best == state.best.end() ? "" : "best " + shown.text(best->second);
    if (!read(state.metrics, shown.key, value)) {
      if (!best_text.empty()) fields.push_back({shown.name, best_text});
    } else if (value != 0 || shown.is_shown_when_zero) {
      const std::string text = shown.text(value);
      const bool is_best = best_text.empty() || best_text == "best " + text;
      fields.push_back({shown.name, is_best ? text : text + " (" + best_text + ")"});
    }
  }
  return fields;
}

std::string name_of(const LiveState& state) {
  if (state.stage >= state.stages.size()) return "";
  return one_line(state.stages[state.stage].name, kNameBytes);
}

double share_done(const LiveState& state) {
  if (state.steps <= 0) return 0;
  return std::clamp(double(state.step) / double(state.steps), 0.0, 1.0);
}

std::string steps_text(const LiveState& state) {
  return fmt::format("{}/{} ({:.0f} %)", state.step, state.steps,
                     std::floor(100 * share_done(state)));
}

std::string activity_text(const LiveState& state) {
  std::string text = one_line(state.activity, kNameBytes);
  if (state.activity_total > 0)
    text += fmt::format("  {:.0f}/{:.0f}", state.activity_done, state.activity_total);
  else if (state.activity_done > 0)
    text += fmt::format("  {:.0f}", state.activity_done);
  return text;
}

// "8 m 02 s so far, 12 m 40 s of processor time, 848.0 MiB of memory; other programs take 80 % of
// the cores".
std::string load_text(const LiveState& state) {
  if (state.stage_core_seconds <= 0) return "";
  std::string text =
      fmt::format("{} so far, {} of processor time", format_seconds(state.stage_seconds),
                  format_seconds(state.stage_core_seconds));
  if (state.resident_bytes > 0) text += ", " + format_bytes(state.resident_bytes) + " of memory";
  if (const std::string others = others_words(state.others); !others.empty()) text += "; " + others;
  return text;
}

Ink verdict_ink(const std::string& verdict) {
  return verdict == "right" ? Ink::good : verdict == "wrong" ? Ink::bad : Ink::warn;
}

// The block, line by line.
class StatusBlock {
 public:
  explicit StatusBlock(const LiveFormat& format) : format_(format) {}

  std::vector<std::string> lines_of(const LiveState& state) {
    add_stages(state);
    if (state.stage < state.stages.size())
      add_text("", one_line(state.stages[state.stage].about, kReplyBytes), Ink::plain, kAboutLines);
    add_progress(state);
    add_text("", load_text(state), others_words(state.others).empty() ? Ink::dim : Ink::warn,
             kAboutLines);
    add_fields(fields_of(state));
    if (!state.activity.empty()) add(line().add(activity_text(state), Ink::accent));
    if (state.has_sample) add_sample(state.sample);
    if (int(lines_.size()) > format_.lines_max)
      lines_.resize(size_t(std::max(0, format_.lines_max)));
    return std::move(lines_);
  }

 private:
  InkedLine line() const { return InkedLine(format_.columns, format_.has_color); }
  void add(const InkedLine& line) { lines_.push_back(line.text()); }

  // All stages, done ones ticked; only the present one's number where there is no room.
  void add_stages(const LiveState& state) {
    InkedLine line = this->line();
    line.add(fmt::format("stage {} of {}", state.stage + 1, state.stages.size()), Ink::dim);
    int needed = line.left() > 0 ? 0 : 1;
    for (const PlannedStage& stage : state.stages)
      needed += columns_of(one_line(stage.name, kNameBytes)) + 4;
    if (needed > line.left()) return add(line.add("  " + name_of(state), Ink::bold));
    for (size_t i = 0; i < state.stages.size(); ++i) {
      const std::string name = one_line(state.stages[i].name, kNameBytes);
      if (i < state.stage)
        line.add("  ✓ ", Ink::good).add(name, Ink::dim);
      else if (i == state.stage)
        line.add("  ▸ ", Ink::accent).add(name, Ink::bold);
      else
        line.add("  · ", Ink::dim).add(name, Ink::dim);
    }
    add(line);
  }

  void add_progress(const LiveState& state) {
    InkedLine line = this->line();
    if (format_.columns >= 60) {
      const int full = int(share_done(state) * kBarCells);
      std::string done, open;
      for (int i = 0; i < kBarCells; ++i) (i < full ? done : open) += i < full ? "━" : "─";
      line.add(done, Ink::accent).add(open + "  ", Ink::dim);
    }
    line.add(steps_text(state));
    if (state.stage_left >= 0) {
      line.add_whole(format_seconds(state.stage_left));
      line.add_whole("left", Ink::dim, 1);
    }
    if (state.run_left >= 0 && line.add_whole("whole run", Ink::dim))
      line.add_whole(format_seconds(state.run_left), Ink::plain, 1);
    add(line);
  }

  // On as many lines as they need.
  void add_fields(const std::vector<Field>& fields) {
    InkedLine line = this->line();
    for (const Field& field : fields) {
      const int needed = columns_of(field.name) + 1 + columns_of(field.value);
      if (!line.text().empty() && needed + 2 > line.left()) {
        add(line);
        line = this->line();
      }
      line.add_whole(field.name, Ink::dim);
      line.add((line.text().empty() ? "" : " ") + field.value);
    }
    if (!line.text().empty()) add(line);
  }

  // A label, then text that goes on under itself.
  void add_text(std::string label, const std::string& text, Ink ink, size_t lines_max) {
    const int indent = columns_of(label);
    for (const std::string& part : wrap_columns(text, format_.columns - indent, lines_max)) {
      add(line().add(label, Ink::dim).add(part, ink));
      label.assign(size_t(indent), ' ');
    }
  }

  void add_sample(const SampleReply& sample) {
    lines_.push_back("");
    add_text("asked     ", one_line(sample.question, kReplyBytes), Ink::plain, kQuestionLines);
    add_text("thinking  ", one_line(sample.thinking, kReplyBytes), Ink::dim, kThinkingLines);
    const std::string answer = one_line(sample.answer, kReplyBytes);
    add_text("answer    ", answer.empty() ? "(none)" : answer, Ink::bold, kAnswerLines);
    InkedLine verdict = line();
    verdict.add("          ")
        .add(one_line(shown_verdict(sample), kNameBytes), verdict_ink(sample.verdict));
    const std::string gold = one_line(sample.gold, kNameBytes);
    if (sample.verdict != "right" && !gold.empty()) verdict.add("  expected " + gold, Ink::dim);
    add(verdict);
  }

  const LiveFormat& format_;
  std::vector<std::string> lines_;
};

}  // namespace

void add_metrics(LiveState& state, const Json& metrics) {
  state.metrics = metrics;
  for (const Value& shown : kValues) {
    double value = 0;
    if (shown.best == Best::none || !read(metrics, shown.key, value)) continue;
    const auto [best, is_first] = state.best.emplace(shown.key, value);
    if (shown.best == Best::highest ? value > best->second : value < best->second)
      best->second = value;
  }
}

std::vector<std::string> live_lines(const LiveState& state, const LiveFormat& format) {
  return StatusBlock(format).lines_of(state);
}

std::string live_line(const LiveState& state) {
  std::string line = fmt::format("[{}/{}] {}  {}", state.stage + 1, state.stages.size(),
                                 name_of(state), steps_text(state));
  if (!state.activity.empty())
    line += "  " + activity_text(state);
  else
    for (const Field& field : fields_of(state)) line += "  " + field.name + " " + field.value;
  if (state.stage_left >= 0) line += "  " + format_seconds(state.stage_left) + " left";
  if (state.run_left >= 0) line += ", whole run " + format_seconds(state.run_left);
  if (const std::string others = others_words(state.others); !others.empty()) line += "; " + others;
  return line;
}

std::string sample_line(const SampleReply& sample, int columns) {
  const int third = std::max(8, (columns - 20) / 3);
  return cut_columns(fmt::format("  {}: {} | {} | {}", one_line(shown_verdict(sample), kNameBytes),
                                 cut_columns(one_line(sample.question, kReplyBytes), third),
                                 cut_columns(one_line(sample.thinking, kReplyBytes), third),
                                 cut_columns(one_line(sample.answer, kReplyBytes), third)),
                     columns);
}

}  // namespace weir
