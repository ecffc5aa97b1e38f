#include "chat/template_conversation.h"

#include <algorithm>

#include "base/text.h"
#include "text/unicode.h"
#include "tokenizer/end_names.h"

namespace weir {
namespace {

constexpr std::string_view kThink = "<think>", kEndThink = "</think>";
// Around the thinking where the template has no place for it: as R1 and Qwen3 write it.
constexpr std::string_view kOpen = "<think>\n", kClose = "\n</think>\n\n";
// Letters that no template writes by itself.
constexpr const char* kProbeQuestion = "zquestionz";
constexpr const char* kProbeReply = "zreplyz";
constexpr const char* kProbeThinking = "zthinkingz";

// Templates of Llama 3 write the day into the system message. A run must not depend on it, so it is
// the one that they fall back to.
std::tm fixed_day() {
  std::tm day = {};
  day.tm_year = 124, day.tm_mon = 6, day.tm_mday = 26, day.tm_wday = 5, day.tm_yday = 207;
  return day;
}

// The end that training data gets, unless the files named it already.
void put_first(std::vector<int>& ends, int id) {
  if (std::find(ends.begin(), ends.end(), id) == ends.end()) ends.insert(ends.begin(), id);
}

bool is_blank(std::string_view text) { return trim(text).empty(); }

// What a prompt says about thinking at its end: <think>, or with </think> that there is none.
struct ThinkMark {
  size_t begin = std::string::npos;  // of it; npos: nothing
  bool is_closed = false;
  bool is_open() const { return begin != std::string::npos && !is_closed; }
};
ThinkMark think_mark(const TracedText& prompt) {
  ThinkMark mark;
  if (opens_thinking(prompt, kThink)) {
    mark.begin = prompt.text.rfind(kThink);
  } else if (opens_thinking(prompt, kEndThink)) {
    mark.is_closed = true;
    mark.begin = prompt.text.rfind(kEndThink);
    const TracedText before = prompt.slice(0, mark.begin);
    if (opens_thinking(before, kThink)) mark.begin = before.text.rfind(kThink);
  }
  return mark;
}

}  // namespace

Result<TemplateConversation> TemplateConversation::create(const Tokenizer& tokenizer,
                                                          ModelTemplate model) {
  TemplateConversation made(tokenizer,
                            TRY(ChatTemplate::create(model.source, chat_tokens(tokenizer))));
  made.thinking_ = model.thinking;
  const std::optional<int> think = tokenizer.find_added(kThink);
  const std::optional<int> end_think = tokenizer.find_added(kEndThink);
  if (think && end_think) made.think_ = *think, made.end_think_ = *end_think;
  for (int id : model.ends)
    if (tokenizer.has(id)) add_ends(made.ends_, {id});
  if (model.thinking && !made.template_.has_thinking_switch())
    return Error{"the chat template has no switch for thinking; leave out 'thinking'"};
  TRY(made.probe());
  return made;
}

Result<TracedText> TemplateConversation::write(std::span<const Message> messages, bool asks) const {
  TemplateOptions options;
  options.add_generation_prompt = asks;
  options.thinking = thinking_;
  options.now = fixed_day();
  return template_.render(messages_json(messages), options);
}

// The template's refusal of a system message, with what to do about it.
Result<TracedText> TemplateConversation::ask(std::span<const Message> messages) const {
  Result<TracedText> written = write(messages, true);
  const bool has_system = messages.size() > 1 && messages.front().role == Role::system;
  if (written || !has_system || !write(messages.subspan(1), true)) return written;
  return Error{written.error().message +
               " (the model's chat template takes no system message: put its text before the "
               "question, or leave it out)"};
}

Result<void> TemplateConversation::probe() {
  Message reply{Role::assistant, kProbeReply, kProbeThinking, true};
  const std::vector<Message> thought = {{Role::user, kProbeQuestion}, reply};
  reply.has_thinking = false;
  const std::vector<Message> plain = {thought[0], reply};
  const TracedText prompt = TRY(write(std::span(plain).first(1), true));
  if (prompt.text.find(kProbeQuestion) == std::string::npos)
    return Error{"the chat template leaves out the question"};
  const TracedText whole = TRY(write(plain, false));
  const size_t content = whole.text.find(kProbeReply);
  if (content == std::string::npos) return Error{"the chat template leaves out the reply"};
  begins_thinking_ = think_mark(prompt).is_open();
  if (think_mark(prompt).is_closed) thinking_ = false;  // marks of a reply are text
  Result<TracedText> with_thinking = write(thought, false);
  writes_thinking_ = with_thinking && with_thinking->text.find(kProbeThinking) != std::string::npos;
  find_end_token(whole, content + std::string_view(kProbeReply).size());
  if (ends_.empty())
    return Error{
        "nothing ends a reply: the chat template writes no control token after it, and the files "
        "name no end of sequence; set 'eos_token' in tokenizer_config.json"};
  TRY(reply_after(prompt, plain));
  return {};
}

// The template's own end joins those that the files name; a template that writes none ends with the
// end of sequence.
void TemplateConversation::find_end_token(const TracedText& text, size_t begin) {
  const std::string_view rest = std::string_view(text.text).substr(begin);
  for (const AddedToken& token : tokenizer_->added_tokens()) {
    if (!token.special || token.text.empty() || !rest.starts_with(token.text) ||
        !text.is_trusted(begin, begin + token.text.size()))
      continue;
    put_first(ends_, token.id);
    return;
  }
  if (end_of_reply(text, begin) != std::string::npos) return;
  appended_end_ = tokenizer_->eos() >= 0 ? tokenizer_->eos() : ends_.empty() ? -1 : ends_.front();
  if (appended_end_ >= 0) put_first(ends_, appended_end_);
}

// Behind the first end that the template itself wrote from `begin` on; npos: it wrote none.
size_t TemplateConversation::end_of_reply(const TracedText& text, size_t begin) const {
  size_t first = std::string::npos, behind = first;
  for (int id : ends_) {
    const std::string_view mark = tokenizer_->token_bytes(id);
    if (mark.empty()) continue;
    for (size_t at = text.text.find(mark, begin); at < first; at = text.text.find(mark, at + 1)) {
      if (!text.is_trusted(at, at + mark.size())) continue;
      first = at, behind = at + mark.size();
      break;
    }
  }
  return behind;
}

Result<TracedText> TemplateConversation::reply_after(const TracedText& prompt,
                                                     std::span<const Message> messages) const {
  std::vector<Message> all(messages.begin(), messages.end());
  const Message& given = messages.back();
  const ThinkMark mark = think_mark(prompt);
  if (given.has_thinking && mark.is_closed)
    return Error{
        "the model is asked not to think, so there is no place for this reply's thinking; set "
        "'thinking: true' in the recipe, or leave the thinking out"};
  TracedText whole = TRY(write(all, false));
  const bool follows = whole.text.starts_with(prompt.text);
  const bool is_native = follows && (!given.has_thinking || writes_thinking_);
  TracedText reply;
  size_t begin = prompt.text.size();
  if (!is_native) {  // no place for thinking, or a prompt that replies do not repeat
    all.back().has_thinking = false;
    if (given.has_thinking) whole = TRY(write(all, false));
    if (!whole.text.starts_with(prompt.text)) {
      begin = std::min(begin, mark.begin);
      if (!whole.text.starts_with(std::string_view(prompt.text).substr(0, begin)) ||
          begin == prompt.text.size())
        return Error{
            "the chat template writes a reply otherwise than the prompt that asks for it, so a "
            "model could not learn from it what it is asked for"};
    }
    if (given.has_thinking || mark.is_open()) {
      if (!mark.is_open()) reply.append(kOpen, true);
      reply.append(given.has_thinking ? given.thinking : std::string(), false);
      reply.append(kClose, true);
    }
  }
  const size_t end = end_of_reply(whole, begin);
  reply.append(whole, begin, end == std::string::npos ? whole.text.size() : end);
  return reply;
}

Result<std::vector<int>> TemplateConversation::prompt(std::span<const Message> messages) const {
  return tokenizer_->encode_rendered(TRY(ask(messages)));
}

Result<RenderedConversation> TemplateConversation::render(std::span<const Message> messages,
                                                          bool all_replies) const {
  const std::span<const Message> question = messages.first(messages.size() - 1);
  const TracedText prompt = TRY(ask(question));
  const TracedText reply = TRY(reply_after(prompt, messages));
  RenderedConversation out;
  out.tokens = TRY(tokenizer_->encode_rendered(prompt));
  out.trained.assign(out.tokens.size(), 0);
  if (all_replies) TRY(mark_earlier(question, prompt, out));
  const std::vector<int> tokens = TRY(tokenizer_->encode_rendered(reply));
  out.tokens.insert(out.tokens.end(), tokens.begin(), tokens.end());
  const bool has_end =
      !tokens.empty() && std::find(ends_.begin(), ends_.end(), tokens.back()) != ends_.end();
  if (!has_end && appended_end_ >= 0) out.tokens.push_back(appended_end_);
  out.trained.resize(out.tokens.size(), 1);
  return out;
}

// Earlier replies are learned where they stand in the prompt as the model would have written them:
// behind the prompt that asked for them. Others (their thinking was taken out) are only read.
Result<void> TemplateConversation::mark_earlier(std::span<const Message> messages,
                                                const TracedText& prompt,
                                                RenderedConversation& out) const {
  std::vector<TextSpan> learned;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].role != Role::assistant || i == 0) continue;
    const TracedText asked = TRY(write(messages.first(i), true));
    if (!prompt.text.starts_with(asked.text)) continue;
    const size_t end = end_of_reply(prompt, asked.text.size());
    if (end != std::string::npos) learned.push_back({asked.text.size(), end});
  }
  size_t at = 0;
  std::vector<uint8_t> trained(out.tokens.size(), 0);
  for (size_t t = 0; t < out.tokens.size(); ++t) {
    const std::string_view bytes = tokenizer_->token_bytes(out.tokens[t]);
    if (std::string_view(prompt.text).substr(at, bytes.size()) != bytes) return {};  // normalised
    for (const TextSpan& span : learned)
      if (at >= span.begin && at + bytes.size() <= span.end) trained[t] = 1;
    at += bytes.size();
  }
  out.trained = std::move(trained);
  return {};
}

