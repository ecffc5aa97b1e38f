// A user's own problems: read once from a file of JSON lines or a JSON array, kept in memory, and
// cut into the two sides by the question, so that a question asked twice is on one side.
#include <fmt/format.h>

#include <array>
#include <map>

#include "base/file.h"
#include "base/text.h"
#include "tasks/kinds.h"
#include "tasks/problem_file.h"
#include "tasks/verifier.h"

namespace weir {
namespace {

class FileSet final : public ProblemSet {
 public:
  FileSet(std::vector<Problem> train, std::vector<Problem> held_out, std::string note)
      : sides_{std::move(train), std::move(held_out)}, note_(std::move(note)) {}

  int64_t count(Split split) const override { return int64_t(side(split).size()); }
  std::string note() const override { return note_; }

  Result<Problem> make(uint64_t, Split split, uint64_t index) const override {
    const std::vector<Problem>& problems = side(split);
    if (index >= problems.size())
      return Error{
          fmt::format("there are {} problems, so none has the number {}", problems.size(), index)};
    return problems[size_t(index)];
  }

 private:
  const std::vector<Problem>& side(Split split) const {
    return sides_[split == Split::held_out ? 1 : 0];
  }

  std::array<std::vector<Problem>, 2> sides_;
  std::string note_;
};

// Everything that is asked, for choosing a side.
std::string whole_question(const Problem& problem) {
  std::string text;
  for (const Message& message : problem.question())
    text += fmt::format("{}\n{}\n", role_name(message.role), message.content);
  return text;
}

std::string asked_last(const Problem& problem) {
  return problem.question().empty() ? "" : problem.question().back().content;
}

// Verifiers made once each, and every gold checked before training begins.
class GoldCheck {
 public:
  Result<void> check(const Problem& problem) {
    auto known = made_.find(problem.verifier);
    if (known == made_.end())
      known = made_.emplace(problem.verifier, TRY(make_verifier(problem.verifier))).first;
    if (problem.gold.empty())
      return Error{
          fmt::format("there is no 'gold' for the verifier '{}' to compare with; add it, "
                      "or set verifier: \"\"",
                      problem.verifier)};
    return known->second->check_gold(problem.gold);
  }

 private:
  std::map<std::string, std::unique_ptr<Verifier>> made_;
};

struct FileOptions {
  std::string path, verifier, family = "file", format = "auto", language = "auto";
  double held_out = 0.1;
  int64_t limit = 0;
  bool has_verifier = false;
};

Result<void> complete(const FileOptions& options, GoldCheck& golds, Problem& problem) {
  problem.family = options.family;
  if (options.has_verifier) problem.verifier = options.verifier;
  if (options.language != "auto") problem.language = options.language;
  if (problem.language.empty() && options.language == "auto")
    problem.language = guess_language(asked_last(problem));
  if (!problem.verifier.empty()) TRY_IN(problem.place, golds.check(problem));
  if (problem.verifier.empty() && !problem.has_reply())
    return Error{problem.place +
                 ": the last message is the user's and there is no verifier, so there is nothing "
                 "to learn; add a reply, or 'gold' and a verifier"};
  return {};
}

}  // namespace

SetResult read_file_set(OptionReader& in) {
  FileOptions options;
  std::vector<std::string> formats = row_format_names();
  formats.insert(formats.begin(), "auto");
  in.field("path", options.path);
  options.has_verifier = in.has("verifier");
  in.field("verifier", options.verifier);
  in.field("family", options.family);
  in.choice("format", options.format, formats);
  in.choice("language", options.language, {"auto", "en", "zh", ""});
  in.field("held_out", options.held_out, 0, 1);
  in.field("limit", options.limit, 0, int64_t(kProblemRowsMax));
  if (options.path.empty()) return in.error("path", "must name a JSON or JSONL file");

  const std::string bytes = TRY(read_file(options.path, kProblemFileMax));
  ProblemFile file = TRY(parse_problem_file(bytes, options.path, options.format));
  if (options.limit > 0 && int64_t(file.problems.size()) > options.limit)
    file.problems.resize(size_t(options.limit));
  GoldCheck golds;
  std::vector<Problem> train, held_out;
  for (Problem& problem : file.problems) {
    TRY(complete(options, golds, problem));
    const Split side = split_of(whole_question(problem), options.held_out);
    (side == Split::held_out ? held_out : train).push_back(std::move(problem));
  }
  std::string note =
      fmt::format("{}: {} rows ({}), {} for training, {} held out", options.path, file.rows,
                  row_format_name(file.format), train.size(), held_out.size());
  if (file.left_out > 0)
    note += fmt::format("; {} left out, the first at {}", file.left_out, file.first_left_out);
  return std::unique_ptr<ProblemSet>(
      new FileSet(std::move(train), std::move(held_out), std::move(note)));
}

}  // namespace weir
