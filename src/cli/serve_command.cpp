// `weir serve`: models behind HTTP, for the programs that speak to OpenAI's, Anthropic's, Ollama's
// or llama.cpp's server.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <optional>
#include <thread>

#include "adapt/bot_file.h"
#include "base/file.h"
#include "base/stop_signal.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/infill_flags.h"
#include "cli/knowledge_model.h"
#include "cli/knowledge_place.h"
#include "cli/model_flags.h"
#include "cli/model_offers.h"
#include "cli/safety_flags.h"
#include "cli/sampling_flags.h"
#include "cli/shared_options.h"
#include "guard/rule_set.h"
#include "serve/server.h"
#include "serve/server_config.h"

namespace weir {
namespace {

// Of a bot: its base and its adapter, in requests.
constexpr const char* kBotBase = "bot";
constexpr const char* kBotModel = "bot";

struct ServeOptions {
  std::vector<std::string> models;
  std::string config;  // instead of models: a file
  std::vector<std::string> sets;
  SafetyFlags safety;
  ServerConfig server;
  ModelEntry model;  // of every model
  std::string thinking = "auto";
  std::vector<std::string> runs;
  SamplingTexts sampling_texts;
  InfillFlags infill;
  bool lazy = false;
  std::vector<std::string> knowledge;  // "[NAME=]BASE"
  std::vector<std::string> labels;     // that answers may use
};

// A folder of `weir adapt` instead of a model.
bool is_bot(const std::string& path) { return file_exists(join_path(path, "bot.json")); }

Json bot_json(const BotFile& bot) {
  Json json = Json::object(), suggested = Json::array();
  for (const std::string& question : bot.suggested) suggested.push(question);
  json.set("name", bot.name);
  json.set("welcome", bot.welcome);
  json.set("knowledge", kBotBase);
  json.set("suggested", std::move(suggested));
  return json;
}

// "manuals", "manuals=/data/manuals.db", "/data/manuals.db".
Result<KnowledgeShelfEntry> shelf_entry(const std::string& text) {
  const size_t at = text.find('=');
  KnowledgeShelfEntry entry;
  const std::string place = at == std::string::npos ? text : text.substr(at + 1);
  entry.path = TRY(knowledge_place(place));
  entry.name = at == std::string::npos ? name_of_path(place) : text.substr(0, at);
  if (entry.name.ends_with(".db")) entry.name.resize(entry.name.size() - 3);
  const bool is_good =
      !entry.name.empty() && std::all_of(entry.name.begin(), entry.name.end(), [](unsigned char c) {
        return std::isalnum(c) || c == '_' || c == '-' || c == '.';
      });
  if (!is_good)
    return Error{
        fmt::format("--knowledge: '{}' is no name of letters, digits, '_', '-' and '.'; "
                    "write NAME={}",
                    printable(entry.name), place)};
  return entry;
}

// The bases of --knowledge, and of a bot that is served.
Result<KnowledgeShelf> open_shelf(const ServeOptions& options, const std::optional<BotFile>& bot) {
  KnowledgeShelf shelf;
  std::vector<KnowledgeShelfEntry> entries;
  for (const std::string& text : options.knowledge) entries.push_back(TRY(shelf_entry(text)));
  if (bot) {
    entries.push_back({.name = kBotBase,
                       .path = bot->knowledge,
                       .model = bot->adapter.empty() ? "" : kBotModel,
                       .sources = bot->sources,
                       .searched = bot->searched,
                       .quotes = bot->quotes});
    shelf.bot = bot_json(*bot).dump();
  }
  for (KnowledgeShelfEntry& entry : entries) {
    if (shelf.find(entry.name))
      return Error{"--knowledge: there are two bases of the name " + entry.name};
    ServedBase::QuestionVector vector;
    {
      const KnowledgeBase base = TRY(KnowledgeBase::open(entry.path, Database::Access::read));
      const auto embedder =
          std::make_shared<QuestionEmbedder>(TRY(QuestionEmbedder::open(base, 1)));
      vector = [embedder](const std::string& question) { return embedder->embed(question); };
    }
    shelf.bases.push_back(
        TRY(ServedBase::open(std::move(entry), options.labels, std::move(vector))));
  }
  return shelf;
}

Result<ServerConfig> read_config(const ServeOptions& options, std::optional<BotFile>& bot) {
  ServerConfig config = options.server;
  ModelEntry model = options.model;
  if (options.thinking != "auto") model.served.form.thinking = options.thinking == "on";
  model.at_start = !options.lazy;
  model.served.infill_window = options.infill.window;
  config.logs = !options.safety.no_log;
  if (!options.config.empty()) {
    if (!options.models.empty() || !model.served.name.empty() || !model.served.aliases.empty())
      return Error{"--config names the models itself; leave out MODEL, --name and --alias"};
    Recipe file = TRY(Recipe::read(options.config));
    for (const std::string& set : options.sets) TRY(file.set(set));
    return read_server_config(file, std::move(config), model);
  }
  if (!options.sets.empty()) return Error{"--set changes the file of --config; give one"};
  if (options.models.empty())
    return Error{"there is no model; give a folder, a .gguf file, or --config FILE"};
  if (options.models.size() > 1 && !model.served.name.empty())
    return Error{"--name is for one model; --config FILE names several"};
  for (const std::string& path : options.models) {
    config.models.push_back(model);
    ModelEntry& entry = config.models.back();
    entry.path = path;
    if (is_bot(path)) {
      if (options.models.size() > 1) return Error{"a bot is served alone; leave out other models"};
      bot = TRY(read_bot(path));
      entry.path = bot->base;
      if (!bot->adapter.empty())
        entry.options.adapters = {fmt::format("{}={}", kBotModel, bot->adapter)};
    }
    entry.idle_seconds = config.idle_seconds;
    if (config.models.size() == 1) continue;
    entry.at_start = false;
    entry.served.aliases.clear();  // of the first one, as are adapters
    entry.options.adapters.clear();
  }
  return config;
}

Result<std::unique_ptr<ModelPool>> open_pool(const ServeOptions& options,
                                             const ServerConfig& config) {
  for (const ModelEntry& entry : config.models) {
    TRY(validate(entry.served.sampling));
    TRY(check_model_exists(entry.path));
  }
  const auto finish = [texts = options.sampling_texts, order = options.infill.order](
                          OpenModel& open, ServedModelOptions& served) -> Result<void> {
    TRY(set_infill_order(order, open.infill));
    if (open.chat_template.empty())
      fmt::print(stderr, "note: {} has no chat template; conversations are sent as plain text\n",
                 served.name);
    return resolve(texts, *open.tokenizer, served.sampling);
  };
  ModelPoolOptions pool_options;
  if (config.logs) pool_options.log = log_line;
  auto pool = TRY(make_pool(config, std::move(pool_options), finish));
  for (size_t i = 0; i < config.models.size(); ++i)
    if (config.models[i].at_start) TRY(pool->load_now(i));
  return pool;
}

Result<std::shared_ptr<GuardDesk>> open_guard(const ServerConfig& config) {
  if (config.guard.empty()) {
    if (!config.audit.empty())
      return Error{"--audit logs what a guard decides; give --guard POLICY"};
    return std::shared_ptr<GuardDesk>();
  }
  Policy policy = TRY(Policy::read(config.guard));
  std::unique_ptr<AuditLog> audit;
  if (!config.audit.empty()) audit = TRY(open_kept_log(config.audit, policy.audit));
  const auto guard = TRY(Guard::create(std::move(policy)));
  fmt::print(stderr, "Guard: policy {} {}, {} words, {} rules; audit log: {}\n",
             guard->policy().name, guard->policy().version, guard->rules().words_count(),
             guard->policy().rules.size(), config.audit.empty() ? "none" : config.audit);
  return std::make_shared<GuardDesk>(guard, std::move(audit));
}

void say_address(const std::string& url, const ModelPool& pool) {
  std::string names;
  for (size_t i = 0; i < pool.size(); ++i)
    names += (i == 0 ? "" : i + 1 == pool.size() ? " and " : ", ") + pool.model(i).names[0];
  fmt::print("{} {} served at {}\n", names, pool.size() > 1 ? "are" : "is", url);
  fflush(stdout);
}

// The first signal lets requests that run end, the second one ends the process (stop_signal.h).
Result<Ending> serve(const ServeOptions& options) {
  std::optional<BotFile> bot;
  ServerConfig config = TRY(read_config(options, bot));
  ServerOptions server_options;
  TRY(apply(options.safety, config, server_options));
  RunFolders runs = TRY(RunFolders::create(options.runs));
  server_options.knowledge = TRY(open_shelf(options, bot));
  server_options.guard = TRY(open_guard(config));
  for (const auto& base : server_options.knowledge.bases)
    config.knowledge.push_back(base->entry().name);
  auto pool = TRY(open_pool(options, config));
  const ModelPool& models = *pool;
  server_options.runs = std::move(runs);
  const auto server = TRY(Server::start(std::move(pool), std::move(server_options)));
  say_address(server_url(config, server->port()), models);
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
  auto [c, o] = commands.add("serve", "serve models over HTTP to programs on this machine", serve);
  c.argument("MODEL", o.models, std::string(kModelWithTextHelp) + "; or several", "...");
  c.option("--knowledge", o.knowledge, "[NAME=]BASE",
           "answer from this knowledge base: /knowledge/NAME/ask, or chat with the model "
           "MODEL@NAME (repeatable)")
      .repeatable();
  c.option("--knowledge-label", o.labels, "LABEL",
           "answers may use documents of this label, too (repeatable) [those without labels]")
      .repeatable();
  c.option("--config", o.config, "FILE", "YAML file with the server and its models, instead");
  add_sets(c, o.sets, "change a key of that file (repeatable)");
  add_safety(c, o.safety, o.server);
  c.option(
      "--guard", o.server.guard, "POLICY",
      "policy that every request and reply passes: a YAML file, or minimal, company, education, "
      "china-public, research");
  c.option("--audit", o.server.audit, "FILE", "audit log of the guard's decisions");
  c.option("--name", o.model.served.name, "NAME",
           "name of the model in requests [that of its file]");
  c.option("--alias", o.model.served.aliases, "NAME",
           "further name of the first model (repeatable)")
      .repeatable();
  c.choice("--form", o.model.served.form.wanted, {"auto", "template", "conversation", "plain"},
           "prompt format of conversations, as in weir chat");
  c.choice("--thinking", o.thinking, {"auto", "on", "off"},
           "thinking switch of the chat template, for requests without one");
  c.count("--parallel", o.server.parallel, 1, 1024, "replies of a model computed at the same time");
  c.count("--queue", o.server.queue, 0, 4096, "replies that may wait; further requests get 429");
  c.option("--memory", o.server.memory_gib, "GIB",
           "memory in GiB of all loaded models; what was not used for the longest time is unloaded "
           "for others [what is available at the start]")
      .real_number(0, 1e6);
  c.value("--idle-seconds", o.server.idle_seconds, "S",
          "unload a model after so long without requests; 0: never")
      .real_number(0, 1e9);
  c.flag("--lazy", o.lazy, "load the first model at its first request, as the others");
  c.value("--pass-seconds", o.server.pass_seconds, "S",
          "reading long prompts delays running replies by about so much; 0: no limit")
      .real_number(0, 60);
  c.option("--runs", o.runs, "FOLDER",
           "folder of a training run, or of several, that the page shows (repeatable)")
      .repeatable();
  add_sampling(c, o.model.served.sampling, o.sampling_texts);
  add_infill(c, o.infill);
  add_model_options(c, o.model.options);
}

}  // namespace weir
