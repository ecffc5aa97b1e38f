// Where a config.json is read otherwise by other programs, so that logits differ from theirs.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "config/config.h"

namespace weir {

// One sentence for each, without the file's name. `config` is what parse_config made of `json`.
std::vector<std::string> config_notes(const Json& json, const ModelConfig& config);

// read_config() with the notes of the file.
struct NotedConfig {
  ModelConfig config;
  std::vector<std::string> notes;
  bool sees_images = false;  // and `config` is of its text alone
};
Result<NotedConfig> read_noted_config(const std::string& path);

}  // namespace weir
