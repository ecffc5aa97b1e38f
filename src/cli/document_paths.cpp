#include "cli/document_paths.h"

#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "documents/document.h"

namespace weir {

Result<std::vector<std::string>> find_documents(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    if (!file_exists(path)) return Error{printable(path, 1000) + ": no such file or folder"};
    if (!is_directory(path)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> below = TRY(list_documents(path));
    if (below.empty())
      return Error{printable(path, 1000) +
                   ": no documents below this folder; weir documents --help "
                   "lists the formats"};
    files.insert(files.end(), below.begin(), below.end());
  }
  return files;
}

Result<std::string> whole_path(const std::string& path) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::canonical(path, error);
  if (error) return Error{printable(path, 1000) + ": " + error.message()};
  return whole.string();
}

Result<DocumentFiles> find_document_files(const std::vector<std::string>& paths) {
  DocumentFiles found;
  std::vector<std::string> whole;
  for (const std::string& path : paths) {
    whole.push_back(TRY(whole_path(path)));
    if (is_directory(whole.back())) found.folders.push_back(whole.back());
  }
  found.files = TRY(find_documents(whole));
  return found;
}

}  // namespace weir
