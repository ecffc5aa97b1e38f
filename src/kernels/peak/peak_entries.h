// What the files of single instruction sets give to peak.cpp. Constant data, and nothing with
// inline functions: reading it runs no instruction of the set that it belongs to.
#pragma once
#include <cstdint>

namespace weir {

struct PeakEntry {
  void (*run)(int64_t turns);  // null where the compiler did not target the set
  double operations;           // of a turn, as PeakLoop
};
extern const PeakEntry kFmaAvx2, kMaddAvx2, kMaddubsAvx2;     // peak_avx2.cpp
extern const PeakEntry kVnniAvx;                              // peak_avx_vnni.cpp
extern const PeakEntry kFmaAvx512, kMaddAvx512, kVnniAvx512;  // peak_avx512.cpp
extern const PeakEntry kAmxInt8, kAmxBf16;                    // peak_amx.cpp

}  // namespace weir
