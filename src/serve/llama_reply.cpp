#include "serve/llama_reply.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "serve/token_scores.h"

namespace weir {
namespace {

const char* error_type(const ApiError& error) {
  if (error.code == "context_length_exceeded") return "exceed_context_size_error";
  switch (error.status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 501:
      return "not_supported_error";
    case 429:
    case 503:
      return "unavailable_error";
  }
  return error.status >= 500 ? "server_error" : "invalid_request_error";
}

std::string llama_error_body(const ApiError& error) {
  Json inner = Json::object();
  inner.set("code", error.status);
  inner.set("message", error.message);
  inner.set("type", error_type(error));
  Json body = Json::object();
  body.set("error", std::move(inner));
  return body.dump();
}

const char* stop_type(const ReplyParts& parts) {
  if (!parts.stop.empty()) return "word";
  return parts.reason == FinishReason::length ? "limit" : "eos";
}

// "generation_settings/n_predict" becomes a field of the reply under that name.
Json only(const Json& reply, const std::vector<std::string>& fields) {
  Json some = Json::object();
  for (const std::string& field : fields) {
    const Json* value = &reply;
    for (const std::string_view part : split(field, '/')) value = value ? value->find(part) : value;
    if (value) some.set(field.substr(field.rfind('/') + 1), *value);
  }
  return some;
}

class LlamaWriter : public ReplyWriter {
 public:
  LlamaWriter(const ServeRequest& request, LlamaReplyOptions options, const ServedModel& model)
      : tokenizer_(model.tokenizer()),
        model_(model.name()),
        options_(std::move(options)),
        positions_max_(model.positions_max()),
        settings_(settings(request)) {
    for (const TextPrompt& prompt : request.prompts)
      for (int i = 0; i < request.choices; ++i) prompts_.push_back(text_of(prompt));
    has_line_.resize(prompts_.size());
  }

  std::string part(int choice, const ReplyParts& parts, const ReplyUsage& usage) override {
    std::string out;
    uint8_t& has_line = has_line_[size_t(choice)];
    has_line |= parts.answer.find('\n') != std::string::npos;
    if (!options_.is_empty && (parts.has_text() || !parts.answer_scores.empty())) {
      Json j = head(choice, parts.answer, parts);
      j.set("stop", false);
      add_counts(choice, parts, usage, j);
      if (options_.probabilities > 0)
        j.set("completion_probabilities", scores_json(tokenizer_, parts.answer_scores, true));
      if (options_.returns_timings) j.set("timings", timings(choice, parts, usage));
      out += event(j);
    }
    if (parts.is_last) {
      Json last = head(choice, "", {});
      add_end(choice, parts, usage, last);
      out += event(options_.fields.empty() ? last : only(last, options_.fields));
    }
    return out;
  }

  std::string end(const ReplyUsage&) override { return ""; }
  std::string failure(const ApiError& error) override {
    return "data: " + llama_error_body(error) + "\n\n";
  }

  std::string whole(std::span<const ReplyParts> choices, const ReplyUsage& usage) override {
    Json list = Json::array();
    for (size_t i = 0; i < choices.size(); ++i) {
      const ReplyParts& parts = choices[i];
      has_line_[i] = parts.answer.find('\n') != std::string::npos;
      Json j = head(int(i), options_.is_empty ? "" : parts.answer, parts);
      add_end(int(i), parts, usage, j);
      if (options_.probabilities > 0 && !options_.is_empty)
        j.set("completion_probabilities", scores_json(tokenizer_, parts.answer_scores, true));
      list.push(options_.fields.empty() ? std::move(j) : only(j, options_.fields));
    }
    return list.size() == 1 ? list.items()[0].dump() : list.dump();
  }

 private:
  static std::string event(const Json& body) { return "data: " + body.dump() + "\n\n"; }

  std::string text_of(const TextPrompt& prompt) const {
    std::string text = prompt.text;
    if (prompt.is_tokens)
      if (auto decoded = tokenizer_.decode(prompt.tokens, true)) text = *decoded;
    for (const TextPrompt& piece : prompt.pieces) text += text_of(piece);
    return text;
  }

