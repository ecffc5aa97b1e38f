#include "formats/safetensors_write.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/atomic_output.h"
#include "base/disk_space.h"
#include "base/json.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr size_t kShardsMax = 10'000;  // what the reader opens
constexpr const char* kSingleName = "model.safetensors";
constexpr const char* kIndexName = "model.safetensors.index.json";

struct Shard {
  std::string name;
  size_t begin = 0, end = 0;  // of its tensors
};

}  // namespace

struct SafetensorsWriter::State {
  std::string folder;
  std::map<std::string, std::string> metadata;
  std::vector<TensorPlan> tensors;
  std::vector<uint64_t> bytes;  // by tensor
  std::vector<Shard> shards;
  AtomicFiles files;
  size_t shard = 0, tensor = 0;  // being written
  uint64_t done = 0;             // bytes of the tensor

  Result<void> plan_shards(uint64_t shard_bytes);
  Result<void> write_index();
  Result<void> begin_shard();
  Result<void> skip_finished();
};

// Tensors stay in their order between shards and are sorted inside each.
Result<void> SafetensorsWriter::State::plan_shards(uint64_t shard_bytes) {
  uint64_t in_shard = 0;
  shards.push_back({kSingleName, 0, 0});
  for (size_t i = 0; i < tensors.size(); ++i) {
    bool full = shard_bytes > 0 && in_shard > 0 &&
                (in_shard >= shard_bytes || bytes[i] > shard_bytes - in_shard);
    if (full) {
      shards.push_back({kSingleName, i, i});
      in_shard = 0;
    }
    in_shard += bytes[i];
    shards.back().end = i + 1;
  }
  for (const Shard& part : shards)
    std::sort(tensors.begin() + long(part.begin), tensors.begin() + long(part.end),
              stands_before<TensorPlan>);
  bytes = TRY(planned_bytes(tensors));
  if (shards.size() == 1) return {};
  if (shards.size() > kShardsMax)
    return Error{fmt::format("{} shards, at most {} are possible; choose larger ones",
                             shards.size(), kShardsMax)};
  if (file_exists(join_path(folder, kSingleName)))
    return Error{
        fmt::format("{} is there, and readers would take it instead of new shards; choose "
                    "another folder",
                    kSingleName)};
  for (size_t i = 0; i < shards.size(); ++i)
    shards[i].name = fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
  return {};
}

// {"metadata": {"total_size": bytes}, "weight_map": {"tensor": "shard"}}, sorted by name.
Result<void> SafetensorsWriter::State::write_index() {
  uint64_t total = 0;
  std::vector<std::pair<std::string, Json>> map;
  for (const Shard& part : shards) {
    for (size_t i = part.begin; i < part.end; ++i) {
      map.emplace_back(tensors[i].name, Json(part.name));
      total += bytes[i];
    }
  }
  std::sort(map.begin(), map.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Json sizes = Json::object(), weights = Json::object(), index = Json::object();
  sizes.set("total_size", int64_t(total));
  weights.members() = std::move(map);
  index.set("metadata", std::move(sizes));
  index.set("weight_map", std::move(weights));
  std::string text = index.dump(2) + "\n";
  TRY(files.begin(join_path(folder, kIndexName)));
  TRY(files.write(text.data(), text.size()));
  return files.end();
}

Result<void> SafetensorsWriter::State::begin_shard() {
  const Shard& part = shards[shard];
  size_t count = part.end - part.begin;
  std::string path = join_path(folder, part.name);
  std::string header =
      TRY_IN(path, safetensors_header(std::span(tensors).subspan(part.begin, count),
                                      std::span(bytes).subspan(part.begin, count), metadata));
  TRY(files.begin(path));
  return files.write(header.data(), header.size());
}

// Past all tensors whose data is complete, which those without elements are from the start.
Result<void> SafetensorsWriter::State::skip_finished() {
  while (files.is_open()) {
    if (tensor < shards[shard].end) {
      if (done < bytes[tensor]) return {};
      ++tensor;
      done = 0;
      continue;
    }
    TRY(files.end());
    if (++shard < shards.size()) TRY(begin_shard());
  }
  return {};
}

SafetensorsWriter::SafetensorsWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
SafetensorsWriter::SafetensorsWriter(SafetensorsWriter&&) noexcept = default;
SafetensorsWriter::~SafetensorsWriter() = default;

Result<SafetensorsWriter> SafetensorsWriter::create(
    const std::string& folder, std::vector<TensorPlan> tensors,
    const std::map<std::string, std::string>& metadata, uint64_t shard_bytes) {
  auto state = std::make_unique<State>();
  state->folder = folder;
  state->metadata = metadata;
  state->bytes = TRY_IN(folder, planned_bytes(tensors));
  state->tensors = std::move(tensors);
  TRY_IN(folder, state->plan_shards(shard_bytes));
  uint64_t total = 0;
  for (uint64_t bytes : state->bytes) total += bytes;
  TRY(check_disk_space(folder, total));
  // Begun first, renamed last: the index appears when all shards are there.
  if (state->shards.size() > 1) TRY(state->write_index());
  TRY(state->begin_shard());
  TRY(state->skip_finished());
  return SafetensorsWriter(std::move(state));
}

const std::vector<TensorPlan>& SafetensorsWriter::order() const { return state_->tensors; }

Result<void> SafetensorsWriter::write(std::span<const std::byte> piece) {
  State& s = *state_;
  while (!piece.empty()) {
    if (!s.files.is_open())
      return Error{fmt::format("{}: more data than the tensors take, or after an error", s.folder)};
    size_t count = size_t(std::min<uint64_t>(piece.size(), s.bytes[s.tensor] - s.done));
    TRY(s.files.write(piece.data(), count));
    s.done += count;
    piece = piece.subspan(count);
    TRY(s.skip_finished());
  }
  return {};
}

Result<std::vector<std::string>> SafetensorsWriter::finish() {
  State& s = *state_;
  if (s.tensor < s.tensors.size())
    return Error{fmt::format("{}: tensor '{}' has {} of its {} bytes", s.folder,
                             printable(s.tensors[s.tensor].name), s.done, s.bytes[s.tensor])};
  TRY(s.files.rename_all());
  std::vector<std::string> paths;
  for (const Shard& part : s.shards) paths.push_back(join_path(s.folder, part.name));
  if (s.shards.size() > 1) paths.push_back(join_path(s.folder, kIndexName));
  return paths;
}

}  // namespace weir