ParsedReply TemplateConversation::parse(std::span<const int> tokens) const {
  ParsedReply reply;
  auto end = std::find_first_of(tokens.begin(), tokens.end(), ends_.begin(), ends_.end());
  reply.is_ended = end != tokens.end();
  tokens = tokens.first(size_t(end - tokens.begin()));
  if (think_ < 0) return parse_text(tokens, std::move(reply));
  const auto text = [&](std::span<const int> part) {
    Result<std::string> decoded = tokenizer_->decode(part);
    return decoded ? std::string(trim(*decoded)) : std::string();
  };
  size_t first = 0;
  while (first < tokens.size() && is_blank(tokenizer_->token_bytes(tokens[first]))) ++first;
  const bool opens = first < tokens.size() && tokens[first] == think_;
  reply.has_thinking = begins_thinking_ || (opens && thinking_ != false);
  std::span<const int> answer = tokens;
  if (reply.has_thinking) {
    if (opens) tokens = tokens.subspan(first + 1);
    const auto close = std::find(tokens.begin(), tokens.end(), end_think_);
    reply.is_closed = close != tokens.end();
    const std::span<const int> thinking = tokens.first(size_t(close - tokens.begin()));
    answer = reply.is_closed ? tokens.subspan(thinking.size() + 1) : tokens.last(0);
    reply.thinking_tokens = int(thinking.size());
    reply.thinking = text(thinking);
  }
  const bool has_stray_marks = std::any_of(
      answer.begin(), answer.end(), [&](int id) { return id == think_ || id == end_think_; });
  reply.answer = text(answer);
  reply.is_well_formed =
      reply.is_ended && reply.is_closed && !has_stray_marks && !reply.answer.empty();
  return reply;
}

