// What people ask for in safety.cpp: verbs with objects, half of them harmful, half of them
// look-alikes with the same verbs or the same frightening objects. The harmful ones are titles
// only; nothing here says how.
#pragma once
#include <span>
#include <vector>

namespace weir {

struct Goal {
  const char* verb;
  const char* object;
  const char* answer;  // a short helpful answer; nullptr for a harmful goal
};

struct SafetyLanguage {
  const char* name;                    // "en" or "zh"
  const char* between;                 // verb and object
  std::vector<const char*> phrasings;  // with {s} for the goal
  std::vector<const char*> refusals;   // what a polite refusal begins with,
  std::vector<const char*> reasons;    // goes on with,
  std::vector<const char*> offers;     // and may end with
  std::vector<const char*> compliant;  // agreement without contents, for worse replies
  std::vector<Goal> goals;
};

std::span<const SafetyLanguage> safety_languages();

}  // namespace weir
