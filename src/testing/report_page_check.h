// For tests only: what every report page must be, whatever it holds.
#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"

namespace weir {

// Ends of elements, comments and strings, places to fill, control characters, bytes that are no
// UTF-8, marks of direction, U+2028 and a character that is none.
inline const std::string kHostileText =
    "</script></pre></bdi><img onerror=x> & \"q\" 'q' <!--<script> {{policy}} {{data}} \\u003c "
    "\x01\x1b[2J \xff\xfe\xc3 \xe2\x80\xa8 \xe2\x80\xae\xe2\x81\xa6\xef\xbf\xbe";

inline size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// The JSON that the page's script draws.
inline Json page_data(const std::string& html) {
  const std::string begin = "<script type=\"application/json\" id=\"data\">";
  const size_t from = html.find(begin) + begin.size();
  Result<Json> data = parse_json(html.substr(from, html.find("</script>", from) - from));
  EXPECT_TRUE(data) << (data ? "" : data.error().message);
  return data ? *data : Json();
}

// The page as a browser without scripts shows it.
inline std::string without_scripts(const std::string& html) {
  std::string rest = html;
  for (size_t at; (at = rest.find("<script")) != rest.npos;)
    rest.erase(at, rest.find("</script>", at) + 9 - at);
  rest.erase(rest.find("<style>"), rest.find("</style>") - rest.find("<style>"));
  return rest;
}

// The 32 bytes of 44 digits.
inline std::string hex_of_base64(const std::string& base64) {
  static const std::string kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string hex;
  for (size_t at = 0; at + 4 <= base64.size(); at += 4) {
    size_t group = 0;
    for (size_t i = at; i < at + 4; ++i) group = group * 64 + kDigits.find(base64[i]) % 64;
    hex += fmt::format("{:06x}", group & 0xffffff);
  }
  return hex.substr(0, 64);
}

// Hostile text as a value of the data: readable, but nothing in it is hidden or obeyed.
inline void expect_shown(const std::string& text) {
  EXPECT_NE(text.find("</script></pre></bdi><img onerror=x> & \"q\" 'q'"), text.npos) << text;
  EXPECT_EQ(first_invalid_utf8(text), text.npos);
  for (const char* hidden :
       {"\x01", "\x1b", "\xe2\x80\xa8", "\xe2\x80\xae", "\xe2\x81\xa6", "\xef\xbf\xbe"})
    EXPECT_EQ(text.find(hidden), text.npos);
}

inline void expect_sound_page(const std::string& html) {
  EXPECT_EQ(first_invalid_utf8(html), html.npos);
  // The data and the page's own script, both closed; no comment but the page's own.
  EXPECT_EQ(count_of(html, "<script"), 2u);
  EXPECT_EQ(count_of(html, "</script>"), 2u);
  EXPECT_EQ(count_of(html, "<!--"), 1u);
  const std::string body = without_scripts(html);
  for (const char* tag : {"div", "section", "table", "tr", "td", "th", "p", "bdi", "span", "b", "i",
                          "small", "code", "h1", "h2", "main", "body", "html"})
    EXPECT_EQ(
        count_of(body, std::string("<") + tag + ">") + count_of(body, std::string("<") + tag + " "),
        count_of(body, std::string("</") + tag + ">"))
        << tag;
  for (const char* bad : {"<img", " src=", " href=", "<link", "style=", ">nan", ">inf"})
    EXPECT_EQ(body.find(bad), body.npos) << bad;
  // Nothing is fetched; scripts and styles run only with the hashes of the page's own.
  EXPECT_EQ(count_of(html, "http://"), count_of(html, "\"http://www.w3.org/2000/svg\""));
  for (const char* bad : {"https://", "url(", "@import", "fetch(", "XMLHttpRequest", "innerHTML",
                          "insertAdjacent", "document.write", "eval(", "unsafe-inline"})
    EXPECT_EQ(html.find(bad), html.npos) << bad;
  for (const char* kind : {"script", "style"}) {
    const std::string element = std::string("<") + kind + ">";
    const size_t begin = html.rfind(element) + element.size();
    const std::string text = html.substr(begin, html.find(std::string("</") + kind, begin) - begin);
    const std::string rule = std::string("; ") + kind + "-src 'sha256-";
    EXPECT_EQ(hex_of_base64(html.substr(html.find(rule) + rule.size(), 44)), sha256_hex(text))
        << kind;
  }
  EXPECT_NE(html.find("content=\"default-src 'none'; script-src"), html.npos);
}

}  // namespace weir
