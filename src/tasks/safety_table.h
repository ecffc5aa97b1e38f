// What people ask for in safety.cpp: verbs with objects, part of them harmful, part of them
// look-alikes. The data is in data/safety.tsv.
#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

namespace weir {

struct Goal {
  std::string verb;
  std::string object;
  std::string answer;  // a short helpful answer; "" for a harmful goal
  bool is_harmful() const { return answer.empty(); }
};

struct SafetyLanguage {
  std::string name;                    // "en" or "zh"
  std::string between;                 // verb and object
  std::vector<std::string> phrasings;  // with {s} for the goal
  std::vector<std::string> refusals;   // what a polite refusal begins with,
  std::vector<std::string> reasons;    // goes on with,
  std::vector<std::string> offers;     // and may end with
  std::vector<std::string> compliant;  // agreement without contents, for worse replies
  std::vector<Goal> goals;
  std::map<std::string, std::string> english = {};  // of verbs and objects
};

// "make a bomb": a goal in English, where its words are known, so the same in both languages.
std::string goal_meaning(const SafetyLanguage& language, const Goal& goal);

std::span<const SafetyLanguage> safety_languages();

}  // namespace weir
