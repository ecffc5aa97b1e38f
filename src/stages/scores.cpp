#include "stages/scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace weir {
namespace {

constexpr int64_t kCountMax = int64_t(1) << 40;
constexpr size_t kRowsMax = 10'000;

Result<int64_t> read_count(const Json& row, const char* key, int64_t limit = kCountMax) {
  const int64_t count = TRY(row.int_at(key));
  if (count < 0 || count > limit)
    return Error{fmt::format("key '{}': {} is not between 0 and {}", key, count, limit)};
  return count;
}

Result<double> read_number(const Json& row, const char* key, double limit) {
  const double number = TRY(row.double_at(key));
  if (!(number >= 0 && number <= limit))
    return Error{fmt::format("key '{}': {} is not between 0 and {}", key, number, limit)};
  return number;
}

Result<FamilyScore> parse_score(const Json& row) {
  if (!row.is_object()) return Error{"expected an object with the key 'family'"};
  FamilyScore score;
  score.family = TRY(row.string_at("family"));
  score.difficulty = int(TRY(read_count(row, "difficulty", 1'000'000)));
  score.is_trained = TRY(row.bool_at("trained"));
  score.problems = TRY(read_count(row, "problems"));
  score.samples = int(TRY(read_count(row, "samples", 1'000'000)));
  score.right = TRY(read_count(row, "right"));
  score.wrong = TRY(read_count(row, "wrong"));
  score.unparseable = TRY(read_count(row, "unparseable"));
  score.truncated = TRY(read_count(row, "truncated"));
  score.well_formed = TRY(read_count(row, "well_formed", score.replies()));
  if (row.find("k")) score.k = int(TRY(read_count(row, "k", 1'000'000)));
  score.pass_at_k = TRY(read_number(row, "pass_at_k", 1));
  score.thinking_tokens = TRY(read_number(row, "thinking_tokens", 1e9));
  score.language = TRY(read_number(row, "language", 1));
  if (row.find("chance")) score.chance = TRY(read_number(row, "chance", 1));
  return score;
}

}  // namespace

Json scores_json(const std::vector<FamilyScore>& scores) {
  Json rows = Json::array();
  for (const FamilyScore& score : scores) {
    Json row = Json::object();
    row.set("family", score.family);
    row.set("difficulty", score.difficulty);
    row.set("trained", score.is_trained);
    row.set("problems", score.problems);
    row.set("samples", score.samples);
    row.set("right", score.right);
    row.set("wrong", score.wrong);
    row.set("unparseable", score.unparseable);
    row.set("truncated", score.truncated);
    row.set("well_formed", score.well_formed);
    if (score.k > 0) row.set("k", score.k);
    row.set("pass_at_k", score.pass_at_k);
    row.set("thinking_tokens", score.thinking_tokens);
    row.set("language", score.language);
    if (score.chance >= 0) row.set("chance", score.chance);
    rows.push(std::move(row));
  }
  return rows;
}

Result<std::vector<FamilyScore>> parse_scores(const Json& json) {
  if (!json.is_array()) return Error{"scores: expected an array of rows, one per family"};
  if (json.size() > kRowsMax)
    return Error{fmt::format("scores: {} rows, at most {} are read", json.size(), kRowsMax)};
  std::vector<FamilyScore> scores;
  for (const Json& row : json.items())
    scores.push_back(TRY_IN(fmt::format("scores: row {}", scores.size()), parse_score(row)));
  return scores;
}

double pass_at(int samples, int right, int k) {
  CHECK(k >= 1 && k <= samples && right >= 0 && right <= samples);
  // C(n - c, k) / C(n, k) as a product of k factors.
  double none = 1;
  for (int i = 0; i < k; ++i) none *= double(samples - right - i) / double(samples - i);
  return samples - right < k ? 1 : 1 - none;
}

Json texts_json(const std::vector<TextScore>& texts) {
  Json rows = Json::array();
  for (const TextScore& text : texts) {
    Json row = Json::object();
    row.set("name", text.name);
    row.set("perplexity", text.perplexity);
    row.set("tokens", text.tokens);
    rows.push(std::move(row));
  }
  return rows;
}

Result<std::vector<TextScore>> parse_texts(const Json& json) {
  if (!json.is_array() || json.size() > kRowsMax)
    return Error{fmt::format("texts: expected an array of at most {} rows", kRowsMax)};
  std::vector<TextScore> texts;
  for (const Json& row : json.items()) {
    const std::string place = fmt::format("texts: row {}", texts.size());
    TextScore text;
    text.name = TRY_IN(place, row.string_at("name"));
    text.perplexity = TRY_IN(place, read_number(row, "perplexity", 1e300));
    text.tokens = TRY_IN(place, read_count(row, "tokens"));
    texts.push_back(std::move(text));
  }
  return texts;
}

FamilyScore total_score(const std::vector<FamilyScore>& scores, const std::string& family,
                        bool trained_only) {
  FamilyScore total;
  total.family = family;
  total.is_trained = false;
  double passed = 0, thinking = 0, language = 0, chance = 0;
  bool all_have_chance = true;
  for (const FamilyScore& score : scores) {
    if (!family.empty() && score.family != family) continue;
    if (trained_only && !score.is_trained) continue;
    total.is_trained |= score.is_trained;
    total.problems += score.problems;
    total.samples = std::max(total.samples, score.samples);
    total.k = std::max(total.k, score.k);
    total.right += score.right;
    total.wrong += score.wrong;
    total.unparseable += score.unparseable;
    total.truncated += score.truncated;
    total.well_formed += score.well_formed;
    passed += score.pass_at_k * double(score.problems);
    chance += score.chance * double(score.problems);
    all_have_chance &= score.chance >= 0;
    thinking += score.thinking_tokens * double(score.replies());
    language += score.language * double(score.replies());
  }
  if (total.problems > 0) total.pass_at_k = passed / double(total.problems);
  if (total.problems > 0 && all_have_chance) total.chance = chance / double(total.problems);
  if (total.replies() > 0) {
    total.thinking_tokens = thinking / double(total.replies());
    total.language = language / double(total.replies());
  }
  return total;
}

double StageReport::wall_seconds() const {
  double sum = seconds;
  for (const char* part : {"sampling_seconds", "evaluation_seconds"})
    if (const Json* value = settings.find(part); value && value->is_number())
      sum += std::max(0.0, *value->as_double());
  return sum;
}

}  // namespace weir
