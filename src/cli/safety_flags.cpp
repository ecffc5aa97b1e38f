#include "cli/safety_flags.h"

#include <fmt/format.h>

#include <cstdio>

#include "base/file.h"
#include "base/terminal.h"
#include "cli/state_folder.h"
#include "serve/access.h"
#include "serve/key_ring.h"

namespace weir {
namespace {

// Null: requests need no key. A file that is named makes them need one even if it is empty.
Result<std::shared_ptr<KeyRing>> open_keys(const ServerConfig& config) {
  std::string path = config.keys;
  if (path.empty()) {
    const auto usual = default_key_file();
    if (!usual || !file_exists(*usual)) return std::shared_ptr<KeyRing>();
    path = *usual;
  }
  std::shared_ptr<KeyRing> keys = TRY(KeyRing::open(path, log_line));
  if (config.keys.empty() && keys->size() == 0) keys = nullptr;
  return keys;
}

}  // namespace

void log_line(const std::string& line) { write_stderr(line + "\n"); }

Result<std::string> default_key_file() { return join_path(TRY(state_folder()), "keys.json"); }

Result<void> apply(const SafetyFlags& flags, const ServerConfig& config, ServerOptions& options) {
  if (config.tls_cert.empty() != config.tls_key.empty())
    return Error{"--tls-cert and --tls-key belong together; give both"};
  options.keys = TRY(open_keys(config));
  const bool is_for_others = !is_loopback(config.host);
  if (is_for_others && (!options.keys || options.keys->size() == 0))
    return Error{"--host " + config.host +
                 ": others reach this address, so the server needs keys; make one with: weir key "
                 "new NAME" +
                 (config.keys.empty() ? "" : " --keys " + config.keys)};
  if (!config.tls_cert.empty())
    options.http.loop.certificate =
        TRY(TlsCertificate::open(config.tls_cert, config.tls_key, log_line));
  else if (is_for_others)
    fmt::print(stderr,
               "warning: without --tls-cert and --tls-key, keys and conversations can be read on "
               "the way to {}\n",
               config.host);
  options.http.loop.address = config.host;
  options.http.loop.port = config.port;
  options.http.access.hosts = config.host_names;
  options.logs_prompts = flags.log_prompts;
  if (config.logs) options.http.log = log_line;
  if (options.keys)
    fmt::print(stderr, "note: requests need a key ({} of them; weir key list)\n",
               options.keys->size());
  return {};
}

std::string server_url(const ServerConfig& config, int port) {
  const std::string& host = config.host;
  const bool is_v6 = host.find(':') != std::string::npos;
  return fmt::format("{}://{}:{}", config.tls_cert.empty() ? "http" : "https",
                     is_v6 ? "[" + host + "]" : host, port);
}

void add_safety(CommandBuilder& c, SafetyFlags& o, ServerConfig& config) {
  c.value("--host", config.host, "ADDRESS",
          "address to listen on; one that other machines reach needs keys");
  c.count("--port", config.port, 0, 65535, "port to listen on; 0: any that is free");
  c.option("--host-name", config.host_names, "NAME",
           "further name of this machine in the Host header of requests (repeatable)")
      .repeatable();
  c.option("--keys", config.keys, "FILE",
           "keys that requests need [those of weir key, if there are any]");
  c.option("--tls-cert", config.tls_cert, "FILE", "certificate and its chain (PEM), for https");
  c.option("--tls-key", config.tls_key, "FILE", "private key of the certificate (PEM)");
  c.flag("--no-log", o.no_log, "do not print a line for each request");
  c.flag("--log-prompts", o.log_prompts, "print the prompt of each request, too");
}

}  // namespace weir
