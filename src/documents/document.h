// Files that people keep (text, Markdown, HTML, PDF, office formats, tables, mail) as documents:
// blocks of headings, paragraphs, list items, tables and code, with the page each stands on. What
// is done with them is for others.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir {

struct DocumentBlock {
  enum class Kind { heading, paragraph, list_item, table, code };
  Kind kind = Kind::paragraph;
  int level = 0;     // heading: 1 to 6; list item: depth from 0
  int page = 0;      // from 1 (a slide, a sheet); 0: the format has no pages
  std::string text;  // UTF-8; a table: one row a line, cells joined by " | ", first row the head
};

struct Document {
  std::string name;   // path as given; of a part of a file "path#part" (rows of CSV, line of JSONL,
                      // mail of a mailbox)
  std::string title;  // "" if none
  std::string language;  // as the file states it: "en", "zh-CN"; "" if it does not
  std::vector<DocumentBlock> blocks;
  std::vector<std::string> notes;  // what could not be read, for the user
};

// What a file may cost at most. Each limit that is exceeded is an error that names it.
struct DocumentLimits {
  uint64_t file_bytes = uint64_t(4) << 30;  // of a file that is streamed: CSV, TSV, JSONL, mbox
  uint64_t memory_bytes =
      uint64_t(256) << 20;  // of a file that is read whole, and of what a container unpacks to
  uint64_t unpack_ratio =
      200;             // unpacked bytes per stored byte of a container's member (above 1 MiB)
  int parts = 100000;  // members of a container, pages, mails of a mailbox, parts of a mail
  int depth = 200;     // nesting of XML elements, JSON values; mail parts: a tenth
  int rows_per_document = 200;  // rows of a table that become one document, the head repeated
};

// Calls `sink` for each document of the file in order; an error of `sink` ends the reading and is
// returned. Errors name file, place and remedy: unknown format, unreadable, encrypted, broken, a
// limit exceeded.
Result<void> read_documents(const std::string& path, const DocumentLimits& limits,
                            const std::function<Result<void>(Document)>& sink);

// By the ending of the name: .txt .text .md .markdown .html .htm .xhtml .pdf .docx .pptx .xlsx .odt
// .odp .ods .epub .csv .tsv .jsonl .ndjson .json .eml .mbox
bool is_document_path(const std::string& path);

// Every document file below `folder`, in sorted order, without hidden ones; a link to a folder is
// not followed.
Result<std::vector<std::string>> list_documents(const std::string& folder);

}  // namespace weir
