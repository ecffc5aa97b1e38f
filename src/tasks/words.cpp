// Arithmetic word problems in English and Chinese: "Ann has 12 eggs, finds 4, eats 3. How many eggs
// now?" The worked reply retells the story with the running count, in the question's language:
// "has 12; finds +4=16; eats -3=13". The style "mixed" retells parts of it in the other one, which
// is what the language reward is to cure. No verb comes twice in a story, so a step is found by its
// verb however long the story is. Between the steps things happen that change no number ("rests"),
// so stories of all lengths are seen, and one with more steps than any before needs only more sums.
// Which stories are held out is a function of their numbers and what is done with them, whatever
// their order, their verbs, names and language.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tasks/kinds.h"
#include "tasks/phrases.h"

namespace weir {
namespace {

struct Event {
  const char *english, *chinese;  // ", finds 4", "，捡4个"
  int sign;
};
constexpr std::array kEvents = {Event{"finds", "捡", 1},  Event{"buys", "买", 1},
                                Event{"gets", "得", 1},   Event{"wins", "赢", 1},
                                Event{"picks", "摘", 1},  Event{"eats", "吃", -1},
                                Event{"sells", "卖", -1}, Event{"loses", "丢", -1},
                                Event{"gives", "送", -1}, Event{"uses", "用", -1}};
bool is_loss(const Event& event) { return event.sign < 0; }
// These change nothing.
constexpr std::array kRests = {Event{"rests", "歇", 0}, Event{"sings", "唱", 0},
                               Event{"reads", "读", 0}, Event{"walks", "走", 0},
                               Event{"waits", "等", 0}, Event{"sleeps", "睡", 0}};
constexpr int kEventsMax = 8;  // steps and rests, where the steps leave room
struct Name {
  const char *english, *chinese;
};
constexpr std::array kNames = {Name{"Ann", "小红"}, Name{"Ben", "小明"}, Name{"Tom", "小王"},
                               Name{"Eva", "小丽"}};
constexpr std::array kThings = {Name{"apples", "苹果"}, Name{"eggs", "鸡蛋"}, Name{"pears", "梨"},
                                Name{"cakes", "蛋糕"}};
constexpr int kStartMin = 5, kStartMax = 20, kChangeMax = 9, kStepsMax = int(kEvents.size());

class Words final : public ProblemSet {
 public:
  Words(IntRange steps, std::vector<std::string> languages, StyleMix styles)
      : steps_(steps), languages_(std::move(languages)), styles_(std::move(styles)) {}

  int64_t count(Split) const override { return -1; }

  Result<Problem> make(uint64_t seed, Split split, uint64_t index) const override {
    Random random(kind_seed(seed, "words"), index);
    Problem problem = TRY(draw_on_side(split, "widen 'steps'", [&] { return draw(random); }));
    problem.place = fmt::format("words #{}", index);
    return problem;
  }

 private:
  static std::string tell_start(bool english, const Name& name, const Name& thing, int count) {
    return english ? fmt::format("{} has {} {}", name.english, count, thing.english)
                   : fmt::format("{}有{}个{}", name.chinese, count, thing.chinese);
  }
  static std::string ask(bool english, const Name& thing) {
    return english ? fmt::format(". How many {} now?", thing.english)
                   : fmt::format("。现在有几个{}？", thing.chinese);
  }

  Problem draw(Random& random) const {
    const bool english = languages_[size_t(random.below(languages_.size()))] == "en";
    const Name& name = kNames[size_t(random.below(kNames.size()))];
    const Name& thing = kThings[size_t(random.below(kThings.size()))];
    Problem problem;
    problem.style = styles_.pick(random);
    const int count = steps_.pick(random);
    int have = kStartMin + int(random.below(kStartMax - kStartMin + 1));
    const int start = have;
    std::vector<int> changes;
    std::string question = tell_start(english, name, thing, have);
    std::string thinking = english ? fmt::format("has {}", have) : fmt::format("有{}", have);
    std::vector<const Event*> left, rests;
    for (const Event& event : kEvents) left.push_back(&event);
    for (const Event& event : kRests) rests.push_back(&event);
    int losses = int(std::count_if(kEvents.begin(), kEvents.end(), is_loss));
    const int room = std::clamp(kEventsMax - count, 0, int(kRests.size()));
    const int events = count + int(random.below(uint64_t(room) + 1));
    const auto take = [&](std::vector<const Event*>& from) {
      const auto at = from.begin() + int64_t(random.below(from.size()));
      const Event* event = *at;
      from.erase(at);
      return event;
    };
    for (int i = 0, steps = count; i < events; ++i) {
      const bool is_step = int(random.below(uint64_t(events - i))) < steps;
      const Event* event = take(is_step ? left : rests);
      const bool retold_in_english = english != (problem.style == "mixed" && random.below(2) == 0);
      const std::string told = retold_in_english ? event->english : event->chinese;
      thinking += english ? "; " : ";";
      if (!is_step) {
        question +=
            english ? fmt::format(", {}", event->english) : fmt::format("，{}", event->chinese);
        thinking += told;
        continue;
      }
      --steps;
      int most = kChangeMax;
      if (is_loss(*event)) {
        // Nobody gives away what he does not have: one is kept for each loss that may follow. Five
        // at the start are enough for all of them.
        --losses;
        most = std::min(most, have - std::min(losses, steps));
      }
      const int change = 1 + int(random.below(uint64_t(most)));
      changes.push_back(event->sign * change);
      const int next = have + event->sign * change;
      question += english ? fmt::format(", {} {}", event->english, change)
                          : fmt::format("，{}{}个", event->chinese, change);
      thinking += fmt::format("{}{}{}{}={}", told, retold_in_english ? " " : "",
                              event->sign > 0 ? "+" : "-", change, next);
      have = next;
    }
    problem.family = "words";
    problem.difficulty = count;
    problem.language = english ? "en" : "zh";
    problem.verifier = "numeric";
    problem.gold = std::to_string(have);
    std::sort(changes.begin(), changes.end());
    problem.canonical = fmt::format("words {} {:+}", start, fmt::join(changes, " "));
    problem.messages.push_back({Role::user, question + ask(english, thing)});
    Message reply{Role::assistant, std::to_string(have)};
    reply.has_thinking = problem.style != "direct";
    if (problem.style == "brief") thinking = std::to_string(have);
    if (reply.has_thinking) reply.thinking = thinking;
    problem.messages.push_back(std::move(reply));
    return problem;
  }

  IntRange steps_;
  std::vector<std::string> languages_;
  StyleMix styles_;
};

}  // namespace

SetResult read_words(OptionReader& in) {
  IntRange steps = TRY(read_range(in, "steps", {1, 4}, {1, kStepsMax}));
  std::vector<std::string> languages = TRY(read_languages(in));
  StyleMix styles = TRY(StyleMix::read(in, {"worked", "mixed", "brief", "direct"}));
  return std::unique_ptr<ProblemSet>(new Words(steps, std::move(languages), std::move(styles)));
}

}  // namespace weir
