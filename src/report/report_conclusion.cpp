// What stands on top of the page: one sentence, and how to talk with the model.
#include <fmt/format.h>

#include "report/r1_page.h"

namespace weir {
namespace {

constexpr size_t kSentenceBytes = 1000;

}  // namespace

std::string conclusion_html(const R1ReportInput& input) {
  if (input.conclusion.empty()) return "";
  std::string html = "<div class=\"card conclusion\"><p><b>" +
                     reply_html(input.conclusion, kSentenceBytes) + "</b></p>";
  if (!input.is_finished)
    html += "<p>The run goes on; this page is written again after every stage.</p>";
  if (!input.talk.empty())
    html += "<p>Talk with it: <code>" + reply_html(input.talk, kSentenceBytes) + "</code></p>";
  return html + "</div>\n";
}

}  // namespace weir
