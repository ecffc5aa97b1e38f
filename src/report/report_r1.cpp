// The page as a whole.
#include "report/report_r1.h"

#include <fmt/format.h>

#include "base/atomic_output.h"
#include "base/text.h"
#include "report/page.h"
#include "report/r1_page.h"

namespace weir {
namespace {

constexpr size_t kRecipeBytes = size_t(1) << 18, kFactBytes = 1000;

std::string subtitle_of(const std::vector<StageReport>& stages) {
  std::string names;
  for (const StageReport& stage : stages)
    names += (names.empty() ? "" : " → ") + clean_name(stage.name);
  return names.empty() ? "reasoning, learned with weir" : names;
}

}  // namespace

std::string settings_html(const std::vector<StageReport>& stages, const std::string& recipe_yaml) {
  std::string html;
  for (const StageReport& stage : stages)
    if (stage.settings.size() > 0)
      html += "<details class=\"card\"><summary>manifest of " + name_html(stage.name) +
              "</summary><pre>" + reply_html(stage.settings.dump(2), kRecipeBytes) +
              "</pre></details>";
  if (!recipe_yaml.empty())
    html += "<details class=\"card\"><summary>the recipe, every key with its value</summary><pre>" +
            reply_html(recipe_yaml, kRecipeBytes) + "</pre></details>";
  return html.empty() ? ""
                      : "<section class=\"settings\"><h2>Settings</h2>" + html + "</section>\n";
}

Result<void> write_r1_report(const std::string& path, const R1ReportInput& input) {
  const std::vector<StageReport>& stages = input.stages;
  ReportInput facts;
  for (const auto& [name, text] : input.facts)
    facts.facts.emplace_back(clean_name(name), clean_name(text, kFactBytes));
  const std::string body = conclusion_html(input) + r1_headline_html(stages) +
                           stage_table_html(stages) + stage_curves_html(stages) +
                           replies_html(stages) + rewards_html(stages) +
                           stages_html(stages, input.sentences) + stage_experts_html(stages) +
                           facts_html(facts) + settings_html(stages, input.recipe_yaml);
  return write_file_atomic(
      path, page_html(clean_name(input.title), subtitle_of(stages), body, kR1ReportStyle));
}

}  // namespace weir
