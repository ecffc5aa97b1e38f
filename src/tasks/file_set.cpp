// A user's own problems: read once from a file of JSON lines or a JSON array, kept in memory, and
// cut into the two sides by the question, so that a question asked twice is on one side, whatever
// its case, its punctuation and the order of its numbers.
#include <fmt/format.h>

#include <array>
#include <map>

#include "base/file.h"
#include "base/text.h"
#include "tasks/kinds.h"
#include "tasks/near_copies.h"
#include "tasks/problem_file.h"
#include "verify/verifier.h"

namespace weir {
namespace {

class FileSet final : public ProblemSet {
 public:
  FileSet(std::vector<Problem> train, std::vector<Problem> held_out, std::vector<SetNote> notes)
      : sides_{std::move(train), std::move(held_out)}, notes_(std::move(notes)) {}

  int64_t count(Split split) const override { return int64_t(side(split).size()); }
  std::vector<SetNote> notes() const override { return notes_; }

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
  std::vector<SetNote> notes_;
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
  std::string path, verifier, family = "file", language = "auto";
  ProblemFileOptions rows;
  double held_out = 0.1, left_out_max = 0.5;
  int64_t limit = 0;
  bool has_verifier = false;
};

void complete(const FileOptions& options, Problem& problem) {
  problem.family = options.family;
  if (options.has_verifier) problem.verifier = options.verifier;
  std::string& language = problem.language;
  if (options.language != "auto") {
    language = options.language;
  } else if (language.empty()) {
    language = guess_language(asked_last(problem));
  } else if (language != "en" && language != "zh") {
    language = "";
  }
}

// Why there is nothing to learn from a problem and nothing to check; "" when there is.
std::string useless(const Problem& problem) {
  if (problem.has_reply()) return "";
  if (problem.gold.empty())
    return "ends with the user and has no gold, so there is nothing to learn and nothing to check; "
           "add a reply, or a gold and a verifier";
  if (problem.verifier.empty())
    return "ends with the user and has a gold but no verifier; set the source's 'verifier', for "
           "example numeric, choice or exact";
  return "";
}

// Completes the problems of `file` and drops those of no use, which it counts.
Result<void> complete_all(const FileOptions& options, ProblemFile& file) {
  GoldCheck golds;
  size_t kept = 0;
  for (Problem& problem : file.problems) {
    complete(options, problem);
    std::string why = useless(problem);
    if (why.empty() && !problem.verifier.empty())
      if (Result<void> checked = golds.check(problem); !checked) {
        if (!options.rows.skip_bad_rows)
          return Error{problem.place + ": " + checked.error().message};
        why = "broken: " + checked.error().message;
      }
    if (!why.empty())
      file.left_out.add(why, problem.place);
    else if (&problem != &file.problems[kept++])
      file.problems[kept - 1] = std::move(problem);
  }
  file.problems.resize(kept);
  if (kept == 0)
    return Error{fmt::format("none of the {} rows of {} can be used: {}", file.rows, options.path,
                             file.left_out.text())};
  if (double(file.left_out.rows()) > options.left_out_max * double(file.rows))
    return Error{fmt::format(
        "{}: {} of {} rows cannot be used, which is more than 'left_out_max' "
        "{}: {}; correct them, or raise 'left_out_max' up to 1",
        options.path, file.left_out.rows(), file.rows, options.left_out_max, file.left_out.text())};
  return {};
}

// What the user should know about the file, for the doctor and the start of a run.
std::vector<SetNote> notes_of(const ProblemFile& file) {
  std::vector<SetNote> notes;
  for (const RowCount& count : file.left_out.list())
    notes.push_back({true,
                     fmt::format("{} of {} rows left out: {}", count.rows, file.rows, count.what),
                     count.first});
  for (const RowCount& count : file.notes.list())
    notes.push_back(
        {false, fmt::format("{} of {} rows: {}", count.rows, file.rows, count.what), count.first});
  std::string columns;
  for (const RowCount& count : file.unread.list()) {
    for (const char* known : {"context", "passage", "article", "choices", "options"})
      if (count.what == known)
        notes.push_back({true,
                         fmt::format("{} of {} rows: '{}' is not read; if the question needs it, "
                                     "put it into the question",
                                     count.rows, file.rows, known),
                         count.first});
    columns += fmt::format("{}{} ({})", columns.empty() ? "" : ", ", count.what, count.rows);
  }
  if (!columns.empty())
    notes.push_back({false, "columns that are not read (in so many rows): " + columns,
                     file.unread.list().front().first});
  return notes;
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
  in.choice("format", options.rows.format, formats);
  in.field("skip_bad_rows", options.rows.skip_bad_rows);
  in.field("left_out_max", options.left_out_max, 0, 1);
  in.choice("language", options.language, {"auto", "en", "zh", ""});
  in.field("held_out", options.held_out, 0, 1);
  in.field("limit", options.limit, 0, int64_t(kProblemRowsMax));
  if (options.path.empty()) return in.error("path", "must name a JSON or JSONL file");

  const std::string bytes = TRY(read_file(options.path, kProblemFileMax));
  ProblemFile file = TRY(parse_problem_file(bytes, options.path, options.rows));
  TRY(complete_all(options, file));
  if (options.limit > 0 && int64_t(file.problems.size()) > options.limit)
    file.problems.resize(size_t(options.limit));
  std::vector<Problem> train, held_out;
  for (Problem& problem : file.problems) {
    problem.canonical = text_meaning(whole_question(problem));
    const Split side = split_of(problem.canonical, options.held_out);
    (side == Split::held_out ? held_out : train).push_back(std::move(problem));
  }
  return std::unique_ptr<ProblemSet>(
      new FileSet(std::move(train), std::move(held_out), notes_of(file)));
}

}  // namespace weir
