#include "tasks/safety_table.h"

#include "tasks/table.h"

namespace weir {
namespace {

std::vector<SafetyLanguage> read_languages() {
  std::vector<SafetyLanguage> languages;
  for (const TableRow& row : read_table(kSafetyTable, {{"language", 3},
                                                       {"phrasing", 2},
                                                       {"refusal", 2},
                                                       {"reason", 2},
                                                       {"offer", 2},
                                                       {"comply", 2},
                                                       {"harmful", 3},
                                                       {"benign", 4}})) {
    const std::string& word = row[0];
    if (word == "language") languages.emplace_back();
    SafetyLanguage& language = languages.back();
    if (word == "language") {
      language.name = row[1];
      language.between.assign(row[2] == "blanks" ? 1 : 0, ' ');
    }
    if (word == "phrasing") language.phrasings.push_back(row[1]);
    if (word == "refusal") language.refusals.push_back(row[1]);
    if (word == "reason") language.reasons.push_back(row[1]);
    if (word == "offer") language.offers.push_back(row[1]);
    if (word == "comply") language.compliant.push_back(row[1]);
    if (word == "harmful") language.goals.push_back({row[1], row[2], ""});
    if (word == "benign") language.goals.push_back({row[1], row[2], row[3]});
  }
  return languages;
}

}  // namespace

std::span<const SafetyLanguage> safety_languages() {
  static const std::vector<SafetyLanguage> languages = read_languages();
  return languages;
}

}  // namespace weir
