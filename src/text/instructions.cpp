#include "text/instructions.h"

#include <re2/re2.h>

#include <algorithm>
#include <memory>

#include "base/check.h"
#include "text/sentences.h"
#include "text/unicode.h"

namespace weir {
namespace {

using Kind = Instruction::Kind;

constexpr size_t kPieceBytesMax = size_t(64)
                                  << 10;  // of a paragraph that is looked at in one piece
constexpr size_t kSentenceBytesMax = 2000;
constexpr int64_t kProgramBytes = int64_t(16) << 20;
constexpr std::string_view kMask = "[...]";

// Where an imperative may begin: after a mark, at a line's beginning, after "please" or "you must".
// "Users report that" begins none.
const std::string kStart =
    R"((?:(?:^|\n)\s*(?:[-*\d.)]+\s*)?|[.!?;:,(>*•—。！？；：，（]\s*|\b(?:please|kindly|just|simply|)"
    R"(instead|then|now|(?:you|assistant|ai|model)(?: (?:must|should|shall|will|can|may|need to|)"
    R"(have to|ought to|are (?:required|asked|instructed|ordered|told) to)))"
    R"((?: (?:now|always|only|also|therefore))?|(?:want|ask|instruct|order|tell|need|require) you )"
    R"(to|your (?:\w+ )?(?:task|job|goal|duty) is to|(?:make sure|be sure|do not forget|)"
    R"(don't forget|remember) to)\s+))";
const std::string kLineStart = R"((?:(?:^|[.!?\n(\[*>-]\s*)))";
const std::string kModel =
    R"((?:(?:AI|A\.I\.|artificial intelligences?|LLMs?|(?:large )?language models?|chat ?bots?|)"
    R"(ChatGPT|GPT(?:-\w+)?|Claude|Gemini|Copilot|DeepSeek|Qwen|Llama))"
    R"((?:[- ](?:based |powered )?(?:assistants?|agents?|systems?|models?|tools?|bots?|readers?|)"
    R"(reviewers?))?|(?:virtual|automated|digital) assistants?))";

// Names of what is to be ignored, and how little may stand between.
const std::string kRules =
    R"((?:i?\w?nstruct\w*|prompts?|rules?|guidelines?|directions?|directives?|commands?|orders?|)"
    R"(context|tasks?|constraints?|messages?|requests?|questions?|conversations?|texts?|contents?|)"
    R"(programming|training))";
const std::string kOverrides =
    kStart +
    R"((?:ignore|disregard|forget|override|neglect|bypass|do not (?:follow|obey|heed)|)"
    R"(don't (?:follow|obey|heed)|stop following)\s+(?:)"
    R"((?:\w+\s+){0,3}?(?:previous|prior|above|earlier|preceding|foregoing|original|initial|your|)"
    R"(system)\s+(?:[\w-]+\s+){0,4}?)" +
    kRules +
    R"(\b|(?:all|any)\s+(?:of )?(?:the |your |other )*(?:instructions?|prompts?|guidelines?|)"
    R"(directives?)\b|(?:all |any |the |of )*(?:instructions?|prompts?|rules?|text|content|context))"
    R"(\s+(?:\w+\s+){0,2}(?:above|before|so far|given|until now)\b|)"
    R"((?:(?:the )?(?:rest|remainder|instructions?|document|text|data|rules)\b|everything\b|all\b))"
    R"([^.!?\n]*?(?:\band|\binstead|,|;)\s*(?:then |just |only |instead |simply )*)"
    R"((?:print|write|say|reply|answer|output|respond|return|focus|translate|do|follow|tell|state))"
    R"(\b|(?:everything|all|anything|whatever|what)(?:\s+\w+){0,4}\s+)"
    R"((?:above|before|previously|so far|told|said|instructed)\b))";

const std::string kHails =
    kLineStart +
    R"((?:an? )?(?:important )?(?:note|messages?|instructions?|attention|hints?|reminder|request|)"
    R"(dear|hey|hi|hello|command|orders?|memo|notice|information|important)[:,]?\s+)"
    R"((?:(?:to|for)\s+)?(?:the |any |all |every |our |your )*)" +
    kModel + R"(\b)";
const std::string kHailsAssistant = kLineStart +
                                    R"((?:messages?|instructions?|note) to (?:the|any|all|every) )"
                                    R"((?:assistants?|bots?)\b\s*:)";
const std::string kNamesModel =
    kStart + R"((?:(?:assistant|bot)\s*[,:]\s*(?:please|you|ignore|write|say|answer|set)\b|)" +
    kModel +
    R"(\s*[,:—-]\s*(?:please|you\b|ignore|disregard|forget|write|say|state|report|answer|reply|)"
    R"(respond|output|print|set|use|put|enter|fill|return|do not|don't|the )))";
const std::string kIfModel = R"(\bif you(?:'re| are)\s+(?:an?\s+|any\s+|the\s+)?(?:)" + kModel +
                             R"(|(?:helpful |automated |virtual )?(?:assistant|bot|machine))\b)";
const std::string kModelThatReads =
    R"(\b)" + kModel +
    R"(\s+(?:that (?:is |are )?|who (?:is |are )?)?(?:reads?|reading|process(?:es|ing)?|)"
    R"(summari[sz](?:es?|ing)|analy[sz](?:es?|ing)|pars(?:es?|ing)|evaluat(?:es?|ing)|)"
    R"(review(?:s|ing)?)\s+(?:this|these)\b)";
const std::string kRoles =
    kStart +
    R"((?:you are (?:now |from now on |no longer )?an? (?:[\w-]+ ){0,3}(?:assistant|AI|chatbot|)"
    R"(language model)\b|pretend (?:to be|you are|you're|that you)\b|)"
    R"(act as (?:an? )?(?:DAN|AI|unrestricted|evil)\b))";
const std::string kForModel = R"(\b(?:for|to) (?:automated [\w-]+ systems?|)" + kModel +
                              R"()\s*:|\bvisible (?:only )?to (?:an? |the )?)" + kModel +
                              R"(|\bto you,? (?:the )?(?:helpful )?)" + kModel;
const std::string kFromNowOn =
    R"(\b(?:from now on|henceforth),? you (?:are|will|must|shall|act|answer|should)\b)";
const std::string kNewRules =
    kLineStart + R"((?:(?:new|updated|revised|real|hidden|secret) (?:system )?)"
                 R"((?:instructions?|prompts?)|system (?:prompt|override|instructions?))\s*:)";
const std::string kMarks =
    R"(<\|[a-z_]+\|>|<｜[^>]{1,40}｜>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|)"
    R"(#{2,}\s*(?:system|instructions?|response|assistant|user|human)\s*:|)"
    R"(</?(?:system|assistant)[ _-]?(?:prompt|message|instructions?)>)";

// A verb of saying to whoever replies, and the clause that is to be said. "Tell the customer that"
// is a rule for people; "write that value down" has no clause.
const std::string kSay =
    R"((?:(?:write|say|state|report|answer|reply|respond|claim|declare|announce|mention|pretend|)"
    R"(output)(?:\s+(?:down|only|simply|instead|exactly|clearly|truthfully|always|everywhere|back|)"
    R"(here|just|in (?:the|your) (?:answer|reply|response|summary|output|form|result|json)))*|)"
    R"(tell (?:him|her|them|me|everyone|everybody|people|(?:the |any |every )?(?:users?|readers?))"
    R"(|whoever asks|anyone who asks)))";
const std::string kClause =
    R"(that\s+(?:(?:the|an?|this|all|there|it|its|no|every|each|our|my|his|her|their|they|we|he|)"
    R"(she|nobody|everything|everybody)\b[^.!?\n]{2,}|[^.!?\n]*?\b(?:is|are|was|were|will|)"
    R"(equals|=|has|have|costs?|amounts?|must|should)\b))";
const std::string kDictates = kStart + kSay + R"(\s*,?\s+)" + kClause;
const std::string kReadsAndSays =
    R"((?:^|[.!?\n]\s*)(?:please |kindly )?(?:read|take|open|process|summari[sz]e|look at|)"
    R"(analy[sz]e|extract|stop|use|copy|parse|translate|fill|ignore|disregard|forget)\b)"
    R"([^.!?\n]*?\band (?:then )?)" +
    kSay + R"(\s+)" + kClause;
const std::string kAnswersAll =
    kStart +
    R"((?:answer|respond to|reply to|meet|treat) (?:all|any|every|each)(?: of)?(?: the)? )"
    R"((?:\w+ )?(?:questions?|requests?|quer(?:y|ies)|prompts?)\b[^.!?\n]*?\b(?:with|by|as)\b)";
const std::string kNothingElse =
    kStart +
    R"((?:reply|respond|answer|output|say|print|write)\s+(?:only |just |exactly |solely )?(?:with )?)"
    R"((?:only|just|exactly|solely|nothing but)\b[^.!?\n]*?(?:nothing else|following|:|["“]))";

