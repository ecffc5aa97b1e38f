#include "live/live_lines.h"

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
constexpr size_t kSparkCells = 16;
constexpr size_t kNameBytes = 80;
constexpr size_t kReplyBytes = 4000;  // looked at, of each text of a reply
constexpr size_t kAboutLines = 3;
constexpr size_t kQuestionLines = 3, kThinkingLines = 5, kAnswerLines = 2;
const char* const kParts[] = {"accuracy", "format", "language", "length", "safety", "helpful"};

bool read(const Json& metrics, const std::string& key, double& value) {
  const Json* found = metrics.find(key);
  if (!found || !found->is_number()) return false;
  value = *found->as_double();
  return std::isfinite(value);
}

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

std::string count(double value) { return fmt::format("{:.0f}", value); }

std::string percent(double share) { return fmt::format("{:.1f} %", 100 * share); }

// Pairs of a name and a value, as many as are known.
struct Field {
  std::string name, value;
};

void add_field(std::vector<Field>& fields, const Json& metrics, const std::string& key,
               const std::string& name, std::string (*text)(double) = number) {
  double value = 0;
  if (read(metrics, key, value)) fields.push_back({name, text(value)});
}

std::vector<Field> reward_fields(const Json& metrics) {
  std::vector<Field> fields;
  add_field(fields, metrics, "reward", "reward");
  for (const char* part : kParts) add_field(fields, metrics, std::string("reward_") + part, part);
  return fields;
}

// In words that need no course; what else there is (entropy, KL, gradients) is drawn in the report.
std::vector<Field> detail_fields(const Json& metrics) {
  std::vector<Field> fields;
  add_field(fields, metrics, "uniform_groups", "questions whose answers earned all the same",
            percent);
  add_field(fields, metrics, "truncated", "cut off", count);
  add_field(fields, metrics, "unparseable", "without an answer", count);
  add_field(fields, metrics, "tokens_per_second", "tokens learned from a second");
  double difference = 0;
  // Exactly 0 when replies are learned from with the probabilities they were drawn with.
  if (read(metrics, "max_difference", difference) && difference > 0)
    fields.push_back({"drawn with other probabilities than learned from, by", number(difference)});
  return fields;
}

// As many lines as the fields need.
void add_fields(std::vector<std::string>& lines, const std::vector<Field>& fields,
                const LiveFormat& format) {
  InkedLine line(format.columns, format.has_color);
  for (const Field& field : fields) {
    const int needed = columns_of(field.name) + 1 + columns_of(field.value);
    if (!line.text().empty() && needed + 2 > line.left()) {
      lines.push_back(line.text());
      line = InkedLine(format.columns, format.has_color);
    }
    line.add_whole(field.name, Ink::dim);
    line.add((line.text().empty() ? "" : " ") + field.value);
  }
  if (!line.text().empty()) lines.push_back(line.text());
}

const std::string& name_of(const LiveState& state) {
  static const std::string nothing;
  return state.stage < state.stages.size() ? state.stages[state.stage].name : nothing;
}

// All stages, done ones ticked; only the present one's number where there is no room.
std::string stages_line(const LiveState& state, const LiveFormat& format) {
  InkedLine line(format.columns, format.has_color);
  line.add(fmt::format("stage {} of {}", state.stage + 1, state.stages.size()), Ink::dim);
  int needed = line.left() > 0 ? 0 : 1;
  for (const PlannedStage& stage : state.stages)
    needed += columns_of(one_line(stage.name, kNameBytes)) + 4;
  if (needed > line.left()) {
    line.add("  " + one_line(name_of(state), kNameBytes), Ink::bold);
    return line.text();
  }
  for (size_t i = 0; i < state.stages.size(); ++i) {
    const bool is_done = i < state.stage, is_present = i == state.stage;
    line.add(is_done      ? "  ✓ "
             : is_present ? "  ▸ "
                          : "  · ",
             is_done      ? Ink::good
             : is_present ? Ink::accent
                          : Ink::dim);
    line.add(one_line(state.stages[i].name, kNameBytes), is_present ? Ink::bold : Ink::dim);
  }
  return line.text();
}

