// Where the knowledge base of a name lies: knowledge/NAME.db in weir's state folder. A name with a
// slash in it, or that ends in .db, is the path of a file.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"

namespace weir {

Result<std::string> knowledge_place(const std::string& name);
// The files of paths and folders, and the folders, by the names that they have in a base whatever
// folder the command runs in. A folder without a document is an error.
struct DocumentFiles {
  std::vector<std::string> files, folders;
};
Result<DocumentFiles> find_document_files(const std::vector<std::string>& paths);
// The name of one file there.
Result<std::string> whole_path(const std::string& path);
// The folder of the names.
Result<std::string> knowledge_folder();

}  // namespace weir
