// `weir models`: the models of a running server, and which of them are in memory.
#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "client/chat_api.h"
#include "client/http_client.h"

namespace weir {
namespace {

struct ModelsOptions {
  std::string url = "http://localhost:8080";
  std::string key_file;
  bool json = false;
};

double number_at(const Json& object, std::string_view key) {
  const Json* value = object.find(key);
  const auto number = value ? value->as_double() : Error{};
  return number ? *number : 0;
}

const std::vector<Json>& list_at(const Json& object, std::string_view key) {
  static const std::vector<Json> none;
  const Json* value = object.find(key);
  return value ? value->items() : none;
}

// "until 14:03:12 UTC" of "2026-11-30T14:03:12.000000Z".
std::string until(const std::string& time) {
  if (time.starts_with("9999")) return "stays";
  if (time.size() < 19) return "";
  return "until " + time.substr(11, 8) + " UTC";
}

struct Row {
  std::string name, status, memory, kept;
};

std::vector<Row> rows_of(const Json& models, const Json& loaded) {
  std::vector<Row> rows;
  for (const Json& model : list_at(models, "data")) {
    const Json* status = model.find("status");
    Row row{printable(model.text_at("id")), status ? status->text_at("value") : "", "", ""};
    if (status && status->find("failed")) row.kept = "failed: " + status->text_at("error");
    for (const Json& entry : list_at(loaded, "models")) {
      if (entry.text_at("name") != model.text_at("id")) continue;
      row.memory = format_bytes(number_at(entry, "size"));
      row.kept = until(entry.text_at("expires_at"));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<void> models(const ModelsOptions& options) {
  HttpClient client(TRY(parse_http_url(options.url)),
                    {.key = TRY(find_key(options.key_file)), .silence_seconds = 30});
  const Json models = TRY(client.get_json("/v1/models"));
  if (options.json) {
    fmt::print("{}\n", models.dump());
    return {};
  }
  const Json loaded = TRY(client.get_json("/api/ps"));
  const std::vector<Row> rows = rows_of(models, loaded);
  size_t width = 5;
  for (const Row& row : rows) width = std::max(width, row.name.size());
  fmt::print("{:<{}}  {:<8}  {:>9}\n", "model", width, "status", "memory");
  for (const Row& row : rows)
    fmt::print("{:<{}}  {:<8}  {:>9}  {}\n", row.name, width, row.status, row.memory,
               printable(row.kept));
  return {};
}

}  // namespace

void add_models(CommandGroup& commands) {
  auto [c, o] = commands.add("models", "list the models of a running server", models);
  c.value("--url", o.url, "URL", "address of the server");
  c.option("--key-file", o.key_file, "FILE", "file with the server's key [WEIR_API_KEY]");
  c.flag("--json", o.json, "print what the server says, as one JSON object");
}

}  // namespace weir