const std::string kHanModel =
    R"((?:AI|人工智能|(?:大|大型)?语言模型|大模型|聊天机器人|智能体|ChatGPT|DeepSeek|通义千问))"
    R"((?:智能)?(?:助手|助理|模型|系统|程序|机器人)?(?:们)?)";
const std::string kHanOverrides =
    R"((?:^|[。！？；，、.!?:：;\n（(【\s]|请|请你|请您|务必|必须|现在|)"
    R"(你(?:必须|应该?|要|需要?|可以)|立即|并且?|然后)\s*)"
    R"((?:忽略|无视|忽视|不要理会|不用理会|不必理会|不理会|忘记|忘掉|抛弃|放弃|不要遵守|不要执行|)"
    R"(不要遵循|别管|不要管|停止执行|停止遵循)(?:掉|了)?(?:你)?)"
    R"((?:此前|之前|以前|以上|上面|上述|前面|先前|上文|早先|所有|全部|一切|任何|原来|原有|原先|系统|)"
    R"(你的|其他|其它|收到)[^。！？\n]*?)"
    R"((?:指令|指示|提示|规则|要求|命令|设定|约束|对话|限制|任务|内容|说明))";
const std::string kHanLineStart = R"((?:(?:^|[。！？\n（(【\[*]\s*)))";
const std::string kHanHails =
    kHanLineStart +
    R"((?:致|给|写给|注意|请注意|重要|提示|提醒|各位|尊敬的|亲爱的|你好|您好)[，,：:！!]?\s*)"
    R"((?:所有|各位|任何|阅读本文的|处理本文档?的|读到这里的)*(?:的)?)" +
    kHanModel + R"((?:[，,：:！!]|请|的(?:指令|指示|说明|提示|留言)))";
