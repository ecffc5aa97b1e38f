// How often something was so.
#pragma once
#include <cstdint>

#include "base/interval.h"

namespace weir {

struct Share {
  int64_t of = 0, all = 0;
  void count(bool is_so) {
    of += is_so;
    ++all;
  }
  Interval interval() const { return wilson_interval(double(of), double(all)); }
  double rate() const { return all > 0 ? double(of) / double(all) : 0; }
};

}  // namespace weir
