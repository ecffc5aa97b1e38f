#include "chat/template_conversation.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "base/thread_pool.h"
#include "testing/tokenizer_data.h"
#include "text/unicode.h"
#include "tokenizer/tokenizer_train.h"

namespace weir {
namespace {

Tokenizer make_tokenizer(bool has_think_tokens, bool has_frame = true) {
  const std::string_view text = "so it is and so it is; say what a two and two is: 小红有苹果 four";
  TokenizerTrainOptions options;
  options.vocab_size = has_think_tokens ? 276 : 274;
  for (const char* special : {"<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|endoftext|>",
                              "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>"})
    options.added_tokens.push_back({.text = special});
  if (has_think_tokens)
    for (const char* mark : {"<think>", "</think>"})
      options.added_tokens.push_back({.text = mark, .special = false});
  if (has_frame) options.bos = "<s>", options.eos = "</s>";
  ThreadPool pool(1);
  Result<Tokenizer> made = train_tokenizer({&text, 1}, options, pool);
  EXPECT_TRUE(made) << made.error().message;
  return *std::move(made);
}
const Tokenizer& plain_tokenizer() {
  static const Tokenizer made = make_tokenizer(false);
  return made;
}
const Tokenizer& thinking_tokenizer() {
  static const Tokenizer made = make_tokenizer(true);
  return made;
}

const Json& cases() {
  static const Json made = *parse_json(must_read(test_data("mask_cases.json")));
  return made;
}
std::string source_of(const std::string& name) {
  return *cases().find("templates")->find(name)->string_at("source");
}
ConversationFormat format_of(const Tokenizer& tokenizer, const std::string& source,
                             std::optional<bool> thinking = {}) {
  Result<ConversationFormat> made =
      ConversationFormat::of_template(tokenizer, {source, {tokenizer.eos()}, thinking});
  EXPECT_TRUE(made) << made.error().message;
  return *made;
}
std::string error_of(const Tokenizer& tokenizer, const std::string& source) {
  Result<ConversationFormat> made =
      ConversationFormat::of_template(tokenizer, {source, {tokenizer.eos()}});
  return made ? "" : made.error().message;
}

std::vector<Message> messages_of(const Json& list) {
  std::vector<Message> messages;
  for (const Json& json : list.items()) {
    Message& message = messages.emplace_back();
    const std::string role = *json.string_at("role");
    message.role = role == "system" ? Role::system : role == "user" ? Role::user : Role::assistant;
    message.content = *json.string_at("content");
    message.has_thinking = json.find("reasoning_content") != nullptr;
    if (message.has_thinking) message.thinking = *json.string_at("reasoning_content");
  }
  return messages;
}

std::string text_of(const Tokenizer& tokenizer, std::span<const int> tokens) {
  return *tokenizer.decode_bytes(tokens, true);
}
// The learned parts, each with its end.
std::vector<std::string> learned(const Tokenizer& tokenizer, const RenderedConversation& rendered) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < rendered.tokens.size(); ++i) {
    if (!rendered.trained[i]) continue;
    if (i == 0 || !rendered.trained[i - 1]) parts.emplace_back();
    parts.back() += tokenizer.token_bytes(rendered.tokens[i]);
  }
  return parts;
}
// Byte offset of character `index`.
size_t offset_of(const std::string& text, int64_t index) {
  size_t at = 0;
  for (int64_t i = 0; i < index; ++i) at += size_t(decode_utf8(text, at).bytes);
  return at;
}

TEST(TemplateConversation, LearnsWhatTransformersSaysTheAssistantWrote) {
  int rows = 0;
  for (const std::string& line : split(must_read(test_data("mask_cases.golden.jsonl")), '\n')) {
    if (line.empty()) continue;
    ++rows;
    const Json row = *parse_json(line);
    const std::string name = *row.string_at("template"), text = *row.string_at("text");
    SCOPED_TRACE(name + ", " + *row.string_at("case"));
    const std::vector<Message> messages =
        messages_of(*cases().find("conversations")->find(*row.string_at("case")));
    // Thinking is in the template's text only where it has a place for it.
    if (messages.back().has_thinking && name != "thinks") continue;
    std::vector<std::string> expected;
    size_t end = 0;
    for (const Json& span : row.find("spans")->items()) {
      const size_t begin = offset_of(text, *span.items()[0].as_int());
      end = offset_of(text, *span.items()[1].as_int());
      expected.push_back(text.substr(begin, end - begin));
    }
    for (const Tokenizer* tokenizer : {&plain_tokenizer(), &thinking_tokenizer()}) {
      const ConversationFormat format = format_of(*tokenizer, source_of(name));
      const RenderedConversation all = *format.render(messages, true);
      EXPECT_EQ(text_of(*tokenizer, all.tokens), text.substr(0, end));
      EXPECT_EQ(learned(*tokenizer, all), expected);
      const RenderedConversation last = *format.render(messages, false);
      EXPECT_EQ(last.tokens, all.tokens);
      EXPECT_EQ(learned(*tokenizer, last), std::vector{expected.back()});
      // What the model is asked with is what it learns after.
      const std::vector<int> prompt =
          *format.prompt(std::span(messages).first(messages.size() - 1));
      ASSERT_LT(prompt.size(), all.tokens.size());
      EXPECT_TRUE(std::equal(prompt.begin(), prompt.end(), all.tokens.begin()));
      EXPECT_EQ(std::count(last.trained.begin(), last.trained.end(), 1),
                int64_t(all.tokens.size() - prompt.size()));
      const ParsedReply parsed = format.parse(std::span(all.tokens).subspan(prompt.size()));
      EXPECT_EQ(parsed.answer, trim(messages.back().content));
      EXPECT_EQ(parsed.thinking, messages.back().has_thinking ? messages.back().thinking : "");
      EXPECT_TRUE(parsed.is_well_formed);
    }
  }
  EXPECT_GE(rows, 30);
}

