// The folder of `weir adapt`, which is the finished bot, too:
//   adapt.json        what was asked for, and of each finished stage what it came to
//   knowledge.db      the documents (knowledge/knowledge_base.h)
//   questions.jsonl   a line for each chunk that was asked about (synthesis.h)
//   rows.jsonl        what the adapter was tuned on
//   tuning/           the run of `weir r1` that made the adapter
//   answers.jsonl     every answer of the evaluation
//   report.html       what came of it
//   bot.json          the bot, as `weir serve` reads it (bot_file.h); there is one when all is done
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/result.h"

namespace weir {

class AdaptFolder {
 public:
  // Makes the folder or opens an earlier run, and takes its lock. `identity`: what decides the
  // result; another one than that of the folder is an error that names the first difference, as is
  // a folder with anything else in it.
  static Result<AdaptFolder> open(const std::string& path, const Json& identity);

  std::string file(const std::string& name) const { return join_path(path_, name); }
  const std::string& path() const { return path_; }

  // What a finished stage came to; null when it is not finished.
  const Json* result(const std::string& stage) const;
  Result<void> finish(const std::string& stage, Json result);
  // Facts that later processes keep, such as a plan. Null: there is none of that name.
  const Json* fact(const std::string& name) const;
  Result<void> set_fact(const std::string& name, Json value);

 private:
  AdaptFolder(std::string path, FileLock lock, Json state)
      : path_(std::move(path)), lock_(std::move(lock)), state_(std::move(state)) {}
  Result<void> set(const std::string& section, const std::string& name, Json value);
  std::string path_;
  FileLock lock_;
  Json state_;  // of adapt.json
};

// The lines of a file of JSON values; none if there is no file.
Result<std::vector<Json>> lines_if_any(const std::string& path);

}  // namespace weir
