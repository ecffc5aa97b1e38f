// The chat page, embedded in the program: it asks this server alone, and its policy lets it reach
// no other.
#include <string_view>

#include "serve/openai_reply.h"
#include "serve/route.h"

namespace weir {

// page/*, made constants by cmake/embed.cmake.
extern const std::string_view kPageIndex, kPageStyle, kPageMain, kPageStream, kPageText;

namespace {

constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' "
    "data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

HttpReply file(std::string_view text, const char* type) {
  return {.content_type = type,
          .body = std::string(text),
          .headers = {{"Content-Security-Policy", kPolicy},
                      {"Referrer-Policy", "no-referrer"},
                      {"Cross-Origin-Opener-Policy", "same-origin"},
                      {"Cross-Origin-Resource-Policy", "same-origin"},
                      {"Cache-Control", "no-cache"}}};
}

std::optional<HttpReply> index(ModelPool&, const HttpRequest&) {
  return file(kPageIndex, "text/html; charset=utf-8");
}

std::optional<HttpReply> part(ModelPool&, const HttpRequest& http) {
  if (http.path == "/page/style.css") return file(kPageStyle, "text/css; charset=utf-8");
  constexpr const char* script = "text/javascript; charset=utf-8";
  if (http.path == "/page/main.js") return file(kPageMain, script);
  if (http.path == "/page/stream.js") return file(kPageStream, script);
  if (http.path == "/page/text.js") return file(kPageText, script);
  return openai_error({.status = 404, .message = "the page has no such part"});
}

constexpr Route kRoutes[] = {
    {"GET", "/", openai_error, nullptr, nullptr, index},
    {"GET", "/page/*", openai_error, nullptr, nullptr, part},
};

}  // namespace

std::span<const Route> page_routes() { return kRoutes; }

}  // namespace weir
