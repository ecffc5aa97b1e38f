// Vectors as text: JSON numbers, and the base64 of their bytes that OpenAI's clients ask for.
#pragma once
#include <span>
#include <string>

namespace weir {

// "[0.25,-1e-05]": as few digits as give the same f32 again.
std::string vector_json(std::span<const float> vector);
// f32, little-endian, in the standard alphabet with padding.
std::string vector_base64(std::span<const float> vector);

}  // namespace weir
