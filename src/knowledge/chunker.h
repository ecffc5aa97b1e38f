// Cuts a document into chunks: what is found, ranked and quoted. A chunk keeps to one section,
// except that sections too short to stand alone join the one before; tables are cut between rows
// and repeat their head; lists and code are cut between lines; paragraphs between sentences.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "documents/document.h"

namespace weir {

struct ChunkOptions {
  // In estimate_tokens(). A chunk ends before it would exceed `tokens`; sections below `tokens_min`
  // join the one before if it lies in the same or an outer section.
  int tokens = 320;
  int tokens_min = 60;
};

struct Chunk {
  std::string heading = {};  // titles of the sections around it, outermost first, with " > "
  int page = 0, last_page = 0;
  std::string text = {};  // blocks with an empty line between, list items on lines of their own
  // Keys of the lines that may turn out as boilerplate.
  std::vector<uint64_t> lines = {};
};

std::vector<Chunk> cut_chunks(const Document& document, const ChunkOptions& options);

// The key of a line that may be boilerplate (a short paragraph or list item); 0: it may not.
uint64_t boilerplate_key(std::string_view line);

}  // namespace weir
