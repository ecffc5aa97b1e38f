// The tables of a knowledge base (docs/knowledge.md).
#pragma once
#include "base/result.h"
#include "knowledge/database.h"

namespace weir {

// Makes the tables in an empty file; an error for a file that holds something else.
Result<void> make_schema(const Database& database);
Result<void> check_schema(const Database& database);

}  // namespace weir