std::string progress_line(const LiveState& state, const LiveFormat& format) {
  InkedLine line(format.columns, format.has_color);
  const double share =
      state.steps > 0 ? std::clamp(double(state.step) / double(state.steps), 0.0, 1.0) : 0;
  if (format.columns >= 60) {
    const int full = int(share * kBarCells);
    std::string done, open;
    for (int i = 0; i < kBarCells; ++i) (i < full ? done : open) += i < full ? "━" : "─";
    line.add(done, Ink::accent);
    line.add(open + "  ", Ink::dim);
  }
  line.add(fmt::format("{}/{} ({:.0f} %)", state.step, state.steps, std::floor(100 * share)));
  if (state.stage_left >= 0) {
    line.add_whole(format_seconds(state.stage_left));
    line.add_whole("left", Ink::dim, 1);
  }
  if (state.run_left >= 0 && line.add_whole("whole run", Ink::dim))
    line.add_whole(format_seconds(state.run_left), Ink::plain, 1);
  return line.text();
}

void add_curve(InkedLine& line, const std::string& name, const std::string& value,
               const std::vector<double>& history) {
  if (columns_of(name) + columns_of(value) + 3 > line.left()) return;
  line.add_whole(name, Ink::dim);
  line.add(" " + value);
  if (history.size() > 1) line.add_whole(sparkline(history, kSparkCells), Ink::accent, 1);
}

std::string curves_line(const LiveState& state, const LiveFormat& format) {
  InkedLine line(format.columns, format.has_color);
  double value = 0;
  if (read(state.metrics, "accuracy", value))
    add_curve(line, "right", percent(value), state.accuracy);
  if (read(state.metrics, "thinking_tokens", value))
    add_curve(line, "thinking", fmt::format("{:.1f} tokens", value), state.thinking);
  if (read(state.metrics, "loss", value)) add_curve(line, "loss", number(value), state.loss);
  return line.text();
}

// "8 m 02 s so far, 12 m 40 s of processor time; other programs take 80 % of the cores".
std::string time_text(const LiveState& state) {
  if (state.stage_core_seconds <= 0) return "";
  std::string text =
      fmt::format("{} so far, {} of processor time", format_seconds(state.stage_seconds),
                  format_seconds(state.stage_core_seconds));
  if (const std::string others = others_words(state.others); !others.empty()) text += "; " + others;
  return text;
}

void add_wrapped(std::vector<std::string>& lines, const LiveFormat& format, const std::string& text,
                 Ink ink, size_t lines_max) {
  for (const std::string& part : wrap_columns(text, format.columns, lines_max)) {
    InkedLine line(format.columns, format.has_color);
    lines.push_back(line.add(part, ink).text());
  }
}

std::string activity_text(const LiveState& state) {
  std::string text = one_line(state.activity, kNameBytes);
  if (state.activity_total > 0)
    text += fmt::format("  {:.0f}/{:.0f}", state.activity_done, state.activity_total);
  else if (state.activity_done > 0)
    text += fmt::format("  {:.0f}", state.activity_done);
  return text;
}

Ink verdict_ink(const std::string& verdict) {
  return verdict == "right" ? Ink::good : verdict == "wrong" ? Ink::bad : Ink::warn;
}

// A label, then text that goes on under itself.
void add_text(std::vector<std::string>& lines, const LiveFormat& format, const char* label,
              const std::string& text, Ink ink, size_t lines_max) {
  const int indent = columns_of(label);
  bool first = true;
  for (const std::string& part : wrap_columns(text, format.columns - indent, lines_max)) {
    InkedLine line(format.columns, format.has_color);
    line.add(first ? label : std::string(size_t(indent), ' '), Ink::dim).add(part, ink);
    lines.push_back(line.text());
    first = false;
  }
}

