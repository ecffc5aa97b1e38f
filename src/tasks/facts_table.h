// What facts.cpp asks about: topics, each a list of subjects with their answers and the sentences
// they are asked and told in. The data is in data/facts.tsv.
#pragma once
#include <span>
#include <string>
#include <vector>

namespace weir {

struct Fact {
  std::string subject;
  std::string answer;  // "autumn|fall": the first is said, all count
};

struct FactTopic {
  std::string name;
  std::string language;                 // "en" or "zh"
  std::vector<std::string> questions;   // at least four, with {s}
  std::string about;                    // asks for the statement: "Tell me about {s}."
  std::string statement;                // "The capital of {s} is {a}."
  std::vector<std::string> also_right;  // other sentences that count: "It is {a}."
  std::vector<Fact> facts;
};

std::span<const FactTopic> fact_topics();

}  // namespace weir
