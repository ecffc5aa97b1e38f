// The house rules as plain functions: a file goes in, complaints come out, each with place and
// remedy. Reading the tree and failing on a complaint is left to tidy_test.cpp.
#pragma once
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace weir::tidy {

struct SourceFile {
  std::string path;  // from the root of the tree: "src/ops/moe.cpp"
  std::string text;
};
using Tree = std::vector<SourceFile>;
using Complaints = std::vector<std::string>;

constexpr int kLinesMax = 600;
constexpr int kColumnsMax = 110;        // clang-format aims at 100
constexpr int kLinesWithoutTest = 150;  // a larger .cpp file has a test

// Includes point to the own folder and to layers below, written from the root: "ops/ops.h".
Complaints check_layers(const SourceFile& file);
// X.cpp includes X.h before anything else, which proves that the header stands alone.
Complaints check_own_header(const SourceFile& file, const Tree& tree);
// No other file of the tree has its name.
Complaints check_name(const SourceFile& file, const Tree& tree);
// Length of file and lines, tabs, trailing blanks, an introduction, #pragma once in headers.
Complaints check_text(const SourceFile& file);
// Notes to oneself belong in an issue.
Complaints check_markers(const SourceFile& file);
// A kernel file that includes a *-inl.h is compiled for one instruction set. Whatever it reaches
// may only include headers without inline functions, or the linker could keep its copy for an older
// CPU.
Complaints check_instruction_set(const SourceFile& file, const Tree& tree);
// A .cpp file of some size has a test named after it, or one in its folder that shares a header.
Complaints check_has_test(const SourceFile& file, const Tree& tree);

// What the commands of a document may refer to.
struct House {
  std::set<std::string> make_targets;
  std::function<bool(const std::string&)> has_command;  // of build/weir
  std::function<bool(const std::string&)> has_path;     // from the root of the tree
};
std::set<std::string> make_targets(std::string_view makefile);
// Commands in fenced blocks exist, and so do the files that links point to.
Complaints check_document(const SourceFile& markdown, const House& house);

// Shared by the rules.
std::vector<std::string_view> lines_of(std::string_view text);
std::string place(const SourceFile& file, size_t line);  // "src/ops/moe.cpp:12: "

}  // namespace weir::tidy
