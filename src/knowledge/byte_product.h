// The product of two vectors of signed bytes, by the widest instructions of the processor at hand.
#pragma once
#include <cstddef>
#include <cstdint>

namespace weir {

// sum of a[i] * b[i], exact; size up to 131,072.
int32_t byte_product(const int8_t* a, const int8_t* b, size_t size);

}  // namespace weir
