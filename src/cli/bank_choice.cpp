#include "cli/bank_choice.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace weir {
namespace {

// The number of a word in a list.
template <class Words>
Result<int> number_of(const std::string& word, const Words& words, const char* what) {
  const auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end())
    return Error{
        fmt::format("there is no {} '{}'; there are {}", what, word, fmt::join(words, ", "))};
  return int(found - words.begin());
}

}  // namespace

void add_bank_choice(CommandBuilder& c, BankChoice& choice) {
  c.choice("--language", choice.language, {"both", "en", "zh"}, "of the requests");
  c.option("--phrasing", choice.phrasing, "LETTERS",
           "of the groups A, B, C and D, which are written apart: \"AC\" is two of them [AB]");
  c.value("--phrasings", choice.phrasings, "N", "of each request of C and D").whole_number(1, 14);
  c.option("--forms", choice.forms, "FORM,FORM",
           "direct, role_play, translated, encoded, split, document, tool_result [direct and two "
           "others for each request]")
      .comma_separated();
  c.option("--mutations", choice.mutations, "NAME,NAME",
           "direct requests also changed: full_width, homoglyphs, zero_width, spaced, swapped, "
           "leet, capitals [none]")
      .comma_separated();
  c.option("--limit", choice.limit, "N", "so many requests with their look-alikes [all]")
      .whole_number(1, 1'000'000);
}

Result<std::vector<BankItem>> chosen_bank(const BankChoice& choice) {
  BankOptions options;
  if (choice.language != "both") options.language = choice.language;
  if (choice.phrasing.empty() || choice.phrasing.find_first_not_of("ABCD") != std::string::npos)
    return Error{"--phrasing: name some of the groups A, B, C and D"};
  options.phrasing = choice.phrasing;
  options.phrasings = choice.phrasings;
  for (const std::string& form : choice.forms)
    options.forms.push_back(AttackForm(TRY(number_of(form, kAttackForms, "form"))));
  for (const std::string& mutation : choice.mutations)
    options.mutations.push_back(Mutation(TRY(number_of(mutation, kMutations, "mutation"))));
  std::vector<BankItem> bank = make_bank(options);
  const size_t pairs = bank.size() / 2, wanted = size_t(choice.limit);
  if (wanted == 0 || wanted >= pairs) return bank;
  std::vector<BankItem> some;
  for (size_t i = 0; i < wanted; ++i) {
    const size_t at = i * pairs / wanted * 2;
    some.push_back(std::move(bank[at]));
    some.push_back(std::move(bank[at + 1]));
  }
  return some;
}

}  // namespace weir
