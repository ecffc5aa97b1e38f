#include "kernels/quant/blocks.h"

#include <cstring>
#include <iterator>

namespace weir {
namespace {

constexpr TypeTraits kTypes[] = {
    {WeightType::f32, "f32", 1, 4},           {WeightType::f16, "f16", 1, 2},
    {WeightType::bf16, "bf16", 1, 2},         {WeightType::q8_0, "q8_0", 32, 34},
    {WeightType::q4_0, "q4_0", 32, 18},       {WeightType::q4_1, "q4_1", 32, 20},
    {WeightType::q5_0, "q5_0", 32, 22},       {WeightType::q5_1, "q5_1", 32, 24},
    {WeightType::q2_k, "q2_k", 256, 84},      {WeightType::q3_k, "q3_k", 256, 110},
    {WeightType::q4_k, "q4_k", 256, 144},     {WeightType::q5_k, "q5_k", 256, 176},
    {WeightType::q6_k, "q6_k", 256, 210},     {WeightType::iq4_nl, "iq4_nl", 32, 18},
    {WeightType::iq4_xs, "iq4_xs", 256, 136}, {WeightType::f8_e4m3, "f8_e4m3", 1, 1},
};

}  // namespace

const TypeTraits* find_type(int value) {
  for (const TypeTraits& traits : kTypes)
    if (int(traits.type) == value) return &traits;
  return nullptr;
}

const TypeTraits* find_type(const char* name) {
  for (const TypeTraits& traits : kTypes)
    if (std::strcmp(traits.name, name) == 0) return &traits;
  return nullptr;
}

const TypeTraits& type_traits(WeightType type) {
  const TypeTraits* traits = find_type(int(type));
  return traits ? *traits : kTypes[0];
}

const char* type_name(WeightType type) { return type_traits(type).name; }

size_t type_bytes(WeightType type, size_t count) {
  const TypeTraits& traits = type_traits(type);
  return count / size_t(traits.block) * size_t(traits.block_bytes);
}

}  // namespace weir
