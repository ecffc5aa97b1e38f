#include "cli/document_files.h"

#include <filesystem>

#include "base/file.h"
#include "documents/document.h"

namespace weir {

Result<std::string> whole_path(const std::string& path) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::canonical(path, error);
  if (error) return Error{path + ": " + error.message()};
  return whole.string();
}

Result<DocumentFiles> find_document_files(const std::vector<std::string>& paths) {
  DocumentFiles found;
  for (const std::string& given : paths) {
    const std::string path = TRY(whole_path(given));
    if (!is_directory(path)) {
      found.files.push_back(path);
      continue;
    }
    const std::vector<std::string> inside = TRY(list_documents(path));
    if (inside.empty())
      return Error{given + ": holds no document that weir reads (see docs/documents.md)"};
    found.files.insert(found.files.end(), inside.begin(), inside.end());
    found.folders.push_back(path);
  }
  return found;
}

}  // namespace weir
