// A user's problems and conversations in the forms that people have them in, as JSON lines or as
// one JSON array:
//   messages    {"messages": [{"role": "user", "content": "..."}, ...]}           OpenAI
//   sharegpt    {"conversations": [{"from": "human", "value": "..."}, ...]}, for preferences
//               with "chosen" and "rejected" beside                               ShareGPT
//   alpaca      {"instruction": "...", "input": "...", "output": "..."}           Stanford Alpaca
//   qa          {"question": "...", "answer": "steps #### 42"}                    GSM8K
//   preference  {"prompt": "...", "chosen": "...", "rejected": "..."}             TRL
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

enum class RowFormat { messages, sharegpt, alpaca, qa, preference };
const char* row_format_name(RowFormat format);
std::vector<std::string> row_format_names();

constexpr size_t kProblemFileMax = size_t(512) << 20;  // bytes
constexpr size_t kProblemLineMax = size_t(16) << 20;   // bytes
constexpr size_t kProblemRowsMax = 2'000'000;
constexpr size_t kProblemMessagesMax = 1000;  // of a row

struct ProblemFile {
  RowFormat format = RowFormat::messages;
  // `family` and, where a row does not say, `verifier` and `language` are empty; `place` is
  // "file.jsonl:7", of an array "file.json: row 7".
  std::vector<Problem> problems;
  size_t rows = 0;
  size_t left_out = 0;         // tool calls, pictures, empty replies
  std::string first_left_out;  // "file.jsonl:3: a message of role 'tool'"
};

// `format`: a name, or "auto" to go by the keys of the first row. `path` is for messages. A row
// that is broken is an error; one that is whole but of no use here is left out and counted; nothing
// left is an error.
Result<ProblemFile> parse_problem_file(std::string_view bytes, const std::string& path,
                                       const std::string& format);

// One row (problem_rows.cpp). An empty `left_out` means that it is in `problem`.
struct ProblemRow {
  Problem problem;
  std::string left_out;  // why not
};
Result<RowFormat> find_row_format(const Json& row);
Result<ProblemRow> read_problem_row(const Json& row, RowFormat format);

// "en" or "zh" by the letters of `text`, "" when it is neither.
std::string guess_language(std::string_view text);

}  // namespace weir
