// What facts.cpp asks about: topics, each a list of subjects with their answers and the sentences
// they are asked and told in.
#pragma once
#include <span>
#include <vector>

namespace weir {

struct Fact {
  const char* subject;
  const char* answer;  // "autumn|fall": the first is said, all count
};

struct FactTopic {
  const char* name;
  const char* language;                 // "en" or "zh"
  std::vector<const char*> questions;   // at least four, with {s}
  const char* about;                    // asks for the statement: "Tell me about {s}."
  const char* statement;                // "The capital of {s} is {a}."
  std::vector<const char*> also_right;  // other sentences that count: "It is {a}."
  std::vector<Fact> facts;
};

std::span<const FactTopic> fact_topics();

}  // namespace weir
