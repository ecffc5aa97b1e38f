#include "knowledge/answer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/file.h"
#include "base/text.h"
#include "knowledge/greetings.h"
#include "knowledge/words.h"
#include "text/instructions.h"
#include "text/sentences.h"

namespace weir {
namespace {

constexpr size_t kSentencesMax = 40;
constexpr int kQuotesMax = 2;
// The second passage is quoted if its score is nearly as high as the first one's.
constexpr double kNearlyAsGood = 0.75;

// Without [1], [2, 3], 【1】 and "(source 1)".
std::string without_marks(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    const std::string_view open = rest.starts_with("【") ? "【" : "[";
    const std::string_view close = open == "[" ? "]" : "】";
    const size_t end = rest.starts_with(open) ? rest.find(close) : rest.npos;
    if (end != rest.npos && end > open.size()) {
      const std::string_view inside = rest.substr(open.size(), end - open.size());
      const bool is_mark = is_digit(inside.back()) && std::ranges::all_of(inside, [](char c) {
                             return is_digit(c) || c == ',' || c == ' ';
                           });
      if (is_mark) {
        if (out.ends_with(' ')) out.pop_back();
        at += end + close.size();
        continue;
      }
    }
    out += text[at++];
  }
  return std::string(trim(out));
}

// "source 1", "[Source 2]."
bool names_a_source(std::string_view sentence) {
  std::string small = lower_case(sentence);
  std::erase_if(small, [](char c) { return !is_letter(c) && !is_digit(c); });
  return small.starts_with("source") && small.size() > 6 &&
         std::all_of(small.begin() + 6, small.end(), is_digit);
}

// A sentence whose mark follows its full stop: the mark is no sentence.
std::vector<std::string> sentences_of(std::string_view reply) {
  std::vector<std::string> sentences;
  const std::string bare = without_marks(reply);  // which the sentences are views of
  for (std::string_view part : split_sentences(bare)) {
    std::string sentence(part);
    while (sentence.starts_with("- ") || sentence.starts_with("* ")) sentence.erase(0, 2);
    if (sentence.starts_with("```") || content_words(sentence).empty()) continue;
    if (names_a_source(sentence) || sentence == "NO ANSWER" || sentence == "NO ANSWER.") continue;
    sentences.push_back(std::move(sentence));
    if (sentences.size() == kSentencesMax) break;
  }
  return sentences;
}

bool declines(std::string_view reply) {
  for (std::string_view no : {"NO ANSWER", "No answer", "no answer"})
    if (reply.find(no) != reply.npos) return true;
  return false;
}

std::string head_of(const FoundChunk& chunk) {
  return base_name(chunk.document) + "\n" + chunk.title + "\n" + chunk.heading;
}

// The index of a chunk among the sources; -1: it is none.
int source_of(const Answer& answer, int64_t chunk) {
  const auto at = std::ranges::find(answer.sources, chunk, &FoundChunk::chunk);
  return at == answer.sources.end() ? -1 : int(at - answer.sources.begin());
}

void quote_passages(Answer& answer) {
  std::string said;
  for (const AnswerSentence& sentence : answer.sentences)
    said += sentence.text + "\n" + sentence.evidence.quote + "\n";
  int quoted = 0;
  for (const Passage& passage : answer.passages) {
    const int source = source_of(answer, passage.chunk_id);
    if (source < 0) continue;  // a guard took it out
    if (quoted == kQuotesMax || passage.score < kNearlyAsGood * answer.passages[0].score) break;
    ++quoted;
    std::string text = whole_passage(passage);
    while (text.starts_with("- ") || text.starts_with("* ")) text.erase(0, 2);
    if (said.find(passage.text) != said.npos || said.find(text) != said.npos) continue;
    said += text + "\n";
    AnswerSentence sentence;
    sentence.text = text;
    sentence.evidence.is_supported = true;
    sentence.evidence.text = source;
    sentence.evidence.share = 1;
    sentence.evidence.quote = passage.text;
    answer.sentences.push_back(std::move(sentence));
    answer.is_quoted = true;
  }
  if (answer.is_quoted) answer.refusal = Refusal::none;
}

Json source_json(const FoundChunk& chunk) {
  Json json = Json::object();
  json.set("document", chunk.document);
  json.set("title", chunk.title);
  json.set("heading", chunk.heading);
  if (chunk.page > 0) json.set("page", chunk.page);
  return json;
}

}  // namespace

