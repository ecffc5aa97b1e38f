// Repacked weights kept on disk, so that a model repacks its weights once and not in every process:
// FOLDER/KEY.panels (tensor/panel_file.h), where KEY begins the hash of the weights and of how this
// program repacks them.
#pragma once
#include <string>

#include "base/result.h"
#include "base/thread_pool.h"
#include "model/model.h"

namespace weir {

// Before the first pass over the model. Maps the file of the model, or writes it first, with
// progress on stderr. Mapped panels need no memory of their own and may be larger than what is
// free: the system drops and reads them as it does with the model's file. Makes the folder, for its
// owner only; an error where that fails. A file that is damaged or of other weights is replaced,
// and where the disk has no room the model works without one: a line on stderr says so. Does
// nothing to a model without panels. `model_files`: as model_key's.
Result<void> use_panel_cache(Model& model, const std::string& folder,
                             const std::string& model_files, ThreadPool& pool);

}  // namespace weir
