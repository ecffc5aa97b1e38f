#include "documents/html_render.h"

#include <gtest/gtest.h>

#include <string_view>

#include "documents/html_roles.h"

namespace weir {
namespace {

// A tree as gumbo makes it, without the limits that html_text.cpp adds.
class Parsed {
 public:
  explicit Parsed(std::string_view html)
      : output_(gumbo_parse_with_options(&kGumboDefaultOptions, html.data(), html.size())) {}
  ~Parsed() { gumbo_destroy_output(&kGumboDefaultOptions, output_); }
  Parsed(const Parsed&) = delete;
  Parsed& operator=(const Parsed&) = delete;
  // The n-th child of <body>.
  const GumboNode* in_body(unsigned n) const {
    const auto* body = static_cast<const GumboNode*>(output_->root->v.element.children.data[1]);
    return static_cast<const GumboNode*>(body->v.element.children.data[n]);
  }

 private:
  GumboOutput* output_;
};

TEST(HtmlRender, WritesOnlyTheNodeItIsGiven) {
  Parsed page("<p>before</p><ul><li>a<li>b</ul><p>after</p>");
  EXPECT_EQ(HtmlRenderer().render(page.in_body(1)), "- a\n- b\n");
}

TEST(HtmlRender, NestsListsDefinitionsAndCode) {
  Parsed page("<dl><dt>t<dd><p>d</p><ol><li>x<pre>y\n z</pre><li>w</ol><dl><dt>u<dd>v</dl></dl>");
  EXPECT_EQ(HtmlRenderer().render(page.in_body(0)),
            "t\n  d\n\n  1. x\n\n     y\n      z\n\n  2. w\n\n  u\n    v\n");
}

TEST(HtmlRender, RowsInRowsBecomeLines) {
  Parsed page("<table><tr><td>a<td><ul><li>b</ul></tr><tr><td>c<td>d</table>");
  EXPECT_EQ(HtmlRenderer().render(page.in_body(0)), "a\n\n- b\n\nc | d\n");
}

TEST(HtmlRoles, NavigationIsFoundAmongSeveralClasses) {
  Parsed page("<div class='a  navheader b'></div><div class='navheaders'></div><div hidden></div>");
  EXPECT_TRUE(is_navigation(page.in_body(0)->v.element));
  EXPECT_FALSE(is_navigation(page.in_body(1)->v.element));
  EXPECT_TRUE(is_navigation(page.in_body(2)->v.element));
}

TEST(HtmlRoles, UnknownTagsAreInline) {
  EXPECT_EQ(html_role(GUMBO_TAG_UNKNOWN), HtmlRole::inline_text);
  EXPECT_EQ(html_role(GUMBO_TAG_SPAN), HtmlRole::inline_text);
  EXPECT_EQ(html_role(GUMBO_TAG_TH), HtmlRole::cell);
  EXPECT_EQ(html_role(GUMBO_TAG_SCRIPT), HtmlRole::dropped);
}

}  // namespace
}  // namespace weir
