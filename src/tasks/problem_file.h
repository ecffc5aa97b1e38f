// A user's problems and conversations in the forms that people have them in, as JSON lines or as
// one JSON array:
//   messages    {"messages": [{"role": "user", "content": "..."}, ...]}           OpenAI
//   sharegpt    {"conversations": [{"from": "human", "value": "..."}, ...]}       ShareGPT
//   alpaca      {"instruction": "...", "input": "...", "output": "..."}           Stanford Alpaca
//   qa          {"question": "...", "answer": "steps #### 42"}                    GSM8K
//   prompt      {"prompt": ..., "completion": ...}, or with a gold instead        TRL, verl
//   preference  {"prompt": ..., "chosen": ..., "rejected": ...}                   TRL, OpenAI
// docs/problems.md lists the keys. Works on bytes in memory; any bytes give rows or one sentence.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "tasks/problem.h"

namespace weir {

enum class ProblemRowFormat { messages, sharegpt, alpaca, qa, prompt, preference };
const char* row_format_name(ProblemRowFormat format);
std::vector<std::string> row_format_names();

constexpr size_t kProblemFileMax = size_t(512) << 20;  // bytes
constexpr size_t kProblemRowMax = size_t(16) << 20;    // bytes
constexpr size_t kProblemRowsMax = 2'000'000;
constexpr size_t kProblemMessagesMax = 1000;  // of a row

// What holds of some rows of a file: how many, and the place of the first.
struct RowCount {
  std::string what;
  size_t rows = 0;
  std::string first;  // "file.jsonl:3"
};
// Counts by what is said; beyond 20 different ones the rest is "others".
class RowCounts {
 public:
  void add(const std::string& what, const std::string& place);
  size_t rows() const { return rows_; }
  const std::vector<RowCount>& list() const { return list_; }  // in order of the first
  // "a message with tool calls (2 rows, the first at file.jsonl:3); ..." ; "" when empty.
  std::string text() const;

 private:
  std::vector<RowCount> list_;
  size_t rows_ = 0;
};

struct ProblemFile {
  ProblemRowFormat format = ProblemRowFormat::messages;  // of the first row
  // `family` and, where a row does not say, `verifier` and `language` are empty; `place` is
  // "file.jsonl:7", of an array "file.json: row 7".
  std::vector<Problem> problems;
  size_t rows = 0;
  RowCounts
      left_out;      // tool calls, pictures, empty replies ...; with skip_bad_rows broken ones too
  RowCounts notes;   // values that were converted or ignored
  RowCounts unread;  // columns that are not read, by name
};

struct ProblemFileOptions {
  std::string format = "auto";  // a name, or "auto" to go by the keys of each row
  bool skip_bad_rows = false;   // else a broken row is an error
};
// `path` is for messages. A row that is whole but of no use here is left out and counted; nothing
// left is an error.
Result<ProblemFile> parse_problem_file(std::string_view bytes, const std::string& path,
                                       const ProblemFileOptions& options = {});

// One row (problem_rows.cpp). An empty `left_out` means that it is in `problem`.
struct ProblemRow {
  Problem problem;
  std::string left_out;                    // why not
  std::vector<std::string> notes, unread;  // as above
};
Result<ProblemRowFormat> find_row_format(const Json& row);
Result<ProblemRow> read_problem_row(const Json& row, ProblemRowFormat format);

// "en" or "zh" by the letters of `text`, "" when it is neither.
std::string guess_language(std::string_view text);

}  // namespace weir
