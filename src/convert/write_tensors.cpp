#include "convert/write_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/div_up.h"
#include "checkpoint/row_scales.h"
#include "kernels/kernels.h"
#include "kernels/quant/quantize.h"

namespace weir {
namespace {

// Numbers that one task converts, and tasks of one round per thread.
constexpr uint64_t kTaskElements = uint64_t(1) << 18;
constexpr int kTasksPerThread = 8;

// The largest f16.
constexpr float kHalfMax = 65504;

struct Sums {
  double error = 0, square = 0;
  float largest = 0;  // size of a number
  bool is_finite = true;
};

class TensorWriter {
 public:
  TensorWriter(const PlannedTensor& planned, const StoredRows& rows, std::span<const float> weights)
      : planned_(planned),
        rows_(rows),
        importance_(weights.empty() ? nullptr : weights.data()),
        copies_(rows.type() == planned.type && !rows.parts[0].scales && !rows.change),
        row_bytes_(planned.row_bytes()) {}

  bool copies() const { return copies_; }
  size_t row_bytes() const { return row_bytes_; }
  // Converts rows [begin, end) to `to`.
  Sums convert(uint64_t begin, uint64_t end, std::byte* to) const;

 private:
  const PlannedTensor& planned_;
  const StoredRows& rows_;
  const float* importance_;
  const bool copies_;
  const size_t row_bytes_;
};

Sums TensorWriter::convert(uint64_t begin, uint64_t end, std::byte* to) const {
  Sums sums;
  const size_t columns = planned_.columns();
  std::vector<float> values(columns), back(columns);
  const bool is_plain = type_traits(planned_.type).block == 1;
  using Piece = PlannedTensor::Piece;
  const bool is_piece = planned_.piece == Piece::codes || planned_.piece == Piece::scales;
  std::vector<std::byte> blocks(is_piece ? type_bytes(planned_.type, columns) : 0),
      codes(is_piece ? columns / 2 : 0), scales(is_piece ? columns / kRowScaleColumns : 0);
  const auto put_piece = [&](std::byte* row) {
    if (!is_piece) return;
    split_row(blocks.data(), columns, codes.data(), scales.data());
    std::memcpy(row, (planned_.piece == Piece::codes ? codes : scales).data(), row_bytes_);
  };
  for (uint64_t r = begin; r < end; ++r, to += row_bytes_) {
    std::byte* row = is_piece ? blocks.data() : to;
    if (copies_ && !rows_.copy(r, row)) {
      sums.is_finite = false;
      return sums;
    }
    if (copies_ && !is_plain) {
      put_piece(to);
      continue;
    }
    rows_.decode(r, values.data());
    double square = 0;
    for (float value : values) {
      square += double(value) * double(value);
      sums.largest = std::max(sums.largest, std::fabs(value));
    }
    sums.square += square;
    if (!std::isfinite(square)) {
      sums.is_finite = false;
      return sums;
    }
    if (copies_) continue;
    quantize_row(planned_.type, values.data(), importance_, columns, row);
    kernels().dequantize(planned_.type, row, nullptr, back.data(), columns);
    put_piece(to);
    for (size_t i = 0; i < columns; ++i) {
      const double difference = double(values[i]) - double(back[i]);
      sums.error += difference * difference;
    }
  }
  return sums;
}

// All rounds of one tensor.
Result<Sums> write_tensor(const TensorWriter& writer, const PlannedTensor& tensor, ThreadPool& pool,
                          const std::function<Result<void>(std::span<const std::byte>)>& sink,
                          ConvertListener& listener) {
  const uint64_t rows = tensor.rows(), columns = tensor.columns();
  const uint64_t task_rows = std::max<uint64_t>(1, kTaskElements / columns);
  const uint64_t round_rows = task_rows * uint64_t(kTasksPerThread * pool.threads());
  std::vector<std::byte> buffer(std::min(rows, round_rows) * writer.row_bytes());
  std::vector<Sums> parts(size_t(kTasksPerThread * pool.threads()));
  Sums total;
  for (uint64_t begin = 0; begin < rows; begin += round_rows) {
    const uint64_t end = std::min(rows, begin + round_rows);
    const int tasks = int(div_up(end - begin, task_rows));
    pool.parallel_for(tasks, [&](int task, int) {
      const uint64_t from = begin + uint64_t(task) * task_rows;
      parts[size_t(task)] = writer.convert(from, std::min(end, from + task_rows),
                                           buffer.data() + (from - begin) * writer.row_bytes());
    });
    for (int task = 0; task < tasks; ++task) {
      total.error += parts[size_t(task)].error;
      total.square += parts[size_t(task)].square;
      total.largest = std::max(total.largest, parts[size_t(task)].largest);
      total.is_finite = total.is_finite && parts[size_t(task)].is_finite;
    }
    if (!total.is_finite) return total;
    const size_t bytes = (end - begin) * writer.row_bytes();
    TRY(sink(std::span(buffer.data(), bytes)));
    if (!listener.on_bytes(bytes, tensor.name)) return Error{"stopped; nothing was written"};
  }
  return total;
}

}  // namespace

Result<void> write_tensors(const std::vector<PlannedTensor>& tensors, ThreadPool& pool,
                           const Importance& importance,
                           const std::function<Result<void>(std::span<const std::byte>)>& sink,
                           ConvertListener& listener) {
  for (const PlannedTensor& tensor : tensors) {
    const StoredRows rows = TRY(tensor.open());
    if (rows.rows() != tensor.rows() || rows.columns() != tensor.columns())
      return Error{fmt::format(
          "{}: has {} rows of {} numbers, but the configuration asks for {} "
          "of {}; the weights belong to another configuration",
          rows.parts[0].place, rows.rows(), rows.columns(), tensor.rows(), tensor.columns())};
    const std::span<const float> weights =
        importance ? importance(tensor.name, tensor.columns()) : std::span<const float>();
    if (!weights.empty() && weights.size() != tensor.columns())
      return Error{
          fmt::format("tensor '{}': has {} columns, but the importance is of {}; it belongs "
                      "to another model: make one with weir importance",
                      tensor.name, tensor.columns(), weights.size())};
    const TensorWriter writer(tensor, rows, weights);
    if (!writer.copies() && !is_written(tensor.type))
      return Error{fmt::format(
          "{}: would be quantized to {} again, which is read but not written; choose another type",
          rows.parts[0].place, type_name(tensor.type))};
    const Sums sums = TRY(write_tensor(writer, tensor, pool, sink, listener));
    if (!sums.is_finite)
      return Error{rows.parts[0].place +
                   ": holds a value that is not finite; the file is damaged or its training "
                   "diverged"};
    if (tensor.type == WeightType::f16 && sums.largest > kHalfMax)
      return Error{fmt::format("{}: holds a number of size {}, and f16 ends at {}; use bf16",
                               rows.parts[0].place, sums.largest, kHalfMax)};
    rows.forget();
    const double error = sums.square > 0 ? std::sqrt(sums.error / sums.square) : 0;
    listener.on_tensor({tensor.name, rows.type(), tensor.type, tensor.rows() * tensor.columns(),
                        tensor.bytes(), error});
  }
  return {};
}

}  // namespace weir
