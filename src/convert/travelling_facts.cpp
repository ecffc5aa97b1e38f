#include "convert/travelling_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr const char* kGeneration = "weir.generation_config";
constexpr const char* kGenerationFile = "generation_config.json";
constexpr const char* kCard = "README.md";
constexpr size_t kCardBytesMax = size_t(1) << 20;
// In a card's head: all general.* keys, as one line of JSON, which is YAML too.
constexpr std::string_view kAllKeys = "gguf_metadata";

// Names in a card's head, and the same in GGUF.
constexpr std::array<std::array<const char*, 2>, 5> kCardNames = {{
    {"license", "general.license"},
    {"license_name", "general.license.name"},
    {"license_link", "general.license.link"},
    {"language", "general.languages"},
    {"tags", "general.tags"},
}};
// What belongs to one file and not to the model.
constexpr std::array<std::string_view, 6> kOfTheFile = {
    "general.architecture",         "general.type",      "general.file_type",
    "general.quantization_version", "general.alignment", "general.quantized_by"};
constexpr std::string_view kSampling = "general.sampling.";
constexpr std::array<std::array<const char*, 2>, 4> kSamplingNames = {{
    {"temperature", "general.sampling.temp"},
    {"top_k", "general.sampling.top_k"},
    {"top_p", "general.sampling.top_p"},
    {"min_p", "general.sampling.min_p"},
}};

bool travels(std::string_view key) {
  return key.starts_with("general.") && !key.starts_with(kSampling) &&
         std::find(kOfTheFile.begin(), kOfTheFile.end(), key) == kOfTheFile.end();
}

Json json_of(const GgufValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag;
  if (const auto* number = std::get_if<int64_t>(&value)) return *number;
  if (const auto* real = std::get_if<double>(&value)) return *real;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  Json list = Json::array();
  if (const auto* texts = std::get_if<std::vector<std::string>>(&value))
    for (const std::string& text : *texts) list.push(text);
  if (const auto* numbers = std::get_if<std::vector<int64_t>>(&value))
    for (int64_t number : *numbers) list.push(number);
  return list;
}

// Texts, numbers, truth values and lists of texts; nothing for others.
std::optional<GgufValue> value_of(const Json& json) {
  if (json.is_string()) return json.text();
  if (json.kind() == Json::Kind::boolean) return *json.as_bool();
  if (json.kind() == Json::Kind::real) return *json.as_double();
  if (json.is_number()) {
    const auto number = json.as_int();
    if (number && *number >= 0) return *number;
  }
  if (!json.is_array() || json.size() == 0) return std::nullopt;
  std::vector<std::string> texts;
  for (const Json& item : json.items()) {
    if (!item.is_string()) return std::nullopt;
    texts.push_back(item.text());
  }
  return texts;
}

std::string unquoted(std::string_view text) {
  text = trim(text);
  const bool is_quoted =
      text.size() >= 2 && (text[0] == '"' || text[0] == '\'') && text.back() == text[0];
  return std::string(is_quoted ? text.substr(1, text.size() - 2) : text);
}

// The head of a card: "name: value", "name:" with "- item" lines, "name: [a, b]". Deeper structures
// are not for us and are passed over.
std::vector<std::pair<std::string, std::vector<std::string>>> head_of(const std::string& card) {
  std::vector<std::pair<std::string, std::vector<std::string>>> head;
  if (!card.starts_with("---\n") && !card.starts_with("---\r\n")) return head;
  const std::vector<std::string> lines = split(card, '\n');
  for (size_t i = 1; i < lines.size() && trim(lines[i]) != "---"; ++i) {
    const std::string_view line = lines[i];
    const std::string_view item = trim(line);
    if (item.starts_with("- ") && !head.empty()) {
      head.back().second.push_back(unquoted(item.substr(2)));
      continue;
    }
    const size_t colon = line.find(':');
    if (line.empty() || line[0] == ' ' || line[0] == '#' || colon == line.npos) continue;
    const std::string_view value = trim(line.substr(colon + 1));
    head.emplace_back(line.substr(0, colon), std::vector<std::string>());
    if (head.back().first == kAllKeys) {
      head.back().second.emplace_back(value);
    } else if (value.size() >= 2 && value[0] == '[' && value.back() == ']') {
      for (const std::string& part : split(value.substr(1, value.size() - 2), ','))
        head.back().second.push_back(unquoted(part));
    } else if (!value.empty()) {
      head.back().second.push_back(unquoted(value));
    }
  }
  return head;
}

