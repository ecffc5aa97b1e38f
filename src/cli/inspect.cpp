#include "cli/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "base/file.h"
#include "base/text.h"
#include "formats/safetensors.h"
#include "model/config.h"
#include "model/size_check.h"
#include "model/size_report.h"
#include "train/memory.h"

namespace weir {
namespace {

constexpr int64_t kDefaultContext = 4096;
constexpr int64_t kTokensMax = int64_t(1) << 24;

// What the target turned out to be.
struct Subject {
  ModelConfig config;
  std::string folder;  // with weights beside the configuration; "" for a name or a lone file
};

bool has_suffix(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

bool has_weights(const std::string& folder) {
  return file_exists(join_path(folder, "model.safetensors")) ||
         file_exists(join_path(folder, "model.safetensors.index.json"));
}

// A model's or a run's folder holds config.json; a checkpoint's is in the run's folder, two above.
Result<Subject> open_folder(const std::string& folder) {
  std::string own = join_path(folder, "config.json"), run = join_path(folder, "../../config.json");
  if (file_exists(own)) return Subject{TRY(read_config(own)), folder};
  if (has_weights(folder) && file_exists(run)) return Subject{TRY(read_config(run)), folder};
  return Error{
      fmt::format("{}: no config.json is there; give a model's folder, a config.json or one "
                  "of the names {}",
                  folder, fmt::join(preset_names(), ", "))};
}

Result<Subject> find_subject(const std::string& target) {
  if (is_directory(target)) return open_folder(target);
  if (file_exists(target)) return Subject{TRY(read_config(target)), ""};
  if (target.find('/') != std::string::npos || has_suffix(target, ".json"))
    return Error{fmt::format("{}: no such file or folder", target)};
  return Subject{TRY(preset(target)), ""};
}

// Text from a file, without what a terminal would obey (C0 and C1 controls).
std::string printable(std::string text) {
  for (size_t i = 0; i < text.size(); ++i) {
    uint8_t byte = uint8_t(text[i]);
    bool is_c1 = byte == 0xC2 && i + 1 < text.size() && uint8_t(text[i + 1]) < 0xA0;
    if (is_c1) text.replace(i, 2, "?");
    if (byte < 0x20 || byte == 0x7F) text[i] = '?';
  }
  return text;
}

std::string tensor_line(const TensorInfo& info) {
  return fmt::format("  {:<60} {:<8} [{}]\n", printable(info.name), info.dtype,
                     fmt::join(info.shape, ", "));
}

Json tensor_entry(const TensorInfo& info) {
  Json shape = Json::array();
  for (uint64_t dimension : info.shape) shape.push(dimension);
  Json entry = Json::object();
  entry.set("name", info.name);
  entry.set("dtype", info.dtype);
  entry.set("shape", std::move(shape));
  return entry;
}

Json weights_json(const WeightCheck& check) {
  Json dtypes = Json::object();
  for (const auto& [name, count] : check.dtypes) dtypes.set(name, uint64_t(count));
  Json problems = Json::array();
  for (const std::string& sentence : check.examples) problems.push(sentence);
  Json json = Json::object();
  json.set("tensors", uint64_t(check.tensors));
  json.set("bytes", check.bytes);
  json.set("dtypes", std::move(dtypes));
  json.set("matches_config", check.matches());
  json.set("missing", uint64_t(check.missing));
  json.set("wrong_shape", uint64_t(check.misshapen));
  json.set("unexpected", uint64_t(check.unexpected));
  json.set("problems", std::move(problems));
  return json;
}

void print_weights(const WeightCheck& check, const std::string& folder) {
  std::string dtypes;
  for (const auto& [name, count] : check.dtypes)
    dtypes += fmt::format("{}{} {}", dtypes.empty() ? "" : ", ", count, name);
  fmt::print("\nweights in {}: {} tensors, {} ({})\n", folder, check.tensors,
             format_bytes(double(check.bytes)), dtypes);
  if (check.matches()) fmt::print("  every name and shape is as the configuration says\n");
  for (const std::string& sentence : check.examples) fmt::print("  {}\n", printable(sentence));
}

// A .safetensors file without a configuration: its metadata and tensors.
Result<void> inspect_file(const std::string& path, bool json) {
  SafetensorsFile file = TRY(SafetensorsFile::open(path));
  uint64_t bytes = 0;
  for (const TensorInfo& info : file.tensors()) bytes += info.end - info.begin;
  if (json) {
    Json metadata = Json::object(), tensors = Json::array(), all = Json::object();
    for (const auto& [key, value] : file.metadata()) metadata.set(key, value);
    for (const TensorInfo& info : file.tensors()) tensors.push(tensor_entry(info));
    all.set("name", path);
    all.set("metadata", std::move(metadata));
    all.set("bytes", bytes);
    all.set("tensors", std::move(tensors));
    fmt::print("{}\n", all.dump());
    return {};
  }
  fmt::print("{}: {} tensors, {}\n", path, file.tensors().size(), format_bytes(double(bytes)));
  for (const auto& [key, value] : file.metadata())
    fmt::print("  {} = {}\n", printable(key), printable(value));
  for (const TensorInfo& info : file.tensors()) fmt::print("{}", tensor_line(info));
  return {};
}

Result<void> check_range(const char* flag, int64_t value, int64_t high) {
  if (value >= 1 && value <= high) return {};
  return Error{fmt::format("{} must be from 1 to {}, not {}", flag, high, value)};
}

Result<void> inspect_model(const InspectOptions& options, const Subject& subject) {
  const ModelConfig& config = subject.config;
  SizeQuestion question{options.target, options.context, options.tokens, available_memory()};
  int64_t positions = config.max_position_embeddings;
  if (question.context == 0) question.context = std::min(kDefaultContext, positions);
  TRY(check_range("--context", question.context, positions));

  std::optional<SafetensorsFolder> weights;
  std::optional<WeightCheck> check;
  if (!subject.folder.empty() && has_weights(subject.folder)) {
    weights = TRY(SafetensorsFolder::open(subject.folder));
    check = check_weights(config, *weights);
  } else if (options.tensors) {
    return Error{fmt::format(
        "{}: there are no weights to list; give a folder with model.safetensors", options.target)};
  }
  if (options.json) {
    Json json = size_json(config, question);
    if (check) json.set("weights", weights_json(*check));
    if (options.tensors) {
      Json list = Json::array();
      for (const std::string& name : weights->names())
        list.push(tensor_entry(*weights->find(name)->info));
      json.set("files_tensors", std::move(list));
    }
    fmt::print("{}\n", json.dump());
  } else {
    fmt::print("{}", size_report(config, question));
    if (check) print_weights(*check, subject.folder);
    if (options.tensors)
      for (const std::string& name : weights->names())
        fmt::print("{}", tensor_line(*weights->find(name)->info));
  }
  if (check && !check->matches())
    return Error{
        fmt::format("{}: the weights do not match config.json: {} missing, {} of another "
                    "shape, {} unexpected",
                    subject.folder, check->missing, check->misshapen, check->unexpected)};
  return {};
}

}  // namespace

Result<void> inspect(const InspectOptions& options) {
  TRY(check_range("--tokens", options.tokens, kTokensMax));
  if (options.context < 0) return Error{"--context must not be negative"};
  if (has_suffix(options.target, ".safetensors") && file_exists(options.target))
    return inspect_file(options.target, options.json);
  Subject subject = TRY(find_subject(options.target));
  if (options.config) {
    fmt::print("{}\n", config_json(subject.config).dump(2));
    return {};
  }
  return inspect_model(options, subject);
}

}  // namespace weir
