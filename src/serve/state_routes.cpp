// What the page's views of runs and of the server read, and nothing else: JSON, lines of JSON, and
// reports in a sandbox.
#include <fmt/format.h>

#include "base/memory.h"
#include "base/text.h"
#include "guard/content_label.h"
#include "serve/openai_reply.h"
#include "serve/route.h"
#include "serve/server_state.h"
#include "text/unicode.h"

namespace weir {
namespace {

constexpr size_t kMetricsMax = size_t(2) << 20;  // of one reply

// A report's own policy allows its script by hash; the sandbox takes this server's origin away from
// it, and only this server's page may frame it.
constexpr const char* kReportPolicy = "sandbox allow-scripts; frame-ancestors 'self'";

// What files of generated content are to have; null: nothing.
Json file_label(const PolicyLabel& label) {
  if (label.visible.empty() && label.producer.empty()) return {};
  Json j = label.producer.empty() ? Json::object() : label_json(label, "");
  j.set("visible", label.visible);
  j.set("at_end", label.at_end);
  return j;
}

HttpReply state(const ServerState& server, const HttpRequest&) {
  const MemoryUse memory = memory_use();
  Json errors = Json::array();
  for (const RecentErrors::Entry& entry : server.errors.list()) {
    Json j = Json::object();
    j.set("time", entry.time);
    j.set("line", entry.line);
    errors.push(std::move(j));
  }
  Json reply = Json::object();
  reply.set("started", server.started);
  reply.set("now", int64_t(std::time(nullptr)));
  reply.set("memory_resident", memory.resident);
  reply.set("memory_own", memory.anonymous);
  reply.set("memory_peak", memory.peak);
  reply.set("memory_available", available_memory());
  reply.set("has_runs", !server.runs.is_empty());
  reply.set("errors", std::move(errors));
  if (server.guard) reply.set("label", file_label(server.guard->policy().label));
  return {.body = reply.dump()};
}

HttpReply list_runs(const ServerState& server, const HttpRequest&) {
  Json list = Json::array();
  for (const TrainingRun& run : server.runs.list()) {
    Json j = Json::object();
    j.set("id", run.id);
    j.set("name", replace_invalid_utf8(run.name));
    j.set("changed", run.changed);
    j.set("is_running", is_running(run));
    j.set("has_report", has_report(run));
    j.set("has_samples", !samples_of(run).empty());
    j.set("last", last_metrics(run));
    list.push(std::move(j));
  }
  Json reply = Json::object();
  reply.set("runs", std::move(list));
  return {.body = reply.dump()};
}

std::optional<TrainingRun> named(const ServerState& server, const HttpRequest& http) {
  return server.runs.find(http.path.substr(http.path.rfind('/') + 1));
}

HttpReply no_run() { return openai_error({.status = 404, .message = "there is no such run"}); }

// ?from=BYTES of metrics.jsonl; the client adds the length of the reply for the next request.
HttpReply metrics(const ServerState& server, const HttpRequest& http) {
  const auto run = named(server, http);
  if (!run) return no_run();
  int64_t from = 0;
  if (!http.query.empty()) {
    const Result<int64_t> value =
        http.query.starts_with("from=") ? parse_int(http.query.substr(5)) : Error{};
    if (!value || *value < 0)
      return openai_error({.message = "the query must be from= and a number of bytes"});
    from = *value;
  }
  Result<std::string> lines = metrics_from(*run, from, kMetricsMax);
  if (!lines) return openai_error({.status = 409, .message = lines.error().message});
  return {.content_type = "application/x-ndjson", .body = *std::move(lines)};
}

HttpReply report(const ServerState& server, const HttpRequest& http) {
  const auto run = named(server, http);
  if (!run) return no_run();
  Result<std::string> page = report_of(*run);
  if (!page) return openai_error({.status = 404, .message = page.error().message});
  return {.content_type = "text/html; charset=utf-8",
          .body = *std::move(page),
          .headers = {{"Content-Security-Policy", kReportPolicy},
                      {"Referrer-Policy", "no-referrer"},
                      {"Cross-Origin-Resource-Policy", "same-origin"},
                      {"Cache-Control", "no-cache"}}};
}

HttpReply samples(const ServerState& server, const HttpRequest& http) {
  const auto run = named(server, http);
  if (!run) return no_run();
  return {.content_type = "application/x-ndjson", .body = samples_of(*run)};
}

constexpr Route shows(const char* path, HttpReply (*show)(const ServerState&, const HttpRequest&)) {
  return {.method = "GET", .path = path, .write_error = openai_error, .show = show};
}

constexpr Route kStateRoutes[] = {
    shows("/server/state", state),       shows("/server/runs", list_runs),
    shows("/server/runs/*", metrics),    shows("/server/reports/*", report),
    shows("/server/samples/*", samples),
};

}  // namespace

std::span<const Route> state_routes() { return kStateRoutes; }

}  // namespace weir
