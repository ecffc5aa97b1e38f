// The values that the codes of IQ4_NL and IQ4_XS stand for (ggml-common.h of llama.cpp).
#pragma once
#include <cstdint>

namespace weir {

alignas(16) constexpr int8_t kCurve[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                           1,    13,   25,  38,  53,  69,  89,  113};

}  // namespace weir
