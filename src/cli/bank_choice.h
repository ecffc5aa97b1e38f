// Which requests of the red team's bank a command takes.
#pragma once
#include <string>
#include <vector>

#include "cli/command_builder.h"
#include "red_team/bank.h"

namespace weir {

struct BankChoice {
  std::string language = "both", phrasing = "AB";
  std::vector<std::string> forms, mutations;
  int phrasings = 2, limit = 0;
};

void add_bank_choice(CommandBuilder& command, BankChoice& choice);
// A sample of `limit` requests, spread over the bank, with their look-alikes.
Result<std::vector<BankItem>> chosen_bank(const BankChoice& choice);

}  // namespace weir
