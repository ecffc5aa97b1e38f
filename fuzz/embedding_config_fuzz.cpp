// Any bytes as each of the files by which a folder says how texts become vectors: an error, or a
// configuration within the limits that the embedder relies on.
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/atomic_output.h"
#include "base/file.h"
#include "config/encoder_config.h"
#include "embed/embedding_config.h"

namespace {

const std::string& folder() {
  static const std::string made = [] {
    std::string path = "/tmp/weir_embedding_config_XXXXXX";
    if (!mkdtemp(path.data()) || mkdir((path + "/1_Pooling").c_str(), 0700) != 0) std::abort();
    return path;
  }();
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  constexpr const char* kNames[] = {"modules.json", "1_Pooling/config.json",
                                    "sentence_bert_config.json", "tokenizer_config.json",
                                    "config_sentence_transformers.json"};
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  if (const auto json = weir::parse_json(text))
    if (const auto config = weir::read_encoder_config(*json, "config.json"))
      if (config->hidden_size % config->num_attention_heads != 0 || config->parameters() <= 0)
        std::abort();
  for (const char* name : kNames) remove(weir::join_path(folder(), name).c_str());
  const std::string usual =
      R"([{"type": "m.Transformer", "path": ""}, {"type": "m.Pooling", "path": "1_Pooling"}])";
  if (!weir::write_file_atomic(folder() + "/modules.json", usual)) std::abort();
  const std::string path = weir::join_path(folder(), kNames[data[0] % 5]);
  if (!weir::write_file_atomic(path, text)) std::abort();
  const auto config = weir::read_embedding_config(folder());
  if (!config) return 0;
  if (config->tokens_max < 0 || config->prompts.size() > 256) std::abort();
  if (!config->model_folder.starts_with(folder())) std::abort();
  return 0;
}
