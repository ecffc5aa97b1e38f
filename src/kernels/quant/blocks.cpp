#include "kernels/quant/blocks.h"

#include <cstring>

#include "kernels/quant/types.h"

namespace weir {

const TypeTraits* find_type(int value) {
  for (const TypeRow& row : kTypes)
    if (int(row.type) == value) return &row;
  return nullptr;
}

const TypeTraits* find_type(const char* name) {
  for (const TypeRow& row : kTypes)
    if (std::strcmp(row.name, name) == 0) return &row;
  return nullptr;
}

const TypeRow& type_row(WeightType type) {
  for (const TypeRow& row : kTypes)
    if (row.type == type) return row;
  return kTypes[0];
}

const TypeTraits& type_traits(WeightType type) { return type_row(type); }

const char* type_name(WeightType type) { return type_traits(type).name; }

bool has_integer_products(WeightType type) { return type_row(type).panel_bytes > 0; }

size_t type_bytes(WeightType type, size_t count) {
  const TypeTraits& traits = type_traits(type);
  return count / size_t(traits.block) * size_t(traits.block_bytes);
}

}  // namespace weir
