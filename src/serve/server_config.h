// What `weir serve` serves and how: from its options, or from a YAML file (docs/server.md) in which
// unknown keys and wrong values are errors that name their line.
#pragma once
#include <string>
#include <vector>

#include "base/options.h"
#include "chat/model_options.h"
#include "serve/model_pool.h"

namespace weir {

struct ModelEntry {
  std::string path = {};
  ModelOptions options = {};
  ServedModelOptions served = {};
  double idle_seconds = 0;  // PooledModel
  bool stays = false;
  bool at_start = false;  // loaded before the first request
};

struct ServerConfig {
  std::string host = "localhost";
  int port = 8080;
  std::vector<std::string> host_names = {};
  int parallel = 16;  // replies of a model computed at the same time
  int queue = 64;     // that may wait; of requests that wait for models too
  double pass_seconds = 0.1;
  double memory_gib = 0;  // of all loaded models; 0: what is available at the start
  double idle_seconds = 0;
  bool logs = true;
  std::string keys = {};                    // file; "": the usual one, if it has keys
  std::string tls_cert = {}, tls_key = {};  // files (PEM), both or none
  std::string guard = {};                   // policy: a file or a shipped one's name; "": no guard
  std::string audit = {};                   // its audit log; "": none
  std::vector<ModelEntry> models = {};
  std::vector<std::string> knowledge = {};  // names of bases: each model is also MODEL@BASE
};

// `defaults`: what holds where the file says nothing; `model`: the same of each model, but that
// only the first one is loaded at the start unless others say so.
Result<ServerConfig> read_server_config(const Recipe& file, ServerConfig defaults,
                                        const ModelEntry& model);

// The pool's entries: reads the headers of all models and plans their memory. With several models,
// or with a memory limit, a KV cache without a limit of its own gets one. Fails for a model that
// cannot be read, or that alone needs more than the limit. `finish`: called with each loaded model,
// before it serves; may be empty.
using FinishModel = std::function<Result<void>(OpenModel& open, ServedModelOptions& options)>;
Result<std::unique_ptr<ModelPool>> make_pool(const ServerConfig& config, ModelPoolOptions options,
                                             const FinishModel& finish = {});

}  // namespace weir
