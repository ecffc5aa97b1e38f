// How sure it is that a base answers a question, and from where on it is answered. The score is a
// logistic function of what the search and, where there is one, a model's judgement say; weights
// and threshold come from questions with and without an answer (`weir knowledge calibrate`).
#pragma once
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "knowledge/knowledge_search.h"

namespace weir {

// Each in [0, 1]; in this order in a calibration.
struct AnswerSigns {
  double coverage = 0;   // the best chunk's share of the question's words
  double passage = 0;    // the same of the best two neighbouring sentences
  double cosine = 0;     // the best chunk's; 0: no vectors
  double judgement = 0;  // P(yes) of the model; 0: no model
  double unspaced = 0;   // share of the question's words that are pairs of characters
  double naming = 0;     // 1: the question has names (evidence.h)
  double together = 0;   // share of its names that one of the chunks has; 1: no name
  double known = 0;      // share of the question's words' weight that the base has at all
  static constexpr size_t kCount = 8;
  std::array<double, kCount> values() const {
    return {coverage, passage, cosine, judgement, unspaced, naming, together, known};
  }
};
// `found`: best first; of more than a few the names alone count.
AnswerSigns signs_of(std::string_view question, const std::vector<WeighedWord>& words,
                     std::span<const FoundChunk> found);

struct Calibration {
  // As every second question of bench/knowledge gives them, both languages together, for words
  // alone.
  std::array<double, AnswerSigns::kCount> weights = {5.1, 0, 0, 0, 4.08, 1.69, 7.04, 6.33};
  double bias = -15.74;
  double threshold = 0.51;  // a score below it is a refusal
  // What the threshold stands for; 0 questions: the defaults, of no measurement.
  int unanswerable = 0, answerable = 0;  // questions that the threshold and the rates come from
  double error_rate = 0;                 // asked for: unanswerable questions that are answered
  double answered_wrongly = 0, refused_wrongly = 0;  // measured shares of those questions
  std::string model = {};                            // whose judgement counts; "": none
};

double answer_score(const Calibration& calibration, const AnswerSigns& signs);

struct CalibrationCase {
  AnswerSigns signs;
  bool is_answerable = false;
};
// The weights are fitted (maximum likelihood with an L2 term) to all cases. The threshold is a
// quantile of the scores that unanswerable cases get from weights fitted to the other four fifths
// of the cases, so that a new such question reaches it with a probability of about `error_rate`,
// if it is drawn as these were (cross-conformal prediction: Vovk 2015; at most twice the rate is
// proved: Barber et al. 2021, Predictive inference with the jackknife+). An error for too few
// cases: at least 1 / error_rate - 1 without an answer, and 2 with one.
Result<Calibration> calibrate(std::span<const CalibrationCase> cases, double error_rate);

Json calibration_json(const Calibration& calibration);
Result<Calibration> read_calibration(std::string_view json);  // "": the defaults

}  // namespace weir
