// A folder of PEFT's that is used like a model: the base it names, with the adapter.
#pragma once
#include <string>

#include "base/result.h"

namespace weir {

// Whether `path` is a folder with an adapter and without a model's weights.
bool is_adapter_folder(const std::string& path);

// The folder or GGUF file that the adapter was made for ('base_model_name_or_path', taken as it is,
// then from the adapter's folder). An error when nothing is there, as for names of a hub: whoever
// calls gives the base and the adapter apart.
Result<std::string> base_of_adapter(const std::string& folder);

}  // namespace weir
