// stand-in
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
namespace weir {
class SafetensorsWriter {
 public:
  struct Tensor {
    std::string name, dtype;
    std::vector<uint64_t> shape;
  };
  static Result<SafetensorsWriter> create(const std::string&, std::vector<Tensor>, const std::map<std::string, std::string>&, uint64_t) { return Error{"no"}; }
  const std::vector<size_t>& order() const { return order_; }
  Result<void> write(std::span<const std::byte>) { return {}; }
  Result<std::vector<std::string>> finish() { return std::vector<std::string>(); }
  std::vector<size_t> order_;
};
}  // namespace weir
