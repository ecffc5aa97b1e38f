// The files of the page, embedded by cmake/embed_page.cmake: src/serve/page/ and its libraries.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace weir {

struct PageFile {
  std::string_view name;   // "main.js"
  std::string_view bytes;  // as they are sent
  bool is_gzip;            // Content-Encoding: gzip; else they are the file itself
};

std::span<const PageFile> page_files();

// Null: there is none.
const PageFile* find_page_file(std::string_view name);

// The file itself, for clients that do not take gzip.
std::string unpacked(const PageFile& file);

// "text/css; charset=utf-8" for "style.css".
const char* content_type_of(std::string_view name);

}  // namespace weir
