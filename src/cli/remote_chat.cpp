#include "cli/remote_chat.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>

#include "base/file.h"
#include "base/terminal.h"
#include "base/text.h"
#include "chat/chat_tools.h"
#include "cli/reply_printer.h"
#include "serve/access.h"

namespace weir {
namespace {

constexpr const char* kObeyed[] = {"--url",
                                   "--model",
                                   "--key-file",
                                   "--history",
                                   "--thinking",
                                   "--no-thinking",
                                   "--system",
                                   "--tools",
                                   "--tokens",
                                   "--lines",
                                   "--private",
                                   "--temperature",
                                   "--top-k",
                                   "--top-p",
                                   "--min-p",
                                   "--typical",
                                   "--repeat-penalty",
                                   "--presence-penalty",
                                   "--frequency-penalty",
                                   "--seed",
                                   "--json-object",
                                   "--json-schema"};

Result<void> check_options(const std::vector<std::string>& given) {
  for (const std::string& name : given) {
    if (std::find(std::begin(kObeyed), std::end(kObeyed), name) != std::end(kObeyed)) continue;
    if (!name.starts_with('-'))
      return Error{"with --url the server's model answers; leave the " + name +
                   " out, or choose one of the server's with --model"};
    return Error{name +
                 " is for a model in this process and means nothing with --url; give it to the "
                 "server"};
  }
  return {};
}

std::string id_of(const Json& call, size_t index) {
  const Json* id = call.find("id");
  return id && !id->text().empty() ? id->text() : fmt::format("call_{}", index);
}

// As the API has them: each with an id, arguments as text.
Json calls_for_server(const Json& calls) {
  Json list = Json::array();
  for (size_t i = 0; i < calls.size(); ++i) {
    Json call = calls.items()[i];
    call.set("id", id_of(call, i));
    call.set("type", "function");
    if (const Json* given = call.find("function")) {
      Json function = *given;
      const Json* arguments = function.find("arguments");
      if (arguments && !arguments->is_string()) function.set("arguments", arguments->dump());
      call.set("function", std::move(function));
    }
    list.push(std::move(call));
  }
  return list;
}

}  // namespace

Result<std::unique_ptr<RemoteChat>> RemoteChat::create(const ChatOptions& options, bool is_terminal,
                                                       IsStopped is_stopped) {
  TRY(check_options(options.given));
  HttpUrl url = TRY_IN("--url", parse_http_url(options.url));
  std::string key = TRY(find_key(options.key_file));
  if (!key.empty() && !is_loopback(url.host))
    fmt::print(stderr, "note: the key goes to {} unencrypted; everybody on the way can read it\n",
               printable(url.host));
  return std::unique_ptr<RemoteChat>(
      new RemoteChat(options, std::move(url), std::move(key), is_terminal, is_stopped));
}

RemoteChat::RemoteChat(const ChatOptions& options, HttpUrl url, std::string key, bool is_terminal,
                       IsStopped is_stopped)
    : Dialogue(is_stopped, is_terminal, options.is_private),
      options_(options),
      api_(std::move(url),
           {.key = std::move(key),
            .is_cancelled = [is_stopped] { return is_stopped() || ferror(stdout); }}),
      model_(options.model_name) {
  sampling_ = options.sampling;
  tokens_ = options.tokens;
  add_command({"/more", "not with a server, which begins every answer anew",
               [this](const std::string& text) { return more(text); }});
  add_command({"/model", "the models of the server; NAME: talk to that one",
               [this](const std::string& name) { return choose_model(name); }});
}

bool RemoteChat::is_given(const char* option) const {
  return std::find(options_.given.begin(), options_.given.end(), option) != options_.given.end();
}

Result<void> RemoteChat::open() {
  TRY(set_first_system(options_.system));
  if (!options_.tools.empty()) context_.tools = TRY_IN("--tools", read_tools(options_.tools));
  if (!options_.output.schema.empty())
    schema_ = TRY_IN("--json-schema", read_json_file(options_.output.schema));
  if (schema_ && options_.output.json_object)
    return Error{"--json-object and --json-schema: give one of the two"};
  const ModelList list = TRY(api_.models());
  const std::vector<std::string>& models = list.names;
  if (model_.empty() && !models.empty()) model_ = models.front();
  if (model_.empty() && !list.failure.empty())
    fmt::print(stderr, "note: the server has no list of models: {}; --model names one\n",
               list.failure);
  if (!models.empty() && std::find(models.begin(), models.end(), model_) == models.end())
    return Error{fmt::format("--model: {} has no model '{}'; it has: {}", api_.server().text(),
                             printable(model_),
                             printable(fmt::format("{}", fmt::join(models, ", ")), 1000))};
  fmt::print(stderr, "{} at {} answers{}.\n", model_.empty() ? "The model" : printable(model_),
             api_.server().text(),
             models.size() > 1 ? fmt::format("; /model lists {}", models.size()) : "");
  if (is_terminal_) fmt::print(stderr, "/help lists the commands; Ctrl-D leaves.\n");
  return {};
}

Result<std::string> RemoteChat::size_of(const std::string& text) const {
  return format_bytes(double(text.size()));
}

Result<void> RemoteChat::choose_model(const std::string& name) {
  const ModelList list = TRY_IN("/model", api_.models());
  const std::vector<std::string>& models = list.names;
  if (name.empty()) {
    if (models.empty()) fmt::print(stderr, "The server has no list of models: {}\n", list.failure);
    for (const std::string& model : models)
      fmt::print(stderr, "{} {}\n", model == model_ ? '*' : ' ', printable(model, 200));
    return {};
  }
  if (!models.empty() && std::find(models.begin(), models.end(), name) == models.end()) {
    const std::string near = nearest_word(name, models);
    return Error{fmt::format(
        "/model: the server has no '{}'{}", printable(name),
        near.empty() ? "; /model lists what it has" : "; did you mean '" + printable(near) + "'?")};
  }
  model_ = name;
  fmt::print(stderr, "* {}\n", printable(model_, 200));
  return {};
}

Result<void> RemoteChat::more(const std::string&) {
  return Error{
      "/more: a server begins every answer anew; /again asks once more, /tokens N allows longer "
      "answers"};
}

Json RemoteChat::messages() const {
  Json list = Json::array();
  if (!context_.system.empty()) list.push(chat_message("system", context_.system));
  const size_t last = turns_.size() - 1;
  const size_t begin = options_.history == "none" ? last : 0;
  for (size_t i = begin; i <= last; ++i) {
    const ChatTurn& turn = turns_[i];
    const bool is_result = turn.is_result && i > 0 && turns_[i - 1].has_calls();
    for (size_t q = 0; q < turn.question.size(); ++q) {
      Json said = chat_message(is_result ? "tool" : role_name(turn.question[q].role),
                               turn.question[q].content);
      if (is_result) {
        const std::vector<Json>& calls = turns_[i - 1].calls.items();
        const size_t call = std::min(q, calls.size() - 1);
        said.set("tool_call_id", id_of(calls[call], call));
      }
      list.push(std::move(said));
    }
    if (i == last || (turn.answer.empty() && !turn.has_calls())) continue;
    Json answer = chat_message("assistant", turn.answer);
    if (turn.has_calls()) answer.set("tool_calls", calls_for_server(turn.calls));
    if (last - i <= thoughts_.size() && !thoughts_[thoughts_.size() - (last - i)].empty())
      answer.set("reasoning_content", thoughts_[thoughts_.size() - (last - i)]);
    list.push(std::move(answer));
  }
  return list;
}

Json RemoteChat::form_of_output() const {
  Json form = Json::object();
  form.set("type", schema_ ? "json_schema" : "json_object");
  if (!schema_) return form;
  Json named = Json::object();
  named.set("name", "answer");
  named.set("strict", true);
  named.set("schema", *schema_);
  form.set("json_schema", std::move(named));
  return form;
}

Json RemoteChat::request() const {
  Json j = Json::object();
  if (!model_.empty()) j.set("model", model_);
  j.set("messages", messages());
  if (context_.tools) j.set("tools", *context_.tools);
  if (tokens_ > 0) j.set("max_tokens", tokens_);
  const SamplingOptions& s = sampling_;
  if (is_given("--temperature")) j.set("temperature", s.temperature);
  if (is_given("--top-k")) j.set("top_k", s.top_k);
  if (is_given("--top-p")) j.set("top_p", s.top_p);
  if (is_given("--min-p")) j.set("min_p", s.min_p);
  if (is_given("--typical")) j.set("typical_p", s.typical_p);
  if (is_given("--repeat-penalty")) j.set("repeat_penalty", s.repeat_penalty);
  if (is_given("--presence-penalty")) j.set("presence_penalty", s.presence_penalty);
  if (is_given("--frequency-penalty")) j.set("frequency_penalty", s.frequency_penalty);
  if (is_given("--seed")) j.set("seed", s.seed);
  if (schema_ || options_.output.json_object) j.set("response_format", form_of_output());
  if (options_.thinking != "auto") {  // DeepSeek's switch, and that of llama.cpp, vLLM and weir
    const bool is_on = options_.thinking == "on";
    Json thinking = Json::object(), arguments = Json::object();
    thinking.set("type", is_on ? "enabled" : "disabled");
    arguments.set("enable_thinking", is_on);
    arguments.set("thinking", is_on);
    j.set("thinking", std::move(thinking));
    j.set("chat_template_kwargs", std::move(arguments));
  }
  return j;
}

// Forgets the oldest turns as long as the server says that all of them do not fit.
Result<ChatApiReply> RemoteChat::ask_server() {
  const ThinkingStyle style = options_.no_thinking ? ThinkingStyle::hidden
                              : stdout_has_color() ? ThinkingStyle::dimmed
                                                   : ThinkingStyle::marked;
  for (;;) {
    ThinkingWriter writer(style);
    bool has_text = false;
    const auto show = [](const std::string& text) {
      fwrite(text.data(), 1, text.size(), stdout);
      fflush(stdout);
    };
    Result<ChatApiReply> reply =
        api_.ask(request(), [&](bool is_thinking, const std::string& text) {
          has_text = true;
          show(writer.write(
              {{is_thinking ? ReplyPiece::Part::thinking : ReplyPiece::Part::answer, text}}));
          return !ferror(stdout);
        });
    if (reply || has_text) show(writer.finish());
    if (reply || !api_.was_too_long() || turns_.size() == 1 || options_.history == "none")
      return reply;
    turns_.erase(turns_.begin());
    fmt::print(stderr, "(the first turn no longer fits into the context and is forgotten)\n");
  }
}

Result<void> RemoteChat::answer_last() {
  if (!turns_.back().is_result) thoughts_.clear();
  ChatApiReply reply = TRY(ask_server());
  turns_.back().answer = reply.answer;
  turns_.back().calls = reply.is_cancelled ? Json() : std::move(reply.calls);
  thoughts_.push_back(std::move(reply.thinking));
  show_calls();
  keep();
  say_how_it_ended(reply);
  return {};
}

void RemoteChat::say_how_it_ended(const ChatApiReply& reply) const {
  if (reply.is_cancelled)
    fmt::print(stderr, "(stopped; /again asks once more)\n");
  else if (reply.finish_reason == "length")
    fmt::print(stderr, "(cut; /tokens N allows longer answers)\n");
  else if (reply.finish_reason == "content_filter")
    fmt::print(stderr, "(the server withheld the rest)\n");
}

}  // namespace weir
