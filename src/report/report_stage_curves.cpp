// Which curves the page shows across stages, and how each is scaled.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/page.h"
#include "report/r1_page.h"

namespace weir {
namespace {

using Style = ChartSeries::Style;
constexpr double kSmoothing = 0.05;  // of a stage

struct Line {
  std::string key, name;
  int color = 0;
};

class Curves {
 public:
  // Of the stages of these kinds; all kinds when there are none.
  explicit Curves(const std::vector<StageReport>& stages, std::vector<std::string> kinds = {})
      : stages_(stages), kinds_(std::move(kinds)) {}

  // A chart of the stages that have any of the values; nothing when none has.
  void add(Chart chart, const std::vector<Line>& lines, bool smoothed = true) {
    const Timeline timeline = timeline_of(lines);
    if (timeline.stages.empty()) return;
    chart.spans = timeline.spans;
    std::vector<Line> used;
    for (const Line& line : lines)
      if (std::ranges::any_of(timeline.stages, [&](auto* s) { return has_metric(*s, line.key); }))
        used.push_back(line);
    // One noisy value is shown as it is with its average on top; of several only the averages.
    if (used.size() == 1 && smoothed)
      chart.series.push_back(
          {"each step", used[0].color, Style::faint, timeline_curve(timeline, used[0].key)});
    for (const Line& line : used)
      chart.series.push_back({used.size() == 1 && smoothed ? "smoothed" : line.name, line.color,
                              Style::line,
                              timeline_curve(timeline, line.key, smoothed ? kSmoothing : 0)});
    add_card(chart);
  }

  // In place of a chart of nothing but zeros.
  void add_exact(const std::string& title, const std::string& text) {
    cards_ += "<div class=\"card exact\"><b>" + title + "</b><span class=\"value\">0</span><p>" +
              text + "</p></div>";
  }

  // Rollout accuracy each step, and now and then on held-out problems.
  void add_accuracy() {
    const auto is_policy = [](const StageReport& stage) {
      return stage.kind != "reward" &&
             (has_metric(stage, "accuracy") || has_metric(stage, "held_out"));
    };
    const Timeline timeline = make_timeline(stages_, is_policy);
    if (timeline.stages.empty()) return;
    Chart chart{.title = "Right answers", .note = "share of replies", .series = {}};
    chart.spans = timeline.spans;
    chart.tall = true;
    chart.from_zero = true;
    chart.series.push_back({"each step", 0, Style::faint, timeline_curve(timeline, "accuracy")});
    chart.series.push_back(
        {"smoothed", 0, Style::line, timeline_curve(timeline, "accuracy", kSmoothing)});
    std::vector<ChartPoint> held = timeline_curve(timeline, "held_out");
    if (!held.empty())
      chart.series.push_back({"held-out problems", 1, Style::dots, std::move(held)});
    std::erase_if(chart.series, [](const ChartSeries& series) { return series.points.empty(); });
    add_card(chart);
  }

  // The largest value of a key over all stages; NaN when there is none.
  double largest(const std::string& key) const {
    double value = NAN;
    for (const StageReport& stage : stages_)
      for (const Json& line : stage.metrics) value = std::fmax(value, metric_of(line, key));
    return value;
  }

  std::string section(const std::string& title, const std::string& note) {
    if (cards_.empty()) return "";
    std::string html = "<section><h2>" + title + "</h2>";
    if (!note.empty()) html += "<p class=\"lead\">" + note + "</p>";
    html += "<div class=\"grid\">" + cards_ + "</div></section>\n";
    cards_.clear();
    return html;
  }

 private:
  // Names of many stages need the page's whole width.
  void add_card(const Chart& chart) {
    cards_ += std::string("<div class=\"card") + (chart.spans.size() > 3 ? " wide" : "") + "\">" +
              chart_html(chart) + "</div>";
  }

