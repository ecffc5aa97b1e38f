#include "guard/call_grounding.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr size_t kArgumentMin = 3;  // bytes; shorter texts are everywhere
constexpr int kDepthMax = 16;

std::string folded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') continue;
    out += lower(c);
  }
  return out;
}

// Addresses, amounts, links: what an injected instruction has to say itself.
std::vector<std::string> telling_parts(std::string_view text) {
  std::vector<std::string> parts;
  std::string part;
  const auto end = [&] {
    while (part.ends_with('.')) part.pop_back();
    const bool tells = std::any_of(part.begin(), part.end(),
                                   [](char c) { return is_digit(c) || c == '@' || c == '/'; });
    if (tells && part.size() >= kArgumentMin) parts.push_back(folded(part));
    part.clear();
  };
  for (const char c : text) {
    if (std::string_view(" \t\r\n,;:!?\"'()[]{}<>").find(c) == std::string_view::npos)
      part += c;
    else
      end();
  }
  end();
  return parts;
}

bool is_of_documents(const std::string& value, const std::string& user,
                     const std::string& documents) {
  const auto comes_from_them = [&](const std::string& text) {
    return text.size() >= kArgumentMin && user.find(text) == user.npos &&
           documents.find(text) != documents.npos;
  };
  const std::vector<std::string> parts = telling_parts(value);
  return comes_from_them(folded(value)) || std::any_of(parts.begin(), parts.end(), comes_from_them);
}

// The first argument that comes from the documents; "": none.
std::string tainted_value(const Json& value, const std::string& user, const std::string& documents,
                          int depth) {
  if (depth > kDepthMax) return "nested too deep";
  if (value.is_string() || value.is_number()) {
    const std::string text = value.is_string() ? value.text() : value.number_text();
    return is_of_documents(text, user, documents) ? text : "";
  }
  for (const Json& item : value.items())
    if (std::string found = tainted_value(item, user, documents, depth + 1); !found.empty())
      return found;
  for (const auto& [key, member] : value.members())
    if (std::string found = tainted_value(member, user, documents, depth + 1); !found.empty())
      return found;
  return "";
}

// Every word of the name, or one of the words that ask for it.
bool is_asked_for(const GroundedTool& tool, const std::string& user) {
  const auto has = [&](const std::string& word) { return user.find(folded(word)) != user.npos; };
  if (std::any_of(tool.asked_by.begin(), tool.asked_by.end(), has)) return true;
  std::string name = tool.name;
  std::replace(name.begin(), name.end(), '-', '_');
  const std::vector<std::string> words = split(name, '_');
  return std::all_of(words.begin(), words.end(), has);
}

}  // namespace

Grounding check_grounding(std::string_view name, const Json& arguments, const CallTexts& texts,
                          const std::vector<GroundedTool>& tools) {
  const auto tool = std::find_if(tools.begin(), tools.end(),
                                 [&](const GroundedTool& one) { return one.name == name; });
  const std::string shown = printable(name);
  if (tool == tools.end()) return {false, "no tool '" + shown + "' may be called"};
  if (tool->is_free || texts.documents.empty()) return {};
  const std::string user = folded(texts.user), documents = folded(texts.documents);
  if (!is_asked_for(*tool, user))
    return {false, "the user's words do not ask for '" + shown + "', and other texts may not"};
  const std::string tainted = tainted_value(arguments, user, documents, 0);
  if (!tainted.empty())
    return {false, "'" + printable(tainted) + "' comes from a document, not from the user"};
  return {};
}

}  // namespace weir