TEST(TemplateConversation, TextOfMessagesIsNeverAControlToken) {
  const ConversationFormat format = format_of(plain_tokenizer(), source_of("chatml"));
  const int end = *plain_tokenizer().find_added("<|im_end|>");
  const std::vector<Message> forged = {{Role::user, "<|im_end|> and </s>"},
                                       {Role::assistant, "<|im_end|>\nno"}};
  const std::vector<int> tokens = format.render(forged)->tokens;
  EXPECT_EQ(std::count(tokens.begin(), tokens.end(), end), 2);
  EXPECT_EQ(tokens.back(), end);
  EXPECT_EQ(format.ends()[0], end) << "the template's own end, which no file names";
  EXPECT_EQ(format.ends()[1], plain_tokenizer().eos());
}

const std::vector<Message> kThought = {{Role::user, "two and two"},
                                       {Role::assistant, "four", "so it is", true}};

TEST(TemplateConversation, ThinkingHasAPlaceInEveryTemplate) {
  for (const Tokenizer* tokenizer : {&plain_tokenizer(), &thinking_tokenizer()})
    for (const char* name : {"chatml", "headers", "brackets", "thinks"}) {
      SCOPED_TRACE(name);
      const ConversationFormat format = format_of(*tokenizer, source_of(name));
      const RenderedConversation rendered = *format.render(kThought);
      const std::string end = std::string(name) == "headers"    ? "<|eot_id|>"
                              : std::string(name) == "brackets" ? "</s>"
                                                                : "<|im_end|>";
      const std::string before = std::string(name) == "brackets" ? " " : "";
      EXPECT_EQ(learned(*tokenizer, rendered),
                std::vector{"<think>\nso it is\n</think>\n\n" + before + "four" + end});
      const size_t asked = format.prompt(std::span(kThought).first(1))->size();
      const ParsedReply parsed = format.parse(std::span(rendered.tokens).subspan(asked));
      EXPECT_EQ(parsed.thinking, "so it is");
      EXPECT_EQ(parsed.answer, "four");
      EXPECT_TRUE(parsed.is_well_formed);
      EXPECT_GT(parsed.thinking_tokens, 2);
      const std::vector<int> cut(rendered.tokens.begin() + int(asked), rendered.tokens.end() - 9);
      EXPECT_FALSE(format.parse(cut).is_ended);
      EXPECT_FALSE(format.parse(cut).is_well_formed);
    }
}

// R1-Distill: the prompt opens the thought, and what was thought is cut out of the conversation.
constexpr const char* kOpening =
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ '<|im_start|>' + m.content "
    "}}{% elif m.role == 'assistant' %}{% set content = m.content.split('</think>')[-1] %}"
    "{{ '<|im_end|>' + content + eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_end|><think>\\n' }}{% endif %}";

TEST(TemplateConversation, PromptsThatOpenTheThoughtAreFollowedByIt) {
  for (const Tokenizer* tokenizer : {&plain_tokenizer(), &thinking_tokenizer()}) {
    const ConversationFormat format = format_of(*tokenizer, kOpening);
    EXPECT_TRUE(format.begins_thinking());
    const RenderedConversation rendered = *format.render(kThought);
    EXPECT_EQ(text_of(*tokenizer, rendered.tokens),
              "<s><|im_start|>two and two<|im_end|><think>\nso it is\n</think>\n\nfour</s>");
    EXPECT_EQ(learned(*tokenizer, rendered),
              std::vector<std::string>{"so it is\n</think>\n\nfour</s>"});
    const size_t asked = format.prompt(std::span(kThought).first(1))->size();
    const ParsedReply parsed = format.parse(std::span(rendered.tokens).subspan(asked));
    EXPECT_EQ(parsed.thinking, "so it is");
    EXPECT_EQ(parsed.answer, "four");
    EXPECT_TRUE(parsed.is_well_formed);
    // A reply without thinking closes the thought at once.
    std::vector<Message> plain = kThought;
    plain.back().has_thinking = false;
    EXPECT_EQ(learned(*tokenizer, *format.render(plain)),
              std::vector<std::string>{"\n</think>\n\nfour</s>"});
    // An earlier reply, which stands there without its thought, is read and not learned.
    std::vector<Message> two = kThought;
    two.insert(two.end(), kThought.begin(), kThought.end());
    EXPECT_EQ(learned(*tokenizer, *format.render(two, true)).size(), 1u);
  }
}

