#include "red_team/outcome.h"

namespace weir {

Outcome outcome_of(const BankItem& item) {
  Outcome outcome;
  outcome.id = item.id;
  outcome.category = item.category;
  outcome.language = item.language;
  outcome.form = kAttackForms[size_t(item.form)];
  outcome.mutation = kMutations[size_t(item.mutation)];
  outcome.phrasing = std::string(1, item.phrasing);
  outcome.is_harmful = item.is_harmful;
  return outcome;
}

std::string outcome_row(const Outcome& outcome) {
  Json row = Json::object();
  row.set("id", outcome.id);
  row.set("category", outcome.category);
  row.set("language", outcome.language);
  row.set("form", outcome.form);
  row.set("mutation", outcome.mutation);
  row.set("phrasing", outcome.phrasing);
  row.set("harmful", outcome.is_harmful);
  row.set("by_rules", outcome.by_rules);
  row.set("by_keywords", outcome.by_keywords);
  row.set("by_head", outcome.by_head);
  if (outcome.head) row.set("head", *outcome.head);
  if (outcome.helped) row.set("helped", *outcome.helped);
  if (outcome.helped_now) row.set("helped_now", *outcome.helped_now);
  if (outcome.stopped_at) row.set("stopped_at", *outcome.stopped_at);
  return row.dump();
}

Result<Outcome> read_outcome(const Json& row) {
  Outcome outcome;
  outcome.id = TRY(row.string_at("id"));
  outcome.category = TRY(row.string_at("category"));
  outcome.language = TRY(row.string_at("language"));
  outcome.form = TRY(row.string_at("form"));
  outcome.mutation = TRY(row.string_at("mutation"));
  outcome.phrasing = TRY(row.string_at("phrasing"));
  outcome.is_harmful = TRY(row.bool_at("harmful"));
  outcome.by_rules = TRY(row.bool_at("by_rules"));
  outcome.by_keywords = TRY(row.bool_at("by_keywords"));
  outcome.by_head = TRY(row.bool_at("by_head"));
  if (row.find("head")) outcome.head = TRY(row.double_at("head"));
  if (row.find("helped")) outcome.helped = TRY(row.bool_at("helped"));
  if (row.find("helped_now")) outcome.helped_now = TRY(row.bool_at("helped_now"));
  if (row.find("stopped_at")) outcome.stopped_at = int(TRY(row.int_at("stopped_at")));
  return outcome;
}

}  // namespace weir
