#include "serve/page_files.h"

#include <zlib.h>

#include "base/check.h"

namespace weir {

const PageFile* find_page_file(std::string_view name) {
  for (const PageFile& file : page_files())
    if (file.name == name) return &file;
  return nullptr;
}

std::string unpacked(const PageFile& file) {
  if (!file.is_gzip) return std::string(file.bytes);
  z_stream stream{};
  constexpr int kGzip = 16 + MAX_WBITS;
  CHECK(inflateInit2(&stream, kGzip) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(file.bytes.data()));
  stream.avail_in = uInt(file.bytes.size());
  std::string text;
  int state = Z_OK;
  while (state == Z_OK) {
    char part[1 << 14];
    stream.next_out = reinterpret_cast<Bytef*>(part);
    stream.avail_out = sizeof part;
    state = inflate(&stream, Z_NO_FLUSH);
    text.append(part, sizeof part - stream.avail_out);
  }
  inflateEnd(&stream);
  CHECK(state == Z_STREAM_END);
  return text;
}

const char* content_type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".woff2")) return "font/woff2";
  return "text/javascript; charset=utf-8";
}

}  // namespace weir
