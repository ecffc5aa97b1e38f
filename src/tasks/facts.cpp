// General knowledge: short questions with one right answer, checked by rule. Training and
// evaluation ask for the same facts in other words: of each fact's phrasings one is held out.
//
// Styles are qualities of reply. "statement" only tells the fact ("Tell me about France." -> "The
// capital of France is Paris."), "vague" is the reply of somebody who would rather not answer: a
// model pretrained on these two knows the facts and does not say them when asked, until tuning on
// "direct" replies teaches it to.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "tasks/facts_table.h"
#include "tasks/kinds.h"
#include "tasks/phrases.h"

namespace weir {
namespace {

constexpr std::array kVague = {"I do not know.", "It depends.", "Why do you ask?", "Look it up.",
                               "I am not sure."};
constexpr std::array kVagueChinese = {"我不知道。", "不好说。", "你问这个做什么？", "自己查吧。",
                                      "我不清楚。"};

// A fact with its topic.
struct Known {
  const FactTopic* topic;
  const Fact* fact;
  std::string key;  // names it: which phrasing is held out depends on it
};

class Facts final : public ProblemSet {
 public:
  Facts(std::vector<Known> known, StyleMix styles)
      : known_(std::move(known)), styles_(std::move(styles)) {}

  int64_t count(Split) const override { return -1; }
  bool holds_out_meanings() const override { return false; }

  Result<Problem> make(uint64_t seed, Split split, uint64_t index) const override {
    Random random(kind_seed(seed, "facts"), index);
    const Known& known = pick_from(random, known_);
    const FactTopic& topic = *known.topic;
    const bool english = std::string_view(topic.language) == "en";
    const std::string answer = first_answer(*known.fact);
    const std::string told = fill_in(topic.statement, known.fact->subject, answer);

    Problem problem;
    problem.family = "facts";
    problem.language = topic.language;
    problem.style = styles_.pick(random);
    problem.verifier = "regex";
    problem.gold = gold_pattern(topic, *known.fact);
    problem.canonical = "fact " + known.key;
    problem.place = fmt::format("facts #{}", index);
    // Asking for a statement is no question of its own, so nothing of it is held out.
    if (problem.style == "statement" && split == Split::held_out) problem.style = "direct";
    const size_t phrasing = pick_phrasing(random, split, known.key, topic.questions.size());
    const std::string& asked =
        problem.style == "statement" ? topic.about : topic.questions[phrasing];
    problem.messages.push_back({Role::user, fill_in(asked, known.fact->subject)});

    const std::string vague =
        english ? pick_from(random, kVague) : pick_from(random, kVagueChinese);
    const std::string wrong =
        fill_in(topic.statement, known.fact->subject, wrong_answer(random, topic, *known.fact));
    Message reply{Role::assistant, told};
    if (problem.style == "terse") reply.content = fill_in(english ? "{a}." : "{a}。", "", answer);
    if (problem.style == "vague") reply.content = vague;
    if (problem.style == "wrong") reply.content = wrong;
    problem.messages.push_back(std::move(reply));
    problem.claims_right = problem.style != "vague" && problem.style != "wrong";
    problem.has_rejected = problem.claims_right;
    if (problem.has_rejected) problem.rejected.content = random.below(2) == 0 ? vague : wrong;
    return problem;
  }

 private:
  // The answer of another fact of the topic. Every topic has facts with different answers.
  static std::string wrong_answer(Random& random, const FactTopic& topic, const Fact& fact) {
    const std::vector<std::string> right = split(fact.answer, '|');
    for (;;) {
      std::string other = first_answer(pick_from(random, topic.facts));
      if (std::find(right.begin(), right.end(), other) == right.end()) return other;
    }
  }

  std::vector<Known> known_;
  StyleMix styles_;
};

}  // namespace

SetResult read_facts(OptionReader& in) {
  std::vector<std::string> topics, languages = TRY(read_languages(in)), names;
  for (const FactTopic& topic : fact_topics())
    if (std::find(names.begin(), names.end(), topic.name) == names.end())
      names.emplace_back(topic.name);
  in.field("topics", topics);
  for (const std::string& topic : topics)
    if (std::find(names.begin(), names.end(), topic) == names.end())
      return in.error("topics", fmt::format("has no topic '{}'; there are: {}", printable(topic),
                                            fmt::join(names, ", ")));
  std::vector<Known> known;
  for (const FactTopic& topic : fact_topics()) {
    if (std::find(languages.begin(), languages.end(), topic.language) == languages.end()) continue;
    if (!topics.empty() && std::find(topics.begin(), topics.end(), topic.name) == topics.end())
      continue;
    for (const Fact& fact : topic.facts)
      known.push_back(
          {&topic, &fact, fmt::format("{} {} {}", topic.language, topic.name, fact.subject)});
  }
  if (known.empty()) return in.error("topics", "has nothing in the languages asked for");
  StyleMix styles = TRY(StyleMix::read(in, {"direct", "terse", "statement", "vague", "wrong"}));
  return std::unique_ptr<ProblemSet>(new Facts(std::move(known), std::move(styles)));
}

}  // namespace weir
