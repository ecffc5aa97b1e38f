// What `weir adapt` came to: a table for the terminal, and report.html.
#pragma once
#include <string>
#include <vector>

#include "adapt/adapt_folder.h"
#include "base/json.h"

namespace weir {

// `evaluation`: the result of the stage. Shares with their 95 % intervals.
std::string evaluation_table(const Json& evaluation);

// The arm that the bot is: the one whose calibration found more right answers, the adapted one in
// folders of before.
std::string chosen_arm(const AdaptFolder& folder);
// Which it is and why, in a sentence; "" in folders of before.
std::string choice_sentence(const AdaptFolder& folder);

// The page: the tables, what the questions came from and why some were dropped, the cost, the worst
// answers, and the questions whose answers the search did not find.
std::string adapt_page(const AdaptFolder& folder, const std::string& title,
                       const std::vector<Json>& answers);

}  // namespace weir