const char* refusal_name(Refusal refusal) {
  switch (refusal) {
    case Refusal::none:
      return "none";
    case Refusal::no_question:
      return "no question";
    case Refusal::nothing_found:
      return "nothing found";
    case Refusal::not_answered:
      return "below the threshold";
    case Refusal::declined:
      return "the model found no answer";
    case Refusal::unsupported:
      return "no sentence was supported";
  }
  return "";
}

const char* quotes_name(Quotes quotes) {
  switch (quotes) {
    case Quotes::none:
      return "none";
    case Quotes::fallback:
      return "fallback";
    case Quotes::beside:
      return "beside";
  }
  return "";
}

void check_reply(std::string_view reply, const AskOptions& options, Answer& answer) {
  answer.reply = reply;
  std::vector<std::string> texts, heads, whole_texts;
  for (const FoundChunk& chunk : answer.sources) {
    texts.push_back(without_instructions(chunk.text));
    heads.push_back(without_instructions(head_of(chunk)));
    whole_texts.push_back(chunk.text);
  }
  bool has_support = false;
  for (std::string& sentence : sentences_of(reply)) {
    AnswerSentence checked{sentence, find_evidence(sentence, texts, heads, options.evidence)};
    has_support = has_support || checked.evidence.is_supported;
    checked.is_instructed =
        !checked.evidence.is_supported &&
        find_evidence(sentence, whole_texts, heads, options.evidence).is_supported;
    if (checked.evidence.is_supported || options.keeps_unsupported)
      answer.sentences.push_back(checked);
    if (!checked.evidence.is_supported) answer.removed.push_back(std::move(checked));
  }
  if (has_support && options.quotes == Quotes::beside) quote_passages(answer);
  if (has_support) return;
  answer.refusal = declines(reply) ? Refusal::declined : Refusal::unsupported;
  answer.sentences.clear();
  if (options.quotes != Quotes::none) quote_passages(answer);
}

bool needs_quotes(std::string_view reply, const AskOptions& options, const Answer& answer) {
  if (options.quotes != Quotes::fallback) return options.quotes == Quotes::beside;
  AskOptions plain = options;
  plain.quotes = Quotes::none;
  Answer checked = answer;
  check_reply(reply, plain, checked);
  return checked.refusal != Refusal::none;
}

Result<Answer> find_sources(KnowledgeSearch& search, std::string_view question,
                            const AskOptions& options, const AnswerJudge& judge) {
  Answer answer;
  if (is_greeting(question)) {
    answer.refusal = Refusal::no_question;
    return answer;
  }
  SearchOptions wanted = options.search;
  wanted.count = std::max(wanted.count, options.searched);
  const std::vector<FoundChunk> found = TRY(search.search(question, wanted));
  if (found.empty()) {
    answer.refusal = Refusal::nothing_found;
    return answer;
  }
  const std::vector<WeighedWord> words = TRY(search.weigh(question));
  answer.passages = find_passages(words, found);
  if (options.searched > 0)
    answer.sources = excerpts_of(found, answer.passages, options.search.count);
  if (answer.sources.empty()) {
    answer.sources = found;
    if (answer.sources.size() > size_t(options.search.count))
      answer.sources.resize(size_t(options.search.count));
  }
  keep_passages_of(answer.sources, answer.passages);
  AnswerSigns signs = signs_of(question, words, found);
  if (judge) signs.judgement = TRY(judge(judge_prompt(question, answer.sources)));
  answer.score = answer_score(options.calibration, signs);
  if (answer.score < options.calibration.threshold) answer.refusal = Refusal::not_answered;
  return answer;
}

Result<Answer> answer_question(KnowledgeSearch& search, std::string_view question,
                               const AskOptions& options, const AnswerWriter& write,
                               const AnswerJudge& judge) {
  Answer answer = TRY(find_sources(search, question, options, judge));
  if (answer.refusal != Refusal::none) return answer;
  const std::string reply = TRY(write(answer_prompt(question, answer.sources)));
  if (options.fit && needs_quotes(reply, options, answer))
    order_by_fit(
        TRY(options.fit(question, passages_to_score(question, answer.passages, answer.sources))),
        answer.passages);
  check_reply(reply, options, answer);
  return answer;
}

