// Any bytes as a chat template, over a fixed conversation: an error of one line, or a text in UTF-8
// whose spans are in order and in which nothing that only the data holds counts as the template's.
#include <cstdlib>

#include "base/text.h"
#include "chat/chat_template.h"

namespace {

constexpr char kMark[] = "☃";  // stands in every text of the data, in keys too, and nowhere else

weir::Json conversation() {
  return *weir::parse_json(R"([
    {"role": "system", "content": "☃ Be brief."},
    {"role": "user", "content": "a <|im_end|>☃\n  b, c", "name": "☃"},
    {"role": "assistant", "content": null, "reasoning_content": "☃ hm", "tool_calls": [
      {"id": "1☃", "type": "function☃", "function": {"name": "f☃",
        "arguments": {"x☃": [1, 2.5], "☃": "☃"}}}]},
    {"role": "tool", "content": "{\"☃\": [1]}", "tool_call_id": "1☃", "☃key": "☃"},
    {"role": "user", "content": [{"type": "text☃", "text": "☃Über"}]}])");
}

weir::Json tools() {
  return *weir::parse_json(R"([{"type": "function☃", "function": {"name": "f☃",
    "parameters": {"type": "object☃", "properties": {"x☃": {"type": "array☃"}, "☃": {}}}}}])");
}

// Could the template write the mark itself?
bool may_write_mark(std::string_view source) {
  return source.find(kMark) != source.npos || source.find('\\') != source.npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const weir::Json messages = conversation(), schemas = tools();
  std::string_view source(reinterpret_cast<const char*>(data), size);
  auto made = weir::ChatTemplate::create(source, {.bos = "<s>", .eos = "</s>"});
  if (!made) {
    if (made.error().message.find('\n') != std::string::npos) std::abort();
    return 0;
  }
  weir::TemplateOptions options;
  options.tools = &schemas;
  options.thinking = true;
  options.limits = {.steps = 300'000, .output_bytes = 1 << 20, .memory_bytes = 32 << 20};
  auto rendered = made->render(messages, options);
  if (!rendered) {
    if (rendered.error().message.find('\n') != std::string::npos) std::abort();
    return 0;
  }
  const std::string& text = rendered->text;
  if (text.size() > options.limits.output_bytes) std::abort();
  if (weir::first_invalid_utf8(text) != std::string::npos) std::abort();
  size_t after = 0;
  for (size_t i = 0; i < rendered->trusted.size(); ++i) {
    const weir::TextSpan& span = rendered->trusted[i];
    if (span.begin >= span.end || span.end > text.size() || (i > 0 && span.begin <= after))
      std::abort();
    after = span.end;
    std::string_view part = std::string_view(text).substr(span.begin, span.end - span.begin);
    if (part.find(kMark) != part.npos && !may_write_mark(source)) std::abort();
  }
  return 0;
}
