// Answers to held-out questions by the base and the tuned model, with and without the knowledge
// base, and what they came to.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adapt/asker.h"
#include "adapt/training_rows.h"
#include "knowledge/answer.h"

namespace weir {

enum class Arm { base, base_knowledge, adapted, adapted_knowledge };
inline constexpr std::array<Arm, 4> kArms = {Arm::base, Arm::base_knowledge, Arm::adapted,
                                             Arm::adapted_knowledge};
const char* arm_name(Arm arm);
inline bool uses_knowledge(Arm arm) {
  return arm == Arm::base_knowledge || arm == Arm::adapted_knowledge;
}
inline bool uses_adapter(Arm arm) { return arm == Arm::adapted || arm == Arm::adapted_knowledge; }

// A bot that answers: an arm, and whether it quotes (knowledge/answer.h).
struct Way {
  Arm arm;
  Quotes quotes = Quotes::none;
  bool asks_nobody = false;  // quotes alone, without a model
};
inline constexpr std::array<Way, 9> kWays = {{{Arm::base},
                                              {Arm::base_knowledge},
                                              {Arm::base_knowledge, Quotes::fallback},
                                              {Arm::base_knowledge, Quotes::beside},
                                              {Arm::base_knowledge, Quotes::fallback, true},
                                              {Arm::adapted},
                                              {Arm::adapted_knowledge},
                                              {Arm::adapted_knowledge, Quotes::fallback},
                                              {Arm::adapted_knowledge, Quotes::beside}}};
std::string way_name(const Way& way);
// The one of that name; the last where there is none.
Way way_named(const std::string& name);

// A question with what is expected.
struct EvaluationCase {
  std::string question, language;
  std::string expected;             // "": the documents do not answer it
  std::string evidence = {};        // words by which they answer it; "": not known
  std::string document = {};        // file name of the one that answers; "": not known
  int64_t chunk = 0;                // that answers; 0: not known
  std::vector<FoundChunk> sources;  // shown to the arms with knowledge
  std::vector<Passage> passages = {};
  double score = 0;  // answer_score() of them
};

// A source that an answer names for a sentence.
struct Citation {
  int64_t chunk = 0;
  bool is_right = false;  // of the question's chunk or document, or it states the answer
  bool states = false;    // what is shown of it states the answer
};

struct CaseAnswer {
  std::string text = {};  // as a person would read it; of a refusal ""
  bool is_refused = false;
  bool is_right = false;                 // of an unanswerable question: refused
  std::vector<Citation> citations = {};  // one for each sentence with a source
  std::string reply = {};                // of the model
};

// Of the sources by answer_prompt(), or of the question alone. False: stopped. `answers` gets one
// for each case.
Result<bool> answer_cases(Arm arm, std::span<const EvaluationCase> cases,
                          const Calibration& calibration, const AskModel& ask,
                          std::vector<CaseAnswer>& answers);

// What a way makes of a reply.
CaseAnswer judge_reply(const Way& way, const EvaluationCase& c, const std::string& reply,
                       const Calibration& calibration);

struct ArmScore {
  int answerable = 0, right = 0, refused_wrongly = 0;
  int unanswerable = 0, refused_rightly = 0;
  int cited = 0, cited_rightly = 0, cited_stating = 0;  // citations
  // Answerable questions with a right citation: cited_rightly / cited is the precision of
  // citations, this by `answerable` their recall.
  int with_right_citation = 0;
};
ArmScore score_arm(std::span<const EvaluationCase> cases, std::span<const CaseAnswer> answers);
// What an answer below the threshold becomes.
void refuse(const EvaluationCase& c, CaseAnswer& answer);
// Whether one bot is better than another, both with a threshold for the same error rate: it has a
// larger share of right answers; refusals alone do not make it better.
bool answers_more(const ArmScore& one, const ArmScore& other);
// From which score on the bot answers, so that a new question without an answer, drawn as those of
// `cases` were, is answered with a probability of at most `error_rate` (split conformal prediction:
// Vovk, Gammerman, Shafer 2005). `answers`: without a threshold; what was refused or removed there
// counts as refused. Nothing where there are too few such cases: less than 1 / error_rate - 1.
std::optional<double> threshold_of(std::span<const EvaluationCase> cases,
                                   std::span<const CaseAnswer> answers, double error_rate);
Json arm_score_json(const std::string& name, const ArmScore& score);

}  // namespace weir