std::string source_text(const FoundChunk& chunk) {
  std::string text = base_name(chunk.document);
  if (chunk.page > 0) text += fmt::format(", page {}", chunk.page);
  const std::string& heading = chunk.heading.empty() ? chunk.title : chunk.heading;
  if (!heading.empty()) text += ", " + heading;
  return text;
}

std::string answer_text(const Answer& answer, std::string_view question) {
  const bool is_unspaced_question = is_mostly_unspaced(question);
  if (answer.refusal == Refusal::no_question)
    return is_unspaced_question ? "请提出一个文档能回答的问题。"
                                : "Please ask a question about the documents.";
  if (answer.refusal != Refusal::none)
    return is_unspaced_question ? "文档中没有找到这个问题的答案。"
                                : "The documents do not answer this question.";
  std::string text, list;
  std::vector<int> numbers(answer.sources.size(), 0);
  int used = 0;
  for (const AnswerSentence& sentence : answer.sentences) {
    if (!text.empty()) text += " ";
    text += sentence.text;
    if (!sentence.evidence.is_supported) {
      text += " [not supported]";
      continue;
    }
    int& number = numbers[size_t(sentence.evidence.text)];
    if (number == 0) {
      number = ++used;
      list += fmt::format("\n[{}] {}", number,
                          source_text(answer.sources[size_t(sentence.evidence.text)]));
    }
    text += fmt::format(" [{}]", number);
    list += fmt::format("\n    \"{}\"", sentence.evidence.quote);
  }
  return text + "\n" + list;
}

Json answer_citations(const Answer& answer, const std::string& text) {
  Json list = Json::array();
  if (answer.refusal != Refusal::none) return list;
  size_t at = 0;
  const auto characters = [&](size_t bytes) {
    return int64_t(std::ranges::count_if(text.substr(0, bytes), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }));
  };
  for (const AnswerSentence& sentence : answer.sentences) {
    if (!sentence.evidence.is_supported) continue;
    at = text.find(sentence.text, at);
    const size_t begin = at == text.npos ? at : text.find('[', at + sentence.text.size());
    if (begin == text.npos) break;
    at = text.find(']', begin) + 1;
    const FoundChunk& source = answer.sources[size_t(sentence.evidence.text)];
    Json one = Json::object();
    one.set("begin", characters(begin));
    one.set("end", characters(at));
    one.set("document", source.document);
    one.set("title", source_text(source));
    one.set("quote", sentence.evidence.quote);
    list.push(std::move(one));
  }
  return list;
}

Json found_json(const FoundChunk& chunk) {
  Json json = Json::object();
  json.set("document", chunk.document);
  json.set("title", chunk.title);
  json.set("heading", chunk.heading);
  if (chunk.page > 0) json.set("page", chunk.page);
  json.set("text", chunk.text);
  json.set("score", chunk.score);
  json.set("coverage", chunk.coverage);
  return json;
}

Json answer_json(const Answer& answer, std::string_view question) {
  Json json = Json::object();
  json.set("question", std::string(question));
  json.set("answered", answer.refusal == Refusal::none);
  std::string text;
  for (const AnswerSentence& sentence : answer.sentences)
    text += (text.empty() ? "" : " ") + sentence.text;
  json.set("answer", answer.refusal == Refusal::none ? text : answer_text(answer, question));
  if (answer.refusal != Refusal::none) json.set("refusal", refusal_name(answer.refusal));
  json.set("score", answer.score);
  if (answer.is_quoted) json.set("quoted", true);
  Json sentences = Json::array(), removed = Json::array();
  for (const AnswerSentence& sentence : answer.sentences) {
    Json one = Json::object();
    one.set("text", sentence.text);
    one.set("supported", sentence.evidence.is_supported);
    if (sentence.evidence.is_supported) {
      Json source = source_json(answer.sources[size_t(sentence.evidence.text)]);
      source.set("quote", sentence.evidence.quote);
      one.set("source", std::move(source));
    }
    sentences.push(std::move(one));
  }
  for (const AnswerSentence& sentence : answer.removed) {
    Json one = Json::object();
    one.set("text", sentence.text);
    Json missing = Json::array();
    for (const std::string& claim : sentence.evidence.missing) missing.push(claim);
    one.set("missing", std::move(missing));
    if (sentence.is_instructed) one.set("reason", "only an instruction in a source says so");
    removed.push(std::move(one));
  }
  json.set("sentences", std::move(sentences));
  json.set("removed", std::move(removed));
  return json;
}

}  // namespace weir
