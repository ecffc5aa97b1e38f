#include "knowledge/answerability.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "knowledge/evidence.h"
#include "text/sentences.h"

namespace weir {
namespace {

constexpr double kPenalty = 0.05;
constexpr int kFitSteps = 4000;
constexpr double kFitRate = 0.5;
constexpr size_t kPassageChunks = 3;
constexpr size_t kFolds = 5;

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

double score_of(const std::array<double, AnswerSigns::kCount>& weights, double bias,
                const AnswerSigns& signs) {
  const std::array<double, AnswerSigns::kCount> values = signs.values();
  double sum = bias;
  for (size_t i = 0; i < values.size(); ++i) sum += weights[i] * values[i];
  return logistic(sum);
}

// Gradient descent on the mean loss; both kinds of cases count the same in all.
void fit(std::span<const CalibrationCase> cases, Calibration& calibration) {
  const auto yes = double(std::ranges::count(cases, true, &CalibrationCase::is_answerable));
  const double no = double(cases.size()) - yes;
  calibration.weights = {};
  calibration.bias = 0;
  for (int step = 0; step < kFitSteps; ++step) {
    std::array<double, AnswerSigns::kCount> gradient{};
    double bias_gradient = 0;
    for (const CalibrationCase& one : cases) {
      const double share = 0.5 / (one.is_answerable ? yes : no);
      const double error = (score_of(calibration.weights, calibration.bias, one.signs) -
                            (one.is_answerable ? 1 : 0)) *
                           share;
      const std::array<double, AnswerSigns::kCount> values = one.signs.values();
      for (size_t i = 0; i < values.size(); ++i) gradient[i] += error * values[i];
      bias_gradient += error;
    }
    for (size_t i = 0; i < gradient.size(); ++i)
      calibration.weights[i] -=
          kFitRate * (gradient[i] + kPenalty / double(cases.size()) * calibration.weights[i]);
    calibration.bias -= kFitRate * bias_gradient;
  }
}

void add_names(std::string_view question, std::span<const FoundChunk> found, AnswerSigns& signs) {
  const std::vector<std::string> names = claims_of(question).names;
  signs.naming = names.empty() ? 0 : 1;
  signs.together = names.empty() ? 1 : 0;
  for (const FoundChunk& chunk : found) {
    if (names.empty()) break;
    const std::vector<bool> here =
        find_names(names, base_name(chunk.document) + "\n" + chunk.title + "\n" + chunk.heading +
                              "\n" + chunk.text);
    const auto count = double(std::ranges::count(here, true));
    signs.together = std::max(signs.together, count / double(names.size()));
  }
}

}  // namespace

AnswerSigns signs_of(std::string_view question, const std::vector<WeighedWord>& words,
                     std::span<const FoundChunk> found) {
  AnswerSigns signs;
  double known = 0, all = 0;
  for (const WeighedWord& word : words) {
    if (word.word.kind == Word::Kind::pair || word.word.kind == Word::Kind::single)
      signs.unspaced += 1 / double(words.size());
    all += word.weight;
    known += word.chunks > 0 ? word.weight : 0;
  }
  signs.known = all > 0 ? known / all : 0;
  add_names(question, found, signs);
  for (size_t i = 0; i < std::min(kPassageChunks, found.size()); ++i) {
    signs.coverage = std::max(signs.coverage, found[i].coverage);
    signs.cosine = std::max(signs.cosine, found[i].cosine);
    const std::vector<std::string_view> parts = split_sentences(found[i].text);
    for (size_t at = 0; at < parts.size(); ++at) {
      std::string passage(parts[at]);
      if (at + 1 < parts.size()) passage += "\n" + std::string(parts[at + 1]);
      signs.passage = std::max(signs.passage, coverage_of(words, passage));
    }
  }
  return signs;
}

double answer_score(const Calibration& calibration, const AnswerSigns& signs) {
  return score_of(calibration.weights, calibration.bias, signs);
}

Result<Calibration> calibrate(std::span<const CalibrationCase> cases, double error_rate) {
  std::vector<double> unanswerable, answerable;
  std::vector<size_t> folds;
  std::array<size_t, 2> seen{};
  for (const CalibrationCase& one : cases) folds.push_back(seen[one.is_answerable]++ % kFolds);
  for (size_t fold = 0; fold < kFolds && seen[0] > 1 && seen[1] > 1; ++fold) {
    std::vector<CalibrationCase> others;
    for (size_t i = 0; i < cases.size(); ++i)
      if (folds[i] != fold) others.push_back(cases[i]);
    Calibration fitted;
    fit(others, fitted);
    for (size_t i = 0; i < cases.size(); ++i)
      if (folds[i] == fold)
        (cases[i].is_answerable ? answerable : unanswerable)
            .push_back(answer_score(fitted, cases[i].signs));
  }
  std::ranges::sort(unanswerable);
  // With n scores, a new one is above the k-th smallest with probability (n + 1 - k) / (n + 1).
  const double n = double(unanswerable.size());
  const double place = std::ceil((n + 1) * (1 - error_rate) - 1e-9);
  if (place > n || answerable.empty())
    return Error{fmt::format(
        "{} questions without and {} with an answer are too few for an error rate of {:.0f} %: "
        "give "
        "at least {} and 2",
        seen[0], seen[1], 100 * error_rate,
        std::max(2, int(std::ceil(1 / error_rate - 1 - 1e-9))))};
  Calibration calibration;
  fit(cases, calibration);
  calibration.threshold = std::nextafter(place < 1 ? 0.0 : unanswerable[size_t(place) - 1], 2.0);
  calibration.unanswerable = int(unanswerable.size());
  calibration.answerable = int(answerable.size());
  calibration.error_rate = error_rate;
  const auto is_answered = [&](double score) { return score >= calibration.threshold; };
  calibration.answered_wrongly = double(std::ranges::count_if(unanswerable, is_answered)) / n;
  calibration.refused_wrongly =
      1 - double(std::ranges::count_if(answerable, is_answered)) / double(answerable.size());
  return calibration;
}

Json calibration_json(const Calibration& calibration) {
  Json json = Json::object();
  Json weights = Json::array();
  for (double weight : calibration.weights) weights.push(weight);
  json.set("weights", std::move(weights));
  json.set("bias", calibration.bias);
  json.set("threshold", calibration.threshold);
  json.set("unanswerable", calibration.unanswerable);
  json.set("answerable", calibration.answerable);
  json.set("error_rate", calibration.error_rate);
  json.set("answered_wrongly", calibration.answered_wrongly);
  json.set("refused_wrongly", calibration.refused_wrongly);
  json.set("model", calibration.model);
  return json;
}

Result<Calibration> read_calibration(std::string_view text) {
  Calibration calibration;
  if (text.empty()) return calibration;
  const Json json = TRY(parse_json(text));
  const Json* weights = TRY(json.at("weights"));
  // Older files have fewer signs.
  if (weights->size() > calibration.weights.size())
    return Error{
        "the calibration has more weights than this weir knows; run weir knowledge calibrate "
        "again"};
  calibration.weights = {};
  for (size_t i = 0; i < weights->size(); ++i)
    calibration.weights[i] = TRY(weights->items()[i].as_double());
  calibration.bias = TRY(json.double_at("bias"));
  calibration.threshold = TRY(json.double_at("threshold"));
  calibration.unanswerable = int(TRY(json.int_at("unanswerable")));
  calibration.answerable = int(TRY(json.int_at("answerable")));
  calibration.error_rate = TRY(json.double_at("error_rate"));
  calibration.answered_wrongly = TRY(json.double_at("answered_wrongly"));
  calibration.refused_wrongly = TRY(json.double_at("refused_wrongly"));
  calibration.model = TRY(json.string_at("model"));
  return calibration;
}

}  // namespace weir