const std::string kHanNamesModel =
    R"((?:^|[。！？；，,\n（(【\s]))" + kHanModel +
    R"((?:[，,：:！!]\s*)?(?:请|你(?:必须|应该?|要|需要?)|务必|在(?:阅读|处理|总结|回答|提取)))";
const std::string kHanIfModel = R"(如果你(?:是|作为)(?:一个|一名|一款|个)?[^。！？，\n]{0,8}?)"
                                R"((?:AI|人工智能|语言模型|大模型|机器人|智能助手))";
const std::string kHanRoles =
    R"((?:^|[。！？；，,\n（(【\s])(?:从现在(?:起|开始)|你现在|现在你)[，,]?(?:你)?(?:就)?)"
    R"((?:是|扮演|必须|只|要)(?:一个|一名|一位)?[^。！？\n]{0,12})";
const std::string kHanNewRules =
    kHanLineStart + R"((?:(?:新的?|更新后?的|真正的|隐藏的?|修订后?的)?系统(?:提示词?|指令|消息)|)"
                    R"((?:新的?|更新后?的|真正的|隐藏的?)(?:指令|提示词|规则)(?:如下)?)\s*[：:])";
const std::string kHanDictates =
    R"((?:请|请你|请您|你(?:必须|应该?|要|需要?|只需|只能)|务必|一律))"
    R"((?:(?:在)?(?:回答|回复|答复|结果|摘要|总结|表格|表单|输出)(?:中|里|时)?)?)"
    R"((?:直接|统一|只|就|都|一律|如实|改为)?)"
    R"((?:写(?:上|道|着|下)?|说|回答|作答|回复|答复|答|声称|声明|宣布|报告|输出|)"
    R"(告诉(?:用户|他们?|她|大家|我|提问者|对方|所有人))[，：:,\s“"「]*[^。！？\n]+?)"
    R"((?:是|为|等于|=|应为|共计|不需要|没有|已经?|将|可以|免费))";
const std::string kHanWrittenAs =
    R"((?:请|你(?:必须|要|应该?)|务必)(?:你|您)?(?:把|将)[^。！？，\n]+?)"
    R"((?:写成|说成|报成|填成|答成|回答为|报告为|输出为|写为))";
