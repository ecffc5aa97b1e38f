#include "knowledge/greetings.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "base/ascii.h"

namespace weir {
namespace {

constexpr std::string_view kGreetings[] = {
    "hi",       "hello",        "hey",       "hello there",  "hi there",
    "good day", "good morning", "bye",       "goodbye",      "good afternoon",
    "thanks",   "good evening", "thank you", "thanks a lot", "thank you very much",
    "ok",       "okay",         "你好",      "您好",         "嗨",
    "早上好",   "下午好",       "晚上好",    "谢谢",         "谢谢你",
    "多谢",     "再见",         "拜拜",      "好的"};
constexpr std::string_view kMarks[] = {"！", "。", "，", "～", "？", "…"};

}  // namespace

bool is_greeting(std::string_view text) {
  constexpr size_t kBytesMax = 64;
  if (text.size() > kBytesMax) return false;
  // Lower case, one blank between words, without marks.
  std::string bare;
  for (size_t at = 0; at < text.size();) {
    const auto mark = std::ranges::find_if(
        kMarks, [&](std::string_view one) { return text.substr(at).starts_with(one); });
    const char c = text[at];
    const bool is_kept = is_letter(c) || is_digit(c) || static_cast<unsigned char>(c) >= 0x80;
    if (mark != std::end(kMarks) || !is_kept) {
      if (!bare.empty() && bare.back() != ' ') bare += ' ';
      at += mark != std::end(kMarks) ? mark->size() : 1;
      continue;
    }
    bare += lower_case({&c, 1});
    ++at;
  }
  while (bare.ends_with(' ')) bare.pop_back();
  return std::ranges::find(kGreetings, std::string_view(bare)) != std::end(kGreetings);
}

}  // namespace weir
