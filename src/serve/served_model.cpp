#include "serve/served_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <random>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "chat/dry_breakers.h"
#include "serve/call_form.h"
#include "serve/reply_filters.h"
#include "tokenizer/end_names.h"

namespace weir {
namespace {

uint64_t random_seed() {
  static thread_local std::random_device device;
  return (uint64_t(device()) << 32) | device();
}

// "qwen", "qwen:latest", and "qwen@manuals" of a conversation with a knowledge base.
bool is_name(const std::string& name, const std::string& known) {
  return name == known || name == known + ":latest" || name.starts_with(known + "@");
}

}  // namespace

std::string name_of_path(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  std::string name = base_name(path);
  if (name.ends_with(".gguf")) name.resize(name.size() - 5);
  return name.empty() || name == "." || name == ".." ? "model" : name;
}

ServedModel::ServedModel(OpenModel open, ChatForm form, std::string path,
                         ServedModelOptions options)
    : open_(std::move(open)),
      form_(std::move(form)),
      path_(std::move(path)),
      options_(std::move(options)),
      created_(int64_t(std::time(nullptr))) {
  names_.push_back(options_.name.empty() ? name_of_path(path_) : options_.name);
  for (const std::string& alias : options_.aliases) names_.push_back(alias);
  for (size_t i = open_.has_own_adapter ? 1 : 0; i < open_.adapters.size(); ++i)
    names_.push_back(open_.adapters[i]);
  Request chat;
  form_.set_ends(open_, chat);
  const std::vector<int> plain = end_ids(open_);
  std::set<int> all(chat.stop_ids.begin(), chat.stop_ids.end());
  all.insert(plain.begin(), plain.end());
  ends_.assign(all.begin(), all.end());
}

Result<std::unique_ptr<ServedModel>> ServedModel::create(OpenModel open, const std::string& path,
                                                         ServedModelOptions options) {
  ChatForm form = TRY(ChatForm::choose(open, path, options.form));
  return std::unique_ptr<ServedModel>(
      new ServedModel(std::move(open), std::move(form), path, std::move(options)));
}

std::optional<ApiError> ServedModel::check_name(const std::string& name) const {
  if (name.empty()) return {};
  for (const std::string& known : names_)
    if (is_name(name, known)) return {};
  return ApiError{.status = 404,
                  .message = fmt::format("there is no model '{}'; this server has: {}",
                                         printable(name), fmt::join(names_, ", ")),
                  .param = "model",
                  .code = "model_not_found"};
}

const PolicyHeads& ServedModel::heads(const Policy& policy) const {
  std::call_once(heads_opened_, [&] {
    std::string errors;
    heads_ = open_heads(policy, *open_.model, errors);
    if (!heads_.open && !errors.empty())
      fmt::print(stderr, "note: the guard judges {} without heads:{}\n", name(), errors);
  });
  return heads_;
}

// Every adapter is a name of the model.
int ServedModel::adapter_of(const std::string& name) const {
  for (size_t i = open_.has_own_adapter ? 1 : 0; i < open_.adapters.size(); ++i)
    if (is_name(name, open_.adapters[i])) return int(i);
  return AdapterUse::kOfModel;
}

ApiResult<std::vector<int>> ServedModel::encode_chat(const ServeRequest& request,
                                                     PreparedRequest& prepared) const {
  TemplateOptions how;
  if (request.tools) how.tools = &*request.tools;
  if (form_.has_thinking_switch()) how.thinking = request.thinking;
  if (!request.reasoning_effort.empty() && form_.reads("reasoning_effort")) {
    how.extra = Json::object();
    how.extra.set("reasoning_effort", request.reasoning_effort);
  }
  Result<ChatPrompt> prompt = request.continues
                                  ? form_.encode_begun(open_, request.messages, std::move(how))
                                  : form_.encode(open_, request.messages, std::move(how));
  if (!prompt) return ApiError{.message = prompt.error().message, .param = "messages"};
  if (!form_.is_plain()) {
    prepared.text.marks = form_.marks(open_, prompt->begins_thinking, request.tools.has_value());
    prepared.text.marks->ends = prepared.text.ends;
    prepared.text.marks->continues = prompt->continues;
  }
  return std::move(prompt->tokens);
}

ApiResult<std::vector<int>> ServedModel::encode_text(const TextPrompt& prompt,
                                                     bool allow_special) const {
  std::vector<int> all;
  for (const TextPrompt& piece : prompt.pieces) {
    ApiResult<std::vector<int>> tokens = std::vector<int>();
    // The first piece begins the text.
    if (piece.is_tokens || &piece == &prompt.pieces.front())
      tokens = encode_text(piece, allow_special);
    else if (auto more = tokenizer().encode(piece.text, {.allow_special = allow_special}))
      tokens = *std::move(more);
    else
      tokens = ApiError{.message = more.error().message, .param = "prompt"};
    if (!tokens) return tokens;
    all.insert(all.end(), tokens->begin(), tokens->end());
  }
  if (!prompt.pieces.empty()) return all;
  if (prompt.is_tokens) {
    for (const int token : prompt.tokens)
      if (!tokenizer().has(token))
        return ApiError{.message = fmt::format("'prompt' has the token {}; tokens are 0 to {}",
                                               token, tokenizer().size() - 1),
                        .param = "prompt"};
    return prompt.tokens;
  }
  Result<std::vector<int>> tokens = encode_prompt(open_, prompt.text, allow_special);
  if (!tokens) return ApiError{.message = tokens.error().message, .param = "prompt"};
  return *std::move(tokens);
}

ApiResult<std::vector<std::vector<int>>> ServedModel::encode(const ServeRequest& request,
                                                             PreparedRequest& prepared) const {
  std::vector<std::vector<int>> prompts;
  if (request.messages.is_array()) {
    ApiResult<std::vector<int>> tokens = encode_chat(request, prepared);
    if (!tokens) return std::move(tokens).error();
    prompts.push_back(*std::move(tokens));
    return prompts;
  }
  if (request.infill) return encode_infill(request, prepared);
  for (const TextPrompt& prompt : request.prompts) {
    ApiResult<std::vector<int>> tokens = encode_text(prompt, request.allow_special);
    if (!tokens) return std::move(tokens).error();
    prompts.push_back(*std::move(tokens));
  }
  return prompts;
}

// The vocabulary is made for the first request that has a form.
ApiResult<std::shared_ptr<TokenGrammar>> ServedModel::grammar_of(
    const ServeRequest& request) const {
  const bool has_calls = needs_call_grammar(request);
  if (!has_calls && !request.form) return std::shared_ptr<TokenGrammar>();
  const std::string field = has_calls && !request.form ? "tools" : request.form_field;
  std::call_once(vocabulary_made_, [this] {
    auto vocabulary = TokenVocabulary::create(tokenizer(), ends_);
    if (!vocabulary) return;
    grammars_ = std::make_unique<OutputGrammars>(*std::move(vocabulary));
  });
  if (!grammars_)
    return ApiError{
        .message =
            "this model has no token that ends a reply, so none can be held to '" + field + "'",
        .param = field};
  OutputForm form = request.form ? *request.form : OutputForm{};
  if (has_calls) {
    std::call_once(spelling_found_, [this] { spelling_ = call_spelling(open_, form_); });
    form = call_output(request, spelling_);
  }
  auto grammar = grammars_->get(form);
  if (!grammar) return ApiError{.message = field + ": " + grammar.error().message, .param = field};
  return *std::move(grammar);
}

ApiResult<std::vector<int>> ServedModel::begun_tokens(const ServeRequest& request,
                                                      TokenGrammar& grammar) const {
  const std::string& begun = request.messages.items().back().text_at("content");
  auto tokens = tokenizer().encode(begun);
  if (!tokens || !grammar.begins(begun))
    return ApiError{.message = "the text of the last message is not the beginning of what '" +
                               (request.form ? request.form_field : "tool_choice") + "' asks for",
                    .param = "messages"};
  return *std::move(tokens);
}

// A prompt that is too long for the context is left out with those after it.
ApiResult<std::vector<TokenRequest>> ServedModel::encode_scored(const ServeRequest& request) const {
  std::vector<TokenRequest> scored;
  const auto reply = tokenizer().encode(request.scored_reply);
  if (!reply) return ApiError{.message = reply.error().message, .param = "messages"};
  if (reply->empty()) return scored;
  for (const Json& messages : request.scored) {
    TemplateOptions how;
    if (form_.has_thinking_switch()) how.thinking = false;
    const Result<ChatPrompt> prompt = form_.encode(open_, messages, std::move(how));
    if (!prompt) return ApiError{.message = prompt.error().message, .param = "messages"};
    TokenRequest sequence{.prompt = prompt->tokens, .tokens_max = 1};
    sequence.sampling.temperature = 0;
    sequence.scores_prompt = true;
    sequence.scored_from = int(sequence.prompt.size());
    sequence.adapter = AdapterUse::kNone;
    sequence.prompt.insert(sequence.prompt.end(), reply->begin(), reply->end());
    if (sequence.prompt.size() >= size_t(positions_max())) break;
    scored.push_back(std::move(sequence));
  }
  return scored;
}

ApiResult<PreparedRequest> ServedModel::prepare(const ServeRequest& request) const {
  PreparedRequest prepared;
  Request ends;
  if (request.messages.is_array())
    form_.set_ends(open_, ends);
  else
    ends.stop_ids = end_ids(open_);
  if (request.infill) add_ends(ends.stop_ids, open_.infill.ends);
  if (request.form || needs_call_grammar(request))
    prepared.text.ends = ends_;  // drawn where the form is complete
  else if (!request.ignores_end)
    prepared.text.ends = ends.stop_ids;
  prepared.text.stops = request.stops;
  prepared.text.lines = request.lines;
  prepared.text.seconds_max = request.seconds_max;
  if (request.messages.is_array())
    prepared.text.stops.insert(prepared.text.stops.end(), ends.stops.begin(), ends.stops.end());
  prepared.text.wants_scores = request.wants_scores;
  prepared.text.tools = request.tools;
  prepared.text.whole_calls = request.whole_calls || !request.streams;
  prepared.text.single_call = request.tool_choice.is_single;
  if (auto stops = StopScanner::create(prepared.text.stops); !stops)
    return ApiError{.message = stops.error().message, .param = "stop"};

  ApiResult<std::vector<std::vector<int>>> prompts = encode(request, prepared);
  if (!prompts) return std::move(prompts).error();
  if (int64_t(prompts->size()) * request.choices > options_.choices_max)
    return ApiError{.message = fmt::format("{} prompts with {} replies each are more than the {} "
                                           "replies that one request may have",
                                           prompts->size(), request.choices, options_.choices_max),
                    .param = "n"};

  TokenRequest sequence;
  sequence.adapter = adapter_of(request.model);
  sequence.sampling = request.sampling;
  if (!request.has_seed) sequence.sampling.seed = random_seed();
  if (sequence.sampling.dry_multiplier > 0)
    sequence.sampling.dry_breakers =
        tokens_with(tokenizer(), request.dry_breakers ? *request.dry_breakers : kDryBreakers);
  if (auto valid = validate(sequence.sampling, tokenizer().size()); !valid)
    return ApiError{.message = valid.error().message};
  sequence.stop_ids = prepared.text.ends;
  std::optional<int> begins_after;
  std::vector<int> begun;  // tokens of the form that are in the prompt
  auto made = grammar_of(request);
  if (!made) return std::move(made).error();
  const std::shared_ptr<TokenGrammar> grammar = *std::move(made);
  if (grammar) {
    const auto& marks = prepared.text.marks;
    if (marks && marks->begins_thinking && marks->end_of_thinking >= 0)
      begins_after = marks->end_of_thinking;
    if (request.continues && !begins_after) {
      auto tokens = begun_tokens(request, *grammar);
      if (!tokens) return std::move(tokens).error();
      begun = *std::move(tokens);
    }
  }
  prepared.is_prompt_alone = request.is_prompt_alone;
  for (std::vector<int>& prompt : *prompts) {
    const int64_t room = int64_t(positions_max()) - int64_t(prompt.size());
    if (room < 0)
      return ApiError{
          .message = fmt::format("the prompt has {} tokens and the context of this model holds {} "
                                 "with the reply; shorten it",
                                 prompt.size(), positions_max()),
          .param = request.messages.is_array() ? "messages" : "prompt",
          .code = "context_length_exceeded"};
    if (prompt.empty())
      return ApiError{.message = "'prompt' has no token to begin with", .param = "prompt"};
    prepared.prompt_tokens += int64_t(prompt.size());
    sequence.tokens_max =
        request.tokens_max > 0 ? request.tokens_max : int(std::min<int64_t>(room + 1, INT32_MAX));
    sequence.prompt = prompt;
    sequence.scores_prompt = request.echoes && request.wants_scores;
    std::string echo;
    if (request.echoes && request.infill)
      echo = request.prompts[size_t(&prompt - prompts->data())].text;
    else if (request.echoes)
      if (auto text = tokenizer().decode(prompt, sequence.scores_prompt)) echo = *std::move(text);
    for (int i = 0; i < request.choices; ++i) {
      sequence.stream = prepared.sequences.size();
      std::unique_ptr<TokenFilter> filter;
      if (grammar && begun.empty())
        filter = std::make_unique<GrammarFilter>(grammar, prompt.size(), begins_after);
      else if (grammar)
        filter = std::make_unique<BegunFilter>(grammar, begun, prompt.size());
      if (const auto& marks = prepared.text.marks;
          request.thinking_max && marks && marks->end_of_thinking >= 0)
        filter = std::make_unique<ThinkingLimit>(
            std::move(filter),
            ThinkingLimit::Thought{marks->think, marks->end_of_thinking, marks->begins_thinking},
            prompt.size(), size_t(*request.thinking_max));
      if (filter) {
        prepared.filters.push_back(std::move(filter));
        sequence.token_filter = prepared.filters.back().get();
      } else if (!prepared.begun.empty()) {
        prepared.filters.push_back(
            std::make_unique<HealingFilter>(tokenizer(), prompt.size(), prepared.begun));
        sequence.token_filter = prepared.filters.back().get();
      }
      prepared.sequences.push_back(sequence);
      if (request.echoes) prepared.echoes.push_back(echo);
    }
  }
  auto scored = encode_scored(request);
  if (!scored) return std::move(scored).error();
  prepared.scored = *std::move(scored);
  for (const TokenRequest& one : prepared.scored)
    prepared.prompt_tokens += int64_t(one.prompt.size());
  return prepared;
}

}  // namespace weir
