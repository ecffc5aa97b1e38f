// Brings files into a knowledge base, or up to date: files whose bytes and labels are the same are
// left alone, changed ones are replaced, missing ones of a given folder leave. A file enters whole,
// some files at a time; after a stop the same call goes on with the rest.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "documents/document.h"
#include "knowledge/knowledge_base.h"

namespace weir {

using DocumentReader =
    std::function<Result<void>(const std::string& path, const DocumentLimits& limits,
                               const std::function<Result<void>(Document)>& sink)>;

// Vectors of texts, of length 1.
using TextEmbedder =
    std::function<Result<std::vector<std::vector<float>>>(std::span<const std::string> texts)>;

struct AddOptions {
  ChunkOptions chunks = {};
  DocumentLimits limits = {};
  std::string labels = {};     // labels_text()
  DocumentReader reader = {};  // may be called on several threads at once
  // Both may be empty. Progress: files done and all, or chunks done and all.
  std::function<void(const char* step, double done, double total)> progress = {};
  std::function<bool()> is_stopped = {};
};

struct AddReport {
  int added = 0, replaced = 0, unchanged = 0, removed = 0;
  uint64_t bytes = 0;                   // of files read
  std::vector<std::string> notes = {};  // files that could not be read, parts left out
  bool is_stopped = false;
};

// `files` as the base will name them; `folders`: whose missing files leave the base, as absolute
// paths. A file that cannot be read is a note, and what the base had of it stays.
Result<AddReport> add_to_base(const KnowledgeBase& base, const std::vector<std::string>& files,
                              const std::vector<std::string>& folders, const AddOptions& options,
                              ThreadPool& pool);

// Vectors of the chunks that have none. `model`: what the base remembers as their origin; an error
// if others of its vectors have another one. False: stopped; the same call goes on.
Result<bool> embed_base(const KnowledgeBase& base, const std::string& model, int width,
                        const TextEmbedder& embed, const AddOptions& options);

}  // namespace weir