void add_sample(std::vector<std::string>& lines, const SampleReply& sample,
                const LiveFormat& format) {
  lines.push_back("");
  add_text(lines, format, "asked     ", one_line(sample.question, kReplyBytes), Ink::plain,
           kQuestionLines);
  add_text(lines, format, "thinking  ", one_line(sample.thinking, kReplyBytes), Ink::dim,
           kThinkingLines);
  const std::string answer = one_line(sample.answer, kReplyBytes);
  add_text(lines, format, "answer    ", answer.empty() ? "(none)" : answer, Ink::bold,
           kAnswerLines);
  InkedLine verdict(format.columns, format.has_color);
  verdict.add("          ")
      .add(one_line(shown_verdict(sample), kNameBytes), verdict_ink(sample.verdict));
  const std::string gold = one_line(sample.gold, kNameBytes);
  if (sample.verdict != "right" && !gold.empty()) verdict.add("  expected " + gold, Ink::dim);
  lines.push_back(verdict.text());
}

}  // namespace

std::vector<std::string> live_lines(const LiveState& state, const LiveFormat& format) {
  std::vector<std::string> lines = {stages_line(state, format)};
  if (state.stage < state.stages.size())
    add_wrapped(lines, format, one_line(state.stages[state.stage].about, kReplyBytes), Ink::plain,
                kAboutLines);
  lines.push_back(progress_line(state, format));
  add_wrapped(lines, format, time_text(state),
              others_words(state.others).empty() ? Ink::dim : Ink::warn, kAboutLines);
  const auto add = [&](const std::string& line) {
    if (!line.empty()) lines.push_back(line);
  };
  add(curves_line(state, format));
  add_fields(lines, reward_fields(state.metrics), format);
  add_fields(lines, detail_fields(state.metrics), format);
  if (!state.activity.empty()) {
    InkedLine line(format.columns, format.has_color);
    lines.push_back(line.add(activity_text(state), Ink::accent).text());
  }
  if (state.has_sample) add_sample(lines, state.sample, format);
  if (int(lines.size()) > format.lines_max) lines.resize(size_t(std::max(0, format.lines_max)));
  return lines;
}

std::string live_line(const LiveState& state) {
  std::string detail;
  double value = 0;
  if (read(state.metrics, "accuracy", value)) detail += "  right " + percent(value);
  if (read(state.metrics, "thinking_tokens", value))
    detail += fmt::format("  thinking {:.1f}", value);
  if (read(state.metrics, "loss", value)) detail += "  loss " + number(value);
  for (const Field& field : reward_fields(state.metrics))
    detail += "  " + field.name + " " + field.value;
  for (const Field& field : detail_fields(state.metrics))
    detail += "  " + field.name + " " + field.value;
  std::string line = fmt::format(
      "[{}/{}] {}  {}/{} ({:.0f} %)", state.stage + 1, state.stages.size(),
      one_line(name_of(state), kNameBytes), state.step, state.steps,
      state.steps > 0 ? std::floor(100 * double(state.step) / double(state.steps)) : 0.0);
  line += state.activity.empty() ? detail : "  " + activity_text(state);
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

std::string sparkline(const std::vector<double>& values, size_t cells) {
  static const char* const kHeights[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::vector<double> finite, means;
  for (double value : values)
    if (std::isfinite(value)) finite.push_back(value);
  cells = std::min(cells, finite.size());
  for (size_t i = 0; i < cells; ++i) {
    const size_t begin = i * finite.size() / cells, end = (i + 1) * finite.size() / cells;
    double sum = 0;
    for (size_t j = begin; j < end; ++j) sum += finite[j];
    means.push_back(sum / double(end - begin));
  }
  if (means.empty()) return "";
  const auto [low, high] = std::ranges::minmax(means);
  std::string line;
  for (double mean : means)
    line += kHeights[high > low ? std::min(7, int(8 * (mean - low) / (high - low))) : 3];
  return line;
}

}  // namespace weir
