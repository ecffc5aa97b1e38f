// The rules for source files: layers, form, instruction sets, tests.
#include "tests/tidy_rules.h"

#include <algorithm>
#include <map>

namespace weir::tidy {
namespace {

// Which folders a folder may include beside itself. cli composes everything.
const std::map<std::string, std::set<std::string>, std::less<>> kLayers = {
    {"base", {}},
    {"client", {"base"}},
    {"kernels", {"base"}},
    {"tensor", {"base", "kernels"}},
    {"text", {"base"}},
    {"guard", {"base", "text"}},
    {"documents", {"base", "text"}},
    {"knowledge", {"base", "text", "documents"}},
    {"extract", {"base", "text", "documents"}},
    {"jinja", {"base", "text"}},
    {"formats", {"base", "kernels"}},
    {"tokenizer", {"base", "text", "formats"}},
    {"ops", {"base", "kernels", "tensor"}},
    {"config", {"base", "formats", "ops"}},
    {"checkpoint", {"base", "kernels", "formats", "tokenizer", "config"}},
    {"adapter", {"base", "kernels", "formats", "config", "checkpoint"}},
    {"model", {"base", "kernels", "formats", "tensor", "ops", "config", "checkpoint", "adapter"}},
    {"engine", {"base", "kernels", "tensor", "formats", "ops", "config", "model"}},
    {"grammar", {"base", "text", "tokenizer", "engine"}},
    {"chat",
     {"base", "text", "jinja", "formats", "tokenizer", "config", "checkpoint", "adapter", "model",
      "engine"}},
    {"embed",
     {"base", "kernels", "tensor", "formats", "tokenizer", "ops", "config", "checkpoint", "model",
      "chat"}},
    {"serve",
     {"base", "text", "tokenizer", "config", "checkpoint", "adapter", "model", "engine", "grammar",
      "chat", "embed", "knowledge", "guard", "heads", "client"}},
    {"corpus", {"base", "tensor", "tokenizer", "documents"}},
    {"train", {"base", "kernels", "tensor", "formats", "ops", "config", "model", "corpus"}},
    {"convert",
     {"base", "kernels", "text", "formats", "tokenizer", "config", "checkpoint", "adapter",
      "chat"}},
    {"verify", {"base", "text", "guard"}},
    {"tasks", {"base", "text", "verify", "chat"}},
    {"red_team", {"base", "text", "guard", "tasks"}},
    {"heads",
     {"base", "kernels", "tensor", "formats", "tokenizer", "model", "engine", "guard", "chat"}},
    {"stages",
     {"base", "formats", "tokenizer", "ops", "config", "checkpoint", "adapter", "model", "engine",
      "chat", "guard", "heads", "corpus", "train", "verify", "tasks"}},
    {"distill", {"base", "text", "chat", "verify", "tasks"}},
    {"live", {"base", "text", "stages"}},
    {"report", {"base", "text", "train", "stages"}},
    {"doctor", {"base", "tokenizer", "chat", "train", "tasks", "stages"}},
    {"pretrain",
     {"base", "tensor", "formats", "tokenizer", "config", "model", "engine", "chat", "corpus",
      "train", "report"}},
    {"pipeline",
     {"base", "kernels", "text", "tokenizer", "config", "checkpoint", "adapter", "chat", "train",
      "stages", "live", "report", "pretrain"}},
    {"adapt",
     {"base", "text", "tokenizer", "engine", "grammar", "chat", "documents", "knowledge", "tasks",
      "stages", "report", "pipeline"}},
    {"cli", {"base",      "kernels",   "tensor",     "text",    "jinja",  "formats", "tokenizer",
             "ops",       "config",    "checkpoint", "model",   "engine", "chat",    "corpus",
             "train",     "convert",   "verify",     "tasks",   "stages", "live",    "report",
             "doctor",    "pretrain",  "pipeline",   "grammar", "serve",  "client",  "embed",
             "documents", "knowledge", "extract",    "adapter", "adapt",  "distill", "guard",
             "red_team",  "heads"}},
    {"testing",
     {"base",      "kernels",   "tensor",     "text",    "jinja",  "formats", "tokenizer",
      "ops",       "config",    "checkpoint", "model",   "engine", "chat",    "corpus",
      "train",     "convert",   "verify",     "tasks",   "stages", "live",    "report",
      "doctor",    "pretrain",  "pipeline",   "grammar", "serve",  "client",  "embed",
      "documents", "knowledge", "extract",    "adapter", "adapt",  "distill", "guard",
      "red_team",  "heads"}},
};

struct Include {
  size_t line;
  std::string name;
  bool quoted;
};

std::vector<Include> includes_of(const SourceFile& file) {
  std::vector<Include> result;
  std::vector<std::string_view> lines = lines_of(file.text);
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string_view line = lines[i];
    if (!line.starts_with("#include ")) continue;
    size_t begin = line.find_first_of("<\"");
    if (begin == line.npos) continue;
    size_t end = line.find_first_of(">\"", begin + 1);
    if (end == line.npos) continue;
    std::string name(line.substr(begin + 1, end - begin - 1));
    result.push_back({i + 1, std::move(name), line[begin] == '"'});
  }
  return result;
}

// "ops" of "src/ops/moe.cpp"; empty outside of src.
std::string folder_of(const SourceFile& file) {
  if (!file.path.starts_with("src/")) return "";
  size_t end = file.path.find('/', 4);
  return end == std::string::npos ? "" : file.path.substr(4, end - 4);
}

bool is_word_character(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// Characters, not bytes: continuation bytes of UTF-8 do not count.
int columns(std::string_view line) {
  return static_cast<int>(
      std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

const SourceFile* find(const Tree& tree, const std::string& path) {
  auto found = std::find_if(tree.begin(), tree.end(),
                            [&](const SourceFile& file) { return file.path == path; });
  return found == tree.end() ? nullptr : &*found;
}

}  // namespace

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string place(const SourceFile& file, size_t line) {
  return file.path + ":" + std::to_string(line) + ": ";
}

Complaints check_layers(const SourceFile& file) {
  Complaints complaints;
  std::string folder = folder_of(file);
  auto layer = kLayers.find(folder);
  if (layer == kLayers.end()) {
    return {file.path + ": folder '" + folder +
            "' is no layer; add it to the table in tests/tidy_rules.cpp"};
  }
  for (const Include& include : includes_of(file)) {
    if (!include.quoted) continue;
    size_t slash = include.name.find('/');
    std::string other = slash == std::string::npos ? "" : include.name.substr(0, slash);
    if (!kLayers.contains(other)) {
      complaints.push_back(place(file, include.line) + "\"" + include.name +
                           "\" must be written from src/: \"folder/file.h\"");
    } else if (other == "testing" && folder != "testing") {
      if (!file.path.ends_with("_test.cpp") && !file.path.ends_with("_bench.cpp"))
        complaints.push_back(place(file, include.line) + "only tests use testing (\"" +
                             include.name + "\")");
    } else if (other != folder && !layer->second.contains(other)) {
      complaints.push_back(place(file, include.line) + folder + " may not use " + other + " (\"" +
                           include.name + "\")");
    }
  }
  return complaints;
}

Complaints check_own_header(const SourceFile& file, const Tree& tree) {
  if (!file.path.starts_with("src/") || !file.path.ends_with(".cpp")) return {};
  std::string header = file.path.substr(4, file.path.size() - 8) + ".h";
  if (find(tree, "src/" + header) == nullptr) return {};
  std::vector<Include> includes = includes_of(file);
  if (!includes.empty() && includes[0].name == header) return {};
  return {file.path + ": include \"" + header + "\" first"};
}

Complaints check_name(const SourceFile& file, const Tree& tree) {
  auto name_of = [](const SourceFile& f) { return f.path.substr(f.path.rfind('/') + 1); };
  for (const SourceFile& other : tree) {
    if (other.path >= file.path || name_of(other) != name_of(file)) continue;
    return {file.path + ": " + other.path + " has the same name; tell them apart"};
  }
  return {};
}

Complaints check_text(const SourceFile& file) {
  Complaints complaints;
  std::vector<std::string_view> lines = lines_of(file.text);
  if (lines.size() > kLinesMax) {
    complaints.push_back(file.path + ": " + std::to_string(lines.size()) +
                         " lines; look for the second idea at " + std::to_string(kLinesMax));
  }
  // A .cpp file that begins with its own header is introduced there, a test by what it tests.
  bool is_introduced = file.text.starts_with("//") || file.path.ends_with("_test.cpp") ||
                       (file.path.ends_with(".cpp") && file.text.starts_with("#include \""));
  if (!is_introduced) {
    complaints.push_back(place(file, 1) + "start with a sentence on what the file is for");
  }
  if (!file.text.ends_with('\n')) complaints.push_back(file.path + ": the last line has no end");
  if (file.path.ends_with(".h") && file.text.find("\n#pragma once\n") == std::string::npos) {
    complaints.push_back(file.path + ": a header needs #pragma once");
  }
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string_view line = lines[i];
    if (line.find('\t') != line.npos) complaints.push_back(place(file, i + 1) + "a tab");
    if (line.ends_with(' ') || line.ends_with('\r'))
      complaints.push_back(place(file, i + 1) + "trailing blanks");
    if (columns(line) > kColumnsMax) {
      complaints.push_back(place(file, i + 1) + std::to_string(columns(line)) +
                           " columns; wrap at 100");
    }
  }
  return complaints;
}

Complaints check_markers(const SourceFile& file) {
  Complaints complaints;
  std::vector<std::string_view> lines = lines_of(file.text);
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string_view line = lines[i];
    // Written in two parts so that this file passes its own check.
    for (std::string_view marker : {"TO"
                                    "DO",
                                    "FIX"
                                    "ME",
                                    "XX"
                                    "X"}) {
      for (size_t at = line.find(marker); at != line.npos; at = line.find(marker, at + 1)) {
        size_t end = at + marker.size();
        bool is_word = (at == 0 || !is_word_character(line[at - 1])) &&
                       (end == line.size() || !is_word_character(line[end]));
        if (is_word)
          complaints.push_back(place(file, i + 1) + "finish it instead of noting " +
                               std::string(marker));
      }
    }
  }
  return complaints;
}

Complaints check_instruction_set(const SourceFile& file, const Tree& tree) {
  static const std::set<std::string, std::less<>> kWithoutInlineFunctions = {
      "cstddef", "cstdint", "climits", "cfloat", "immintrin.h", "arm_neon.h"};
  std::vector<Include> direct = includes_of(file);
  bool is_for_one_set = std::any_of(direct.begin(), direct.end(), [](const Include& include) {
    return include.name.ends_with("-inl.h");
  });
  if (!file.path.starts_with("src/kernels/") || !file.path.ends_with(".cpp") || !is_for_one_set)
    return {};

  Complaints complaints;
  std::set<std::string> seen = {file.path};
  std::vector<const SourceFile*> open = {&file};
  while (!open.empty()) {
    const SourceFile& current = *open.back();
    open.pop_back();
    for (const Include& include : includes_of(current)) {
      if (!include.quoted) {
        if (kWithoutInlineFunctions.contains(include.name)) continue;
        complaints.push_back(place(current, include.line) + "<" + include.name +
                             "> has inline functions, and " + file.path +
                             " is compiled for one instruction set");
        continue;
      }
      const SourceFile* next = find(tree, "src/" + include.name);
      if (next != nullptr && seen.insert(next->path).second) open.push_back(next);
    }
  }
  return complaints;
}

Complaints check_has_test(const SourceFile& file, const Tree& tree) {
  static const std::set<std::string> kTested = {"base",     "text",  "formats", "ops", "model",
                                                "generate", "train", "tasks",   "r1"};
  size_t line_count = lines_of(file.text).size();
  if (!kTested.contains(folder_of(file)) || !file.path.ends_with(".cpp") ||
      file.path.ends_with("_test.cpp") || file.path.ends_with("_bench.cpp") ||
      line_count < kLinesWithoutTest) {
    return {};
  }
  std::string stem = file.path.substr(0, file.path.size() - 4);
  if (find(tree, stem + "_test.cpp") != nullptr) return {};
  // Several files may implement one header, and its test tests them all: gradients of ops/ops.h.
  std::string folder = file.path.substr(0, file.path.rfind('/') + 1);
  std::set<std::string> headers;
  for (const Include& include : includes_of(file)) {
    if (("src/" + include.name).starts_with(folder)) headers.insert(include.name);
  }
  for (const SourceFile& test : tree) {
    if (!test.path.starts_with(folder) || !test.path.ends_with("_test.cpp")) continue;
    for (const Include& include : includes_of(test)) {
      if (headers.contains(include.name)) return {};
    }
  }
  return {file.path + ": " + std::to_string(line_count) + " lines and no test of its own"};
}

}  // namespace weir::tidy
