// What texts the guard would flag, in the form of OpenAI's moderations.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "serve/openai_reply.h"
#include "serve/request_fields.h"
#include "serve/route.h"

namespace weir {
namespace {

constexpr size_t kInputsMax = 256;

// OpenAI's categories, and those of policies that count as them.
struct OutsideCategory {
  const char* name;
  std::initializer_list<const char*> ours;
};
const OutsideCategory kOutside[] = {
    {"harassment", {"S5", "A4c", "A4d"}},
    {"harassment/threatening", {}},
    {"hate", {"S10", "A1e", "A2a", "A2b", "A2c", "A2d", "A2e", "A2f", "A2g", "A2h", "A2i"}},
    {"hate/threatening", {}},
    {"illicit", {"S2", "A1h"}},
    {"illicit/violent", {"S1", "S9", "A1d"}},
    {"self-harm", {"S11", "distress"}},
    {"self-harm/intent", {"distress"}},
    {"self-harm/instructions", {}},
    {"sexual", {"S3", "S12"}},
    {"sexual/minors", {"S4"}},
    {"violence", {"S1", "A1f"}},
    {"violence/graphic", {}},
};

Json result_of(const Policy& policy, const GuardVerdict& verdict) {
  std::map<std::string, double> scores;  // by our id
  for (const GuardFinding& finding : verdict.findings) {
    double& score = scores[policy.categories.at(finding.category).id];
    score = std::max(score, double(finding.score));
  }
  Json categories = Json::object(), numbers = Json::object(), inputs = Json::object();
  const auto add = [&](const std::string& name, double score) {
    Json types = Json::array();
    if (score > 0) types.push("text");
    categories.set(name, score > 0);
    numbers.set(name, score);
    inputs.set(name, std::move(types));
  };
  for (const OutsideCategory& outside : kOutside) {
    double score = 0;
    for (const char* id : outside.ours)
      if (const auto found = scores.find(id); found != scores.end())
        score = std::max(score, found->second);
    add(outside.name, score);
  }
  for (const auto& [id, score] : scores) add(id, score);
  Json j = Json::object();
  j.set("flagged", !verdict.findings.empty());
  j.set("categories", std::move(categories));
  j.set("category_scores", std::move(numbers));
  j.set("category_applied_input_types", std::move(inputs));
  j.set("action", action_name(verdict.action));
  return j;
}

// A text, a list of texts, or a list of parts, which are one input together.
std::vector<std::string> read_inputs(RequestFields& fields) {
  const Json* input = fields.find("input");
  if (!input) {
    fields.refuse("input", "is missing; give a text or a list of texts");
    return {};
  }
  if (input->is_string()) return {input->text()};
  std::vector<std::string> texts;
  std::string joined;
  for (const Json& item : input->items()) {
    if (item.is_string())
      texts.push_back(item.text());
    else if (item.text_at("type") == "text")
      joined += (joined.empty() ? "" : "\n") + item.text_at("text");
    else
      fields.refuse("input", "may hold texts alone; this guard reads no images");
  }
  if (!joined.empty()) texts.push_back(std::move(joined));
  if (texts.empty()) fields.refuse("input", "must be a text or a list of texts");
  if (texts.size() > kInputsMax)
    fields.refuse("input", fmt::format("has more than {} texts", kInputsMax));
  return texts;
}

HttpReply moderate(const ServerState& server, const HttpRequest& http) {
  if (!server.guard)
    return openai_error(
        {.status = 501, .message = "this server has no guard; start it with --guard POLICY"});
  ApiResult<Json> body = parse_body(http.body);
  if (!body) return openai_error(body.error());
  RequestFields fields(*body);
  const std::vector<std::string> texts = read_inputs(fields);
  const std::string direction_word = fields.text("direction", "prompt");
  const auto direction = find_direction(direction_word);
  if (!direction)
    fields.refuse("direction",
                  "must be prompt, document, tool_result, thinking, "
                  "answer or tool_call");
  if (fields.error()) return openai_error(*fields.error());
  const Policy& policy = server.guard->policy();
  const GuardedRequest who{.id = fmt::format("{:x}", http.id),
                           .subject = {http.key ? http.key->id() : "", fields.text("model")}};
  Json results = Json::array(), reply = Json::object();
  for (const std::string& text : texts) {
    const GuardVerdict verdict = server.guard->guard().check(text, *direction, who.subject);
    if (auto error = server.guard->note(who, *direction, verdict, text))
      return openai_error(*error);
    results.push(result_of(policy, verdict));
  }
  reply.set("id", fmt::format("modr-{:x}", http.id));
  reply.set("model", fmt::format("weir-guard-{}-{}", policy.name, policy.version));
  reply.set("results", std::move(results));
  return {.body = reply.dump()};
}

constexpr Route kGuardRoutes[] = {
    {.method = "POST", .path = "/moderations", .write_error = openai_error, .show = moderate},
};

}  // namespace

std::span<const Route> guard_routes() { return kGuardRoutes; }

}  // namespace weir
