// The files that a command about documents is given: files and folders.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"

namespace weir {

inline constexpr const char* kDocumentPathsHelp =
    "files and folders: text, Markdown, HTML, PDF, DOCX, PPTX, XLSX, ODT, ODP, ODS, EPUB, CSV, "
    "JSON, JSONL, .eml, .mbox";

// Files as given, and every document below a folder, sorted. Errors: a path that is not there, a
// folder without documents.
Result<std::vector<std::string>> find_documents(const std::vector<std::string>& paths);

// The name of a file or folder whatever folder a command runs in: absolute, without links.
Result<std::string> whole_path(const std::string& path);

// What find_documents() finds by whole paths, and the folders among those given.
struct DocumentFiles {
  std::vector<std::string> files, folders;
};
Result<DocumentFiles> find_document_files(const std::vector<std::string>& paths);

}  // namespace weir
