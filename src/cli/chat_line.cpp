#include "cli/chat_line.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "base/text.h"

namespace weir {
namespace {

constexpr size_t kWordMax = 32;

// Letters to insert, delete, replace or swap with a neighbour (optimal string alignment).
size_t typing_errors(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i)
    for (size_t j = 1; j <= b.size(); ++j) {
      d[i][j] =
          std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

// The command that was meant, or "": a word of other signs than letters is none, and of short
// words only those one error away.
std::string meant(std::string_view word, const std::vector<std::string>& commands) {
  if (word.size() > kWordMax ||
      !std::all_of(word.begin() + 1, word.end(), [](unsigned char c) { return std::isalpha(c); }))
    return "";
  for (const std::string& command : commands)
    if (typing_errors(word, command) <= (command.size() > 6 ? 2u : 1u)) return command;
  return "";
}

}  // namespace

ChatLine read_chat_line(const std::string& line, const std::vector<std::string>& commands) {
  using Kind = ChatLine::Kind;
  const std::string_view text = trim(line);
  if (text.empty()) return {};
  if (line[0] != '/') return {Kind::question, "", std::string(text)};
  if (line.starts_with("//")) return {Kind::question, "", std::string(trim(line.substr(1)))};
  const size_t end = std::min(text.find_first_of(" \t\n"), text.size());
  const std::string word(text.substr(0, end));
  // Several lines are a text, unless the command takes one.
  const bool takes_text = word == "/system" || word == "/result";
  if (text.find('\n') != text.npos && !takes_text) return {Kind::question, "", std::string(text)};
  if (std::find(commands.begin(), commands.end(), word) != commands.end())
    return {Kind::command, word, std::string(trim(text.substr(end)))};
  const std::string near = meant(word, commands);
  if (!near.empty()) return {Kind::mistyped, near, word};
  return {Kind::question, "", std::string(text)};
}

}  // namespace weir
