// What the red team is run against: a model in this process, with heads or without, or a server.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "red_team/outcome.h"

namespace weir {

class RedTeamTarget {
 public:
  virtual ~RedTeamTarget() = default;
  // Judges requests, as many as outcomes.
  virtual Result<void> judge(std::span<const BankItem> items, std::span<Outcome> outcomes) = 0;
  virtual const std::string& identity() const = 0;  // of the model; a change begins a new run
};

struct TargetOptions {
  std::string model;       // a folder or file
  std::string heads = {};  // a file; "": none
  double threshold = 0;    // of the heads; 0: the file's
  int tokens = 0;          // of a reply; 0: the model does not answer
  int sequences = 8;       // at a time
  int threads = 0;
};
Result<std::unique_ptr<RedTeamTarget>> open_model_target(const TargetOptions& options);

struct ServerTargetOptions {
  std::string url, model = {}, key_file = {};
  int tokens = 128;
};
Result<std::unique_ptr<RedTeamTarget>> open_server_target(const ServerTargetOptions& options);

}  // namespace weir
