// Where the knowledge base of a name lies: knowledge/NAME.db in weir's state folder. A name with a
// slash in it, or that ends in .db, is the path of a file.
#pragma once
#include <string>

#include "base/result.h"
#include "knowledge/knowledge_search.h"

namespace weir {

Result<std::string> knowledge_place(const std::string& name);
Result<KnowledgeBase> open_named_base(const std::string& name, Database::Access access);
Result<KnowledgeSearch> open_named_search(const std::string& name, ThreadPool& pool);
// The folder of the names.
Result<std::string> knowledge_folder();

}  // namespace weir
