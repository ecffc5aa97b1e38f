#include "cli/knowledge_place.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "cli/state_folder.h"
#include "documents/document.h"

namespace weir {

Result<std::string> knowledge_folder() {
  const std::string folder = join_path(TRY(state_folder()), "knowledge");
  TRY(make_private_directories(folder));
  return folder;
}

Result<std::string> knowledge_place(const std::string& name) {
  if (name.find('/') != std::string::npos || name.ends_with(".db")) return name;
  const bool is_good =
      !name.empty() && name.size() <= 64 && name[0] != '-' && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-';
      });
  if (!is_good)
    return Error{
        fmt::format("'{}' is no name of a knowledge base: 1 to 64 letters, digits, _ and "
                    "-, or the path of a .db file",
                    printable(name))};
  return join_path(TRY(knowledge_folder()), name + ".db");
}

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
