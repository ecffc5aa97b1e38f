// What evaluation counts and the report shows: replies of one stage's model to held-out problems.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/interval.h"
#include "base/json.h"
#include "base/result.h"

namespace weir {

// One row of the stage table: one family at one difficulty. Each problem is asked `samples` times.
struct FamilyScore {
  std::string family;
  int difficulty = 0;
  bool is_trained = true;  // false: no stage ever trained on this difficulty
  int64_t problems = 0;    // asked
  int samples = 1;         // replies per problem
  int64_t right = 0, wrong = 0, unparseable = 0, truncated = 0;  // replies; they add up
  int64_t well_formed = 0;                                       // replies
  int k = 0;                   // of pass_at_k; 0: as many as samples
  double pass_at_k = 0;        // mean over the problems of pass_at(samples, right ones, k)
  double thinking_tokens = 0;  // mean per reply
  double language = 0;         // mean share of thinking in the question's language; 1 when wordless
  // Mean over problems of what a search in random order finds within the same number of trials
  // (Problem::chance); negative: the problems have none.
  double chance = -1;
  int64_t replies() const { return right + wrong + unparseable + truncated; }
  // Mean over replies: pass@1.
  double accuracy() const { return replies() > 0 ? double(right) / double(replies()) : 0; }
};

// The probability that of `k` replies at least one is right, estimated without bias from `samples`
// replies of which `right` are (Chen et al. 2021, arXiv:2107.03374, section 2.1):
// 1 - C(samples - right, k) / C(samples, k). 1 <= k <= samples.
double pass_at(int samples, int right, int k);

// How well a model predicts a text.
struct TextScore {
  std::string name;
  double perplexity = 0;
  int64_t tokens = 0;  // predicted
};

struct SampleReply {
  std::string family, question, thinking, answer, gold;
  std::string verdict;  // "right", "wrong", "unparseable", "truncated"
};

// Everything the report shows of one stage.
struct StageReport {
  std::string name, kind, parent;  // kind: as StageKind
  std::vector<FamilyScore> scores;
  std::vector<TextScore> texts;
  std::vector<SampleReply> samples;  // the same questions at every stage
  std::vector<Json> metrics;         // lines of the stage's metrics.jsonl
  double seconds = 0, core_seconds = 0;
  int64_t steps = 0, tokens = 0;   // tokens trained on
  Json settings = Json::object();  // the stage's manifest
  // Seconds of steps, with drawing samples and evaluation.
  double wall_seconds() const;
};

Json scores_json(const std::vector<FamilyScore>& scores);
Result<std::vector<FamilyScore>> parse_scores(const Json& json);
Json texts_json(const std::vector<TextScore>& texts);
Result<std::vector<TextScore>> parse_texts(const Json& json);

// Sums over the difficulties of one family, or over all rows; weighted by replies.
FamilyScore total_score(const std::vector<FamilyScore>& scores, const std::string& family,
                        bool trained_only = false);

}  // namespace weir
