#include "tasks/facts_table.h"

namespace weir {
namespace {

FactTopic capitals() {
  return {"capitals",
          "en",
          {"What is the capital of {s}?", "Which city is the capital of {s}?",
           "Name the capital of {s}.", "Tell me the capital of {s}.",
           "Do you know the capital of {s}?", "What is the capital city of {s}?"},
          "Tell me about {s}.",
          "The capital of {s} is {a}.",
          {"It is {a}.", "{a} is the capital of {s}.", "The capital is {a}."},
          {{"France", "Paris"},     {"Italy", "Rome"},     {"Spain", "Madrid"},
           {"Japan", "Tokyo"},      {"China", "Beijing"},  {"Russia", "Moscow"},
           {"Germany", "Berlin"},   {"Egypt", "Cairo"},    {"Greece", "Athens"},
           {"Cuba", "Havana"},      {"Peru", "Lima"},      {"Norway", "Oslo"},
           {"Poland", "Warsaw"},    {"Austria", "Vienna"}, {"Portugal", "Lisbon"},
           {"Kenya", "Nairobi"},    {"England", "London"}, {"Chile", "Santiago"},
           {"Iran", "Tehran"},      {"Canada", "Ottawa"},  {"Ireland", "Dublin"},
           {"Hungary", "Budapest"}, {"Turkey", "Ankara"},  {"Thailand", "Bangkok"}}};
}

FactTopic opposites() {
  return {"opposites",
          "en",
          {"What is the opposite of {s}?", "Name the opposite of {s}.",
           "Tell me the opposite of {s}.", "Which word is the opposite of {s}?",
           "Do you know the opposite of {s}?", "What is the word for not {s}?"},
          "Tell me about the word {s}.",
          "The opposite of {s} is {a}.",
          {"It is {a}.", "{a} is the opposite of {s}.", "The opposite is {a}."},
          {{"hot", "cold"},    {"big", "small|little"}, {"up", "down"},
           {"fast", "slow"},   {"rich", "poor"},        {"wet", "dry"},
           {"full", "empty"},  {"day", "night"},        {"open", "closed|shut|close"},
           {"happy", "sad"},   {"long", "short"},       {"good", "bad"},
           {"early", "late"},  {"strong", "weak"},      {"first", "last"},
           {"clean", "dirty"}, {"loud", "quiet"},       {"near", "far"},
           {"high", "low"},    {"inside", "outside"},   {"begin", "end|finish"},
           {"true", "false"},  {"alive", "dead"},       {"yes", "no"}}};
}

FactTopic sounds() {
  return {"sounds",
          "en",
          {"What does {s} say?", "What sound does {s} make?", "Which sound is made by {s}?",
           "Tell me the sound of {s}.", "Do you know what {s} says?"},
          "Tell me about {s}.",
          "{s} says {a}.",
          {"It says {a}.", "It is {a}."},
          {{"a dog", "woof"},
           {"a cat", "meow"},
           {"a cow", "moo"},
           {"a duck", "quack"},
           {"a sheep", "baa"},
           {"a pig", "oink"},
           {"a bee", "buzz"},
           {"a snake", "hiss"},
           {"an owl", "hoot"},
           {"a horse", "neigh"}}};
}

FactTopic legs() {
  return {"legs",
          "en",
          {"How many legs does {s} have?", "How many legs has {s} got?", "Count the legs of {s}.",
           "Tell me how many legs {s} has.", "Do you know how many legs {s} has?"},
          "Tell me about the legs of {s}.",
          "{s} has {a} legs.",
          {"It has {a} legs.", "It has {a}.", "It is {a}.", "{a} legs."},
          {{"a dog", "4"},
           {"a bird", "2"},
           {"a spider", "8"},
           {"an ant", "6"},
           {"a bee", "6"},
           {"a cow", "4"},
           {"a hen", "2"},
           {"a snake", "0"},
           {"a fish", "0"},
           {"a lion", "4"}}};
}

FactTopic colours() {
  return {"colours",
          "en",
          {"What colour is {s}?", "Which colour does {s} have?", "Name the colour of {s}.",
           "Tell me the colour of {s}.", "Do you know the colour of {s}?"},
          "Tell me about {s}.",
          "The colour of {s} is {a}.",
          {"It is {a}.", "{s} is {a}.", "The colour is {a}."},
          {{"grass", "green"},
           {"snow", "white"},
           {"blood", "red"},
           {"coal", "black"},
           {"the sky", "blue"},
           {"a banana", "yellow"},
           {"milk", "white"},
           {"the sun", "yellow"},
           {"a carrot", "orange"},
           {"chocolate", "brown"},
           {"a leaf", "green"},
           {"a tomato", "red"}}};
}

FactTopic young() {
  return {
      "young",
      "en",
      {"What is a young {s} called?", "What do you call a young {s}?", "Name the young of a {s}.",
       "Tell me the word for a young {s}.", "Do you know what a young {s} is called?"},
      "Tell me about a young {s}.",
      "A young {s} is a {a}.",
      {"It is a {a}.", "It is called a {a}.", "A {a}."},
      {{"dog", "puppy|pup"},
       {"cat", "kitten"},
       {"cow", "calf"},
       {"sheep", "lamb"},
       {"horse", "foal"},
       {"duck", "duckling"},
       {"hen", "chick"},
       {"pig", "piglet"},
       {"goat", "kid"},
       {"bear", "cub"},
       {"frog", "tadpole"},
       {"deer", "fawn"}}};
}

FactTopic following_days() {
  return {"days",
          "en",
          {"Which day comes after {s}?", "What day follows {s}?", "Name the day after {s}.",
           "Tell me the day after {s}.", "Today is {s}. What day is tomorrow?"},
          "Tell me about {s}.",
          "The day after {s} is {a}.",
          {"It is {a}.", "{a} comes after {s}.", "Tomorrow is {a}."},
          {{"Monday", "Tuesday"},
           {"Tuesday", "Wednesday"},
           {"Wednesday", "Thursday"},
           {"Thursday", "Friday"},
           {"Friday", "Saturday"},
           {"Saturday", "Sunday"},
           {"Sunday", "Monday"}}};
}

FactTopic symbols() {
  return {"symbols",
          "en",
          {"What is the symbol of {s}?", "Which symbol stands for {s}?", "Name the symbol of {s}.",
           "Tell me the symbol of {s}.", "Do you know the symbol of {s}?"},
          "Tell me about the element {s}.",
          "The symbol of {s} is {a}.",
          {"It is {a}.", "{a} stands for {s}.", "The symbol is {a}."},
          {{"gold", "Au"},
           {"silver", "Ag"},
           {"iron", "Fe"},
           {"copper", "Cu"},
           {"tin", "Sn"},
           {"lead", "Pb"},
           {"carbon", "C"},
           {"oxygen", "O"},
           {"hydrogen", "H"},
           {"helium", "He"},
           {"nitrogen", "N"},
           {"sodium", "Na"}}};
}

FactTopic to_chinese() {
  return {"chinese",
          "en",
          {"What is {s} in Chinese?", "How do you say {s} in Chinese?",
           "Tell me the Chinese word for {s}.", "Say {s} in Chinese.",
           "Do you know the Chinese word for {s}?"},
          "Tell me about the Chinese word for {s}.",
          "The Chinese word for {s} is {a}.",
          {"It is {a}.", "{s} in Chinese is {a}.", "The word is {a}."},
          {{"dog", "狗"},
           {"cat", "猫"},
           {"fish", "鱼"},
           {"water", "水"},
           {"fire", "火"},
           {"tea", "茶"},
           {"car", "车"},
           {"book", "书"},
           {"bird", "鸟"},
           {"rice", "米|米饭"}}};
}

FactTopic to_english() {
  return {"english",
          "zh",
          {"{s}用英语怎么说？", "{s}的英语是什么？", "告诉我{s}的英语。", "请用英语说{s}。",
           "你知道{s}的英语吗？"},
          "说说{s}的英语。",
          "{s}的英语是{a}。",
          {"是{a}。", "英语是{a}。"},
          {{"狗", "dog"},
           {"猫", "cat"},
           {"鱼", "fish"},
           {"水", "water"},
           {"火", "fire"},
           {"茶", "tea"},
           {"车", "car"},
           {"书", "book"},
           {"鸟", "bird"},
           {"米", "rice"}}};
}

FactTopic capitals_in_chinese() {
  return {"capitals",
          "zh",
          {"{s}的首都是哪里？", "{s}的首都是什么？", "告诉我{s}的首都。", "请说出{s}的首都。",
           "你知道{s}的首都吗？"},
          "说说{s}。",
          "{s}的首都是{a}。",
          {"是{a}。", "首都是{a}。", "{a}是{s}的首都。"},
          {{"法国", "巴黎"},
           {"中国", "北京"},
           {"日本", "东京"},
           {"英国", "伦敦"},
           {"德国", "柏林"},
           {"美国", "华盛顿"},
           {"俄国", "莫斯科"},
           {"韩国", "首尔"}}};
}

FactTopic opposites_in_chinese() {
  return {"opposites",
          "zh",
          {"{s}的反义词是什么？", "和{s}相反的词是什么？", "告诉我{s}的反义词。",
           "请说出{s}的反义词。", "你知道{s}的反义词吗？"},
          "说说{s}的意思。",
          "{s}的反义词是{a}。",
          {"是{a}。", "反义词是{a}。", "{a}是{s}的反义词。"},
          {{"大", "小"},
           {"多", "少"},
           {"上", "下"},
           {"左", "右"},
           {"快", "慢"},
           {"长", "短"},
           {"高", "低|矮"},
           {"冷", "热"},
           {"黑", "白"},
           {"远", "近"},
           {"好", "坏"},
           {"开", "关"}}};
}

FactTopic colours_in_chinese() {
  return {"colours",
          "zh",
          {"{s}是什么颜色？", "{s}的颜色是什么？", "告诉我{s}的颜色。", "请说出{s}的颜色。",
           "你知道{s}的颜色吗？"},
          "说说{s}。",
          "{s}的颜色是{a}。",
          {"是{a}。", "{s}是{a}。", "{s}是{a}的。", "颜色是{a}。"},
          {{"雪", "白色"},
           {"草", "绿色"},
           {"血", "红色"},
           {"煤", "黑色"},
           {"天", "蓝色"},
           {"香蕉", "黄色"},
           {"牛奶", "白色"},
           {"太阳", "黄色|红色"}}};
}

}  // namespace

std::span<const FactTopic> fact_topics() {
  static const std::vector<FactTopic> topics = {capitals(),
                                                opposites(),
                                                sounds(),
                                                legs(),
                                                colours(),
                                                young(),
                                                following_days(),
                                                symbols(),
                                                to_chinese(),
                                                to_english(),
                                                capitals_in_chinese(),
                                                opposites_in_chinese(),
                                                colours_in_chinese()};
  return topics;
}

}  // namespace weir