const std::string kHanAnswersAll =
    R"((?:请|你(?:必须|要|应该?)|务必|一律)(?:对)?(?:所有|任何|一切|每个)(?:问题|提问))"
    R"([^。！？\n]*?(?:回答|回复|答)|(?:所有|任何|一切|每个)(?:问题|提问)[^。！？\n]*?)"
    R"((?:必须|一律|务必)[^。！？\n]{0,4}(?:回答|回复|答))";
// A question that is to be answered dictates nothing.
constexpr const char* kHanAsks = "多少|什么|是否|哪|谁|几|如何|怎";

struct Pattern {
  Kind kind;
  std::unique_ptr<re2::RE2> expression;
};

std::vector<Pattern> make_patterns() {
  const std::pair<Kind, const std::string*> all[] = {
      {Kind::overrides, &kOverrides},      {Kind::overrides, &kHanOverrides},
      {Kind::addresses, &kHails},          {Kind::addresses, &kHailsAssistant},
      {Kind::addresses, &kNamesModel},     {Kind::addresses, &kIfModel},
      {Kind::addresses, &kModelThatReads}, {Kind::addresses, &kRoles},
      {Kind::addresses, &kForModel},       {Kind::addresses, &kFromNowOn},
      {Kind::addresses, &kNewRules},       {Kind::addresses, &kMarks},
      {Kind::addresses, &kHanHails},       {Kind::addresses, &kHanNamesModel},
      {Kind::addresses, &kHanIfModel},     {Kind::addresses, &kHanRoles},
      {Kind::addresses, &kHanNewRules},    {Kind::dictates, &kDictates},
      {Kind::dictates, &kReadsAndSays},    {Kind::dictates, &kAnswersAll},
      {Kind::dictates, &kNothingElse},     {Kind::dictates, &kHanDictates},
      {Kind::dictates, &kHanWrittenAs},    {Kind::dictates, &kHanAnswersAll},
  };
  re2::RE2::Options options;
  options.set_case_sensitive(false);
  options.set_max_mem(kProgramBytes);
  std::vector<Pattern> patterns;
  for (const auto& [kind, text] : all) {
    patterns.push_back({kind, std::make_unique<re2::RE2>(*text, options)});
    CHECK(patterns.back().expression->ok());
  }
  return patterns;
}

const std::vector<Pattern>& patterns() {
  static const std::vector<Pattern> made = make_patterns();
  return made;
}

bool asks(std::string_view text) {
  static const re2::RE2 expression(kHanAsks);
  return re2::RE2::PartialMatch({text.data(), text.size()}, expression);
}

// Without characters that have no width, full-width letters and digits as ASCII, one kind of
// apostrophe and blank. `places` has where each byte comes from, and the text's end.
struct Folded {
  std::string text;
  std::vector<uint32_t> places;
};

bool has_no_width(char32_t c) {
  return c == 0xAD || (c >= 0x200B && c <= 0x200F) || (c >= 0x2060 && c <= 0x2064) ||
         (c >= 0x202A && c <= 0x202E) || c == 0xFEFF || (c >= 0xE0000 && c <= 0xE007F) ||
         (c >= 0xFE00 && c <= 0xFE0F);
}

char folded_character(char32_t c) {
  const char32_t plain = c - 0xFEE0;
  if ((c >= 0xFF10 && c <= 0xFF19) || (c >= 0xFF21 && c <= 0xFF3A) || (c >= 0xFF41 && c <= 0xFF5A))
    return char(plain);
  if (c == 0x2018 || c == 0x2019) return '\'';
  if (c == 0xA0 || c == 0x3000 || (c >= 0x2000 && c <= 0x200A) || c == 0x202F) return ' ';
  return 0;
}

Folded fold(std::string_view text) {
  Folded folded;
  folded.text.reserve(text.size());
  folded.places.reserve(text.size() + 1);
  for (size_t at = 0; at < text.size();) {
    const Utf8Character character = decode_utf8(text, at);
    const auto bytes = size_t(character.bytes);
    if (text[at] == '\r' || has_no_width(character.code)) {
      at += bytes;
      continue;
    }
    const char plain = character.valid ? folded_character(character.code) : '?';
    for (size_t i = 0; i < (plain ? 1 : bytes); ++i) {
      folded.text += plain ? plain : text[at + i];
      folded.places.push_back(uint32_t(at + i));
    }
    at += bytes;
  }
  folded.places.push_back(uint32_t(text.size()));
  return folded;
}

