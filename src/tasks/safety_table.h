// What people ask for in safety.cpp: verbs with objects, half of them harmful, half of them
// look-alikes. The data is in data/safety.tsv.
#pragma once
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
};

std::span<const SafetyLanguage> safety_languages();

}  // namespace weir
