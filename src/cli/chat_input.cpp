#include "cli/chat_input.h"

#include <fmt/format.h>
#include <unistd.h>

#include <string_view>

#include "base/file.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr std::string_view kQuotes = "\"\"\"";

}  // namespace

ChatInput::ChatInput(bool by_lines, bool is_private, bool (*is_interrupted)())
    : by_lines_(by_lines), is_terminal_(isatty(STDIN_FILENO) == 1) {
  if (!is_terminal_) return;
  FILE* output = isatty(STDERR_FILENO) == 1 ? stderr : stdout;
  if (isatty(fileno(output)) != 1) return;
  terminal_.emplace(fileno(output));
  editor_ = LineEditor::create(output, is_interrupted);
  if (!editor_) {
    terminal_.reset();
    return;
  }
  if (is_private) return;
  Result<std::string> folder = state_folder();
  if (!folder) return;  // a home that cannot be written is no reason for a message each time
  Result<InputHistory> history = InputHistory::open(join_path(*folder, "history"));
  if (!history) {
    fmt::print(stderr, "weir: earlier questions cannot be read: {}\n", history.error().message);
    return;
  }
  history_ = *std::move(history);
  for (const std::string& line : history_->lines()) editor_->remember(line);
}

InputLine ChatInput::read(const char* prompt) {
  if (editor_) return editor_->read(prompt);
  if (is_terminal_) {
    fmt::print("{}", prompt);
    fflush(stdout);
  }
  return read_line();
}

void ChatInput::remember(const std::string& text) {
  if (!editor_ || trim(text).empty()) return;
  editor_->remember(text);
  if (history_ && !history_->add(text)) history_.reset();
}

Result<ChatText> ChatInput::whole_pipe() {
  if (is_done_) return ChatText{};
  is_done_ = true;
  std::string text = TRY(read_piped_text());
  if (trim(text).empty()) return ChatText{};
  return ChatText{InputLine::State::line, std::move(text), true};
}

Result<ChatText> ChatInput::next() {
  if (!is_terminal_ && !by_lines_) return whole_pipe();
  InputLine line = read("> ");
  if (line.state != InputLine::State::line) return ChatText{line.state};
  if (!line.text.starts_with(kQuotes)) {
    remember(line.text);
    return ChatText{line.state, std::move(line.text)};
  }
  std::string text = line.text.substr(kQuotes.size());
  while (!text.ends_with(kQuotes)) {
    line = read("... ");
    if (line.state == InputLine::State::end) break;
    if (line.state != InputLine::State::line) return ChatText{line.state};
    text += "\n" + line.text;
    if (text.size() > kLineBytesMax) return ChatText{InputLine::State::too_long};
  }
  if (text.ends_with(kQuotes)) text.resize(text.size() - kQuotes.size());
  text = trim(text);
  remember(text);
  return ChatText{InputLine::State::line, std::move(text), true};
}

}  // namespace weir
