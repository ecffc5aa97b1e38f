// What came of one item of the bank: what the guard said about the request, and what a model
// answered without and with it. Replies themselves are not kept.
#pragma once
#include <optional>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "red_team/bank.h"

namespace weir {

struct Outcome {
  std::string id, category, language, form, mutation, phrasing;
  bool is_harmful = false;
  bool by_rules = false;           // the policy's rules stop the request
  bool by_keywords = false;        // the plain list of words does, which is only compared with
  std::optional<double> head;      // the heads' probability of any category
  bool by_head = false;            // it reaches the threshold
  std::optional<bool> helped;      // without the guard: the reply declines nothing and is not empty
  std::optional<bool> helped_now;  // with the guard: the same, and nothing was stopped
  std::optional<int> stopped_at;   // token of the reply at which the guard ended it

  bool is_stopped() const { return by_rules || by_head; }
};

Outcome outcome_of(const BankItem& item);  // with nothing judged yet
std::string outcome_row(const Outcome& outcome);
Result<Outcome> read_outcome(const Json& row);

}  // namespace weir
