#include "serve/anthropic_request.h"

#include <fmt/format.h>

#include "base/text.h"
#include "chat/chat_tools.h"
#include "serve/chat_messages.h"
#include "serve/openai_request.h"
#include "serve/request_limits.h"

namespace weir {
namespace {

// A text, or blocks of which each is one.
std::string read_text(const Json& content, const std::string& place, RequestFields& fields) {
  if (content.is_string()) return content.text();
  std::string text;
  for (const Json& block : content.items()) {
    if (block.text_at("type") != "text") {
      fields.refuse(place, "may hold blocks of type 'text' here, not '" +
                               printable(block.text_at("type")) + "'");
      break;
    }
    text += block.text_at("text");
  }
  return text;
}

class MessageReader {
 public:
  MessageReader(RequestFields& fields, Json& list) : fields_(fields), list_(list) {}

  void read(const Json& message, const std::string& place) {
    const std::string role = message.text_at("role");
    if (role != "user" && role != "assistant" && role != "system")
      return fields_.refuse(place + ".role",
                            "must be user or assistant, not '" + printable(role) + "'");
    const Json* content = message.find("content");
    if (!content || !(content->is_string() || content->is_array()))
      return fields_.refuse(place + ".content", "must be a text or a list of blocks");
    text_.clear(), thinking_.clear();
    calls_ = Json::array();
    has_results_ = false;
    if (content->is_string()) text_ = content->text();
    for (size_t i = 0; i < content->items().size(); ++i)
      read_block(content->items()[i], fmt::format("{}.content[{}]", place, i));
    if (role == "user" && has_results_ && text_.empty()) return;
    Json next = chat_message(role, std::move(text_));
    if (!thinking_.empty()) next.set("reasoning_content", std::move(thinking_));
    if (calls_.size() > 0) next.set("tool_calls", std::move(calls_));
    list_.push(std::move(next));
  }

 private:
  void read_block(const Json& block, const std::string& place) {
    const std::string type = block.text_at("type");
    if (type == "text") {
      text_ += block.text_at("text");
    } else if (type == "thinking") {
      thinking_ += block.text_at("thinking");
    } else if (type == "tool_use") {
      const Json* input = block.find("input");
      calls_.push(tool_call(block.text_at("id"), block.text_at("name"),
                            input && input->is_object() ? *input : Json::object()));
    } else if (type == "tool_result") {
      const Json* content = block.find("content");
      Json result =
          chat_message("tool", content ? read_text(*content, place + ".content", fields_) : "");
      result.set("tool_call_id", block.text_at("tool_use_id"));
      list_.push(std::move(result));
      has_results_ = true;
    } else if (type != "redacted_thinking") {
      fields_.refuse(place, "of type '" + printable(type) + "' is not supported by this model");
    }
  }

  RequestFields& fields_;
  Json& list_;
  std::string text_, thinking_;
  Json calls_;
  bool has_results_ = false;
};

Json read_conversation(RequestFields& fields) {
  Json list = Json::array();
  if (const Json* system = fields.find("system"))
    if (std::string text = read_text(*system, "system", fields); !text.empty())
      list.push(chat_message("system", std::move(text)));
  const Json* messages = fields.find("messages");
  if (!messages || !messages->is_array() || messages->size() == 0) {
    fields.refuse("messages", "must be a list with at least one message");
    return list;
  }
  MessageReader reader(fields, list);
  for (size_t i = 0; i < messages->size(); ++i)
    reader.read(messages->items()[i], fmt::format("messages[{}]", i));
  return list;
}

void read_thinking(RequestFields& fields, ServeRequest& request) {
  const Json* thinking = fields.find("thinking");
  if (!thinking) return;
  const std::string type = thinking->text_at("type");
  if (type != "enabled" && type != "disabled" && type != "adaptive" && type != "between_tools")
    return fields.refuse("thinking",
                         "must have the type enabled, disabled, adaptive or between_tools");
  request.thinking = type != "disabled";
  read_budget(fields, *thinking, request);
}

// The form of the answer, {"type": "json_schema", "schema"}.
void read_format(RequestFields& fields, const Json* format, const char* place,
                 ServeRequest& request) {
  if (!format || format->is_null()) return;
  const Json* schema = format->find("schema");
  if (format->text_at("type") != "json_schema" || !schema)
    return fields.refuse(place, "must have the type json_schema and a 'schema'");
  hold_to(request, {OutputKind::json_schema, schema->dump()}, place);
}

void read_output(RequestFields& fields, ServeRequest& request) {
  read_format(fields, fields.find("output_format"), "output_format", request);
  const Json* output = fields.find("output_config");
  if (!output) return;
  read_format(fields, output->find("format"), "output_config.format", request);
  request.reasoning_effort = output->text_at("effort");
}

ApiResult<ServeRequest> read(const Json& body, const SamplingOptions& defaults, bool counts) {
  RequestFields fields(body);
  ServeRequest request{.sampling = defaults};
  request.model = fields.text("model");
  request.messages = read_conversation(fields);
  request.continues = ends_with_reply(request.messages);
  if (!counts) {
    if (!fields.has("max_tokens")) fields.refuse("max_tokens", "is missing");
    request.tokens_max = int(fields.whole("max_tokens", 1, 1, kTokensMax));
  }
  read_sampling(fields, request);
  read_tools(fields, ToolDialect::messages, request);
  read_thinking(fields, request);
  read_output(fields, request);
  if (const Json* servers = fields.find("mcp_servers"); servers && servers->size() > 0)
    fields.refuse("mcp_servers", "are not called by this server", 501);
  request.stops = fields.texts("stop_sequences", kStopsMax);
  request.streams = fields.flag("stream", false);
  if (fields.error()) return *fields.error();
  return request;
}

}  // namespace

ApiResult<ServeRequest> read_anthropic(const Json& body, const SamplingOptions& defaults) {
  return read(body, defaults, false);
}

ApiResult<ServeRequest> read_anthropic_count(const Json& body, const SamplingOptions& defaults) {
  return read(body, defaults, true);
}

}  // namespace weir
