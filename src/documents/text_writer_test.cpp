#include "documents/text_writer.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(TextWriter, WritesNothingForNothing) {
  TextWriter writer;
  writer.line_break(2);
  writer.text(" \n ");
  writer.begin_item("- ");
  writer.end_item();
  writer.begin_row();
  writer.next_cell();
  writer.end_row();
  writer.begin_verbatim();
  writer.verbatim("\n  \n");
  EXPECT_EQ(writer.finish(), "");
}

TEST(TextWriter, KeepsAtMostOneEmptyLineBetweenBlocks) {
  TextWriter writer;
  writer.text("a");
  for (int i = 0; i < 5; ++i) writer.line_break(2);
  writer.text("b");
  writer.line_break(1);
  writer.text("c");
  EXPECT_EQ(writer.finish(), "a\n\nb\nc\n");
}

TEST(TextWriter, JoinsTextAcrossCalls) {
  TextWriter writer;
  writer.text("one ");
  writer.text(" two");
  writer.text("three\xC2\xA0");
  writer.text("fo\xC2\xADur\xE2\x80\x8B.");
  EXPECT_EQ(writer.finish(), "one twothree four.\n");
}

TEST(TextWriter, IndentsEveryLineAndItsCode) {
  TextWriter writer;
  writer.indent(3);
  writer.begin_item("1. ");
  writer.line_break(2);  // the item's first paragraph stands beside its marker
  writer.text("first");
  writer.begin_verbatim();
  writer.verbatim("if\n\n\n  then\n");
  writer.end_item();
  writer.indent(-3);
  writer.text("after");
  EXPECT_EQ(writer.finish(), "1. first\n\n   if\n\n\n     then\nafter\n");
}

TEST(TextWriter, LimitsIndentation) {
  TextWriter writer;
  for (int i = 0; i < 1000; ++i) writer.indent(2);
  writer.text("deep");
  EXPECT_EQ(writer.finish(), std::string(32, ' ') + "deep\n");
}

TEST(TextWriter, KeepsRowsOnOneLine) {
  TextWriter writer;
  writer.begin_row();
  writer.next_cell();
  writer.text("b\n");
  writer.line_break(2);
  writer.text("b");
  writer.next_cell();
  writer.next_cell();
  writer.verbatim("d\n  d");
  writer.next_cell();
  writer.end_row();
  writer.text("e");
  EXPECT_EQ(writer.finish(), "| b b | | d d\ne\n");
}

}  // namespace
}  // namespace weir
