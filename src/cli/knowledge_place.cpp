#include "cli/knowledge_place.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "cli/state_folder.h"

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

Result<KnowledgeBase> open_named_base(const std::string& name, Database::Access access) {
  const std::string path = TRY(knowledge_place(name));
  return KnowledgeBase::open(path, access);
}

Result<KnowledgeSearch> open_named_search(const std::string& name, ThreadPool& pool) {
  const std::string path = TRY(knowledge_place(name));
  return KnowledgeSearch::open(path, pool);
}

}  // namespace weir
