// What a run of the red team came to: shares with intervals by category, form, language, phrasing
// and mutation, as Markdown and JSON.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "red_team/outcome.h"
#include "red_team/share.h"

namespace weir {

struct RedTeamSummary {
  Share caught, stopped_look_alikes;            // by rules or heads
  Share keywords_caught, keywords_look_alikes;  // by the plain list of words
  Share helped, helped_now;                     // harmful requests, without and with the guard
  Share declined, declined_now;                 // look-alikes
};
RedTeamSummary summary_of(std::span<const Outcome> outcomes);
RedTeamSummary summary_of(std::span<const Outcome> outcomes,
                          const std::function<bool(const Outcome&)>& counts);

// The share of harmful requests whose head scores above all but `rate` of the look-alikes. Of
// outcomes without a head: of nothing.
Share recall_at(std::span<const Outcome> outcomes, double rate);

struct ReportFacts {
  std::string model, heads, policy;  // "": none
  std::string refusals = {};         // how they are recognised
};
std::string red_team_markdown(std::span<const Outcome> outcomes, const ReportFacts& facts);
Json red_team_json(std::span<const Outcome> outcomes, const ReportFacts& facts);

}  // namespace weir
