// The rules themselves, on bad samples: a check that cannot fail protects nothing.
#include <gtest/gtest.h>

#include "tests/tidy_rules.h"

namespace weir::tidy {
namespace {

// The only complaint, or what was found instead.
std::string only(const Complaints& complaints) {
  if (complaints.size() == 1) return complaints[0];
  std::string all = std::to_string(complaints.size()) + " complaints";
  for (const std::string& complaint : complaints) all += "\n" + complaint;
  return all;
}

TEST(TidyRules, AnIncludeOfAHigherLayerIsFound) {
  SourceFile file{"src/ops/moe.cpp",
                  "// Routing.\n#include \"ops/ops.h\"\n#include \"model/model.h\"\n"};
  EXPECT_EQ(only(check_layers(file)),
            "src/ops/moe.cpp:3: ops may not use model (\"model/model.h\")");
  file.path = "src/train/moe.cpp";
  EXPECT_TRUE(check_layers(file).empty());
}

TEST(TidyRules, AnIncludeWithoutFolderIsFound) {
  SourceFile file{"src/ops/moe.cpp", "// Routing.\n#include <vector>\n#include \"ops.h\"\n"};
  EXPECT_EQ(only(check_layers(file)),
            "src/ops/moe.cpp:3: \"ops.h\" must be written from src/: \"folder/file.h\"");
}

TEST(TidyRules, AFolderOutsideTheTableIsFound) {
  EXPECT_NE(only(check_layers({"src/misc/all.cpp", "// All.\n"})).find("'misc' is no layer"),
            std::string::npos);
}

TEST(TidyRules, AHeaderThatIsNotFirstIsFound) {
  Tree tree = {{"src/ops/moe.h", "// Routing.\n"},
               {"src/ops/moe.cpp", "#include <vector>\n#include \"ops/moe.h\"\n"},
               {"src/ops/norm.cpp", "#include <vector>\n"}};
  EXPECT_EQ(only(check_own_header(tree[1], tree)), "src/ops/moe.cpp: include \"ops/moe.h\" first");
  EXPECT_TRUE(check_own_header(tree[2], tree).empty());  // has no header of its own
  tree[1].text = "#include \"ops/moe.h\"\n#include <vector>\n";
  EXPECT_TRUE(check_own_header(tree[1], tree).empty());
}

TEST(TidyRules, ANameThatIsThereTwiceIsFound) {
  Tree tree = {{"src/model/checkpoint.h", ""}, {"src/train/checkpoint.h", ""}, {"src/a/b.h", ""}};
  EXPECT_TRUE(check_name(tree[0], tree).empty());
  EXPECT_EQ(only(check_name(tree[1], tree)),
            "src/train/checkpoint.h: src/model/checkpoint.h has the same name; tell them apart");
  EXPECT_TRUE(check_name(tree[2], tree).empty());
}

TEST(TidyRules, OnlyTestsMayUseFixtures) {
  SourceFile file{"src/ops/moe.cpp", "// Routing.\n#include \"testing/gradient_check.h\"\n"};
  EXPECT_EQ(only(check_layers(file)),
            "src/ops/moe.cpp:2: only tests use testing (\"testing/gradient_check.h\")");
  file.path = "src/ops/moe_test.cpp";
  EXPECT_TRUE(check_layers(file).empty());
}

TEST(TidyRules, LongFilesAndLinesAreFound) {
  std::string text = "// A file.\n";
  for (int i = 1; i < kLinesMax; ++i) text += "int a;\n";
  EXPECT_TRUE(check_text({"src/ops/a.cpp", text}).empty());
  EXPECT_NE(only(check_text({"src/ops/a.cpp", text + "int a;\n"})).find("601 lines"),
            std::string::npos);

  std::string line(kColumnsMax, 'a');
  EXPECT_TRUE(check_text({"src/ops/a.cpp", "// A.\n" + line + "\n"}).empty());
  EXPECT_EQ(only(check_text({"src/ops/a.cpp", "// A.\n" + line + "a\n"})),
            "src/ops/a.cpp:2: 111 columns; wrap at 100");
  std::string accents;
  for (int i = 0; i < kColumnsMax; ++i) accents += "é";  // two bytes, one column
  EXPECT_TRUE(check_text({"src/ops/a.cpp", "// A.\n" + accents + "\n"}).empty());
}

TEST(TidyRules, UntidyTextIsFound) {
  EXPECT_EQ(only(check_text({"src/a/b.cpp", "// A.\n\tint a;\n"})), "src/a/b.cpp:2: a tab");
  EXPECT_EQ(only(check_text({"src/a/b.cpp", "// A.\nint a; \n"})),
            "src/a/b.cpp:2: trailing blanks");
  EXPECT_EQ(only(check_text({"src/a/b.cpp", "// A.\r\n"})), "src/a/b.cpp:1: trailing blanks");
  EXPECT_EQ(only(check_text({"src/a/b.cpp", "// A.\nint a;"})),
            "src/a/b.cpp: the last line has no end");
  EXPECT_EQ(only(check_text({"src/a/b.h", "// A.\nint a;\n"})),
            "src/a/b.h: a header needs #pragma once");
  EXPECT_EQ(only(check_text({"src/a/b.cpp", "int a;\n"})),
            "src/a/b.cpp:1: start with a sentence on what the file is for");
}

TEST(TidyRules, NotesAreFoundAndLongerWordsAreNot) {
  std::string marker = std::string("TO") + "DO";
  EXPECT_EQ(only(check_markers({"src/a/b.cpp", "// " + marker + ": later\n"})),
            "src/a/b.cpp:1: finish it instead of noting " + marker);
  EXPECT_EQ(check_markers({"src/a/b.cpp", std::string("// FIX") + "ME(me)\n// XX" + "X\n"}).size(),
            2u);
  EXPECT_TRUE(check_markers({"src/a/b.cpp", "mkstemp(\"weir-XXXXXX\");\n"}).empty());
}

TEST(TidyRules, AnInlineFunctionBehindAnIncludeIsFound) {
  Tree tree = {
      {"src/kernels/avx2.cpp", "// A.\n#include \"kernels/dense/gemm-inl.h\"\n"},
      {"src/kernels/dense/gemm-inl.h", "// A.\n#include <cstddef>\n#include \"base/check.h\"\n"},
      {"src/base/check.h", "// A.\n#include <string>\n"},
      {"src/kernels/dispatch.cpp", "// A.\n#include <string>\n"}};
  EXPECT_EQ(
      only(check_instruction_set(tree[0], tree)),
      "src/base/check.h:2: <string> has inline functions, and src/kernels/avx2.cpp is compiled "
      "for one instruction set");
  EXPECT_TRUE(check_instruction_set(tree[3], tree).empty());
}

TEST(TidyRules, ALargeFileWithoutATestIsFound) {
  std::string text = "// A.\n";
  for (int i = 1; i < kLinesWithoutTest; ++i) text += "int a;\n";
  Tree tree = {{"src/text/bpe.cpp", text},
               {"src/text/word_test.cpp", "#include \"text/word.h\"\n"}};
  EXPECT_EQ(only(check_has_test(tree[0], tree)),
            "src/text/bpe.cpp: 150 lines and no test of its own");
  tree[1].text += "#include \"text/bpe.h\"\n";
  tree[0].text += "#include \"text/bpe.h\"\n";
  EXPECT_TRUE(check_has_test(tree[0], tree).empty());
  tree[1] = {"src/text/bpe_test.cpp", ""};
  EXPECT_TRUE(check_has_test(tree[0], tree).empty());
}

House sample_house() {
  return {
      make_targets("demo: a b\n\tscripts/demo\nA := b\n.PHONY: x\ntest test-all: demo\n"),
      [](const std::string& name) { return name == "chat"; },
      [](const std::string& path) { return path == "scripts/demo" || path == "docs/formats.md"; }};
}

TEST(TidyRules, MakeTargetsAreReadFromTheMakefile) {
  EXPECT_EQ(sample_house().make_targets, (std::set<std::string>{"demo", "test", "test-all"}));
}

TEST(TidyRules, CommandsThatDoNotExistAreFound) {
  auto complaints = [](const std::string& line) {
    return check_document({"README.md", "# weir\n```sh\n" + line + "\n```\nmake nothing\n"},
                          sample_house());
  };
  EXPECT_TRUE(complaints("$ CXX=g++ make -j2 demo test-all  # two targets").empty());
  EXPECT_TRUE(complaints("./scripts/demo && ./build/weir chat runs/demo --top-p 0.9").empty());
  EXPECT_EQ(only(complaints("make deploy")), "README.md:3: the Makefile has no target 'deploy'");
  EXPECT_EQ(only(complaints("make demo && build/weir talk")),
            "README.md:3: weir has no command 'talk'");
  EXPECT_EQ(only(complaints("build/weir chat recipes/gone.yaml")),
            "README.md:3: there is no recipes/gone.yaml");
}

TEST(TidyRules, LinksThatLeadNowhereAreFound) {
  auto complaints = [](const std::string& path, const std::string& line) {
    return check_document({path, line + "\n"}, sample_house());
  };
  EXPECT_TRUE(complaints("README.md", "See [a](docs/formats.md#gguf), [b](https://x.org), [c](#d).")
                  .empty());
  EXPECT_TRUE(complaints("docs/index.md", "See [a](formats.md).").empty());
  EXPECT_EQ(only(complaints("README.md", "See [a](formats.md).")),
            "README.md:1: the link to formats.md leads nowhere");
}

}  // namespace
}  // namespace weir::tidy
