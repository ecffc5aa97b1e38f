// Writing a model's safetensors as its data comes: one file or shards with their index. The plan is
// made first, because every header stands before its data; nothing large is held in memory.
#pragma once
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/safetensors_plan.h"

namespace weir {

class SafetensorsWriter {
 public:
  // In `folder`, which exists: model.safetensors when all data fits `shard_bytes` (0: always), else
  // model-00001-of-0000N.safetensors and model.safetensors.index.json. Tensors go to shards in the
  // order given, one larger than a shard alone. What is there already is replaced only by finish();
  // shards beside a model.safetensors of before are refused, since readers would take that.
  static Result<SafetensorsWriter> create(const std::string& folder,
                                          std::vector<TensorPlan> tensors,
                                          const std::map<std::string, std::string>& metadata,
                                          uint64_t shard_bytes);
  SafetensorsWriter(SafetensorsWriter&&) noexcept;
  ~SafetensorsWriter();  // without finish(): nothing is left behind

  // The order in which data must come: shard after shard, each sorted as the reference writer does.
  const std::vector<TensorPlan>& order() const;
  // Pieces of any size.
  Result<void> write(std::span<const std::byte> piece);
  // Fails unless every tensor was written in full. The paths that were written, the index last.
  Result<std::vector<std::string>> finish();

 private:
  struct State;
  explicit SafetensorsWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace weir