// The same where the marks are ordinary text.
ParsedReply TemplateConversation::parse_text(std::span<const int> tokens, ParsedReply reply) const {
  Result<std::string> bytes = tokenizer_->decode_bytes(tokens);
  if (!bytes) return reply;
  const std::string_view all = *bytes;
  const auto text = [](std::string_view part) {
    return std::string(trim(replace_invalid_utf8(part)));
  };
  const size_t first = all.find_first_not_of(" \t\r\n");
  const bool opens = first != all.npos && all.substr(first).starts_with(kThink);
  reply.has_thinking = begins_thinking_ || (opens && thinking_ != false);
  std::string_view answer = all;
  if (reply.has_thinking) {
    const size_t begin = opens ? first + kThink.size() : 0;
    const size_t close = all.find(kEndThink, begin);
    reply.is_closed = close != all.npos;
    const std::string_view thinking = all.substr(begin, close - begin);
    answer = reply.is_closed ? all.substr(close + kEndThink.size()) : std::string_view();
    reply.thinking = text(thinking);
    size_t at = 0;
    for (int token : tokens) {
      const size_t size = tokenizer_->is_special(token) ? 0 : tokenizer_->token_bytes(token).size();
      reply.thinking_tokens += at >= begin && at < begin + thinking.size();
      at += size;
    }
  }
  const bool has_stray_marks =
      answer.find(kThink) != answer.npos || answer.find(kEndThink) != answer.npos;
  reply.answer = text(answer);
  reply.is_well_formed =
      reply.is_ended && reply.is_closed && !has_stray_marks && !reply.answer.empty();
  return reply;
}

}  // namespace weir
