// `weir serve`: a model behind HTTP, for the programs that speak to OpenAI's, Anthropic's, Ollama's
// or llama.cpp's server.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "base/stop_signal.h"
#include "cli/commands.h"
#include "cli/infill_flags.h"
#include "cli/model_offers.h"
#include "cli/prefix_cache_flags.h"
#include "cli/sampling_flags.h"
#include "cli/shared_options.h"
#include "serve/server.h"

namespace weir {
namespace {

struct ServeOptions {
  std::string folder;
  std::string host = "localhost";
  int port = 8080;
  std::vector<std::string> host_names;
  std::string name;
  std::vector<std::string> aliases;
  std::string form = "auto";
  std::string thinking = "auto";
  int parallel = 16;
  int queue = 64;
  double pass_seconds = 0.1;
  bool no_log = false;
  std::vector<std::string> runs;
  SamplingOptions sampling;
  SamplingTexts sampling_texts;
  bool exact = false;
  std::string cache = "auto";
  std::string cache_type = "f32";
  double cache_limit_gib = 0;
  double expert_memory_gib = 0;
  std::string panel_cache;
  PrefixCacheFlags prefix_cache;
  SpeculationFlags speculation;
  InfillFlags infill;
  int threads = 0;
};

void log_line(const std::string& line) { fmt::print(stderr, "{}\n", line); }

Result<std::unique_ptr<ServedModel>> load(const ServeOptions& options) {
  OpenModel open = TRY(open_model({.path = options.folder,
                                   .cache = options.cache,
                                   .cache_type = options.cache_type,
                                   .cache_limit_gib = options.cache_limit_gib,
                                   .expert_memory_gib = options.expert_memory_gib,
                                   .threads = options.threads,
                                   .sequences_max = options.parallel,
                                   .pass_seconds = options.pass_seconds,
                                   .keeps_prefixes = true,
                                   .store = options.prefix_cache.store(),
                                   .panel_cache = options.panel_cache,
                                   .exact = options.exact,
                                   .speculate = options.speculation.speculate,
                                   .draft = options.speculation.draft,
                                   .draft_max = options.speculation.draft_max}));
  TRY(set_infill_order(options.infill.order, open.infill));
  ServedModelOptions served{.name = options.name,
                            .aliases = options.aliases,
                            .sampling = options.sampling,
                            .choices_max = options.parallel + options.queue,
                            .infill_window = options.infill.window};
  served.form.wanted = options.form;
  if (options.thinking != "auto") served.form.thinking = options.thinking == "on";
  TRY(resolve(options.sampling_texts, *open.tokenizer, served.sampling));
  auto model = TRY(ServedModel::create(std::move(open), options.folder, std::move(served)));
  fmt::print(stderr, "{}",
             model->form().is_plain() ? "note: the model has no chat template; "
                                        "conversations are sent as plain text\n"
                                      : "");
  return model;
}

// The first signal lets requests that run end, the second one ends the process (stop_signal.h).
Result<Ending> serve(const ServeOptions& options) {
  TRY(validate(options.sampling));
  TRY(check_model_exists(options.folder));
  if (!is_loopback(options.host))
    return Error{"--host " + options.host +
                 ": the server has no keys yet, so it listens on this machine alone; use "
                 "localhost, and a proxy with authentication for others"};
  RunFolders runs = TRY(RunFolders::create(options.runs));
  auto model = TRY(load(options));
  const std::string name = model->name();
  ServerOptions server_options;
  server_options.sequences_max = options.parallel + options.queue;
  server_options.runs = std::move(runs);
  server_options.http.address = options.host;
  server_options.http.port = options.port;
  server_options.http.access.hosts = options.host_names;
  if (!options.no_log) server_options.http.log = log_line;
  const auto server = TRY(Server::start(std::move(model), std::move(server_options)));
  const std::string host =
      options.host.find(':') == std::string::npos ? options.host : "[" + options.host + "]";
  fmt::print("{} is served at http://{}:{}\n", name, host, server->port());
  fflush(stdout);
  catch_stop_signals();
  const auto pause = std::chrono::milliseconds(50);
  while (!stop_requested()) std::this_thread::sleep_for(pause);
  server->drain();
  if (server->requests() > 0)
    fmt::print(stderr, "Stopping after {} requests that run; Ctrl-C stops at once.\n",
               server->requests());
  while (server->requests() > 0) std::this_thread::sleep_for(pause);
  return Ending::done;
}

}  // namespace

void add_serve(CommandGroup& commands) {
  auto [c, o] = commands.add("serve", "serve a model over HTTP to programs on this machine", serve);
  c.argument("MODEL", o.folder, kModelWithTextHelp).required();
  c.value("--host", o.host, "ADDRESS", "address to listen on, of this machine alone");
  c.count("--port", o.port, 0, 65535, "port to listen on; 0: any that is free");
  c.option("--host-name", o.host_names, "NAME",
           "further name of this machine in the Host header of requests (repeatable)")
      .repeatable();
  c.option("--name", o.name, "NAME", "name of the model in requests [that of its file]");
  c.option("--alias", o.aliases, "NAME", "further name of the model (repeatable)").repeatable();
  c.choice("--form", o.form, {"auto", "template", "conversation", "plain"},
           "prompt format of conversations, as in weir chat");
  c.choice("--thinking", o.thinking, {"auto", "on", "off"},
           "thinking switch of the chat template, for requests without one");
  c.count("--parallel", o.parallel, 1, 1024, "replies computed at the same time");
  c.count("--queue", o.queue, 0, 4096, "replies that may wait; further requests get 429");
  c.value("--pass-seconds", o.pass_seconds, "S",
          "reading long prompts delays running replies by about so much; 0: no limit")
      .real_number(0, 60);
  c.flag("--no-log", o.no_log, "do not print a line for each request (prompts are never printed)");
  c.option("--runs", o.runs, "FOLDER",
           "folder of a training run, or of several, that the page shows (repeatable)")
      .repeatable();
  add_sampling(c, o.sampling, o.sampling_texts);
  add_exact(c, o.exact);
  add_speculation(c, o.speculation);
  add_infill(c, o.infill);
  add_cache(c, o.cache, o.cache_limit_gib);
  add_prefix_cache(c, o.prefix_cache);
  add_cache_type(c, o.cache_type);
  add_expert_memory(c, o.expert_memory_gib);
  add_panel_cache(c, o.panel_cache);
  add_threads(c, o.threads);
}

}  // namespace weir
