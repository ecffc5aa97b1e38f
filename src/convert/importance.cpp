#include "convert/importance.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/file.h"
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

// The mean of the rows of [n][columns], if it is that.
std::vector<float> mean_row(const std::vector<float>& values, size_t columns) {
  const size_t rows = columns == 0 ? 0 : values.size() / columns;
  if (rows < 2 || values.size() % columns != 0) return values;
  std::vector<float> mean(columns);
  for (size_t i = 0; i < columns; ++i) {
    double sum = 0;
    for (size_t r = 0; r < rows; ++r) sum += double(values[r * columns + i]);
    mean[i] = float(sum / double(rows));
  }
  return mean;
}

// Numbers of a file one after the other; a length is believed when the file has so many bytes.
class Bytes {
 public:
  explicit Bytes(std::span<const std::byte> bytes) : left_(bytes) {}
  Result<std::span<const std::byte>> take(size_t count) {
    if (count > left_.size()) return Error{"breaks off"};
    const auto taken = left_.first(count);
    left_ = left_.subspan(count);
    return taken;
  }
  // A whole number from 1 to `most`.
  Result<size_t> count(int32_t most, const char* what) {
    int32_t value;
    const auto bytes = TRY(take(sizeof value));
    std::memcpy(&value, bytes.data(), sizeof value);
    if (value < 1 || value > most)
      return Error{fmt::format("{} {}; from 1 to {} are possible", value, what, most)};
    return size_t(value);
  }

 private:
  std::span<const std::byte> left_;
};

constexpr int32_t kEntriesMax = 1'000'000, kNameMax = 1024, kCallsMax = INT32_MAX,
                  kValuesMax = 1 << 28;

}  // namespace

Result<ImportanceFile> ImportanceFile::parse(std::span<const std::byte> bytes) {
  Bytes file(bytes);
  ImportanceFile importance;
  const size_t entries = TRY(file.count(kEntriesMax, "tensors"));
  for (size_t e = 0; e < entries; ++e) {
    const std::string place = fmt::format("tensor {}", e + 1);
    const size_t length = TRY_IN(place, file.count(kNameMax, "bytes of a name"));
    const auto name = TRY_IN(place, file.take(length));
    const size_t calls = TRY_IN(place, file.count(kCallsMax, "calls"));
    const size_t values = TRY_IN(place, file.count(kValuesMax, "columns"));
    const auto sums = TRY_IN(place, file.take(values * sizeof(float)));
    std::vector<float> means(values);
    std::memcpy(means.data(), sums.data(), sums.size());
    for (float& mean : means) {
      mean /= float(calls);
      if (!std::isfinite(mean) || mean < 0)
        return Error{fmt::format("{}: holds the mean square {}", place, mean)};
    }
    importance.columns_.insert_or_assign(
        std::string(reinterpret_cast<const char*>(name.data()), name.size()), std::move(means));
  }
  return importance;
}

Result<ImportanceFile> ImportanceFile::open(const std::string& path) {
  if (!begins_as_gguf(path)) {
    const MappedFile mapped = TRY(MappedFile::open(path));
    return TRY_IN(path + " (as llama-imatrix's older form)", parse(mapped.bytes()));
  }
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

std::span<const float> ImportanceFile::find(const std::string& tensor, size_t columns) {
  const auto found = columns_.find(tensor);
  if (found == columns_.end()) return {};
  found->second = mean_row(found->second, columns);
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
