#include "cli/convert_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>

#include "base/progress.h"
#include "base/text.h"
#include "convert/convert.h"
#include "convert/make_random.h"

namespace weir {
namespace {

uint64_t split_bytes(double gigabytes) { return uint64_t(gigabytes * 1e9); }

// Shows a conversion while it runs, and what it did to the tensors.
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

Result<Ending> finish(ConversionView& view, Result<ConvertResult> result) {
  if (!result) view.stop();
  if (!result && stop_requested()) {
    fmt::print(stderr, "{}\n", result.error().message);  // that nothing was written
    return Ending::interrupted;
  }
  if (!result) return std::move(result).error();
  view.finish(*result);
  return Ending::done;
}

}  // namespace

Result<Ending> convert_model(const ConvertOptions& options) {
  ThreadPool pool(options.threads);
  ConvertRequest request;
  request.from = options.from;
  request.to = options.to;
  request.type = options.type;
  request.split_bytes = split_bytes(options.split_gb);
  request.overwrites = options.overwrites;
  request.importance = options.importance;
  ConversionView view("converting", options.lists_tensors);
  catch_stop_signals();
  return finish(view, convert(request, pool, view));
}

Result<Ending> make_random_model(const MakeRandomOptions& options) {
  ThreadPool pool(options.threads);
  RandomModelRequest request;
  request.like = options.like;
  request.to = options.to;
  request.type = options.type;
  request.layers = options.layers;
  request.seed = options.seed;
  request.split_bytes = split_bytes(options.split_gb);
  request.overwrites = options.overwrites;
  ConversionView view("making", false);
  catch_stop_signals();
  return finish(view, make_random(request, pool, view));
}

}  // namespace weir
