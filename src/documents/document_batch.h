// Many files, read side by side, handed over in their order.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "documents/document.h"

namespace weir {

struct DocumentBatchEvents {
  // Each document, in the order of the paths; its error ends the reading and is returned.
  std::function<Result<void>(Document)> on_document;
  // A file that cannot be read; documents of it that came before stay. False ends the reading.
  std::function<bool(const std::string& path, const Error& error)> on_error;
  // After each file: how many are done.
  std::function<void(size_t files, uint64_t bytes)> on_file;  // may be empty
};

// One thread a file; large files (above 32 MiB) are streamed alone, so that memory holds few
// documents. on_... are called by the caller's thread. Ends early after Ctrl-C, without an error.
Result<void> read_document_files(const std::vector<std::string>& paths,
                                 const DocumentLimits& limits, ThreadPool& pool,
                                 const DocumentBatchEvents& events);

}  // namespace weir
