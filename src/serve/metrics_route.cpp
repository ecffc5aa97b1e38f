// /metrics: counters and gauges in Prometheus' text format, 0.0.4. With several models each value
// has its model's name as a label; those that are not loaded have none of the engine's. A key sees
// its models only.
#include <fmt/format.h>

#include "serve/key_gate.h"
#include "serve/openai_reply.h"
#include "serve/route.h"

namespace weir {
namespace {

struct Sample {
  const PooledModel& model;
  ModelState state;
  EngineState engine = {};
  int sequences = 0, sequences_max = 0;
};

struct Metric {
  const char *name, *type, *help;
  double (*value)(const Sample&);
  bool needs_engine = true;
};

const GenerateStatistics& of(const Sample& s) { return s.engine.statistics; }

constexpr Metric kMetrics[] = {
    {"prompt_tokens_total", "counter", "Prompt tokens computed",
     [](const Sample& s) { return double(of(s).prompt_tokens); }},
    {"prompt_tokens_cached_total", "counter", "Prompt tokens found in the cache",
     [](const Sample& s) { return double(of(s).reused_tokens); }},
    {"tokens_total", "counter", "Tokens drawn by running sequences",
     [](const Sample& s) { return double(of(s).decoded_tokens + of(s).mixed_tokens); }},
    {"prompt_seconds_total", "counter", "Time of passes that read prompts",
     [](const Sample& s) { return of(s).prefill_seconds; }},
    {"decode_seconds_total", "counter", "Time of passes that only draw",
     [](const Sample& s) { return of(s).decode_seconds; }},
    {"guesses_total", "counter", "Guessed tokens that passes verified",
     [](const Sample& s) { return double(of(s).drafted_tokens); }},
    {"guesses_accepted_total", "counter", "Guessed tokens that came true",
     [](const Sample& s) { return double(of(s).accepted_tokens); }},
    {"passes_total", "counter", "Passes over the model",
     [](const Sample& s) { return double(of(s).passes); }},
    {"preemptions_total", "counter", "Sequences that had to wait again",
     [](const Sample& s) { return double(of(s).preemptions); }},
    {"sequences", "gauge", "Sequences that run or wait",
     [](const Sample& s) { return double(s.sequences); }},
    {"sequences_max", "gauge", "Sequences that may run or wait",
     [](const Sample& s) { return double(s.sequences_max); }},
    {"model_loaded", "gauge", "Whether the model is in memory",
     [](const Sample& s) { return s.state.status == ModelStatus::loaded ? 1. : 0.; }, false},
    {"model_bytes", "gauge", "Memory reserved for the model when it is loaded",
     [](const Sample& s) { return s.model.bytes; }, false},
    {"model_loads_total", "counter", "How often the model was loaded",
     [](const Sample& s) { return double(s.state.loads); }, false},
    {"model_requests", "gauge", "Requests that use the model",
     [](const Sample& s) { return double(s.state.requests); }, false},
    {"model_requests_waiting", "gauge", "Requests that wait until the model is loaded",
     [](const Sample& s) { return double(s.state.waiting); }, false},
};

// Quotes, backslashes and line breaks have escapes there.
std::string label_of(const std::string& name) {
  std::string text;
  for (const char c : name) {
    if (c == '"' || c == '\\') text += '\\';
    text += c == '\n' ? ' ' : c;
  }
  return "{model=\"" + text + "\"}";
}

std::optional<HttpReply> metrics(ModelPool& pool, const HttpRequest& http) {
  std::vector<std::pair<Sample, bool>> samples;  // with the engine's values or without
  for (size_t i = 0; i < pool.size(); ++i) {
    if (!may_use(http, pool.model(i))) continue;
    Sample sample{pool.model(i), pool.state(i)};
    const ModelLease lease = pool.peek(i);
    const EngineThread* engine = lease ? lease->engine.get() : nullptr;
    if (engine) {
      sample.engine = engine->state();
      sample.sequences = engine->sequences();
      sample.sequences_max = engine->sequences_max();
    }
    samples.push_back({std::move(sample), engine != nullptr});
  }
  std::string text;
  for (const Metric& metric : kMetrics) {
    text += fmt::format("# HELP weir_{0} {1}\n# TYPE weir_{0} {2}\n", metric.name, metric.help,
                        metric.type);
    for (const auto& [sample, has_engine] : samples)
      if (has_engine || !metric.needs_engine)
        text += fmt::format("weir_{}{} {}\n", metric.name,
                            pool.size() > 1 ? label_of(sample.model.names[0]) : "",
                            metric.value(sample));
  }
  return HttpReply{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                   .body = std::move(text)};
}

constexpr Route kMetricsRoutes[] = {{"GET", "/metrics", openai_error, nullptr, nullptr, metrics}};

}  // namespace

std::span<const Route> metrics_routes() { return kMetricsRoutes; }

}  // namespace weir