// The bytes of what may stand before the first word of a match.
size_t leading_marks(std::string_view match) {
  constexpr std::string_view kWide[] = {"•",  "—",  "。", "！", "？", "；",
                                        "：", "，", "、", "（", "【"};
  size_t at = 0;
  while (at < match.size()) {
    if (std::string_view(" \t\n.!?;:,(>*-").find(match[at]) != std::string_view::npos) {
      ++at;
      continue;
    }
    const auto wide = std::ranges::find_if(
        kWide, [&](std::string_view mark) { return match.substr(at).starts_with(mark); });
    if (wide == std::end(kWide)) break;
    at += wide->size();
  }
  return at;
}

size_t sentence_end(std::string_view text, size_t begin) {
  // A line break within a paragraph ends no sentence here.
  std::string rest(text.substr(begin, kSentenceBytesMax));
  std::ranges::replace(rest, '\n', ' ');
  const std::vector<std::string_view> sentences = split_sentences(rest);
  if (sentences.empty()) return begin + rest.size();
  return begin + size_t(sentences[0].data() - rest.data()) + sentences[0].size();
}

// Of a list item, a table row or the paragraph.
size_t scope_end(std::string_view text, size_t begin) {
  for (size_t at = text.find('\n', begin); at != text.npos; at = text.find('\n', at + 1)) {
    const std::string_view line = text.substr(at + 1, text.find('\n', at + 1) - at - 1);
    const size_t first = line.find_first_not_of(' ');
    const bool is_item = first != line.npos && first + 1 < line.size() && line[first + 1] == ' ' &&
                         (line[first] == '-' || line[first] == '*');
    if (is_item || line.find(" | ") != line.npos) return at;
  }
  return text.size();
}

void find_in_piece(std::string_view piece, size_t offset, std::vector<Instruction>& found) {
  const Folded folded = fold(piece);
  const re2::StringPiece text(folded.text);
  for (const Pattern& pattern : patterns()) {
    size_t at = 0;
    re2::StringPiece match;
    while (at < text.size() &&
           pattern.expression->Match(text, at, text.size(), re2::RE2::UNANCHORED, &match, 1)) {
      const std::string_view matched(match.data(), match.size());
      const size_t place = size_t(match.data() - text.data());
      at = place + std::max<size_t>(matched.size(), 1);
      const size_t begin = place + std::min(leading_marks(matched), matched.size());
      const size_t end = pattern.kind == Kind::dictates ? sentence_end(folded.text, begin)
                                                        : scope_end(folded.text, begin);
      at = std::max(at, end);
      if (pattern.kind == Kind::dictates &&
          asks(std::string_view(folded.text).substr(begin, end - begin)))
        continue;
      found.push_back({pattern.kind, offset + folded.places[begin], offset + folded.places[end]});
    }
  }
}

// The end of the paragraph that begins at `begin`, or of as much of it as is looked at in one
// piece.
size_t piece_end(std::string_view text, size_t begin) {
  const size_t paragraph = std::min(text.find("\n\n", begin), text.size());
  if (paragraph - begin <= kPieceBytesMax) return paragraph;
  const size_t blank = text.find_last_of(" \n", begin + kPieceBytesMax);
  size_t end = blank != text.npos && blank > begin ? blank : begin + kPieceBytesMax;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
  return end;
}

}  // namespace

const char* instruction_name(Instruction::Kind kind) {
  switch (kind) {
    case Kind::overrides:
      return "overrides";
    case Kind::addresses:
      return "addresses";
    case Kind::dictates:
      return "dictates";
  }
  return "";
}

std::vector<Instruction> find_instructions(std::string_view text) {
  std::vector<Instruction> found;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::max(piece_end(text, at), at + 1);
    find_in_piece(text.substr(at, end - at), at, found);
    at = end;
  }
  std::ranges::stable_sort(found, {}, &Instruction::begin);
  std::vector<Instruction> joined;
  for (const Instruction& one : found) {
    if (joined.empty() || one.begin >= joined.back().end)
      joined.push_back(one);
    else
      joined.back().end = std::max(joined.back().end, one.end);
  }
  return joined;
}

std::string without(std::string_view text, const std::vector<Instruction>& instructions) {
  std::string out;
  size_t at = 0;
  for (const Instruction& one : instructions) {
    out.append(text.substr(at, one.begin - at)).append(kMask);
    at = one.end;
  }
  return out.append(text.substr(at));
}

std::string without_instructions(std::string_view text) {
  return without(text, find_instructions(text));
}

}  // namespace weir
