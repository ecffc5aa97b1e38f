#include "report/page.h"

#include <fmt/format.h>

#include <cmath>

#include "base/text.h"

namespace weir {
namespace {

// Water over a weir, as the page's mark.
constexpr char kMark[] =
    "<svg class=\"mark\" viewBox=\"0 0 48 32\" aria-hidden=\"true\">"
    "<path d=\"M2 8c4-3 7-3 11 0s7 3 11 0\"/><path d=\"M2 16c4-3 7-3 11 0s7 3 11 0\"/>"
    "<path d=\"M24 8c9 0 9 18 22 18M24 16c5 0 6 10 12 13\"/></svg>";

std::string card_html(const Headline& card) {
  return fmt::format(
      "<div class=\"number\"><span class=\"name\">{}</span><span "
      "class=\"value\">{}<small>{}</small>"
      "</span><span class=\"detail\">{}</span></div>",
      escape_html(card.name), escape_html(card.value), escape_html(card.unit),
      escape_html(card.detail));
}

// Mean over the last twentieth of the steps: one step's loss is mostly noise.
double recent_loss(const std::vector<StepMetrics>& metrics) {
  const size_t count = (metrics.size() + 19) / 20;
  double sum = 0;
  for (size_t i = metrics.size() - count; i < metrics.size(); ++i) sum += metrics[i].loss;
  return sum / double(count);
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '\n':
      case '\t':
        out += c;
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
          out += "\xEF\xBF\xBD";  // U+FFFD: HTML has no way to write a control character
        } else {
          out += c;
        }
    }
  }
  return out;
}

std::string script_json(const Json& value) {
  std::string out;
  for (char c : value.dump()) {
    if (c == '<')
      out += "\\u003c";
    else
      out += c;
  }
  return out;
}

std::string numbers_html(const std::vector<Headline>& numbers) {
  std::string html = "<div class=\"numbers\">";
  for (const Headline& card : numbers) html += card_html(card);
  return html + "</div>\n";
}

std::string page_html(const std::string& title, const std::string& subtitle,
                      const std::string& body, const std::string& style) {
  // The policy holds the page to its word: nothing is fetched, whatever text it carries.
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
         "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n<title>" +
         escape_html(title) + " · weir</title>\n<style>" + kReportStyle + style +
         "</style></head>\n<body><main>\n<header>" + kMark + "<div><h1>" + escape_html(title) +
         "</h1><p>" + escape_html(subtitle) + "</p></div></header>\n" + body +
         "<footer>This page is one file and loads nothing from the network.</footer>\n</main>"
         "<script>" +
         kReportScript + "</script></body></html>\n";
}

std::string headline_html(const std::vector<StepMetrics>& metrics) {
  if (metrics.empty()) return "<p class=\"none\">No step has been logged yet.</p>\n";
  const StepMetrics& last = metrics.back();
  const StepMetrics *held = nullptr, *best = nullptr;
  for (const StepMetrics& m : metrics) {
    if (!m.validation_loss || !std::isfinite(*m.validation_loss)) continue;
    held = &m;
    if (!best || *m.validation_loss < *best->validation_loss) best = &m;
  }
  std::vector<Headline> cards;
  if (held) {
    cards.push_back(
        {fmt::format("{:.3f}", *held->validation_loss), "nats", "Held-out loss",
         best == held ? "the best so far"
                      : fmt::format("best {:.3f} at step {}", *best->validation_loss, best->step)});
    if (held->bits_per_byte)
      cards.push_back({fmt::format("{:.3f}", *held->bits_per_byte), "bits", "Per held-out byte",
                       fmt::format("text shrinks {:.1f} times", 8 / *held->bits_per_byte)});
  }
  cards.push_back(
      {fmt::format("{:.3f}", recent_loss(metrics)), "nats", "Training loss",
       fmt::format("from {:.3f} at step {}", metrics.front().loss, metrics.front().step)});
  cards.push_back({format_count(double(last.tokens)), "", "Tokens trained on",
                   fmt::format("in {} steps", last.step)});
  const double speed =
      last.seconds > 0 ? double(last.tokens) / last.seconds : last.tokens_per_second;
  cards.push_back({format_seconds(last.seconds), "", "Training time",
                   format_count(speed) + " tokens per second"});
  return numbers_html(cards);
}

std::string samples_html(const ReportInput& input) {
  if (input.samples.empty()) return "";
  std::string html = "<section><h2>Samples</h2>";
  for (const auto& [prompt, continuation] : input.samples)
    html += "<div class=\"card sample\"><b>" + escape_html(prompt) + "</b>" +
            escape_html(continuation) + "</div>";
  return html + "</section>\n";
}

std::string facts_html(const ReportInput& input) {
  if (input.facts.empty()) return "";
  std::string html = "<section><h2>Facts</h2><div class=\"card\"><table>";
  for (const auto& [name, text] : input.facts)
    html += "<tr><th>" + escape_html(name) + "</th><td>" + escape_html(text) + "</td></tr>";
  return html + "</table></div></section>\n";
}

std::string recipe_html(const ReportInput& input) {
  if (input.recipe.is_null()) return "";
  return "<section><h2>Recipe</h2><details class=\"card\"><summary>every setting of this "
         "run</summary><pre>" +
         escape_html(input.recipe.dump(2)) + "</pre></details></section>\n";
}

}  // namespace weir
