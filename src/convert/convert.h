// Whole models from one container and type into another: what `weir convert` and `weir quantize`
// do. A model of any size takes little memory, and a failure leaves nothing behind.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "convert/write_tensors.h"

namespace weir {

struct ConvertRequest {
  std::string from;  // a folder or a .gguf file
  std::string to;    // a .gguf file, or a folder that does not exist yet
  // "q4_k_m", "bf16" ... (mix.h); "" keeps the types there are.
  std::string type;
  uint64_t split_bytes = 0;  // data of one file; 0: all in one (a folder: 5 GB)
  bool overwrites = false;   // an existing .gguf file may be replaced
  std::string importance;    // a file of importance.h, or ""
  std::string adapter = {};  // is folded into the weights; "": none
};

struct ConvertResult {
  std::vector<std::string> files;  // that were written
  uint64_t bytes = 0;              // of their tensors
  std::vector<std::string> notes;  // what the listener was told
};

// An error when there is something at `path`, or are parts of a split model of that name, that must
// not be replaced.
Result<void> check_output(const std::string& path, bool overwrites, bool is_split);
// A path without the slashes at its end, so that names can be made from it.
std::string plain_path(std::string path);
bool is_same_place(const std::string& a, const std::string& b);

Result<ConvertResult> convert(const ConvertRequest& request, ThreadPool& pool,
                              ConvertListener& listener);

}  // namespace weir