  Timeline timeline_of(const std::vector<Line>& lines) const {
    return make_timeline(stages_, [&](const StageReport& stage) {
      return (kinds_.empty() || std::ranges::count(kinds_, stage.kind) > 0) &&
             std::ranges::any_of(lines,
                                 [&](const Line& line) { return has_metric(stage, line.key); });
    });
  }

  const std::vector<StageReport>& stages_;
  std::vector<std::string> kinds_;
  std::string cards_;
};

Chart titled(const std::string& title, const std::string& note = "", bool from_zero = false) {
  Chart chart{.title = title, .note = note, .series = {}};
  chart.from_zero = from_zero;
  return chart;
}

std::string learning(Curves& curves) {
  curves.add_accuracy();
  Chart thinking = titled("Length", "tokens per reply", true);
  thinking.tall = true;
  curves.add(thinking, {{"thinking_tokens", "thinking", 2}, {"reply_tokens", "whole reply", 4}});
  curves.add(titled("Reward"), {{"reward", "reward", 0}});
  curves.add(titled("Parts of the reward", "before weights"), {{"reward_accuracy", "accuracy", 0},
                                                               {"reward_format", "format", 5},
                                                               {"reward_language", "language", 3},
                                                               {"reward_length", "length", 4},
                                                               {"reward_safety", "safety", 1},
                                                               {"reward_helpful", "helpful", 2}});
  return curves.section(
      "What reinforcement taught",
      "Every stage has its own stretch of the axis, as wide as the time it took.");
}

std::string health(Curves& curves) {
  curves.add(titled("Entropy", "nats per token: how much is still tried out", true),
             {{"entropy", "entropy", 2}});
  curves.add(titled("Distance from the reference", "KL, nats per token", true), {{"kl", "KL", 4}});
  if (curves.largest("max_difference") == 0)
    curves.add_exact("Rollout against training",
                     "is the largest difference |Δ log p| of any token of any step: the rules of "
                     "drawing and of learning agree to the last bit.");
  else
    curves.add(titled("Rollout against training", "largest |Δ log p| of a token", true),
               {{"max_difference", "largest", 1}}, false);
  curves.add(titled("Groups without variance", "share; they teach nothing", true),
             {{"uniform_groups", "share", 5}});
  curves.add(titled("Verdicts", "replies per step", true), {{"right", "right", 3},
                                                            {"wrong", "wrong", 1},
                                                            {"unparseable", "unparseable", 4},
                                                            {"truncated", "truncated", 2}});
  curves.add(titled("Clipped tokens", "share of those learned from", true),
             {{"clip_fraction", "clipped", 5}});
  if (curves.largest("routing_differences") > 0)
    curves.add(titled("Routing differences", "experts chosen otherwise than in the rollout", true),
               {{"routing_differences", "tokens", 1}}, false);
  return curves.section("Health of the updates", "");
}

std::string imitation(Curves& tuning, Curves& judges) {
  Chart loss = titled("Loss", "nats per token");
  loss.tall = true;
  tuning.add(loss, {{"loss", "loss", 0}});
  const std::string html = tuning.section("Learning from examples", "");
  judges.add(titled("Ordered or judged rightly", "share"), {{"accuracy", "right", 3}});
  judges.add(titled("Loss", "nats per judgement"), {{"loss", "loss", 0}});
  return html + judges.section("Reward models", "");
}

std::string machine(Curves& curves) {
  curves.add(titled("Learning rate", "", true), {{"lr", "learning rate", 3}}, false);
  Chart norm = titled("Gradient norm", "before clipping");
  norm.log_y = curves.largest("grad_norm") > 0;
  curves.add(norm, {{"grad_norm", "norm", 4}});
  curves.add(titled("Speed", "tokens trained on per second", true),
             {{"tokens_per_second", "tokens/s", 5}});
  return curves.section("Optimizer and machine", "");
}

}  // namespace

std::string stage_curves_html(const std::vector<StageReport>& stages) {
  Curves all(stages), tuning(stages, {"pretrain", "sft"}), judges(stages, {"reward"});
  return learning(all) + health(all) + imitation(tuning, judges) + machine(all);
}

}  // namespace weir
