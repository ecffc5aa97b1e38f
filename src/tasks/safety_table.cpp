#include "tasks/safety_table.h"

#include "base/text.h"
#include "tasks/table.h"

namespace weir {
namespace {

// Each verb with each object.
void add_goals(SafetyLanguage& language, const std::string& verbs, const std::string& objects,
               const std::string& answer) {
  for (const std::string& verb : split(verbs, '|'))
    for (const std::string& object : split(objects, '|'))
      language.goals.push_back({verb, object, answer});
}

std::vector<SafetyLanguage> read_languages() {
  std::vector<SafetyLanguage> languages;
  for (const TableRow& row : read_table(kSafetyTable, {{"language", 3},
                                                       {"phrasing", 2},
                                                       {"refusal", 2},
                                                       {"reason", 2},
                                                       {"offer", 2},
                                                       {"comply", 2},
                                                       {"means", 3},
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
    if (word == "means") language.english[row[1]] = row[2];
    if (word == "harmful") add_goals(language, row[1], row[2], "");
    if (word == "benign") add_goals(language, row[1], row[2], row[3]);
  }
  return languages;
}

}  // namespace

std::string goal_meaning(const SafetyLanguage& language, const Goal& goal) {
  const auto english = [&](const std::string& word) {
    const auto known = language.english.find(word);
    return known == language.english.end() ? word : known->second;
  };
  return english(goal.verb) + " " + english(goal.object);
}

std::span<const SafetyLanguage> safety_languages() {
  static const std::vector<SafetyLanguage> languages = read_languages();
  return languages;
}

}  // namespace weir
