#include "serve/server_config.h"

#include <algorithm>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "chat/open_adapters.h"
#include "chat/open_model.h"
#include "engine/speculation_options.h"

namespace weir {
namespace {

constexpr double kSecondsMax = 1e9, kGibMax = 1e6;
// The least KV cache that a plan leaves to a model.
constexpr double kCacheLeast = double(64 << 20);

void read_options(OptionReader& in, ModelOptions& o) {
  in.choice("cache", o.cache, kCacheForms);
  in.choice("cache_type", o.cache_type, kCacheTypes);
  in.field("cache_limit", o.cache_limit_gib, 0, kGibMax);
  in.field("expert_memory", o.expert_memory_gib, 0, kGibMax);
  in.field("threads", o.threads, 0, 1024);
  in.field("exact", o.exact);
  in.field("prefix_cache", o.prefix_cache);
  in.field("prefix_cache_limit", o.prefix_cache_limit_gib, 0, kGibMax);
  in.field("panel_cache", o.panel_cache);
  in.choice("speculate", o.speculate, kSpeculations);
  in.field("draft", o.draft);
  in.field("draft_max", o.draft_max, 1, kGuessesMax);
  in.field("adapters", o.adapters);
}

Result<void> read_sampling(OptionReader in, SamplingOptions& s) {
  in.field("temperature", s.temperature, 0, 1000);
  in.field("top_k", s.top_k, 0, INT32_MAX);
  in.field("top_p", s.top_p, 0, 1);
  in.field("min_p", s.min_p, 0, 1);
  in.field("typical_p", s.typical_p, 0, 1);
  in.field("xtc_probability", s.xtc_probability, 0, 1);
  in.field("xtc_threshold", s.xtc_threshold, 0, 1);
  in.field("repeat_penalty", s.repeat_penalty, 0, 10);
  in.field("repeat_last_n", s.repeat_last_n, -1, INT32_MAX);
  in.field("presence_penalty", s.presence_penalty, -2, 2);
  in.field("frequency_penalty", s.frequency_penalty, -2, 2);
  in.field("dry_multiplier", s.dry_multiplier, 0, 100);
  in.field("dry_base", s.dry_base, 1, 10);
  in.field("dry_allowed_length", s.dry_allowed_length, 1, INT32_MAX);
  in.field("dry_penalty_last_n", s.dry_last_n, -1, INT32_MAX);
  return in.finish();
}

Result<void> read_model(OptionReader in, ModelEntry& entry) {
  in.field("path", entry.path);
  in.field("aliases", entry.served.aliases);
  in.field("idle_seconds", entry.idle_seconds, 0, kSecondsMax);
  in.field("keep", entry.stays);
  in.field("at_start", entry.at_start);
  in.field("infill_window", entry.served.infill_window, 64, 1 << 24);
  in.choice("form", entry.served.form.wanted, {"auto", "template", "conversation", "plain"});
  std::string thinking = !entry.served.form.thinking   ? "auto"
                         : *entry.served.form.thinking ? "on"
                                                       : "off";
  in.choice("thinking", thinking, {"auto", "on", "off"});
  read_options(in, entry.options);
  TRY(read_sampling(in.section("sampling"), entry.served.sampling));
  TRY(in.finish());
  entry.served.form.thinking.reset();
  if (thinking != "auto") entry.served.form.thinking = thinking == "on";
  if (entry.path.empty()) return in.error("path", "must name the model's folder or .gguf file");
  return {};
}

// Bytes of the KV cache of a model that shares `limit` with others, or has it alone.
Result<double> plan_cache(const ModelFacts& facts, const ModelOptions& options, double limit,
                          bool is_alone, bool is_asked_for) {
  if (options.cache_limit_gib > 0) return options.cache_limit_gib * kGiB;
  const double room = limit - facts.memory;
  const double shared = std::max(shared_cache_bytes(facts, limit), kCacheLeast);
  if (!is_asked_for) return shared;
  if (room < kCacheLeast)
    return Error{facts.path + ": needs " + format_bytes(facts.memory + kCacheLeast) +
                 " of memory with a small KV cache, and --memory allows " + format_bytes(limit)};
  return is_alone ? room : std::min(shared, room);
}

Result<LoadedModel> load(const ModelEntry& entry, const ServerConfig& config,
                         const FinishModel& finish, PassGate* gate) {
  if (is_encoder_path(entry.path)) {
    const EmbedderOptions how{.threads = entry.options.threads, .exact = entry.options.exact};
    auto embedder = TRY(Embedder::open(entry.path, how));
    return loaded_encoder(std::move(embedder), config.parallel + config.queue, gate);
  }
  OpenModel open = TRY(open_model({.path = entry.path,
                                   .options = entry.options,
                                   .sequences_max = config.parallel,
                                   .pass_seconds = config.pass_seconds,
                                   .keeps_prefixes = true,
                                   .adapters_by_name = true}));
  ServedModelOptions served = entry.served;
  served.choices_max = config.parallel + config.queue;
  if (finish) TRY(finish(open, served));
  auto model = TRY(ServedModel::create(std::move(open), entry.path, std::move(served)));
  return loaded_text(std::move(model), config.parallel + config.queue, gate);
}

// Files that the server opens later, so that an error has its line.
Result<void> check_files(const OptionReader& in, const ServerConfig& config) {
  for (const auto& [key, path] : {std::pair{"keys", &config.keys},
                                  {"tls_cert", &config.tls_cert},
                                  {"tls_key", &config.tls_key}})
    if (in.has(key) && !path->empty() && !file_exists(*path))
      return in.error(key, "names a file that is not there: " + printable(*path));
  if (config.tls_cert.empty() == config.tls_key.empty()) return {};
  return in.error(config.tls_key.empty() ? "tls_cert" : "tls_key",
                  "needs the other of 'tls_cert' and 'tls_key' beside it");
}

}  // namespace

Result<ServerConfig> read_server_config(const Recipe& file, ServerConfig config,
                                        const ModelEntry& model) {
  OptionReader in(file);
  in.field("host", config.host);
  in.field("port", config.port, 0, 65535);
  in.field("host_names", config.host_names);
  in.field("parallel", config.parallel, 1, 1024);
  in.field("queue", config.queue, 0, 4096);
  in.field("pass_seconds", config.pass_seconds, 0, 60);
  in.field("memory", config.memory_gib, 0, kGibMax);
  in.field("idle_seconds", config.idle_seconds, 0, kSecondsMax);
  in.field("log", config.logs);
  in.field("keys", config.keys);
  in.field("tls_cert", config.tls_cert);
  in.field("tls_key", config.tls_key);
  in.field("guard", config.guard);
  in.field("audit", config.audit);
  OptionReader models = in.section("models");
  const std::vector<std::string> names = models.keys();
  std::vector<OptionReader> sections;
  for (const std::string& name : names) sections.push_back(models.section(name));
  TRY(models.finish());
  config.models.clear();
  for (size_t i = 0; i < names.size(); ++i) {
    ModelEntry entry = model;
    entry.served.name = names[i];
    entry.idle_seconds = config.idle_seconds;
    entry.at_start = model.at_start && i == 0;
    TRY(read_model(std::move(sections[i]), entry));
    config.models.push_back(std::move(entry));
  }
  TRY(in.finish());
  TRY(check_files(in, config));
  if (config.models.empty())
    return in.error("models", "must have a section with a 'path' for each model");
  return config;
}

Result<std::unique_ptr<ModelPool>> make_pool(const ServerConfig& config, ModelPoolOptions options,
                                             const FinishModel& finish) {
  const bool is_alone = config.models.size() == 1, is_asked_for = config.memory_gib > 0;
  options.bytes_max = is_asked_for ? config.memory_gib * kGiB : available_memory();
  options.waiting_max = config.parallel + config.queue;
  std::vector<PooledModel> models;
  for (ModelEntry entry : config.models) {
    PooledModel model{.idle_seconds = entry.idle_seconds, .stays = entry.stays};
    model.facts = TRY(read_model_facts(entry.path, entry.options));
    double cache = 0;
    if (model.facts.abilities.writes_text)
      cache =
          TRY(plan_cache(model.facts, entry.options, options.bytes_max, is_alone, is_asked_for));
    model.bytes = model.facts.memory + cache;
    // Alone and without a limit a cache may grow to most of what is available when it is loaded.
    if (!is_alone || is_asked_for) entry.options.cache_limit_gib = cache / kGiB;
    model.names.push_back(entry.served.name.empty() ? name_of_path(entry.path) : entry.served.name);
    model.names.insert(model.names.end(), entry.served.aliases.begin(), entry.served.aliases.end());
    for (const std::string& adapter : entry.options.adapters)
      model.names.push_back(TRY(parse_adapter(adapter)).name);
    if (model.facts.abilities.writes_text)
      for (size_t i = 0, count = model.names.size(); i < count; ++i)
        for (const std::string& base : config.knowledge)
          model.names.push_back(model.names[i] + "@" + base);
    entry.served.name = model.names[0];
    model.load = [entry, config, finish](PassGate* gate) {
      return load(entry, config, finish, gate);
    };
    models.push_back(std::move(model));
  }
  return ModelPool::create(std::move(models), std::move(options));
}

}  // namespace weir
