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

std::string first_answer(const Fact& fact);
// A pattern of the answer alone or in one of the topic's sentences, and nothing else: a list of
// guesses is not an answer.
std::string gold_pattern(const FactTopic& topic, const Fact& fact);

}  // namespace weir
