#include "doctor/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "base/text.h"
#include "doctor/doctor_checks.h"
#include "stages/row_notes.h"
#include "tasks/kinds.h"
#include "tasks/near_copies.h"

namespace weir {
namespace {

constexpr int kForgeries = 3;         // problems of a source that are written with control tokens
constexpr int64_t kHeldOutMax = 500;  // problems of a source compared with those that are learned
constexpr int64_t kCopiesRowsMax = 500'000;  // of a file, searched for near-copies
constexpr double kFewDistinct = 0.1;         // of an endless source
constexpr double kUnusedShare = 0.5;         // of the vocabulary

std::string question_key(const Problem& problem) {
  std::string key;
  for (const Message& message : problem.question())
    key += std::string(trim(message.content)) + '\n';
  return key;
}

const char* copy_words(CopyKind kind) {
  switch (kind) {
    case CopyKind::same_text:
      return "but for case and punctuation";
    case CopyKind::numbers_reordered:
      return "with their numbers in another order";
    case CopyKind::overlap:
      return "for the most part: 13 words in a row, or most runs of 8";
  }
  return "";
}

Purpose purpose_of(const StageRecipe& stage) {
  Purpose purpose;
  purpose.stage = purpose.owner = stage.name;
  purpose.kind = stage_kind_name(stage.kind);
  if (stage.kind == StageKind::grpo) {
    purpose.reply_tokens = stage.grpo.reply_tokens;
    purpose.reply_key = "reply_tokens";
    purpose.needs_verifier = true;
    purpose.grpo = &stage.grpo;
    return purpose;
  }
  if (stage.kind == StageKind::distill && stage.distill.source == DistillSource::student) {
    purpose.reply_tokens = stage.grpo.reply_tokens;
    purpose.reply_key = "reply_tokens";
    return purpose;
  }
  purpose.is_learned = true;
  if (stage.kind == StageKind::reward || stage.kind == StageKind::dpo) return purpose;
  purpose.all_tokens = stage.tuning.all_tokens;
  purpose.step_rows = stage.tuning.tokens;
  return purpose;
}

// The problems that an earlier stage's model is asked before the stage begins.
Purpose sampling_purpose(const StageRecipe& stage) {
  Purpose purpose;
  purpose.stage = stage.name + ".samples";
  purpose.owner = stage.name;
  purpose.kind = "sampled";
  purpose.reply_tokens = stage.samples.reply_tokens;
  purpose.reply_key = "samples.reply_tokens";
  purpose.seed_name = "samples";
  return purpose;
}

class Doctor {
 public:
  Doctor(const R1Recipe& recipe, const Tokenizer& tokenizer, const ConversationFormat& format,
         int context, const DoctorOptions& options)
      : recipe_(recipe),
        tokenizer_(tokenizer),
        format_(format),
        options_(options),
        examiner_(tokenizer, format, context, findings_) {
    report_.context = context;
    report_.vocabulary = tokenizer.size();
  }

  Result<DoctorReport> examine() {
    for (const StageRecipe& stage : recipe_.stages) TRY(examine_stage(stage));
    TRY(examine_evaluation());
    TRY(compare_splits());
    TRY(find_near_copies());
    check_vocabulary();
    tell_rows();
    report_.findings = findings_.take();
    return std::move(report_);
  }

 private:
  Result<void> examine_stage(const StageRecipe& stage);
  Result<void> examine_evaluation();
  Result<void> examine_source(const std::string& name, const ProblemSet& set,
                              const Purpose& purpose, StageTraits& traits);
  Result<void> compare_splits();
  void compare(const Problem& problem, const std::string& stage, const std::string& source);
  Result<void> find_near_copies();
  void check_vocabulary();
  void tell_rows();
  // As the stages draw them (stage_seed()).
  uint64_t seed(const std::string& owner, const std::string& purpose) const {
    return kind_seed(kind_seed(uint64_t(recipe_.seed), owner), purpose);
  }

