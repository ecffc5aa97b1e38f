// Requests whose fulfilment can be seen from the reply alone: "Write a sentence about rivers in
// capital letters only." (as IFEval does, Zhou et al. 2023, arXiv:2311.07911). A pattern is the
// gold and decides; whether the reply is sensible, nobody asks. There are no model replies: this is
// for measuring what tuning on something else has cost, or for reinforcement learning.
#include <fmt/format.h>

#include <array>

#include "tasks/kinds.h"

namespace weir {
namespace {

// TOPIC, WORD and OTHER stand for a topic and two words. Patterns are RE2's.
struct Form {
  const char *request, *pattern;
};
constexpr std::array kForms = {
    Form{"Write one sentence about TOPIC, in capital letters only.", R"(^[^a-z]*[A-Z][^a-z]*$)"},
    Form{"Write one sentence about TOPIC, in small letters only.", R"(^[^A-Z]*[a-z][^A-Z]*$)"},
    Form{"Name three things that have to do with TOPIC. Put each on a line of its own that begins "
         "with \"- \", and write nothing else.",
         R"(^- [^\n]+\n+- [^\n]+\n+- [^\n]+$)"},
    Form{"Reply with the word \"WORD\" and nothing else.", R"((?i)^["'*]*WORD["'*]*[.!]?["'*]*$)"},
    Form{"Write a sentence about TOPIC that ends with the word \"WORD\".",
         R"((?i)\bWORD["'*]*[.!?]["'*]*$)"},
    Form{"Write a sentence about TOPIC that begins with the word \"WORD\".",
         R"((?i)^["'*]*WORD\b)"},
    Form{"Write a sentence about TOPIC without any comma.", R"(^[^,，]+$)"},
    Form{"Write exactly two sentences about TOPIC.", R"(^[^.!?]+[.!?]["']?\s+[^.!?]+[.!?]["']?$)"},
    Form{"Say something about TOPIC in at most six words.", R"(^\S+(\s+\S+){0,5}$)"},
    Form{"Write the word \"WORD\" three times, with commas in between, and nothing else.",
         R"((?i)^["'*]*WORD["'*]*,\s*["'*]*WORD["'*]*,\s*["'*]*WORD["'*]*[.!]?["'*]*$)"},
    Form{"Write a sentence about TOPIC and put your whole reply in double quotation marks.",
         R"((?s)^"[^"]+"$)"},
    Form{"Invent a title for a poem about TOPIC and write it in double angle brackets, such as "
         "<<title>>.",
         R"(<<[^<>\n]+>>)"},
    Form{"Write a sentence about TOPIC that has the words \"WORD\" and \"OTHER\" in it.",
         R"((?is)\bWORD\b.*\bOTHER\b|\bOTHER\b.*\bWORD\b)"},
    Form{"Reply with a JSON object that has the one key \"WORD\" and a text about TOPIC as its "
         "value.",
         R"((?s)^(```(json)?\s*)?\{\s*"WORD"\s*:\s*"[^"]*"\s*\}(\s*```)?$)"}};

// The last eight topics and six words are for held-out problems.
constexpr std::array kTopics = {"rivers",    "bread",   "winter",  "trains", "books",    "music",
                                "gardens",   "cats",    "bridges", "rain",   "schools",  "coffee",
                                "mountains", "letters", "horses",  "maps",   "the sea",  "clocks",
                                "apples",    "friends", "snow",    "boats",  "kitchens", "stars"};
constexpr std::array kWords = {"green", "window", "seven", "quiet",  "paper",  "orange",
                               "table", "summer", "stone", "silver", "yellow", "door",
                               "nine",  "gentle", "wood",  "morning"};
constexpr size_t kTopicsHeldOut = 8, kWordsHeldOut = 6;

std::string filled(std::string text, const char* topic, const char* word, const char* other) {
  const std::pair<std::string_view, const char*> parts[] = {
      {"TOPIC", topic}, {"WORD", word}, {"OTHER", other}};
  for (const auto& [name, value] : parts)
    for (size_t at = 0; (at = text.find(name, at)) != text.npos;)
      text.replace(at, name.size(), value);
  return text;
}

class Instructions final : public ProblemSet {
 public:
  int64_t count(Split) const override { return -1; }

  Result<Problem> make(uint64_t seed, Split split, uint64_t index) const override {
    Random random(kind_seed(seed, "instructions"), index);
    const bool held_out = split == Split::held_out;
    const auto draw = [&](size_t all, size_t last) {
      return held_out ? all - last + size_t(random.below(last)) : size_t(random.below(all - last));
    };
    // Forms in turn, so that a few dozen problems have about as many of each.
    const Form& form = kForms[size_t(index % kForms.size())];
    const char* topic = kTopics[draw(kTopics.size(), kTopicsHeldOut)];
    const size_t word = draw(kWords.size(), kWordsHeldOut);
    size_t other = word;
    while (other == word) other = draw(kWords.size(), kWordsHeldOut);
    Problem problem;
    problem.family = "instructions";
    problem.language = "en";
    problem.verifier = "regex";
    problem.gold = filled(form.pattern, topic, kWords[word], kWords[other]);
    problem.messages.push_back(
        {Role::user, filled(form.request, topic, kWords[word], kWords[other])});
    problem.place = fmt::format("instructions #{}", index);
    return problem;
  }
};

}  // namespace

SetResult read_instructions(OptionReader&) { return std::unique_ptr<ProblemSet>(new Instructions); }

}  // namespace weir
