#include "tasks/facts_table.h"

#include "base/text.h"
#include "tasks/phrases.h"
#include "tasks/table.h"

namespace weir {
namespace {

std::vector<FactTopic> read_topics() {
  std::vector<FactTopic> topics;
  for (const TableRow& row : read_table(
           kFactsTable,
           {{"topic", 3}, {"ask", 2}, {"about", 2}, {"statement", 2}, {"also", 2}, {"fact", 3}})) {
    const std::string& word = row[0];
    if (word == "topic") topics.emplace_back();
    FactTopic& topic = topics.back();
    if (word == "topic") topic.name = row[1], topic.language = row[2];
    if (word == "ask") topic.questions.push_back(row[1]);
    if (word == "about") topic.about = row[1];
    if (word == "statement") topic.statement = row[1];
    if (word == "also") topic.also_right.push_back(row[1]);
    if (word == "fact") topic.facts.push_back({row[1], row[2]});
  }
  return topics;
}

}  // namespace

std::span<const FactTopic> fact_topics() {
  static const std::vector<FactTopic> topics = read_topics();
  return topics;
}

std::string first_answer(const Fact& fact) { return split(fact.answer, '|').front(); }

std::string gold_pattern(const FactTopic& topic, const Fact& fact) {
  std::vector<std::string> forms = {"{a}", topic.statement};
  forms.insert(forms.end(), topic.also_right.begin(), topic.also_right.end());
  std::string any;
  for (const std::string& answer : split(fact.answer, '|')) {
    for (const std::string& form : forms) {
      std::string sentence = fill_in(form, fact.subject, answer);
      while (sentence.ends_with('.')) sentence.pop_back();
      if (sentence.ends_with("。")) sentence.resize(sentence.size() - std::string("。").size());
      any += (any.empty() ? "" : "|") + quote_pattern(sentence);
    }
  }
  return "(?i)^\\s*(?:" + any + ")\\s*(?:[.!]|。|！)?\\s*$";
}

}  // namespace weir