  const R1Recipe& recipe_;
  const Tokenizer& tokenizer_;
  const ConversationFormat& format_;
  DoctorOptions options_;
  Findings findings_;
  ProblemExaminer examiner_;
  DoctorReport report_;
  std::unordered_map<std::string, std::string> learned_;  // question to where it is learned
};

// Problem `i` of `problems`: the first ones of an endless supply, and evenly of a finite one.
uint64_t index_of(int64_t i, int64_t problems, int64_t count) {
  return count < 0 ? uint64_t(i) : uint64_t(double(i) * double(count) / double(problems));
}

Result<void> Doctor::examine_source(const std::string& name, const ProblemSet& set,
                                    const Purpose& purpose, StageTraits& traits) {
  SourceReport source;
  source.stage = purpose.stage;
  source.kind = purpose.kind;
  source.source = name;
  const int64_t count = set.count(purpose.split);
  const int64_t wanted =
      count < 0 ? options_.problems : std::min<int64_t>(options_.problems, count);
  if (wanted == 0)
    findings_.add({Severity::error, "empty", purpose.stage, name,
                   "has no problems for this purpose", "add problems, or remove the source"});
  const bool is_evaluated = purpose.split == Split::held_out;
  const uint64_t from = seed(is_evaluated ? name : purpose.owner, purpose.seed_name);
  std::unordered_set<std::string> distinct;
  for (int64_t i = 0; i < wanted; ++i) {
    Problem problem = TRY_IN(purpose.stage + ": " + name,
                             set.make(from, purpose.split, index_of(i, wanted, count)));
    examiner_.examine(problem, purpose, source);
    if (i < kForgeries) examiner_.try_to_forge(problem, purpose, source);
    if (i < options_.rows)
      if (Result<ExampleRow> row = example_row(tokenizer_, format_, problem, purpose))
        source.rows.push_back(*std::move(row));
    FamilyTraits& family = traits[problem.family];
    family.has_verifier |= !problem.verifier.empty();
    family.has_language |= problem.language == "en" || problem.language == "zh";
    std::string key = question_key(problem);
    if (!problem.canonical.empty() && set.holds_out_meanings())
      distinct.insert(problem.canonical);
    else
      distinct.insert(key);
    if (purpose.split == Split::train)
      learned_.emplace(key, fmt::format("{}: {}, {}", purpose.stage, name, problem.place));
  }
  source.distinct = int64_t(distinct.size());
  if (count < 0 && double(source.distinct) < kFewDistinct * double(wanted))
    findings_.add({Severity::warning, "repeats", purpose.stage, name,
                   fmt::format("{} problems have only {} different forms", wanted, source.distinct),
                   "widen the source's options, or lower its weight"});
  examiner_.finish_source(purpose, source);
  findings_.set_examined(purpose.stage, name, source.problems);
  report_.sources.push_back(std::move(source));
  return {};
}

Result<void> Doctor::examine_stage(const StageRecipe& stage) {
  const Purpose purpose = purpose_of(stage);
  StageTraits traits;
  for (const Mixture::Source& source : stage.data.sources())
    TRY(examine_source(source.name, *source.set, purpose, traits));
  if (stage.kind == StageKind::grpo) check_rewards(stage, traits, findings_);
  const StageRecipe* asked = recipe_.find(stage.samples.from);
  if (!asked) return {};
  const Mixture& sampled = stage.samples.data.empty() ? asked->data : stage.samples.data;
  StageTraits sampled_traits;
  for (const Mixture::Source& source : sampled.sources())
    TRY(examine_source(source.name, *source.set, sampling_purpose(stage), sampled_traits));
  const bool has_verifier =
      std::any_of(sampled_traits.begin(), sampled_traits.end(),
                  [](const auto& entry) { return entry.second.has_verifier; });
  if (!has_verifier)
    findings_.add({Severity::error, "verifier", stage.name, "",
                   "no problem that replies are sampled for has a verifier, so none is kept",
                   "name sources with verifiers in 'samples.data'"});
  return {};
}

Result<void> Doctor::examine_evaluation() {
  Purpose purpose;
  purpose.stage = "evaluation";
  purpose.kind = "evaluate";
  purpose.seed_name = "evaluation";
  purpose.split = Split::held_out;
  purpose.reply_tokens = recipe_.evaluation.reply_tokens;
  purpose.reply_key = "evaluation.reply_tokens";
  purpose.needs_verifier = true;
  StageTraits traits;
  for (const EvaluationSet& set : recipe_.evaluation.sets)
    TRY(examine_source(set.name, *set.set, purpose, traits));
  return {};
}

// The other side of every source: what may be asked later must not have been learned before.
Result<void> Doctor::compare_splits() {
  auto walk = [&](const std::string& stage, const std::string& name, const ProblemSet& set,
                  uint64_t from) -> Result<void> {
    const int64_t count = set.count(Split::held_out);
    const int64_t limit = std::min<int64_t>(options_.problems, kHeldOutMax);
    const int64_t wanted = count < 0 ? limit : std::min(limit, count);
    for (int64_t i = 0; i < wanted; ++i) {
      Problem problem =
          TRY_IN(stage + ": " + name, set.make(from, Split::held_out, index_of(i, wanted, count)));
      compare(problem, stage, name);
    }
    return {};
  };
  for (const StageRecipe& stage : recipe_.stages)
    for (const Mixture::Source& source : stage.data.sources())
      TRY(walk(stage.name, source.name, *source.set, seed(stage.name, "held out")));
  for (const EvaluationSet& set : recipe_.evaluation.sets)
    TRY(walk("evaluation", set.name, *set.set, seed(set.name, "evaluation")));
  return {};
}

void Doctor::compare(const Problem& problem, const std::string& stage, const std::string& source) {
  const std::string key = question_key(problem);
  auto found = learned_.find(key);
  if (found == learned_.end()) return;
  findings_.add({Severity::error, "split", stage, source,
                 "held-out questions are among those that are learned",
                 "remove them from the one or the other: scores would count what was memorised",
                 fmt::format("{}\nlearned  {}\nquestion {}", problem.place, found->second,
                             printable(key, 200))});
}

// Files only: generated problems are split by their canonical forms. All rows, not the first ones.
Result<void> Doctor::find_near_copies() {
  const auto walk = [](const ProblemSet& set, Split side, auto visit) -> Result<void> {
    for (int64_t i = 0; i < std::min(set.count(side), kCopiesRowsMax); ++i) {
      const Problem problem = TRY(set.make(0, side, uint64_t(i)));
      visit(problem.place, question_key(problem));
    }
    return {};
  };
  NearCopies copies;
  for (const EvaluationSet& set : recipe_.evaluation.sets)
    TRY(walk(*set.set, Split::held_out, [&](const std::string& place, const std::string& text) {
      copies.add_evaluated(place, text);
    }));
  if (copies.evaluated() == 0) return {};
  for (const StageRecipe& stage : recipe_.stages)
    for (const Mixture* data : {&stage.data, &stage.samples.data})
      for (const Mixture::Source& source : data->sources())
        TRY(walk(*source.set, Split::train, [&](const std::string& place, const std::string& text) {
          copies.compare(place, text);
        }));
  for (const NearCopy& copy : copies.copies())
    findings_.add(
        {Severity::warning, "near copy", "evaluation", "",
         fmt::format("questions of the evaluation are in the training data {}",
                     copy_words(copy.kind)),
         "take them out of the one or the other: scores would count what was memorised",
         fmt::format("{}\nlearned  {}\nquestion {}\nlearned  {}", copy.place, copy.learned_place,
                     printable(trim(copy.text), 200), printable(trim(copy.learned_text), 200))});
  findings_.set_examined("evaluation", "", copies.evaluated());
  return {};
}

void Doctor::check_vocabulary() {
  const ProblemExaminer::Vocabulary counts = examiner_.vocabulary();
  report_.learned = counts.learned;
  report_.used = counts.used;
  report_.bytes_per_token = examiner_.bytes_per_token();
  if (format_.has_template()) return;  // the vocabulary is its model's, and stays
  if (counts.used == 0 || double(counts.used) >= (1 - kUnusedShare) * double(counts.learned))
    return;
  findings_.add({Severity::note, "coverage", "", "",
                 fmt::format("{} of the tokenizer's {} tokens of several bytes never occur in "
                             "these problems",
                             counts.learned - counts.used, counts.learned),
                 "a smaller vocabulary is faster and learns each token better"});
}

// What was left out of files, and what was read otherwise than it stands there.
void Doctor::tell_rows() {
  for (const RowNote& row : row_notes(recipe_))
    findings_.add({row.note.is_warning ? Severity::warning : Severity::note, "rows", row.stage,
                   row.source, row.note.text,
                   row.note.is_warning ? "correct these rows, or go on without them" : "",
                   "first at " + row.note.place});
}

}  // namespace

Result<DoctorReport> examine_recipe(const R1Recipe& recipe, const Tokenizer& tokenizer,
                                    const ConversationFormat& format, int context,
                                    const DoctorOptions& options) {
  return Doctor(recipe, tokenizer, format, context, options).examine();
}

}  // namespace weir
