#include "convert/importance.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "formats/gguf.h"

namespace weir {
namespace {

constexpr std::string_view kSquares = ".in_sum2", kCounts = ".counts";

std::vector<float> floats_of(const GgufFile& file, const GgufTensor& tensor) {
  const std::span<const std::byte> bytes = file.data(tensor);
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

// Sums over experts, weighted by the rows that each has seen.
Result<std::vector<float>> mean_squares(const std::vector<float>& sums,
                                        const std::vector<float>& counts) {
  if (counts.empty() || sums.size() % counts.size() != 0)
    return Error{fmt::format("{} sums do not belong to {} counts", sums.size(), counts.size())};
  const size_t columns = sums.size() / counts.size();
  std::vector<double> total(columns);
  double rows = 0;
  for (size_t e = 0; e < counts.size(); ++e) {
    rows += double(counts[e]);
    for (size_t i = 0; i < columns; ++i) total[i] += double(sums[e * columns + i]);
  }
  std::vector<float> means(columns);
  for (size_t i = 0; i < columns; ++i) {
    means[i] = rows > 0 ? float(total[i] / rows) : 0;
    if (!std::isfinite(means[i]) || means[i] < 0)
      return Error{fmt::format("column {} has the mean square {}", i, means[i])};
  }
  return means;
}

}  // namespace

Result<ImportanceFile> ImportanceFile::open(const std::string& path) {
  const GgufFile file = TRY(GgufFile::open(path));
  ImportanceFile importance;
  for (const GgufTensor& tensor : file.tensors()) {
    if (!std::string_view(tensor.name).ends_with(kSquares)) continue;
    const std::string name = tensor.name.substr(0, tensor.name.size() - kSquares.size());
    const GgufTensor* counts = file.find(name + std::string(kCounts));
    const std::string place = fmt::format("{}: tensor '{}'", path, tensor.name);
    if (!counts || tensor.type != WeightType::f32 || counts->type != WeightType::f32)
      return Error{place + ": needs f32 sums and f32 counts beside them"};
    std::vector<float> means =
        TRY_IN(place, mean_squares(floats_of(file, tensor), floats_of(file, *counts)));
    importance.columns_.emplace(name, std::move(means));
  }
  if (importance.columns_.empty())
    return Error{path +
                 ": holds no importance (tensors NAME.in_sum2); make one with weir "
                 "importance or llama-imatrix"};
  return importance;
}

std::span<const float> ImportanceFile::find(const std::string& tensor) {
  const auto found = columns_.find(tensor);
  if (found == columns_.end()) return {};
  ++found_;
  return found->second;
}

Result<void> write_importance(const std::string& path,
                              const std::map<std::string, ImportanceSums>& sums) {
  GgufMetadata metadata;
  metadata.set("general.type", std::string("imatrix"));
  metadata.set("imatrix.datasets", std::vector<std::string>{"text"});
  metadata.set("imatrix.chunk_count", int64_t(1));
  metadata.set("imatrix.chunk_size", int64_t(512));
  std::vector<GgufWriter::Tensor> tensors;
  for (const auto& [name, sum] : sums) {
    tensors.push_back({name + std::string(kSquares), WeightType::f32, {1, sum.squares.size()}});
    tensors.push_back({name + std::string(kCounts), WeightType::f32, {1, 1}});
  }
  GgufWriter writer = TRY(GgufWriter::create(path, metadata, std::move(tensors)));
  for (const auto& [name, sum] : sums) {
    std::vector<float> values(sum.squares.begin(), sum.squares.end());
    TRY(writer.write(std::as_bytes(std::span(values))));
    const float rows = float(sum.rows);
    TRY(writer.write(std::as_bytes(std::span(&rows, 1))));
  }
  TRY(writer.finish());
  return {};
}

}  // namespace weir
