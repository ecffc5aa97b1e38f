// Documents as commands take them: files, and folders with all documents in them.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"

namespace weir {

// By the names that they have whatever folder the command runs in.
struct DocumentFiles {
  std::vector<std::string> files;    // those of the folders, too
  std::vector<std::string> folders;  // that were given
};
// A path that is not there, or a folder without a document, is an error.
Result<DocumentFiles> find_document_files(const std::vector<std::string>& paths);

// The name of one file or folder, absolute and without links.
Result<std::string> whole_path(const std::string& path);

}  // namespace weir
