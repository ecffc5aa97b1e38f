// The whole tree against the house rules. A complaint names the file, the line and the remedy.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/tidy_rules.h"

namespace weir::tidy {
namespace {

namespace fs = std::filesystem;
const fs::path kRoot = WEIR_SOURCE_DIR;

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// All files below `folder` whose name ends in one of `endings`, sorted by path.
Tree read_tree(const std::string& folder, const std::vector<std::string>& endings) {
  Tree tree;
  if (!fs::exists(kRoot / folder)) return tree;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(kRoot / folder)) {
    std::string path = fs::relative(entry.path(), kRoot).string();
    bool is_wanted = std::any_of(endings.begin(), endings.end(),
                                 [&](const std::string& ending) { return path.ends_with(ending); });
    if (entry.is_regular_file() && is_wanted) tree.push_back({path, read(entry.path())});
  }
  std::sort(tree.begin(), tree.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return tree;
}

const Tree& sources() {
  static const Tree tree = read_tree("src", {".h", ".cpp"});
  return tree;
}

Tree all_code() {
  Tree tree = sources();
  for (const char* folder : {"tests", "bench", "fuzz"}) {
    Tree more = read_tree(folder, {".h", ".cpp"});
    tree.insert(tree.end(), more.begin(), more.end());
  }
  return tree;
}

// Applies one rule to every file; the complaints, one per line.
template <class Rule>
std::string complaints(const Tree& tree, Rule rule) {
  std::string all;
  for (const SourceFile& file : tree) {
    for (const std::string& complaint : rule(file)) all += "\n  " + complaint;
  }
  return all;
}

void expect_none(const std::string& complaints) { EXPECT_TRUE(complaints.empty()) << complaints; }

House house() {
  std::string commands;
  for (const SourceFile& file : sources()) {
    if (file.path.starts_with("src/cli/")) commands += file.text;
  }
  return {make_targets(read(kRoot / "Makefile")),
          [commands](const std::string& name) {
            return commands.find('"' + name + '"') != std::string::npos;
          },
          [](const std::string& path) { return fs::exists(kRoot / path); }};
}

TEST(Tidy, FilesIncludeOnlyTheirOwnAndLowerLayers) {
  ASSERT_FALSE(sources().empty()) << "no sources under " << kRoot;
  expect_none(complaints(sources(), check_layers));
}

TEST(Tidy, FilesIncludeTheirOwnHeaderFirst) {
  auto rule = [](const SourceFile& file) { return check_own_header(file, sources()); };
  expect_none(complaints(sources(), rule));
}

TEST(Tidy, NoTwoFilesShareAName) {
  auto rule = [](const SourceFile& file) { return check_name(file, sources()); };
  expect_none(complaints(sources(), rule));
}

TEST(Tidy, FilesAreShortAndClean) { expect_none(complaints(all_code(), check_text)); }

TEST(Tidy, NothingIsLeftAsANote) { expect_none(complaints(all_code(), check_markers)); }

TEST(Tidy, InstructionSetFilesShareNoInlineFunctions) {
  auto rule = [](const SourceFile& file) { return check_instruction_set(file, sources()); };
  expect_none(complaints(sources(), rule));
}

TEST(Tidy, LargeFilesHaveTests) {
  auto rule = [](const SourceFile& file) { return check_has_test(file, sources()); };
  std::string list = complaints(sources(), rule);
  if (!list.empty()) GTEST_SKIP() << "These deserve a test:" << list;
}

TEST(Tidy, WhatDocumentsNameExists) {
  Tree documents = read_tree("docs", {".md"});
  for (const char* name : {"README.md", "bench/peers/README.md"}) {
    if (fs::exists(kRoot / name)) documents.push_back({name, read(kRoot / name)});
  }
  House known = house();
  auto rule = [&](const SourceFile& document) { return check_document(document, known); };
  expect_none(complaints(documents, rule));
  if (!fs::exists(kRoot / "README.md")) GTEST_SKIP() << "there is no README.md to check";
}

}  // namespace
}  // namespace weir::tidy
