// What `weir adapt` came to: a table for the terminal, and report.html.
#pragma once
#include <string>
#include <vector>

#include "adapt/adapt_folder.h"
#include "base/json.h"

namespace weir {

// `evaluation`: the result of the stage. Shares with their 95 % intervals.
std::string evaluation_table(const Json& evaluation);

// The page: the tables, what the questions came from and why some were dropped, the cost, the worst
// answers, and the questions whose answers the search did not find.
std::string adapt_page(const AdaptFolder& folder, const std::string& title,
                       const std::vector<Json>& answers);

}  // namespace weir
