// How busy this machine's cores are: what this process gets of them, and what others take.
#pragma once
#include <string>
#include <string_view>

namespace weir {

// Seconds since some beginning, summed over the cores that this process may run on.
struct CoreTimes {
  double busy = 0, all = 0;  // all: busy and idle; 0 where the system does not say
  double own = 0;            // of this process
};

// Reads /proc/stat; a system without it gives `all` 0, which is no error.
CoreTimes read_core_times();
// The same from the text of /proc/stat; `is_usable(core)` says which cores count.
CoreTimes parse_core_times(std::string_view text, bool (*is_usable)(int core));

// Share of the cores that other programs took between two readings, from 0 to 1; negative when
// unknown or when less than a tenth of a second of core time lies between them.
double others_share(const CoreTimes& then, const CoreTimes& now);

// "other programs take 80 % of the cores"; "" below a quarter or when unknown: not worth a line.
std::string others_words(double share);

}  // namespace weir
