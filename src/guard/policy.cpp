#include "guard/policy.h"

#include <algorithm>

namespace weir {

extern const std::string_view kMinimalPolicy, kCompanyPolicy, kEducationPolicy, kChinaPublicPolicy,
    kResearchPolicy;  // policies/

std::vector<ShippedPolicy> shipped_policies() {
  return {{"minimal", kMinimalPolicy},
          {"company", kCompanyPolicy},
          {"education", kEducationPolicy},
          {"china-public", kChinaPublicPolicy},
          {"research", kResearchPolicy}};
}

const ActionTable& Policy::table(std::string_view key, std::string_view model) const {
  const auto names = [](const std::vector<std::string>& list, std::string_view wanted) {
    return list.empty() || std::ranges::find(list, wanted) != list.end();
  };
  for (size_t i = parts.size(); i-- > 0;)
    if (names(parts[i].keys, key) && names(parts[i].models, model)) return parts[i].actions;
  return actions;
}

const PolicyAction& Policy::action(int category, Direction direction, std::string_view key,
                                   std::string_view model) const {
  return table(key, model)[size_t(category)][size_t(direction)];
}

const std::string& Policy::text(const PolicyAction& action) const {
  static const std::string kNone;
  if (!action.text.empty()) return action.text;
  if (action.action == Action::refuse) return refusal;
  return action.action == Action::hand_over ? hand_over : kNone;
}

std::string Policy::mark_of(int category) const {
  constexpr std::string_view kPlace = "{category}";
  std::string text = mark;
  const size_t at = text.find(kPlace);
  if (at != text.npos) text.replace(at, kPlace.size(), categories.at(category).name);
  return text;
}

}  // namespace weir
