#include "documents/html_roles.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <initializer_list>
#include <vector>

namespace weir {
namespace {

using Role = HtmlRole;

// One role per tag; tags not named here are inline.
constexpr auto kRoles = [] {
  std::array<Role, GUMBO_TAG_LAST + 1> roles{};
  auto give = [&](Role role, std::initializer_list<GumboTag> tags) {
    for (GumboTag tag : tags) roles[tag] = role;
  };
  give(Role::dropped,
       {GUMBO_TAG_HEAD, GUMBO_TAG_SCRIPT, GUMBO_TAG_STYLE, GUMBO_TAG_NOSCRIPT, GUMBO_TAG_TEMPLATE,
        GUMBO_TAG_NAV, GUMBO_TAG_SVG, GUMBO_TAG_IFRAME, GUMBO_TAG_OBJECT, GUMBO_TAG_SELECT,
        GUMBO_TAG_BUTTON, GUMBO_TAG_TEXTAREA, GUMBO_TAG_AUDIO, GUMBO_TAG_VIDEO, GUMBO_TAG_CANVAS});
  give(Role::block, {GUMBO_TAG_DIV, GUMBO_TAG_SECTION, GUMBO_TAG_ARTICLE, GUMBO_TAG_ASIDE,
                     GUMBO_TAG_HEADER, GUMBO_TAG_FOOTER, GUMBO_TAG_MAIN, GUMBO_TAG_FIGURE,
                     GUMBO_TAG_FIGCAPTION, GUMBO_TAG_ADDRESS, GUMBO_TAG_CAPTION, GUMBO_TAG_CENTER,
                     GUMBO_TAG_FORM, GUMBO_TAG_FIELDSET, GUMBO_TAG_DETAILS, GUMBO_TAG_SUMMARY});
  give(Role::heading, {GUMBO_TAG_H1, GUMBO_TAG_H2, GUMBO_TAG_H3, GUMBO_TAG_H4, GUMBO_TAG_H5,
                       GUMBO_TAG_H6, GUMBO_TAG_BLOCKQUOTE, GUMBO_TAG_HR});
  give(Role::paragraph, {GUMBO_TAG_P});
  give(Role::preformatted, {GUMBO_TAG_PRE, GUMBO_TAG_LISTING});
  give(Role::list, {GUMBO_TAG_UL, GUMBO_TAG_OL, GUMBO_TAG_MENU});
  give(Role::item, {GUMBO_TAG_LI});
  give(Role::definition_list, {GUMBO_TAG_DL});
  give(Role::term, {GUMBO_TAG_DT});
  give(Role::definition, {GUMBO_TAG_DD});
  give(Role::table, {GUMBO_TAG_TABLE});
  give(Role::row, {GUMBO_TAG_TR});
  give(Role::cell, {GUMBO_TAG_TD, GUMBO_TAG_TH});
  give(Role::line_end, {GUMBO_TAG_BR});
  give(Role::superscript, {GUMBO_TAG_SUP});
  give(Role::quotation, {GUMBO_TAG_Q});
  return roles;
}();

constexpr std::string_view kNavigationClasses[] = {
    "navheader",  "navfooter",  "navbar",      "navigation",     "sphinxsidebar", "related",
    "headerlink", "breadcrumb", "breadcrumbs", "mw-editsection", "noprint"};

}  // namespace

std::string_view html_attribute(const GumboElement& element, const char* name) {
  const GumboAttribute* found = gumbo_get_attribute(&element.attributes, name);
  return found ? std::string_view(found->value) : std::string_view();
}

const GumboNode* html_child(const GumboElement& element, unsigned i) {
  return static_cast<const GumboNode*>(element.children.data[i]);
}

bool is_html_element(const GumboNode* node) {
  return node->type == GUMBO_NODE_ELEMENT || node->type == GUMBO_NODE_TEMPLATE;
}

HtmlRole html_role(GumboTag tag) {
  return unsigned(tag) < kRoles.size() ? kRoles[unsigned(tag)] : Role::inline_text;
}

bool is_navigation(const GumboElement& element) {
  if (gumbo_get_attribute(&element.attributes, "hidden")) return true;
  if (html_attribute(element, "role") == "navigation") return true;
  return std::ranges::any_of(kNavigationClasses,
                             [&](std::string_view name) { return has_class(element, name); });
}

bool has_class(const GumboElement& element, std::string_view name) {
  std::string_view classes = html_attribute(element, "class");
  while (!classes.empty()) {
    const size_t end = std::min(classes.find(' '), classes.size());
    if (classes.substr(0, end) == name) return true;
    classes.remove_prefix(std::min(end + 1, classes.size()));
  }
  return false;
}

bool is_exponent(const GumboElement& element) {
  if (element.children.length != 1) return false;
  const GumboNode* only = html_child(element, 0);
  if (only->type != GUMBO_NODE_TEXT) return false;
  const char* text = only->v.text.text;
  bool number = std::isdigit(static_cast<unsigned char>(text[0])) || text[0] == '-';
  return number || (std::isalpha(static_cast<unsigned char>(text[0])) && text[1] == 0);
}

bool needs_lines(const GumboElement& row) {
  std::vector<const GumboElement*> open = {&row};
  int cells = 0, paragraphs = 0;
  while (!open.empty()) {
    const GumboElement& element = *open.back();
    open.pop_back();
    for (unsigned i = 0; i < element.children.length; ++i) {
      const GumboNode* node = html_child(element, i);
      if (!is_html_element(node)) continue;
      switch (html_role(node->v.element.tag)) {
        case Role::table:
        case Role::list:
        case Role::definition_list:
        case Role::preformatted:
        case Role::heading:
          return true;
        case Role::paragraph:
          ++paragraphs;
          break;
        case Role::cell:
          ++cells;
          break;
        default:
          break;
      }
      open.push_back(&node->v.element);
    }
  }
  return cells == 1 && paragraphs > 1;
}

}  // namespace weir
