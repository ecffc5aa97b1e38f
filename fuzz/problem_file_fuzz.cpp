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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> formats = weir::row_format_names();
  formats.insert(formats.begin(), "auto");
  for (const std::string& format : formats) {
    auto file = weir::parse_problem_file(bytes, "file", format);
    if (!file) {
      const std::string& message = file.error().message;
      if (message.empty() || weir::printable(message, message.size()) != message) std::abort();
      continue;
    }
    if (file->problems.empty() || file->problems.size() + file->left_out != file->rows)
      std::abort();
    if ((file->left_out > 0) != !file->first_left_out.empty()) std::abort();
    for (const weir::Problem& problem : file->problems) check_problem(problem);
  }
  return 0;
}
