#include "documents/html_text.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

std::string text_of(const std::string& html) {
  Result<std::string> text = html_to_text(html);
  EXPECT_TRUE(text) << (text ? "" : text.error().message);
  return text ? *text : "";
}

TEST(HtmlText, CollapsesWhiteSpaceAndSeparatesParagraphs) {
  EXPECT_EQ(text_of("<p>One\n  two&nbsp;&nbsp;three </p>\n\n<p> four</p>five"),
            "One two three\n\nfour\n\nfive\n");
  EXPECT_EQ(text_of("a<br>b<div>c</div>d <b>e</b>f"), "a\nb\nc\nd ef\n");
}

TEST(HtmlText, DecodesEntitiesAndDropsInvisibleCharacters) {
  EXPECT_EQ(text_of("&lt;a&gt; &amp; &rarr; &#x4e2d;&copy; co&shy;op"), "<a> & → 中© coop\n");
}

TEST(HtmlText, SetsHeadingsApart) {
  EXPECT_EQ(text_of("<h1>Title</h1>text<h2>Part</h2><p>more</p>"),
            "Title\n\ntext\n\nPart\n\nmore\n");
}

TEST(HtmlText, KeepsCodeAsItStands) {
  EXPECT_EQ(text_of("<p>Run:</p><pre>\n\nif (x)  {\n    y;  \n\n\tz;\n}\n\n</pre>after"),
            "Run:\n\nif (x)  {\n    y;\n\n\tz;\n}\n\nafter\n");
  EXPECT_EQ(text_of("<pre>  indented</pre>"), "  indented\n");
}

TEST(HtmlText, WritesListsWithMarkers) {
  EXPECT_EQ(text_of("<ul><li><p>one</p></li><li>two<ul><li>deep</li></ul></li><li></li></ul>end"),
            "- one\n- two\n  - deep\n\nend\n");
  EXPECT_EQ(text_of("<ol><li>a<p>b</p><p>c</p></li><li>d</li></ol>"),
            "1. a\n\n   b\n\n   c\n2. d\n");
}

TEST(HtmlText, IndentsDefinitions) {
  EXPECT_EQ(text_of("<dl><dt>-a<br>--all</dt><dd><p>All of it.</p><p>Really.</p></dd>"
                    "<dt>-b</dt><dd><p>Both.</p></dd></dl>"),
            "-a\n--all\n  All of it.\n\n  Really.\n\n-b\n  Both.\n");
}

TEST(HtmlText, WritesTableRowsOnOneLine) {
  EXPECT_EQ(text_of("<table><tr><th>Name</th><th>Size</th></tr>"
                    "<tr><td><p>int</p></td><td>4\nbytes</td></tr>"
                    "<tr><td></td><td>x</td><td></td></tr></table>"),
            "Name | Size\nint | 4 bytes\n| x\n");
}

TEST(HtmlText, GivesBlocksInTablesLinesOfTheirOwn) {
  EXPECT_EQ(text_of("<table><tr><td><p>f(x)</p><p>Does f.</p></td></tr>"
                    "<tr><td><p>g(x)</p><p>Does g.</p></td></tr></table>"),
            "f(x)\nDoes f.\n\ng(x)\nDoes g.\n");
  EXPECT_EQ(text_of("<table><tr><td>menu</td><td><h1>Page</h1><table><tr><td>1</td><td>2</td></tr>"
                    "</table></td></tr></table>"),
            "menu\n\nPage\n\n1 | 2\n");
}

TEST(HtmlText, DropsNavigationScriptsAndStyles) {
  EXPECT_EQ(
      text_of("<html><head><title>t</title><style>p{}</style></head><body>"
              "<div class=\"x navheader\"><table><tr><td>Prev</td></tr></table></div><p>Text</p>"
              "<nav>Home</nav><script>alert('<p>no</p>')</script><div role=navigation>Up</div>"
              "<p hidden>secret</p><div class='navfooter'>Next</div></body></html>"),
      "Text\n");
}

TEST(HtmlText, MarksExponentsButNotFootnotes) {
  EXPECT_EQ(text_of("2<sup>31</sup>-1 x<sup>n</sup> 1<sup>st</sup> a<sup>[7]</sup>"),
            "2^31-1 x^n 1st a[7]\n");
}

TEST(HtmlText, ReadsBrokenMarkup) {
  EXPECT_EQ(text_of("<p>a<b>b<i>c</b>d<li>e<td>f</p></table></div><p"), "abcd\n\n- ef\n");
  EXPECT_EQ(text_of(""), "");
  EXPECT_EQ(text_of("<p> </p><ul><li></li></ul>"), "");
}

TEST(HtmlText, LeavesNoTrailingBlanksAndAtMostOneEmptyLine) {
  std::string text = text_of(
      "<div> <p>a </p> <hr> <ul> <li> b </li> </ul> <table> <tr> <td> c </td> <td> </td> </tr> "
      "</table> "
      "<pre>d \n\n\n</pre> <br> <br> <br> </div> e");
  EXPECT_EQ(text, "a\n\n- b\n\nc\n\nd\n\ne\n");
}

std::string repeat(const std::string& part, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += part;
  return all;
}

// Each of these once broke a parser: by recursion, quadratic time, or quadratic memory.
TEST(HtmlText, SurvivesHostileNesting) {
  EXPECT_TRUE(html_to_text(repeat("<div>", 5000) + "deep"));
  EXPECT_TRUE(html_to_text(repeat("<ul><li>", 3000) + "deep"));
  EXPECT_TRUE(html_to_text(repeat("<table><tr><td>", 500) + "deep"));
  std::string formatting;
  for (int i = 0; i < 4000; ++i) formatting += "<p><b id=" + std::to_string(i) + ">";
  Result<std::string> text = html_to_text(formatting);
  ASSERT_FALSE(text);
  EXPECT_NE(text.error().message.find("nested too deeply"), std::string::npos);
}

TEST(HtmlText, RefusesHugePages) {
  EXPECT_FALSE(html_to_text(std::string((size_t(16) << 20) + 1, 'x')));
}

}  // namespace
}  // namespace weir
