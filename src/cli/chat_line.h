// What somebody types into a conversation: a command or a question. Only known commands are
// commands, since questions begin with '/' too: paths, or "/no_think" of Qwen3.
#pragma once
#include <string>
#include <vector>

namespace weir {

struct ChatLine {
  // mistyped: no command, but nearly one. nothing: blanks alone.
  enum class Kind { question, command, mistyped, nothing } kind = Kind::nothing;
  std::string word;  // of a command: "/stage"; of a mistyped one the command that is near
  std::string text;  // the question, or the text after the command's name
};

// `//` (one slash of it stays) or a blank in front makes any text a question.
ChatLine read_chat_line(const std::string& line, const std::vector<std::string>& commands);

}  // namespace weir
