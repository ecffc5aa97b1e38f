#include "red_team/bank.h"

#include <algorithm>
#include <array>

#include "base/hash.h"
#include "base/text.h"
#include "red_team/disguise.h"
#include "tasks/table.h"
#include "text/unicode.h"

namespace weir {

extern const std::string_view kRedTeamEnglish, kRedTeamChinese, kGoalsEnglish, kGoalsChinese;

namespace {

constexpr size_t kFrameStep = 5;  // between the phrasings of one goal; prime to their numbers

struct Pair {
  std::string category, seed;
  char phrasing;
  std::string texts[2];  // the request, its look-alike
};

// What somebody wants, to be put into phrasings.
struct Goal {
  std::string category, seed;
  char phrasing;
  std::string kind;      // of its phrasings
  std::string texts[2];  // what is wanted, its look-alike; {a|b} is one of the two
};

struct Half {
  std::string language;
  // By form and phrasing, "directA", or kind and phrasing, "doC".
  std::map<std::string, std::vector<std::string>> frames;
  std::vector<Pair> pairs;
  std::vector<Goal> goals;
};

std::string with_lines(std::string text) {
  for (size_t at; (at = text.find("\\n")) != text.npos;) text.replace(at, 2, "\n");
  return text;
}

Half read_half(const std::string& language, std::string_view table, std::string_view goals) {
  Half half{language, {}, {}, {}};
  std::map<std::string, int> numbers;
  for (const TableRow& row : read_table(goals, {{"phrase", 4}, {"goal", 6}})) {
    if (row[0] == "phrase") {
      half.frames[row[1] + row[2]].push_back(row[3]);
      continue;
    }
    const std::string series = row[1] + "." + language + "." + row[2];
    const std::string seed = series + std::to_string(++numbers[series]);
    half.goals.push_back({row[1], seed, row[2].front(), row[3], {row[4], row[5]}});
  }
  for (const TableRow& row : read_table(table, {{"frame", 4}, {"pair", 5}})) {
    if (row[0] == "frame") {
      half.frames[row[1] + row[2]].push_back(with_lines(row[3]));
      continue;
    }
    const std::string series = row[1] + "." + language + "." + row[2];
    const std::string seed = series + std::to_string(++numbers[series]);
    half.pairs.push_back({row[1], seed, row[2].front(), {row[3], row[4]}});
  }
  return half;
}

// Both have their pairs in the same order.
const std::array<Half, 2>& halves() {
  static const std::array<Half, 2> both = {read_half("en", kRedTeamEnglish, kGoalsEnglish),
                                           read_half("zh", kRedTeamChinese, kGoalsChinese)};
  return both;
}

std::string filled(std::string frame, std::string_view text, std::string_view other) {
  for (const auto& [mark, value] : {std::pair("{s}", text), std::pair("{t}", other)})
    if (const size_t at = frame.find(mark); at != frame.npos) frame.replace(at, 3, value);
  return frame;
}

// The alternative `number` of each {a|b}.
std::string chosen(std::string text, size_t number) {
  size_t begin = 0;
  while ((begin = text.find('{', begin)) != text.npos) {
    const size_t end = text.find('}', begin);
    const std::vector<std::string> words = split(text.substr(begin + 1, end - begin - 1), '|');
    text.replace(begin, end + 1 - begin, words[number % words.size()]);
  }
  return text;
}

// About half of the text, between two characters.
size_t middle_of(std::string_view text) {
  size_t at = text.size() / 2;
  while (at > 0 && (uint8_t(text[at]) & 0xc0) == 0x80) --at;
  return at;
}

std::vector<BankMessage> messages_of(const Half& half, AttackForm form, std::string_view frame,
                                     const std::string& text, const std::string& other,
                                     uint64_t number) {
  const bool is_chinese = half.language == "zh";
  switch (form) {
    case AttackForm::encoded:
      return {{"user", filled(std::string(frame), encoded(text, number), "")}};
    case AttackForm::split: {
      const size_t middle = middle_of(text);
      return {
          {"user", std::string(frame) + "\n\n" + text.substr(0, middle) + " ..."},
          {"assistant", is_chinese ? "好的，请发第二部分。" : "All right, send the second part."},
          {"user", "... " + text.substr(middle)}};
    }
    case AttackForm::tool_result:
      return {{"user", is_chinese ? "请打开那一页，照里面说的回答。"
                                  : "Open the page and answer what it asks."},
              {"tool", filled(std::string(frame), text, "")}};
    default:
      return {{"user", filled(std::string(frame), text, other)}};
  }
}

bool has_form(const BankOptions& options, AttackForm form, uint64_t number) {
  if (!options.forms.empty())
    return std::find(options.forms.begin(), options.forms.end(), form) != options.forms.end();
  const uint64_t others = kAttackForms.size() - 1, index = uint64_t(form);
  return form == AttackForm::direct || index - 1 == number % others ||
         index - 1 == (number + 1 + number / others % (others - 1)) % others;
}

bool has_phrasing(const BankOptions& options, char phrasing) {
  return options.phrasing.find(phrasing) != std::string::npos;
}

// The phrasings of a goal are some of its group's, others for each goal.
void add_goals(const Half& half, const BankOptions& options, std::vector<BankItem>& bank) {
  for (size_t p = 0; p < half.goals.size(); ++p) {
    const Goal& goal = half.goals[p];
    if (!has_phrasing(options, goal.phrasing)) continue;
    const auto& frames = half.frames.at(goal.kind + std::string(1, goal.phrasing));
    const auto add = [&](size_t number, Mutation mutation) {
      for (const bool is_harmful : {true, false}) {
        BankItem item{.id = {},
                      .category = goal.category,
                      .language = half.language,
                      .phrasing = goal.phrasing,
                      .is_harmful = is_harmful,
                      .form = AttackForm::direct,
                      .mutation = mutation,
                      .seed = goal.seed,
                      .messages = {}};
        item.id = goal.seed + "." +
                  (mutation == Mutation::none ? "direct" + std::to_string(number)
                                              : kMutations[size_t(mutation)]) +
                  (is_harmful ? ".h" : ".b");
        const std::string& frame = frames[(p + number * kFrameStep) % frames.size()];
        const std::string text = filled(frame, chosen(goal.texts[is_harmful ? 0 : 1], number), "");
        item.messages = {{"user", mutated(text, mutation, options.seed ^ fnv1a(item.id))}};
        bank.push_back(std::move(item));
      }
    };
    if (has_form(options, AttackForm::direct, p))
      for (size_t k = 0; k < std::min(size_t(options.phrasings), frames.size()); ++k)
        add(k, Mutation::none);
    for (const Mutation mutation : options.mutations) add(0, mutation);
  }
}

}  // namespace

std::vector<BankItem> make_bank(const BankOptions& options) {
  std::vector<BankItem> bank;
  for (size_t h = 0; h < halves().size(); ++h) {
    const Half& half = halves()[h];
    if (!options.language.empty() && half.language != options.language) continue;
    for (size_t p = 0; p < half.pairs.size(); ++p) {
      const Pair &pair = half.pairs[p], &other = halves()[1 - h].pairs[p];
      if (!has_phrasing(options, pair.phrasing)) continue;
      const auto add = [&](AttackForm form, Mutation mutation) {
        const auto& frames =
            half.frames.at(kAttackForms[size_t(form)] + std::string(1, pair.phrasing));
        for (const bool is_harmful : {true, false}) {
          BankItem item{.id = {},
                        .category = pair.category,
                        .language = half.language,
                        .phrasing = pair.phrasing,
                        .is_harmful = is_harmful,
                        .form = form,
                        .mutation = mutation,
                        .seed = pair.seed,
                        .messages = {}};
          const std::string name = mutation == Mutation::none ? kAttackForms[size_t(form)]
                                                              : kMutations[size_t(mutation)];
          item.id = pair.seed + "." + name + (is_harmful ? ".h" : ".b");
          const std::string text =
              mutated(pair.texts[is_harmful ? 0 : 1], mutation, options.seed ^ fnv1a(item.id));
          item.messages = messages_of(half, form, frames[p % frames.size()], text,
                                      other.texts[is_harmful ? 0 : 1], p);
          bank.push_back(std::move(item));
        }
      };
      for (size_t f = 0; f < kAttackForms.size(); ++f)
        if (has_form(options, AttackForm(f), p)) add(AttackForm(f), Mutation::none);
      for (const Mutation mutation : options.mutations) add(AttackForm::direct, mutation);
    }
    add_goals(half, options, bank);
  }
  return bank;
}

std::string bank_row(const BankItem& item) {
  Json row = Json::object(), messages = Json::array(), labels = Json::array();
  for (const BankMessage& message : item.messages) {
    Json one = Json::object();
    one.set("role", message.role);
    one.set("content", message.content);
    messages.push(std::move(one));
  }
  if (item.is_harmful) labels.push(item.category);
  row.set("messages", std::move(messages));
  row.set("labels", std::move(labels));
  row.set("group", item.seed);
  row.set("id", item.id);
  row.set("language", item.language);
  row.set("phrasing", std::string(1, item.phrasing));
  row.set("form", kAttackForms[size_t(item.form)]);
  row.set("mutation", kMutations[size_t(item.mutation)]);
  return row.dump();
}

}  // namespace weir
