// The chat template of a model's files: renders messages to the text the model was trained on. The
// result knows which bytes the template wrote, so that Tokenizer::encode_rendered() finds control
// tokens there and nowhere else.
#pragma once
#include <ctime>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "chat/conversation.h"
#include "text/traced_text.h"

namespace weir {

// The special tokens a template may print, as text; "" where a model has none.
struct ChatTokens {
  std::string bos = {}, eos = {};
  // Others by their name in tokenizer_config.json: "pad_token", "unk_token".
  std::vector<std::pair<std::string, std::string>> others = {};
};
// BOS and EOS of a tokenizer.
ChatTokens chat_tokens(const Tokenizer& tokenizer);

// Limits of one rendering; beyond them it fails.
struct TemplateLimits {
  size_t steps = 10'000'000;               // at most a few seconds
  size_t output_bytes = size_t(64) << 20;  // of the text, and of every intermediate text
  size_t memory_bytes = size_t(256) << 20;
};

struct TemplateOptions {
  bool add_generation_prompt = true;
  const Json* tools = nullptr;        // a list of JSON schemas
  std::optional<bool> thinking = {};  // sets enable_thinking and thinking
  // An object of further variables ("reasoning_effort"). Names that the template does not read, and
  // those it has anyway (messages, bos_token ...), are refused.
  Json extra = {};
  std::optional<std::tm> now = {};  // for strftime_now(); default: the local time
  TemplateLimits limits = {};
};

// text, and the spans of it that the template wrote.
using RenderedTemplate = TracedText;

class ChatTemplate {
 public:
  // Fails, naming the line, for what jinja2 with transformers' settings would not read, for what is
  // not supported, and for templates over the limits (1 MiB, 100 levels of nesting).
  static Result<ChatTemplate> create(std::string_view source, ChatTokens tokens);
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  // `messages`: a list of objects with 'role', 'content' and what else the template reads, such as
  // 'tool_calls'; reasoning under any of its names, as transformers takes it. May be called from
  // many threads at once. Errors say the line of the template, or what is wrong with a message.
  Result<RenderedTemplate> render(const Json& messages, const TemplateOptions& options = {}) const;

  // Whether the template reads a variable of this name anywhere.
  bool reads(std::string_view variable) const;
  // Whether TemplateOptions::thinking changes anything.
  bool has_thinking_switch() const { return reads("enable_thinking") || reads("thinking"); }

 private:
  struct State;
  explicit ChatTemplate(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Thinking becomes 'reasoning_content'.
Json messages_json(std::span<const Message> messages);

// The model continues inside of a thought: the template ended with <think>, blanks aside.
bool opens_thinking(const RenderedTemplate& rendered, std::string_view mark = "<think>");

// The template of a model's folder: chat_template.jinja, or 'chat_template' in
// tokenizer_config.json, which may be a text or a list of named ones. Of these `name` is taken, or
// "default" when there is none of that name. "" when the folder has no template.
Result<std::string> read_chat_template(const std::string& folder,
                                       std::string_view name = "default");

}  // namespace weir
