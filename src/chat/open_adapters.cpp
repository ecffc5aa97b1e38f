#include "chat/open_adapters.h"

#include <fmt/format.h>

#include <algorithm>

#include "adapter/adapter_folder.h"
#include "adapter/lora.h"
#include "base/file.h"
#include "base/text.h"
#include "chat/open_model.h"

namespace weir {
namespace {

constexpr size_t kAdaptersMax = 64;

}  // namespace

Result<AdapterChoice> parse_adapter(const std::string& text) {
  const size_t at = text.find('=');
  // A path may hold '='; a name no '/'.
  const bool is_named = at != std::string::npos && text.find('/') > at && at > 0;
  AdapterChoice choice{is_named ? text.substr(0, at) : "", is_named ? text.substr(at + 1) : text};
  while (choice.path.size() > 1 && choice.path.ends_with('/')) choice.path.pop_back();
  if (choice.path.empty())
    return Error{
        fmt::format("adapter '{}': has no path; write NAME=PATH or PATH", printable(text))};
  if (choice.name.empty()) {
    choice.name = base_name(choice.path);
    if (choice.name.ends_with(".gguf")) choice.name.resize(choice.name.size() - 5);
  }
  return choice;
}

Result<std::vector<std::string>> open_adapters(Model& model, const std::string& path,
                                               std::vector<std::string> texts) {
  if (is_adapter_folder(path)) texts.insert(texts.begin(), path);
  if (texts.size() > kAdaptersMax)
    return Error{fmt::format("{} adapters are too many; a model has at most {}", texts.size(),
                             kAdaptersMax)};
  std::vector<std::string> names;
  for (const std::string& text : texts) {
    const AdapterChoice choice = TRY(parse_adapter(text));
    if (std::find(names.begin(), names.end(), choice.name) != names.end())
      return Error{
          fmt::format("two adapters are called '{}'; give one of them another name: "
                      "NAME={}",
                      printable(choice.name), choice.path)};
    LoraAdapter adapter = TRY(read_lora(choice.path, model.config()));
    TRY(model.add_adapter(adapter));
    names.push_back(choice.name);
  }
  if (!names.empty()) model.default_adapter = 0;
  return names;
}

Result<AdaptedModel> open_adapted(const std::string& path, const std::vector<std::string>& adapters,
                                  ExpertMemory memory) {
  AdaptedModel opened;
  const std::string base = is_adapter_folder(path) ? TRY(base_of_adapter(path)) : path;
  opened.checkpoint = TRY(open_checkpoint(base));
  opened.model = TRY(Model::open(opened.checkpoint, memory));
  print_streaming_note(*opened.model);
  TRY(open_adapters(*opened.model, path, adapters));
  return opened;
}

}  // namespace weir
