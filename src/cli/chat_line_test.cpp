#include "cli/chat_line.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

using Kind = ChatLine::Kind;
const std::vector<std::string> kCommands = {"/reset", "/again", "/stage", "/temperature",
                                            "/file",  "/load",  "/more",  "/help"};

void expect(const std::string& line, Kind kind, const std::string& word, const std::string& text) {
  const ChatLine read = read_chat_line(line, kCommands);
  EXPECT_EQ(read.kind, kind) << line;
  EXPECT_EQ(read.word, word) << line;
  EXPECT_EQ(read.text, text) << line;
}

TEST(ChatLine, F16OnlyKnownCommandsAreCommands) {
  expect("/stage base ", Kind::command, "/stage", "base");
  expect("/again", Kind::command, "/again", "");
  expect("/usr/bin/env: what is it?", Kind::question, "", "/usr/bin/env: what is it?");
  expect("/no_think 1+1?", Kind::question, "", "/no_think 1+1?");
  expect("/etc", Kind::question, "", "/etc");
  expect("/tmp is what?", Kind::question, "", "/tmp is what?");
  expect("/foo", Kind::question, "", "/foo");
  expect("/", Kind::question, "", "/");
  expect("hello /again", Kind::question, "", "hello /again");
}

TEST(ChatLine, F16NearMissesGetASuggestion) {
  expect("/stge base", Kind::mistyped, "/stage", "/stge");
  expect("/hlep", Kind::mistyped, "/help", "/hlep");
  expect("/agian", Kind::mistyped, "/again", "/agian");
  expect("/temprature 0", Kind::mistyped, "/temperature", "/temprature");
}

TEST(ChatLine, F16ASecondSlashOrABlankForcesAQuestion) {
  expect(" /etc/passwd holds what?", Kind::question, "", "/etc/passwd holds what?");
  expect(" /again", Kind::question, "", "/again");
  expect("//again", Kind::question, "", "/again");
  expect("//", Kind::question, "", "/");
}

TEST(ChatLine, N4SeveralLinesAreACommandOnlyWhereItTakesText) {
  expect("/reset\n/again", Kind::question, "", "/reset\n/again");
  const ChatLine line = read_chat_line("/system Be\nbrief.", {"/system"});
  EXPECT_EQ(line.kind, Kind::command);
  EXPECT_EQ(line.text, "Be\nbrief.");
}

TEST(ChatLine, BlanksAreNothing) {
  expect("", Kind::nothing, "", "");
  expect(" \t\n", Kind::nothing, "", "");
}

}  // namespace
}  // namespace weir
