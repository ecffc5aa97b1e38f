// Small talk: greetings, thanks, who are you. Whether a reply fits is a rule per intent; the worse
// reply of a preference pair is curt, rude, beside the point or cut off. Of each intent's
// phrasings one is held out.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tasks/chat_table.h"
#include "tasks/kinds.h"
#include "tasks/phrases.h"

namespace weir {
namespace {

constexpr std::array kPoor = {"No.",           "What?",          "So what?",
                              "Go away.",      "I do not care.", "Leave me alone.",
                              "Cars go fast.", "My box is red.", "Fish swim."};
constexpr std::array kPoorChinese = {"不。",     "什么？", "那又怎样？",   "走开。",  "我不管。",
                                     "别烦我。", "车快。", "盒子是红的。", "鱼会游。"};

// A reply that ends in the middle: its first half, cut between two characters.
std::string cut_off(const std::string& reply) {
  size_t end = reply.size() / 2;
  while (end > 0 && (uint8_t(reply[end]) & 0xc0) == 0x80) --end;
  return reply.substr(0, end);
}

class Chat final : public ProblemSet {
 public:
  Chat(std::vector<const ChatIntent*> intents, StyleMix styles)
      : intents_(std::move(intents)), styles_(std::move(styles)) {}

  int64_t count(Split) const override { return -1; }
  bool holds_out_meanings() const override { return false; }

  Result<Problem> make(uint64_t seed, Split split, uint64_t index) const override {
    Random random(kind_seed(seed, "chat"), index);
    const ChatIntent& intent = *pick_from(random, intents_);
    const bool english = std::string_view(intent.language) == "en";
    const std::string key = fmt::format("{} {}", intent.language, intent.name);
    const std::string good = pick_from(random, intent.replies);
    const bool is_cut = random.below(4) == 0;
    const std::string other = english ? pick_from(random, kPoor) : pick_from(random, kPoorChinese);
    const std::string poor = is_cut ? cut_off(good) : other;

    Problem problem;
    problem.family = "chat";
    problem.language = intent.language;
    problem.style = styles_.pick(random);
    problem.verifier = "regex";
    problem.gold = intent.fits;
    problem.canonical = "chat " + key;
    problem.place = fmt::format("chat #{}", index);
    const size_t phrasing = pick_phrasing(random, split, key, intent.said.size());
    problem.messages.push_back({Role::user, intent.said[phrasing]});
    problem.claims_right = problem.style == "polite";
    problem.has_rejected = problem.claims_right;
    problem.messages.push_back({Role::assistant, problem.has_rejected ? good : poor});
    if (problem.has_rejected) problem.rejected.content = poor;
    return problem;
  }

 private:
  std::vector<const ChatIntent*> intents_;
  StyleMix styles_;
};

}  // namespace

SetResult read_chat(OptionReader& in) {
  std::vector<std::string> languages = TRY(read_languages(in));
  std::vector<const ChatIntent*> intents;
  for (const ChatIntent& intent : chat_intents())
    if (std::find(languages.begin(), languages.end(), intent.language) != languages.end())
      intents.push_back(&intent);
  StyleMix styles = TRY(StyleMix::read(in, {"polite", "poor"}));
  return std::unique_ptr<ProblemSet>(new Chat(std::move(intents), std::move(styles)));
}

}  // namespace weir
