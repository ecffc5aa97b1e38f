// Models larger than memory: what every token reads stays in memory, experts are read when they
// are chosen (tensor/expert_cache.h). docs/larger-than-memory.md has the measurements.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/memory.h"
#include "base/text.h"
#include "checkpoint/checkpoint.h"
#include "config/engram.h"
#include "model/expert_plan.h"
#include "model/file_places.h"
#include "model/model.h"
#include "tensor/panels.h"

namespace weir {
namespace {

double stored_bytes(const Matrix& weight) {
  return double(type_bytes(weight.type, weight.count()));
}

// The parts of the matrices of one layer; false: the rows of an expert are no part of a file.
Result<bool> add_layer(const Moe& moe, FilePlaces& places, ExpertCache::Source& source) {
  const Matrix* matrices[] = {moe.gate.base, moe.up.base, moe.down.base};
  std::vector<ExpertCache::Expert> experts(size_t(moe.shape.experts));
  for (size_t m = 0; m < std::size(matrices); ++m)
    for (size_t e = 0; e < experts.size(); ++e) {
      const size_t bytes = type_bytes(matrices[m]->type, matrices[m]->count() / experts.size());
      const auto place = TRY(places.find(matrices[m]->parts[e], bytes));
      if (!place) return false;
      experts[e][m] = {place->file, place->offset, bytes};
    }
  source.layers.push_back(std::move(experts));
  return true;
}

struct Sizes {
  double weights, resident, experts, available;  // bytes
  size_t slot;                                   // of one expert
  int chosen;                                    // experts of a row in a layer
};

// Of the memory for experts.
Result<double> cache_bytes(const std::string& path, const Sizes& s, double wanted) {
  if (wanted > 0) {
    if (wanted >= double(s.slot)) return wanted;
    return Error{fmt::format("{}: {} of memory for experts hold none of them; one takes {}", path,
                             format_bytes(wanted), format_bytes(double(s.slot)))};
  }
  const double bytes = expert_memory_bytes(s.available, s.resident);
  if (bytes >= double(s.slot) * s.chosen) return std::min(bytes, s.experts);
  return Error{fmt::format(
      "{}: every token reads {} of weights, which must stay in memory beside {} for the experts of "
      "a layer and a reserve for the context, but {} are available; raise the memory limit, or "
      "take "
      "a smaller model or type",
      path, format_bytes(s.resident), format_bytes(double(s.slot) * s.chosen),
      format_bytes(s.available))};
}

}  // namespace

std::vector<std::pair<const Norm*, Moe*>> Model::expert_layers() {
  std::vector<std::pair<const Norm*, Moe*>> layers;
  const auto add = [&](Block& block) {
    if (block.is_moe) layers.push_back({&block.mlp_norm, &block.moe});
  };
  for (Block& block : blocks_) add(block);
  for (MtpModule& module : mtp_) add(module.block);
  if (dspark_)
    for (Block& stage : dspark_->stages) add(stage);
  return layers;
}

bool Model::is_streamed(const Matrix& weight) const { return expert_cache_ && weight.is_experts(); }

// Of the weights that every token reads, in the form in which products read them.
double Model::resident_bytes() const {
  double bytes = 0;
  for (const Matrix* weight : multiplied_)
    if (!weight->is_experts())
      bytes +=
          Panels::suit(weight->type) ? double(Panels::bytes_of(*weight)) : stored_bytes(*weight);
  return bytes;
}

// A copy that no other use of the page cache takes away.
void Model::keep_resident(Matrix& weight) {
  const size_t bytes = type_bytes(weight.type, weight.count());
  Buffer& copy = memory_.emplace_back(bytes);
  std::memcpy(copy.data(), weight.parts[0], bytes);
  weight.parts[0] = copy.data();
  weight.is_mapped = false;
}

double Model::memory_to_come() const {
  if (memory_planned_ <= 0) return 0;
  return std::max(0., memory_planned_ - (memory_use().anonymous - memory_before_));
}

Result<void> Model::stream_experts(const Checkpoint& checkpoint, const ExpertMemory& memory,
                                   double available) {
  const auto layers = expert_layers();
  Sizes sizes{0, resident_bytes(), 0, available, 0, config_.num_experts_per_tok};
  for (const Matrix* weight : weights_) {
    if (is_engram_table(weight->name) && table_reader_) continue;  // stream_tables.cpp
    sizes.weights += stored_bytes(*weight);
    if (weight->is_experts()) sizes.experts += stored_bytes(*weight);
  }
  const bool fits = available <= 0 || sizes.weights <= kMappedShareMax * available;
  if (layers.empty() || (fits && memory.bytes <= 0)) return {};
  ExpertCache::Source source;
  source.chosen = sizes.chosen;
  FilePlaces places(memory.wants_direct);
  for (const auto& [norm, moe] : layers)
    if (!TRY(add_layer(*moe, places, source))) return {};
  source.files = places.take_files();
  sizes.slot = ExpertCache::slot_bytes(source.layers);
  const double bytes = TRY(cache_bytes(checkpoint.path(), sizes, memory.bytes));
  expert_cache_ = std::make_unique<ExpertCache>(std::move(source), size_t(bytes));
  for (size_t i = 0; i < layers.size(); ++i) {
    layers[i].second->source = {expert_cache_.get(), int(i)};
    if (i + 1 == layers.size()) break;
    if (config_.is_compressed()) continue;  // the next router reads a mixture of streams
    layers[i].second->next_norm = layers[i + 1].first;
    layers[i].second->next = layers[i + 1].second;
  }
  for (Matrix* weight : multiplied_)
    if (!weight->is_experts() && weight->type != WeightType::f32 && !Panels::suit(weight->type))
      keep_resident(*weight);
  const ExpertCache& cache = *expert_cache_;
  memory_planned_ = double(cache.bytes()) + sizes.resident;
  memory_before_ = memory_use().anonymous;
  const std::string of_tables = std::move(streaming_note_);
  streaming_note_ = fmt::format(
      "{}: experts are read from the file as they are needed{}: {} of {} experts stay in memory "
      "({}), beside {} that every token reads; the available memory is {}{}",
      checkpoint.path(), cache.is_direct() ? "" : " (without direct I/O, which it has not)",
      cache.slots(), cache.experts(), format_bytes(double(cache.bytes())),
      format_bytes(sizes.resident), format_bytes(available),
      fits ? "" : ", the weights take " + format_bytes(sizes.weights));
  if (!of_tables.empty()) streaming_note_ += "; " + of_tables;
  return {};
}

}  // namespace weir
