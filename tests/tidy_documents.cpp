// The rules for documents: what README.md and docs/ tell a reader to run or open must exist.
#include <algorithm>

#include "tests/tidy_rules.h"

namespace weir::tidy {
namespace {

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  for (char c : line) {
    if (c == ' ' || c == '\t') {
      if (!word.empty()) words.push_back(std::move(word));
      word.clear();
    } else {
      word += c;
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

// "make demo && build/weir chat" -> two commands. Quoted text is taken as it comes.
std::vector<std::vector<std::string>> commands_of(std::string_view line) {
  std::vector<std::vector<std::string>> commands(1);
  for (std::string& word : words_of(line)) {
    if (word.starts_with('#')) break;  // a comment
    bool ends = word == "&&" || word == "|" || word == ";" || word == "||";
    if (ends) {
      commands.emplace_back();
    } else if (!(word == "$" && commands.back().empty())) {
      commands.back().push_back(std::move(word));
    }
  }
  return commands;
}

// Paths a reader has after a clone; models and logs are made by running things.
bool belongs_to_tree(std::string_view word) {
  for (std::string_view folder :
       {"scripts/", "recipes/", "src/", "tests/", "docs/", "fuzz/", "bench/", "tools/"}) {
    if (word.starts_with(folder)) return true;
  }
  return false;
}

std::string strip_here(std::string word) { return word.starts_with("./") ? word.substr(2) : word; }

void check_command(std::vector<std::string> words, const House& house, const std::string& where,
                   Complaints& complaints) {
  auto is_setting = [](const std::string& word) {
    size_t equals = word.find('=');
    return equals != std::string::npos && word.find_first_of("/.-'\"") > equals;
  };
  while (!words.empty() && is_setting(words.front()))
    words.erase(words.begin());  // FUZZ_SECONDS=5 make fuzz
  if (words.empty()) return;
  std::string program = strip_here(words[0]);
  for (size_t i = 1; program == "make" && i < words.size(); ++i) {
    if (words[i].starts_with('-') || is_setting(words[i]) || house.make_targets.contains(words[i]))
      continue;
    complaints.push_back(where + "the Makefile has no target '" + words[i] + "'");
  }
  bool is_weir = program == "build/weir" || program == "weir";
  if (is_weir && words.size() > 1 && !words[1].starts_with('-') && !house.has_command(words[1])) {
    complaints.push_back(where + "weir has no command '" + words[1] + "'");
  }
  for (const std::string& word : words) {
    std::string path = strip_here(word);
    bool is_pattern = path.find_first_of("*<>{$'\"") != std::string::npos;
    if (belongs_to_tree(path) && !is_pattern && !house.has_path(path)) {
      complaints.push_back(where + "there is no " + path);
    }
  }
}

// [text](path): the path exists, seen from the document's folder.
void check_links(std::string_view line, const std::string& folder, const House& house,
                 const std::string& where, Complaints& complaints) {
  for (size_t at = line.find("]("); at != line.npos; at = line.find("](", at + 1)) {
    size_t end = line.find(')', at);
    if (end == line.npos) return;
    std::string target(line.substr(at + 2, end - at - 2));
    target = target.substr(0, target.find('#'));
    if (target.empty() || target.find(':') != std::string::npos) continue;
    if (!house.has_path(folder + target))
      complaints.push_back(where + "the link to " + target + " leads nowhere");
  }
}

}  // namespace

std::set<std::string> make_targets(std::string_view makefile) {
  std::set<std::string> targets;
  for (std::string_view line : lines_of(makefile)) {
    size_t colon = line.find(':');
    if (colon == line.npos || line.starts_with('\t') || line.starts_with('#') ||
        line.starts_with('.'))
      continue;
    if (line.substr(colon).starts_with(":=")) continue;
    for (std::string& word : words_of(line.substr(0, colon))) targets.insert(std::move(word));
  }
  return targets;
}

Complaints check_document(const SourceFile& markdown, const House& house) {
  Complaints complaints;
  std::string folder = markdown.path.substr(0, markdown.path.find_last_of('/') + 1);
  bool is_shell = false, is_fenced = false;
  std::vector<std::string_view> lines = lines_of(markdown.text);
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string where = place(markdown, i + 1);
    if (lines[i].starts_with("```")) {
      std::string_view kind = lines[i].substr(3);
      is_shell =
          !is_fenced && (kind.empty() || kind == "sh" || kind == "bash" || kind == "console");
      is_fenced = !is_fenced;
    } else if (is_shell) {
      for (std::vector<std::string>& command : commands_of(lines[i])) {
        check_command(std::move(command), house, where, complaints);
      }
    } else if (!is_fenced) {
      check_links(lines[i], folder, house, where, complaints);
    }
  }
  if (is_fenced) complaints.push_back(markdown.path + ": a ``` block is not closed");
  return complaints;
}

}  // namespace weir::tidy
