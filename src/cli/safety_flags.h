// The options of `weir serve` that decide who reaches the server: the address, keys, TLS.
#pragma once
#include <string>
#include <vector>

#include "cli/command_builder.h"
#include "serve/server.h"

namespace weir {

struct SafetyFlags {
  std::string host = "localhost";
  int port = 8080;
  std::vector<std::string> host_names;
  std::string keys;  // "": the file of the state folder, if it has keys
  std::string tls_cert, tls_key;
  bool no_log = false;
  bool log_prompts = false;
};

void add_safety(CommandBuilder& command, SafetyFlags& flags);

// Before a model is loaded. An address that others reach without keys is an error; without TLS it
// is a warning on standard error.
Result<void> apply(const SafetyFlags& flags, ServerOptions& options);

// "https://localhost:8080".
std::string server_url(const SafetyFlags& flags, int port);

// $XDG_STATE_HOME/weir/keys.json.
Result<std::string> default_key_file();

}  // namespace weir
