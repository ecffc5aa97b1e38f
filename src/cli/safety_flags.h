// The options of `weir serve` that decide who reaches the server: the address, keys, TLS.
#pragma once
#include <string>

#include "cli/command_builder.h"
#include "serve/server.h"
#include "serve/server_config.h"

namespace weir {

struct SafetyFlags {
  bool no_log = false;
  bool log_prompts = false;
};

// The address, the names of this machine, keys and TLS go to `config`, which a file may change.
void add_safety(CommandBuilder& command, SafetyFlags& flags, ServerConfig& config);

// Before a model is loaded. An address that others reach without keys is an error; without TLS it
// is a warning on standard error.
Result<void> apply(const SafetyFlags& flags, const ServerConfig& config, ServerOptions& options);

// "https://localhost:8080".
std::string server_url(const ServerConfig& config, int port);

// On standard error, from any thread; the server goes on where that takes no more.
void log_line(const std::string& line);

// $XDG_STATE_HOME/weir/keys.json.
Result<std::string> default_key_file();

}  // namespace weir
