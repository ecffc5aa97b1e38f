// Confidence intervals of shares.
#pragma once
#include <cstdint>

namespace weir {

struct ShareInterval {
  double low = 0, high = 1;
};

// Wilson's score interval of `of` among `all` at 95 % (Wilson 1927); [0, 1] of nothing.
ShareInterval share_interval(int64_t of, int64_t all);

struct Share {
  int64_t of = 0, all = 0;
  void count(bool is_so) {
    of += is_so;
    ++all;
  }
  double rate() const { return all > 0 ? double(of) / double(all) : 0; }
};

}  // namespace weir