Result<void> take_card(const std::string& folder, GgufMetadata& metadata) {
  const std::string path = join_path(folder, kCard);
  if (!file_exists(path)) return {};
  const std::string card = TRY(read_file(path, kCardBytesMax));
  for (const auto& [name, values] : head_of(card)) {
    if (values.empty()) continue;
    if (name == kAllKeys) {
      const Json all = TRY_IN(path + ": " + name, parse_json(values[0]));
      for (const auto& [key, json] : all.members())
        if (const auto value = value_of(json); value && travels(key)) metadata.set(key, *value);
      continue;
    }
    for (const auto& [in_card, key] : kCardNames) {
      if (name != in_card || metadata.find(key)) continue;
      const bool is_list = name == "language" || name == "tags";
      metadata.set(key, is_list ? GgufValue(values) : GgufValue(values[0]));
    }
  }
  return {};
}

std::string card_of(const GgufMetadata& metadata) {
  std::string head = "---\n";
  for (const auto& [name, key] : kCardNames) {
    const GgufValue* value = metadata.find(key);
    if (value == nullptr) continue;
    head += fmt::format("{}: {}\n", name, json_of(*value).dump());
  }
  Json all = Json::object();
  for (const GgufMetadata::Entry& entry : metadata.entries())
    if (travels(entry.key)) all.set(entry.key, json_of(entry.value));
  if (all.size() == 0) return "";
  head += fmt::format("{}: {}\n---\n", kAllKeys, all.dump());
  const auto name = metadata.string_at("general.name");
  return head + (name ? fmt::format("\n# {}\n", *name) : "");
}

Result<Json> generation_of(const GgufMetadata& metadata) {
  if (metadata.find(kGeneration)) {
    const std::string text = TRY(metadata.string_at(kGeneration));
    return TRY_IN(kGeneration, parse_json(text));
  }
  Json made = Json::object();
  bool samples = false;
  for (const auto& [name, key] : kSamplingNames) {
    const GgufValue* value = metadata.find(key);
    if (value == nullptr) continue;
    made.set(name, json_of(*value));
    samples = true;
  }
  if (samples) made.set("do_sample", true);
  return made;
}

}  // namespace

Result<void> facts_to_gguf(const std::string& folder, GgufMetadata& metadata) {
  TRY(take_card(folder, metadata));
  const std::string path = join_path(folder, kGenerationFile);
  if (!file_exists(path)) return {};
  const Json generation = TRY(read_json_file(path));
  if (!generation.is_object()) return Error{path + ": must be a JSON object"};
  metadata.set(kGeneration, generation.dump());
  for (const auto& [name, key] : kSamplingNames) {
    const Json* value = generation.find(name);
    if (value == nullptr || !value->is_number()) continue;
    if (std::string_view(name) == "top_k")
      metadata.set(key, TRY_IN(path, generation.int_at(name)), GgufMetadata::Width::i32);
    else
      metadata.set(key, TRY_IN(path, generation.double_at(name)));
  }
  return {};
}

Result<void> facts_to_folder(const GgufMetadata& metadata, const Tokenizer& tokenizer,
                             std::span<const int> ends, const std::string& folder) {
  Json generation = TRY(generation_of(metadata));
  const auto set_missing = [&](const char* key, int id) {
    if (id >= 0 && generation.find(key) == nullptr) generation.set(key, id);
  };
  set_missing("bos_token_id", tokenizer.bos());
  set_missing("pad_token_id", tokenizer.pad());
  if (ends.size() == 1) generation.set("eos_token_id", ends[0]);
  if (ends.size() > 1) {
    Json list = Json::array();
    for (int id : ends) list.push(id);
    generation.set("eos_token_id", std::move(list));
  }
  TRY(write_file_atomic(join_path(folder, kGenerationFile), generation.dump(2) + "\n"));
  const std::string card = card_of(metadata);
  if (card.empty()) return {};
  return write_file_atomic(join_path(folder, kCard), card);
}

}  // namespace weir
