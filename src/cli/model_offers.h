// Models to begin with: what a command proposes when the name it was given is no file. The table
// names the publishers' own files; docs/first-model.md is the page about them.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir {

struct OfferedModel {
  const char* name;        // as its publisher calls it
  const char* repository;  // at huggingface.co
  const char* files;       // separated by blanks: one .gguf file, or the files of a folder
  double disk_gb;          // of the files, in 10^9 bytes
  double memory_gib;       // to chat: weights, a cache of 4,096 tokens, working memory
  const char* good_for;
  bool is_gguf() const;
  // Published as a large folder: worth quantizing before use, which `memory_gib` counts on.
  bool is_quantized_first() const;
};

// Sorted by the memory they need.
std::span<const OfferedModel> offered_models();

// Up to `count` models for this machine: those whose name is like `wanted`, else a small one, a
// medium one and the largest that fits into `memory_bytes` (0: unknown, so the smallest).
std::vector<const OfferedModel*> choose_offers(const std::string& wanted, double memory_bytes,
                                               size_t count = 3);

// Shell lines that download a model into the current folder.
std::string download_lines(const OfferedModel& model);

// Several lines: models to begin with when `wanted` was asked for, chosen by this machine's memory.
std::string offers_text(const std::string& wanted);
// An error when `path` is neither file nor folder: what was looked for and, unless it is a path
// with folders that resembles no model, models to begin with.
Result<void> check_model_exists(const std::string& path);

}  // namespace weir
