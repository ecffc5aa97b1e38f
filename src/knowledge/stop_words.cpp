#include "knowledge/stop_words.h"

#include <string>
#include <unordered_set>

#include "base/text.h"
#include "knowledge/stem.h"

namespace weir {
namespace {

constexpr const char* kEnglish =
    "a about after all also am an and any are as at be because been before being between both but "
    "by can could did do does doing don down during each else for from further get gets had has "
    "have having he her here hers him his how i if in into is it its itself just let like made "
    "make many may me might more most much must my no nor not now of off on once only or other our "
    "out over own please s same shall she should so some such t tell than that the their them then "
    "there these they this those through to too under until up use used using very was we were "
    "what when where which while who whom whose why will with would you your yours";

// Longer ones first where one begins another.
constexpr const char* kUnspaced[] = {
    "为什么", "為什麼", "是什么", "是什麼", "有什么", "有什麼", "什么时候", "什么样", "什么",
    "什麼",   "怎么样", "怎么办", "怎么",   "怎麼",   "怎样",   "如何",     "哪一个", "哪个",
    "哪個",   "哪些",   "哪里",   "哪裡",   "哪种",   "哪条",   "多少",     "请问",   "請問",
    "可以",   "应该",   "應該",   "是否",   "能否",   "是不是", "有没有",   "能不能", "我们",
    "你",     "的",     "了",     "吗",     "嗎",     "呢",     "吧",       "是",     "这个",
    "這個",   "です",   "ます",   "とは",   "は",     "を"};

}  // namespace

bool is_stop_word(std::string_view stem) {
  static const std::unordered_set<std::string> words = [] {
    std::unordered_set<std::string> set;
    for (std::string word : split(kEnglish, ' ')) {
      stem_english(word);
      set.insert(word);
    }
    return set;
  }();
  return words.contains(std::string(stem));
}

size_t unspaced_stop_at(std::string_view text) {
  size_t longest = 0;
  for (std::string_view phrase : kUnspaced)
    if (phrase.size() > longest && text.starts_with(phrase)) longest = phrase.size();
  return longest;
}

}  // namespace weir
