// Adapters of an opened model, as its user names them.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "model/model.h"

namespace weir {

// "[NAME=]PATH"; without a name that of the file or folder, "formal" of "adapters/formal.gguf".
struct AdapterChoice {
  std::string name, path;
};
Result<AdapterChoice> parse_adapter(const std::string& text);

// Reads them and adds them to the model, in their order, the one of the folder first that the
// model was opened from (`path`; adapter/adapter_folder.h). The first becomes the default. Two of
// one name are an error, as is an adapter of another base. Returns the names.
Result<std::vector<std::string>> open_adapters(Model& model, const std::string& path,
                                               std::vector<std::string> texts);

// The model of a folder, a GGUF file or an adapter's folder, with adapters, for commands that need
// no more than that. Notes go to stderr.
struct AdaptedModel {
  std::shared_ptr<const Checkpoint> checkpoint;  // of the base
  std::unique_ptr<Model> model;
};
Result<AdaptedModel> open_adapted(const std::string& path, const std::vector<std::string>& adapters,
                                  ExpertMemory memory);

}  // namespace weir