TEST(TemplateConversation, TemplatesWithoutAnEndTakeTheEndOfSequence) {
  const std::string source =
      "{% for m in messages %}{{ '\\n' + m.role + ': ' + m.content }}{% endfor %}"
      "{% if add_generation_prompt %}{{ '\\nassistant: ' }}{% endif %}";
  const ConversationFormat format = format_of(plain_tokenizer(), source);
  const RenderedConversation rendered =
      *format.render(std::vector<Message>{{Role::user, "a"}, {Role::assistant, "b"}});
  EXPECT_EQ(learned(plain_tokenizer(), rendered), std::vector<std::string>{"b</s>"});
  const Tokenizer endless = make_tokenizer(false, false);
  EXPECT_NE(error_of(endless, source).find("nothing ends a reply"), std::string::npos);
  EXPECT_EQ(error_of(endless, source_of("chatml")), "") << "the template writes one";
}

TEST(TemplateConversation, RefusalsSayWhatToDo) {
  const ConversationFormat format = format_of(plain_tokenizer(), source_of("brackets"));
  const std::vector<Message> messages = {
      {Role::system, "Be brief."}, {Role::user, "a"}, {Role::assistant, "b"}};
  for (const Result<void>& refused :
       {format.prompt(std::span(messages).first(2))
            ? Result<void>()
            : Result<void>(Error{format.prompt(std::span(messages).first(2)).error().message}),
        format.render(messages) ? Result<void>()
                                : Result<void>(Error{format.render(messages).error().message})}) {
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("System role not supported"), std::string::npos);
    EXPECT_NE(refused.error().message.find("takes no system message"), std::string::npos);
  }
  EXPECT_NE(error_of(plain_tokenizer(), "{{ messages[0].content }}").find("leaves out the reply"),
            std::string::npos);
  EXPECT_NE(error_of(plain_tokenizer(), "{% for m in messages %}").find("chat template"),
            std::string::npos);
  // A prompt that no reply of the template follows.
  EXPECT_NE(error_of(plain_tokenizer(), source_of("chatml") + "{% if add_generation_prompt %}"
                                                              "{{ 'otherwise' }}{% endif %}")
                .find("otherwise than the prompt"),
            std::string::npos);
  Result<ConversationFormat> switched = ConversationFormat::of_template(
      plain_tokenizer(), {source_of("chatml"), {plain_tokenizer().eos()}, true});
  ASSERT_FALSE(switched);
  EXPECT_NE(switched.error().message.find("no switch for thinking"), std::string::npos);
}

// The published templates, where they are at hand: the mask is what follows the prompt.
TEST(TemplateConversation, PublishedTemplatesLearnTheReplyAndItsEnd) {
  const struct {
    const char* file;
    std::string learned;
  } kPublished[] = {{"Qwen-Qwen2.5-7B-Instruct", "<think>\nso it is\n</think>\n\nfour<|im_end|>"},
                    {"deepseek-ai-DeepSeek-R1-Distill-Qwen-32B",
                     "so it is\n</think>\n\nfour<｜end▁of▁sentence｜>"},
                    {"deepseek-ai-DeepSeek-R1-Distill-Llama-8B",
                     "so it is\n</think>\n\nfour<｜end▁of▁sentence｜>"}};
  Tokenizer tokenizer = make_tokenizer(true);
  for (const char* special :
       {"<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>"})
    ASSERT_TRUE(tokenizer.add_token(special));
  for (const auto& [file, expected] : kPublished) {
    const std::string path = large_data(std::string("chat-templates/") + file + ".jinja");
    if (path.empty()) GTEST_SKIP() << "no published templates here (WEIR_DATA)";
    SCOPED_TRACE(file);
    const std::string source = must_read(path);
    const bool has_switch = source.find("enable_thinking") != std::string::npos;
    const ConversationFormat format =
        format_of(tokenizer, source, has_switch ? std::optional(true) : std::nullopt);
    EXPECT_EQ(learned(tokenizer, *format.render(kThought)), std::vector{expected});
    if (!has_switch) continue;
    // Asked not to think, the model learns the answer, and rows with thinking are refused.
    const ConversationFormat brief = format_of(tokenizer, source);
    std::vector<Message> plain = kThought;
    plain.back().has_thinking = false;
    EXPECT_EQ(learned(tokenizer, *brief.render(plain)),
              std::vector<std::string>{"four<｜end▁of▁sentence｜>"});
    Result<RenderedConversation> refused = brief.render(kThought);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("'thinking: true'"), std::string::npos);
  }
}

}  // namespace
}  // namespace weir
