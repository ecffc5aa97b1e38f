// The folder of a converted model: safetensors and the texts beside them, there whole or not at
// all.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/safetensors_write.h"

namespace weir {

// Makes the folder `target`, which is not there yet. `write_data` gives all data to the writer, in
// the writer's order; `write_texts` gets the folder as it is named while it is filled. Errors name
// `target`. `shard_bytes`: of one file, 0 for 5 GB. Returns the files of weights, the index last.
Result<std::vector<std::string>> write_model_folder(
    const std::string& target, std::vector<TensorPlan> tensors, uint64_t shard_bytes,
    const std::function<Result<void>(SafetensorsWriter& writer)>& write_data,
    const std::function<Result<void>(const std::string& folder)>& write_texts);

// The tensors that a writer was made for, in its order. T has a name.
template <class T>
std::vector<T> in_order_of(const SafetensorsWriter& writer, const std::vector<T>& tensors) {
  std::map<std::string, const T*> by_name;
  for (const T& tensor : tensors) by_name[tensor.name] = &tensor;
  std::vector<T> ordered;
  for (const TensorPlan& next : writer.order()) ordered.push_back(*by_name.at(next.name));
  return ordered;
}

}  // namespace weir