  Json settings(const ServeRequest& request) const {
    Json j = llama_sampling(request.sampling);
    // 2^32 - 1 stands for a random one there.
    j.set("seed", request.has_seed ? Json(request.sampling.seed) : Json(int64_t(UINT32_MAX)));
    j.set("n_predict", options_.tokens_max);
    j.set("max_tokens", options_.tokens_max);
    j.set("n_ctx", positions_max_);
    Json stops = Json::array();
    for (const std::string& stop : request.stops) stops.push(stop);
    j.set("stop", std::move(stops));
    j.set("ignore_eos", request.ignores_end);
    j.set("stream", request.streams);
    j.set("n_probs", options_.probabilities);
    j.set("grammar",
          request.form && request.form->kind == OutputKind::gbnf ? request.form->text : "");
    j.set("timings_per_token", options_.returns_timings);
    return j;
  }

  Json head(int choice, std::string text, const ReplyParts& parts) const {
    Json j = Json::object();
    j.set("index", choice);
    j.set("content", std::move(text));
    Json tokens = Json::array();
    if (options_.returns_tokens && !options_.is_empty)
      for (const TokenScore& score : parts.answer_scores) tokens.push(score.token);
    j.set("tokens", std::move(tokens));
    j.set("id_slot", choice);
    return j;
  }

  int predicted(const ReplyParts& parts) const { return options_.is_empty ? 0 : parts.tokens; }

  void add_counts(int choice, const ReplyParts& parts, const ReplyUsage& usage, Json& j) const {
    j.set("tokens_predicted", predicted(parts));
    j.set("tokens_evaluated", usage.prompts[size_t(choice)]);
  }

  void add_end(int choice, const ReplyParts& parts, const ReplyUsage& usage, Json& j) const {
    j.set("stop", true);
    j.set("model", model_);
    add_counts(choice, parts, usage, j);
    j.set("generation_settings", settings_);
    j.set("prompt", prompts_[size_t(choice)]);
    j.set("has_new_line", has_line_[size_t(choice)] != 0);
    j.set("truncated", parts.reason == FinishReason::length &&
                           usage.prompts[size_t(choice)] + parts.tokens > positions_max_);
    j.set("stop_type", options_.is_empty ? "limit" : stop_type(parts));
    j.set("stopping_word", parts.stop);
    j.set("tokens_cached", cached(choice, usage));
    j.set("timings", timings(choice, parts, usage));
  }

  static int64_t cached(int choice, const ReplyUsage& usage) {
    return choice == 0 ? usage.cached : 0;
  }

  Json timings(int choice, const ReplyParts& parts, const ReplyUsage& usage) const {
    Json j = Json::object();
    const auto add = [&](const std::string& name, int64_t tokens, double seconds) {
      j.set(name + "_n", tokens);
      j.set(name + "_ms", seconds * 1e3);
      j.set(name + "_per_token_ms", tokens > 0 ? seconds * 1e3 / double(tokens) : 0);
      j.set(name + "_per_second", seconds > 0 ? double(tokens) / seconds : 0);
    };
    j.set("cache_n", cached(choice, usage));
    add("prompt", usage.prompts[size_t(choice)] - cached(choice, usage), usage.prompt_seconds);
    add("predicted", predicted(parts), usage.seconds - usage.prompt_seconds);
    return j;
  }

  const Tokenizer& tokenizer_;
  const std::string model_;
  const LlamaReplyOptions options_;
  const int positions_max_;
  const Json settings_;
  std::vector<std::string> prompts_;  // of each choice
  std::vector<uint8_t> has_line_;     // of each choice: a line end
};

}  // namespace

HttpReply llama_error(const ApiError& error) { return error_reply(error, llama_error_body(error)); }

std::unique_ptr<ReplyWriter> llama_writer(const ServeRequest& request, LlamaReplyOptions options,
                                          const ServedModel& model) {
  return std::make_unique<LlamaWriter>(request, std::move(options), model);
}

Json llama_sampling(const SamplingOptions& s) {
  Json j = Json::object();
  j.set("temperature", s.temperature);
  j.set("top_k", s.top_k);
  j.set("top_p", s.top_p);
  j.set("min_p", s.min_p);
  j.set("typical_p", s.typical_p);
  j.set("xtc_probability", s.xtc_probability);
  j.set("xtc_threshold", s.xtc_threshold);
  j.set("repeat_penalty", s.repeat_penalty);
  j.set("repeat_last_n", s.repeat_last_n);
  j.set("presence_penalty", s.presence_penalty);
  j.set("frequency_penalty", s.frequency_penalty);
  j.set("dry_multiplier", s.dry_multiplier);
  j.set("dry_base", s.dry_base);
  j.set("dry_allowed_length", s.dry_allowed_length);
  j.set("dry_penalty_last_n", s.dry_last_n);
  return j;
}

}  // namespace weir
