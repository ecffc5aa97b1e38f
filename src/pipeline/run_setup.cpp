#include "pipeline/run_setup.h"

#include <fmt/format.h>

#include "base/atomic_output.h"
#include "base/options.h"
#include "base/sha256.h"
#include "chat/conversation.h"
#include "pipeline/r1_setup.h"
#include "pretrain/model_setup.h"
#include "tokenizer/tokenizer_json.h"

namespace weir {
namespace {

// The tokenizer that a run began with is kept; a recipe that asks for another is refused.
Result<void> check_tokenizer_section(const R1Recipe& recipe, const R1Folder& folder) {
  const std::string path = folder.file("recipe.yaml");
  if (!file_exists(path)) return {};
  const Recipe then = TRY(Recipe::read(path));
  const auto section = [](const Json& json) {
    const Json* found = json.find("tokenizer");
    return found ? found->dump() : std::string();
  };
  if (section(then.root) == section(recipe.json)) return {};
  return Error{folder.path() +
               " was begun with another tokenizer than 'tokenizer' describes now; set "
               "it back or choose another 'run'"};
}

Result<void> check_config(const R1Folder& folder, const ModelConfig& config) {
  const std::string path = folder.file("config.json");
  const std::string then = TRY(read_file(path));
  if (then == config_text(config)) return {};
  if (Result<Json> json = parse_json(then); !json)
    return Error{
        fmt::format("{} is damaged: {}; restore it (every finished stage has a copy in its "
                    "folder)",
                    path, json.error().message)};
  return Error{folder.path() +
               " was begun with another model than 'model' describes now; set it back or choose "
               "another 'run'"};
}

}  // namespace

Result<std::string> data_sha256(const Json& section) {
  std::string text = section.dump();
  const auto add_files = [&](const auto& self, const Json& json) -> Result<void> {
    for (const auto& [key, value] : json.members()) {
      if (key == "path" && value.is_string()) text += TRY(sha256_file(value.text()));
      TRY(self(self, value));
    }
    return {};
  };
  TRY(add_files(add_files, section));
  return sha256_hex(text);
}

Result<void> write_model_files(const RunSetup& setup, const std::string& folder) {
  TRY(make_directories(folder));
  TRY(write_file_atomic(join_path(folder, "config.json"), config_text(setup.config)));
  // tokenizer_config.json last: it ends the files of a run (prepare_run).
  for (const bool is_last : {false, true})
    for (const auto& [name, content] : setup.texts.files)
      if ((name == "tokenizer_config.json") == is_last)
        TRY(write_file_atomic(join_path(folder, name), content));
  if (!setup.texts.files.empty()) return {};
  TokenizerConfigOptions options;
  options.model_max_length = setup.config.max_position_embeddings;
  options.chat_template = conversation_chat_template();
  return write_tokenizer(setup.tokenizer(), folder, options);
}

Result<RunSetup> prepare_run(const R1Recipe& recipe, const R1Folder& folder, ThreadPool& pool) {
  // The last of the shared files to be written.
  const bool is_new = !folder.has_begun() || !file_exists(folder.file("tokenizer_config.json"));
  if (!is_new) TRY(check_tokenizer_section(recipe, folder));
  ModelTexts texts =
      is_new ? TRY(make_r1_texts(recipe, pool)) : TRY(read_model_texts(folder.path()));
  texts.chat.thinking = recipe.thinking;
  ModelConfig config = TRY(make_r1_config(recipe, texts.tokenizer));
  std::string sha256 = sha256_hex(tokenizer_json(texts.tokenizer));
  if (!is_new) TRY(check_config(folder, config));
  return RunSetup{std::move(texts), config, std::move(sha256), is_new};
}

}  // namespace weir
