// What a conversion shows while it runs and at its end.
#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>
#include <string>

#include "base/progress.h"
#include "base/stop_signal.h"
#include "base/text.h"
#include "cli/ending.h"
#include "convert/convert.h"

namespace weir {

// Shows the progress of a conversion, then the error by type of tensor.
class ConversionView : public ConvertListener {
 public:
  explicit ConversionView(std::string title, bool lists)
      : title_(std::move(title)), lists_(lists) {}

  void on_plan(const ConvertSize& size) override {
    progress_.emplace(title_, double(size.bytes) / 1e6, "MB");
  }
  void on_note(const std::string& text) override { fmt::print(stderr, "note: {}\n", text); }
  bool on_bytes(uint64_t bytes, const std::string& tensor) override {
    done_ += bytes;
    progress_->update(double(done_) / 1e6, tensor);
    return !stop_requested();
  }
  void on_tensor(const TensorReport& report) override {
    Kind& kind = kinds_[type_name(report.to)];
    kind.tensors += 1;
    kind.elements += report.elements;
    kind.bytes += report.bytes;
    kind.square_error += report.relative_error * report.relative_error * double(report.elements);
    if (report.relative_error > worst_.relative_error) worst_ = report;
    if (lists_)
      fmt::print("{:<44} {:>7} -> {:<7} {:>10}  error {:.5f}\n", report.name,
                 type_name(report.from), type_name(report.to), format_bytes(double(report.bytes)),
                 report.relative_error);
  }
  // Ends the line of progress before an error is told.
  void stop() { progress_.reset(); }
  void finish(const ConvertResult& result) {
    progress_->finish();
    for (const auto& [name, kind] : kinds_)
      fmt::print("{:>7}  {:>6} tensors  {:>10}  mean error {:.5f}\n", name, kind.tensors,
                 format_bytes(double(kind.bytes)),
                 std::sqrt(kind.square_error / double(std::max<uint64_t>(kind.elements, 1))));
    if (worst_.relative_error > 0)
      fmt::print("largest error {:.5f} in {} ({})\n", worst_.relative_error, worst_.name,
                 type_name(worst_.to));
    uint64_t elements = 0;
    for (const auto& [name, kind] : kinds_) elements += kind.elements;
    fmt::print("{} in {} ({:.2f} bits a number)\n", format_bytes(double(result.bytes)),
               result.files.size() == 1
                   ? result.files[0]
                   : fmt::format("{} and {} more files", result.files[0], result.files.size() - 1),
               8 * double(result.bytes) / double(std::max<uint64_t>(elements, 1)));
  }

 private:
  struct Kind {
    size_t tensors = 0;
    uint64_t elements = 0, bytes = 0;
    double square_error = 0;
  };
  std::string title_;
  bool lists_;
  uint64_t done_ = 0;
  std::map<std::string, Kind> kinds_;
  TensorReport worst_;
  std::optional<Progress> progress_;
};

inline Result<Ending> finish(ConversionView& view, Result<ConvertResult> result) {
  if (!result) view.stop();
  if (!result && stop_requested()) {
    fmt::print(stderr, "{}\n", result.error().message);  // that nothing was written
    return Ending::interrupted;
  }
  if (!result) return std::move(result).error();
  view.finish(*result);
  return Ending::done;
}

}  // namespace weir
