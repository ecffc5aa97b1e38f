// Runs a plan: rows are read, converted by all threads and handed on in order, a few megabytes at a
// time.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "convert/conversion_plan.h"

namespace weir {

// Columns' importance by the name of a tensor; empty: none known.
using Importance = std::function<std::span<const float>(const std::string& tensor, size_t columns)>;

struct TensorReport {
  std::string name;
  WeightType from = WeightType::f32, to = WeightType::f32;
  uint64_t elements = 0, bytes = 0;
  // Root of the squared difference to what was read, as a share of the root of its square; 0 where
  // the bytes were copied.
  double relative_error = 0;
};

// What will be written, known before anything is.
struct ConvertSize {
  size_t tensors = 0;
  uint64_t bytes = 0;
};

// Hears of a long work; all may do nothing.
class ConvertListener {
 public:
  virtual ~ConvertListener() = default;
  virtual void on_plan(const ConvertSize&) {}
  // A sentence that a user should know, told as soon as it is known.
  virtual void on_note(const std::string&) {}
  // A few megabytes of a tensor are written; false ends the work with an error.
  virtual bool on_bytes(uint64_t /*bytes*/, const std::string& /*tensor*/) { return true; }
  virtual void on_tensor(const TensorReport&) {}
};

// Writes all tensors of the plan to `sink` in their order. Numbers that are not finite are errors
// that name the tensor; rows whose type stays are copied as they are.
Result<void> write_tensors(const std::vector<PlannedTensor>& tensors, ThreadPool& pool,
                           const Importance& importance,
                           const std::function<Result<void>(std::span<const std::byte>)>& sink,
                           ConvertListener& listener);

}  // namespace weir
