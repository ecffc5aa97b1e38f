// Any bytes as a file of problems, in every format: conversations that can be rendered, or one
// sentence that a terminal can show.
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "tasks/problem_file.h"

namespace {

void check_text(const std::string& text) {
  if (weir::first_invalid_utf8(text) != std::string::npos) std::abort();
  if (text.find('\0') != std::string::npos) std::abort();
}

void check_problem(const weir::Problem& problem) {
  if (problem.messages.empty()) std::abort();
  weir::Role wanted = weir::Role::user;
  for (size_t i = 0; i < problem.messages.size(); ++i) {
    const weir::Message& message = problem.messages[i];
    check_text(message.content);
    check_text(message.thinking);
    if (message.has_thinking && message.role != weir::Role::assistant) std::abort();
    if (message.role == weir::Role::system && i == 0) continue;
    if (message.role != wanted) std::abort();
    wanted = wanted == weir::Role::user ? weir::Role::assistant : weir::Role::user;
  }
  check_text(problem.gold);
  check_text(problem.rejected.content);
  if (problem.question().empty() || problem.question().back().role != weir::Role::user)
    std::abort();
}

// Something that a terminal can show.
void check_line(const std::string& line) {
  if (line.empty() || weir::printable(line, line.size()) != line) std::abort();
}

void check_file(const weir::ProblemFile& file) {
  if (file.problems.empty() || file.problems.size() + file.left_out.rows() != file.rows)
    std::abort();
  if ((file.left_out.rows() > 0) != !file.left_out.text().empty()) std::abort();
  for (const weir::RowCounts* counts : {&file.left_out, &file.notes, &file.unread})
    for (const weir::RowCount& count : counts->list()) check_line(count.what + count.first);
  for (const weir::Problem& problem : file.problems) check_problem(problem);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> formats = weir::row_format_names();
  formats.insert(formats.begin(), "auto");
  for (const std::string& format : formats) {
    for (const bool skip : {false, true}) {
      auto file =
          weir::parse_problem_file(bytes, "file", {.format = format, .skip_bad_rows = skip});
      if (!file) {
        check_line(file.error().message);
        continue;
      }
      check_file(*file);
    }
  }
  return 0;
}
