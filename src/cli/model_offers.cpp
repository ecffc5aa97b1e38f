#include "cli/model_offers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr const char* kFolderFiles =
    "config.json generation_config.json model.safetensors tokenizer.json tokenizer_config.json";

// Memory: as `weir inspect` counts it for the file (docs/first-model.md).
constexpr std::array<OfferedModel, 12> kModels = {{
    {"SmolLM2-135M-Instruct", "HuggingFaceTB/SmolLM2-135M-Instruct", kFolderFiles, 0.27, 0.7,
     "first steps and tuning; short English answers, often wrong"},
    {"Qwen2.5-0.5B-Instruct", "Qwen/Qwen2.5-0.5B-Instruct-GGUF",
     "qwen2.5-0.5b-instruct-q4_k_m.gguf", 0.49, 0.7, "simple chat in English, Chinese and others"},
    {"Qwen2.5-Coder-0.5B-Instruct", "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
     "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", 0.49, 0.7, "short pieces of code"},
    {"SmolLM2-360M-Instruct", "HuggingFaceTB/SmolLM2-360M-Instruct-GGUF",
     "smollm2-360m-instruct-q8_0.gguf", 0.39, 0.8, "simple chat in English"},
    {"Qwen2.5-1.5B-Instruct", "Qwen/Qwen2.5-1.5B-Instruct-GGUF",
     "qwen2.5-1.5b-instruct-q4_k_m.gguf", 1.12, 1.5, "everyday chat in many languages; tools"},
    {"Qwen2.5-Coder-1.5B-Instruct", "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
     "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf", 1.12, 1.5, "code, and questions about code"},
    {"DeepSeek-R1-Distill-Qwen-1.5B", "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", kFolderFiles,
     3.55, 1.5, "mathematics with long thinking, as R1 taught it"},
    {"Qwen3-0.6B", "Qwen/Qwen3-0.6B-GGUF", "Qwen3-0.6B-Q8_0.gguf", 0.64, 1.7,
     "chat with thinking that can be switched off (--thinking off); tools"},
    {"Qwen3-4B", "Qwen/Qwen3-4B-GGUF", "Qwen3-4B-Q4_K_M.gguf", 2.50, 3.8,
     "good chat with thinking; tools"},
    {"Qwen2.5-Coder-7B-Instruct", "Qwen/Qwen2.5-Coder-7B-Instruct-GGUF",
     "qwen2.5-coder-7b-instruct-q4_k_m.gguf", 4.68, 5.3, "code at the level of daily work"},
    {"DeepSeek-R1-Distill-Qwen-7B", "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B",
     "config.json generation_config.json model-00001-of-000002.safetensors "
     "model-00002-of-000002.safetensors model.safetensors.index.json tokenizer.json "
     "tokenizer_config.json",
     15.2, 5.3, "hard problems with long thinking"},
    {"DeepSeek-V2-Lite-Chat", "deepseek-ai/DeepSeek-V2-Lite-Chat",
     "config.json generation_config.json model-00001-of-000004.safetensors "
     "model-00002-of-000004.safetensors model-00003-of-000004.safetensors "
     "model-00004-of-000004.safetensors model.safetensors.index.json tokenizer.json "
     "tokenizer_config.json",
     31.4, 11, "DeepSeek's own architecture: latent attention and experts"},
}};

// Letters and digits alone, in lower case: "Qwen2.5-1.5B" and "qwen2.5:1.5b" are alike.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text)
    if (std::isalnum(static_cast<unsigned char>(c)))
      out += char(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

bool is_like(const OfferedModel& model, const std::string& wanted) {
  const std::string name = plain(model.name), word = plain(base_name(wanted));
  if (word.size() < 3) return false;
  return name.find(word) != name.npos || word.find(name) != word.npos;
}

}  // namespace

bool OfferedModel::is_quantized_first() const { return !is_gguf() && disk_gb > 1; }

bool OfferedModel::is_gguf() const { return std::string_view(files).ends_with(".gguf"); }

std::span<const OfferedModel> offered_models() { return kModels; }

std::vector<const OfferedModel*> choose_offers(const std::string& wanted, double memory_bytes,
                                               size_t count) {
  std::vector<const OfferedModel*> fitting, alike;
  for (const OfferedModel& model : kModels) {
    if (is_like(model, wanted)) alike.push_back(&model);
    if (model.memory_gib * kGiB <= memory_bytes) fitting.push_back(&model);
  }
  if (!alike.empty()) {
    alike.resize(std::min(alike.size(), count));
    return alike;
  }
  if (fitting.empty()) fitting.push_back(&kModels.front());
  std::vector<const OfferedModel*> chosen;
  for (size_t i = 0; i < count; ++i) {
    const size_t at = count > 1 ? i * (fitting.size() - 1) / (count - 1) : fitting.size() - 1;
    if (chosen.empty() || chosen.back() != fitting[at]) chosen.push_back(fitting[at]);
  }
  return chosen;
}

std::string download_lines(const OfferedModel& model) {
  const std::string place =
      fmt::format("https://huggingface.co/{}/resolve/main/", model.repository);
  if (model.is_gguf()) return fmt::format("curl -fLO {}{}\n", place, model.files);
  std::string lines =
      fmt::format("mkdir -p {0} && for file in {1}; do\n  curl -fL -o {0}/$file {2}$file\ndone\n",
                  model.name, model.files, place);
  if (model.is_quantized_first())
    lines += fmt::format("weir quantize {0} {0}-q4_k_m.gguf q4_k_m\n", model.name);
  return lines;
}

std::string offers_text(const std::string& wanted) {
  std::string text = "Models to begin with (docs/first-model.md has more):\n";
  for (const OfferedModel* model : choose_offers(wanted, available_memory()))
    text += fmt::format("\n# {}: {}; {} GB on disk, {} GiB of memory\n{}", model->name,
                        model->good_for, model->disk_gb, model->memory_gib, download_lines(*model));
  text.pop_back();
  return text;
}

Result<void> check_model_exists(const std::string& path) {
  if (file_exists(path) || is_directory(path)) return {};
  std::string message = fmt::format(
      "{}: no such file or folder; give a .gguf file, a model's folder or the folder of a run",
      printable(path, 1000));
  const bool is_like_one = std::any_of(kModels.begin(), kModels.end(),
                                       [&](const auto& model) { return is_like(model, path); });
  if (path.find('/') == path.npos || is_like_one) message += "\n" + offers_text(path);
  return Error{std::move(message)};
}

}  // namespace weir
