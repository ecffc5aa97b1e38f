// The page, embedded in the program: it asks this server alone, and its policy lets it reach no
// other.
#include "serve/openai_reply.h"
#include "serve/page_files.h"
#include "serve/route.h"

namespace weir {
namespace {

// Scripts and styles are files of this server: no inline script, no eval, no style attribute.
// KaTeX sets styles through the CSSOM, which needs no 'unsafe-inline'. Markup reaches the page
// through DOMPurify's policy of Trusted Types alone. frame-src: the reports of runs.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; frame-src 'self'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types dompurify";

HttpReply reply_with(const PageFile& file, const HttpRequest& http) {
  const bool packs = file.is_gzip && http.accept_encoding.find("gzip") != std::string::npos;
  // Fonts and libraries change with the program's packages; what weir wrote with every build.
  const bool is_kept = file.name.ends_with(".woff2");
  HttpReply reply{.content_type = content_type_of(file.name),
                  .body = packs ? std::string(file.bytes) : unpacked(file),
                  .headers = {{"Content-Security-Policy", kPolicy},
                              {"Referrer-Policy", "no-referrer"},
                              {"Cross-Origin-Opener-Policy", "same-origin"},
                              {"Cross-Origin-Resource-Policy", "same-origin"},
                              {"Cache-Control", is_kept ? "max-age=86400" : "no-cache"},
                              {"Vary", "Accept-Encoding"}}};
  if (packs) reply.headers.push_back({"Content-Encoding", "gzip"});
  return reply;
}

// A bot's page comes first where there is one; that of the models is /page/index.html then.
HttpReply part(const ServerState& server, const HttpRequest& http) {
  const char* first = server.knowledge.bot.empty() ? "index.html" : "bot.html";
  const std::string name = http.path == "/" ? first : http.path.substr(6);  // "/page/"
  if (const PageFile* file = find_page_file(name)) return reply_with(*file, http);
  return openai_error({.status = 404, .message = "the page has no such part"});
}

constexpr Route kPageRoutes[] = {
    {.method = "GET", .path = "/", .write_error = openai_error, .show = part},
    {.method = "GET", .path = "/page/*", .write_error = openai_error, .show = part},
};

}  // namespace

std::span<const Route> page_routes() { return kPageRoutes; }

}  // namespace weir
