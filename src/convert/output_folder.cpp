#include "convert/output_folder.h"

#include "base/atomic_output.h"

namespace weir {
namespace {

constexpr uint64_t kShardBytes = 5'000'000'000;

}  // namespace

Result<std::vector<std::string>> write_model_folder(
    const std::string& target, std::vector<TensorPlan> tensors, uint64_t shard_bytes,
    const std::function<Result<void>(SafetensorsWriter& writer)>& write_data,
    const std::function<Result<void>(const std::string& folder)>& write_texts) {
  AtomicFolder folder = TRY(AtomicFolder::create(target));
  auto fill = [&]() -> Result<std::vector<std::string>> {
    SafetensorsWriter writer =
        TRY(SafetensorsWriter::create(folder.path(), std::move(tensors), {{"format", "pt"}},
                                      shard_bytes ? shard_bytes : kShardBytes));
    TRY(write_data(writer));
    std::vector<std::string> files = TRY(writer.finish());
    TRY(write_texts(folder.path()));
    return files;
  };
  Result<std::vector<std::string>> files = fill();
  if (!files) return folder.named(files.error());
  TRY(folder.finish());
  for (std::string& file : *files) file = join_path(target, base_name(file));
  return files;
}

}  // namespace weir
