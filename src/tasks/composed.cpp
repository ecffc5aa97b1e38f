// Two taught facts joined: "What is the capital of the country where Ada lives?" Both facts are
// taught by themselves (facts.cpp); of their compositions some are trained on, worked out as
// thinking ("Ada lives in France. The capital of France is Paris."), and the others never. So a
// held-out problem asks for the rule, not for a memory of the answer: what transfers. Which
// compositions are held out is a function of the chain and its subject.
#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "tasks/facts_table.h"
#include "tasks/kinds.h"
#include "tasks/phrases.h"
#include "tasks/table.h"

namespace weir {
namespace {

constexpr double kComposedHeldOut = 1.0 / 3;  // there are few compositions

// A chain of two topics.
struct Chain {
  std::string name, language, first, second;
  std::vector<std::string> questions;  // with {s}
};

std::vector<Chain> read_chains() {
  std::vector<Chain> chains;
  for (const TableRow& row : read_table(kComposedTable, {{"chain", 5}, {"ask", 2}})) {
    if (row[0] == "chain") chains.push_back({row[1], row[2], row[3], row[4], {}});
    if (row[0] == "ask") chains.back().questions.push_back(row[1]);
  }
  return chains;
}

const FactTopic& topic_of(const std::string& name, const std::string& language) {
  for (const FactTopic& topic : fact_topics())
    if (topic.name == name && topic.language == language) return topic;
  CHECK(false);
}

// The fact about what `answer` names: "a dog" is the subject "a dog" or "dog".
const Fact& fact_about(const FactTopic& topic, const std::string& answer) {
  for (const Fact& fact : topic.facts)
    if (answer == fact.subject || answer == "a " + fact.subject) return fact;
  CHECK(false);
}

struct Composition {
  const Chain* chain;
  const FactTopic *first_topic, *second_topic;
  const Fact *first, *second;
  std::string canonical;
};

class Composed final : public ProblemSet {
 public:
  Composed(const std::vector<std::string>& languages, StyleMix styles)
      : styles_(std::move(styles)) {
    static const std::vector<Chain> chains = read_chains();
    for (const Chain& chain : chains) {
      if (std::find(languages.begin(), languages.end(), chain.language) == languages.end())
        continue;
      const FactTopic& first = topic_of(chain.first, chain.language);
      const FactTopic& second = topic_of(chain.second, chain.language);
      for (const Fact& fact : first.facts) {
        const Fact& next = fact_about(second, first_answer(fact));
        std::string canonical =
            fmt::format("composed {} {} {}", chain.language, chain.name, fact.subject);
        auto& side = sides_[split_of(canonical, kComposedHeldOut) == Split::held_out ? 1 : 0];
        side.push_back({&chain, &first, &second, &fact, &next, std::move(canonical)});
      }
    }
  }

  int64_t count(Split) const override { return -1; }

  Result<Problem> make(uint64_t seed, Split split, uint64_t index) const override {
    Random random(kind_seed(seed, "composed"), index);
    const Composition& one = pick_from(random, sides_[split == Split::held_out ? 1 : 0]);
    Problem problem;
    problem.family = "composed";
    problem.language = one.chain->language;
    problem.style = styles_.pick(random);
    problem.verifier = "regex";
    problem.gold = gold_pattern(*one.second_topic, *one.second);
    problem.canonical = one.canonical;
    problem.place = fmt::format("composed #{}", index);
    problem.messages.push_back(
        {Role::user, fill_in(pick_from(random, one.chain->questions), one.first->subject)});
    const bool english = one.chain->language == "en";
    const std::string answer = first_answer(*one.second);
    Message reply{Role::assistant, fill_in(english ? "{a}." : "{a}。", "", answer)};
    reply.has_thinking = problem.style == "worked";
    if (reply.has_thinking)
      reply.thinking = fmt::format(
          "{}{}{}",
          fill_in(one.first_topic->statement, one.first->subject, first_answer(*one.first)),
          english ? " " : "", fill_in(one.second_topic->statement, one.second->subject, answer));
    problem.messages.push_back(std::move(reply));
    return problem;
  }

 private:
  std::vector<Composition> sides_[2];  // train, held out
  StyleMix styles_;
};

}  // namespace

SetResult read_composed(OptionReader& in) {
  std::vector<std::string> languages = TRY(read_languages(in));
  StyleMix styles = TRY(StyleMix::read(in, {"worked", "direct"}));
  return std::unique_ptr<ProblemSet>(new Composed(languages, std::move(styles)));
}

}  // namespace weir
