// What the doctor looks at in one problem, one source, one stage. doctor.cpp decides which of them.
#pragma once
#include <map>
#include <span>
#include <string>
#include <vector>

#include "doctor/doctor.h"
#include "stages/stage.h"
#include "tasks/problem_set.h"
#include "train/batches.h"

namespace weir {

// Complaints; those that say the same of the same source are counted, the first one's example kept.
class Findings {
 public:
  void add(Finding finding);
  // How many problems of a source were looked at, once that is known.
  void set_examined(const std::string& stage, const std::string& source, int64_t problems);
  std::vector<Finding> take();  // errors first, else in order

 private:
  std::vector<Finding> list_;
};

// What a stage does with the problems of its sources.
struct Purpose {
  std::string stage, kind;
  std::string owner = {}, seed_name = "data";  // of the seed that problems are drawn with
  Split split = Split::train;
  bool is_learned = false;           // the model replies are training data
  bool all_tokens = false;           // and the questions too
  int step_rows = 0;                 // of one step; 0: not learned
  int reply_tokens = 0;              // the model is sampled with at most so many; 0: it is not
  std::string reply_key = {};        // the recipe's name for that number
  bool needs_verifier = false;       // nothing but a verifier can tell good replies from bad ones
  const GrpoRecipe* grpo = nullptr;  // ... unless one of its rewards has a model
};

class ProblemExaminer {
 public:
  // All outlive the examiner. `context`: positions of the model.
  ProblemExaminer(const Tokenizer& tokenizer, const ConversationFormat& format, int context,
                  Findings& findings);
  // Verifier, conversation, lengths; what is counted goes into `report`.
  void examine(const Problem& problem, const Purpose& purpose, SourceReport& report);
  // Writes every control token into the question and the reply as text.
  void try_to_forge(const Problem& problem, const Purpose& purpose, const SourceReport& report);
  // After all problems of a source: whether its verifier ever says no.
  void finish_source(const Purpose& purpose, const SourceReport& report);

  // Tokens of several bytes, and how many of them occurred: control tokens and single bytes are
  // there for any text.
  struct Vocabulary {
    int learned = 0, used = 0;
  };
  Vocabulary vocabulary() const;
  double bytes_per_token() const { return tokens_ > 0 ? bytes_ / tokens_ : 0; }

 private:
  struct Place {
    const Problem& problem;
    const Purpose& purpose;
    SourceReport& report;
  };
  void complain(const Place& at, Severity severity, const std::string& check,
                const std::string& message, const std::string& remedy,
                const std::string& detail = "");
  void check_verifier(const Place& at, const ParsedReply* reply);
  void check_conversation(const Place& at, const TrainingSequence& sequence,
                          std::span<const int> reply);
  void check_mask(const Place& at, const TrainingSequence& sequence);
  void check_lengths(const Place& at, int prompt, int reply, int rows);
  void count(const Place& at, const TrainingSequence& sequence, int reply);
  int count_controls(std::span<const int> tokens) const;

  const Tokenizer& tokenizer_;
  const ConversationFormat& format_;
  int context_;
  Findings& findings_;
  Verifiers verifiers_;
  std::vector<int> controls_;  // ids that only the program may write
  std::string attack_;         // their texts
  std::vector<uint8_t> seen_;  // by id
  double bytes_ = 0, tokens_ = 0;
  // Answers and golds of the source at hand, for finish_source().
  struct Judged {
    std::string verifier, answer, gold;
  };
  std::vector<Judged> judged_;
};

// What the model meets of a problem: the conversation when it is learned from, else the question.
Result<ExampleRow> example_row(const Tokenizer& tokenizer, const ConversationFormat& format,
                               const Problem& problem, const Purpose& purpose);

// What is known about the problems of a stage, by family, when its rewards are examined.
struct FamilyTraits {
  bool has_verifier = false, has_language = false;
};
using StageTraits = std::map<std::string, FamilyTraits>;
// Parts of the reward that are the same for every reply, whatever the model does.
void check_rewards(const StageRecipe& stage, const StageTraits& traits, Findings& findings);
// Whether a model judges replies to problems of this family.
bool is_judged(const GrpoRecipe& grpo, const std::string& family);

}  // namespace weir
