#include "cli/document_paths.h"

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

}  // namespace weir
