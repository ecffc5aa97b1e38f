#include "train/metrics.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/atomic_output.h"
#include "base/file.h"

namespace weir {
namespace {

double rounded(double value, double unit) { return std::round(value / unit) * unit; }

// Enough digits for a curve; a full line of expert shares would be four times as long.
Json share_json(double share) { return Json(std::round(share * 1e5) / 1e5); }

Json json_of(const StepMetrics& metrics) {
  Json line = Json::object();
  line.set("step", metrics.step);
  line.set("loss", metrics.loss);
  if (metrics.mtp_loss) line.set("mtp_loss", *metrics.mtp_loss);
  if (metrics.balance_loss) line.set("balance_loss", *metrics.balance_loss);
  if (metrics.validation_loss) line.set("val_loss", *metrics.validation_loss);
  if (metrics.bits_per_byte) line.set("val_bits_per_byte", *metrics.bits_per_byte);
  line.set("lr", metrics.lr);
  line.set("grad_norm", metrics.grad_norm);
  line.set("tokens_per_second", rounded(metrics.tokens_per_second, 1));
  line.set("seconds", std::round(metrics.seconds * 1e3) / 1e3);
  line.set("tokens", metrics.tokens);
  if (!metrics.expert_load.empty()) {
    Json layers = Json::array();
    for (const std::vector<double>& shares : metrics.expert_load) {
      Json layer = Json::array();
      for (double share : shares) layer.push(share_json(share));
      layers.push(std::move(layer));
    }
    line.set("expert_load", std::move(layers));
  }
  return line;
}

// Null stands for a value that was not finite.
Result<double> number(const Json& value) {
  if (value.is_null()) return std::numeric_limits<double>::quiet_NaN();
  return value.as_double();
}

Result<void> read_field(const std::string& key, const Json& value, StepMetrics& metrics) {
  if (key == "step") metrics.step = TRY(value.as_int());
  if (key == "tokens") metrics.tokens = TRY(value.as_int());
  if (key == "loss") metrics.loss = TRY(number(value));
  if (key == "mtp_loss") metrics.mtp_loss = TRY(number(value));
  if (key == "balance_loss") metrics.balance_loss = TRY(number(value));
  if (key == "val_loss") metrics.validation_loss = TRY(number(value));
  if (key == "val_bits_per_byte") metrics.bits_per_byte = TRY(number(value));
  if (key == "lr") metrics.lr = TRY(number(value));
  if (key == "grad_norm") metrics.grad_norm = TRY(number(value));
  if (key == "tokens_per_second") metrics.tokens_per_second = TRY(number(value));
  if (key == "seconds") metrics.seconds = TRY(number(value));
  if (key != "expert_load") return {};
  for (const Json& layer : value.items()) {
    std::vector<double> shares;
    for (const Json& share : layer.items()) shares.push_back(TRY(number(share)));
    metrics.expert_load.push_back(std::move(shares));
  }
  return {};
}

Result<StepMetrics> parse_line(std::string_view line) {
  Json json = TRY(parse_json(line));
  TRY(json.at("step"));
  StepMetrics metrics;
  for (const auto& [key, value] : json.members())
    TRY_IN("'" + key + "'", read_field(key, value, metrics));
  return metrics;
}

// Calls use(metrics, line with its newline) for every complete line.
template <class Use>
Result<void> for_each_line(const std::string& path, std::string_view text, const Use& use) {
  int number_of_line = 0;
  for (;;) {
    size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};  // a torn last line, or nothing
    ++number_of_line;
    use(TRY_IN(path + ":" + std::to_string(number_of_line), parse_line(text.substr(0, end))),
        text.substr(0, end + 1));
    text.remove_prefix(end + 1);
  }
}

}  // namespace

Result<std::vector<StepMetrics>> read_metrics(const std::string& path) {
  const std::string text = TRY(read_file(path));
  std::vector<StepMetrics> all;
  TRY(for_each_line(path, text, [&](StepMetrics metrics, std::string_view) {
    all.push_back(std::move(metrics));
  }));
  return all;
}

Result<MetricsLog> MetricsLog::open(const std::string& path, int64_t resume_step) {
  int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
  if (resume_step <= 0) {
    flags |= O_TRUNC;
  } else if (file_exists(path)) {
    const std::string text = TRY(read_file(path));
    std::string kept;
    TRY(for_each_line(path, text, [&](const StepMetrics& metrics, std::string_view line) {
      if (metrics.step <= resume_step) kept += line;
    }));
    if (kept != text) TRY(write_file_atomic(path, kept));
  }
  const int fd = ::open(path.c_str(), flags, 0644);
  if (fd < 0) return Error{path + ": cannot be opened for writing: " + std::strerror(errno)};
  return MetricsLog(path, fd);
}

MetricsLog::MetricsLog(MetricsLog&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}

MetricsLog& MetricsLog::operator=(MetricsLog&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  return *this;
}

MetricsLog::~MetricsLog() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> MetricsLog::append(const StepMetrics& metrics) { return append(json_of(metrics)); }

Result<void> MetricsLog::append(const Json& metrics) {
  const std::string line = metrics.dump() + "\n";
  ssize_t written = 0;
  do written = ::write(fd_, line.data(), line.size());
  while (written < 0 && errno == EINTR);
  if (written == ssize_t(line.size())) return {};
  const int problem = written < 0 ? errno : ENOSPC;
  // What a full disk left of the line must not stand before the next one.
  if (written > 0) {
    const off_t end = ::lseek(fd_, 0, SEEK_END);
    if (end >= written && ::ftruncate(fd_, end - written) != 0)
      return Error{path_ + ": a line was written in part: " + std::strerror(problem)};
  }
  return Error{path_ + ": a line of " + std::to_string(line.size()) +
               " bytes cannot be written: " + std::strerror(problem)};
}

}  // namespace weir
