#include "adapt/made_question.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <set>

#include "base/ascii.h"
#include "base/hash.h"
#include "base/random.h"
#include "knowledge/words.h"
#include "tasks/row_reader.h"

namespace weir {
namespace {

constexpr size_t kQuestionBytesMin = 10, kQuestionBytesMax = 300;
// Share of the answer's words that a question may hold.
constexpr double kTold = 0.8;

constexpr std::array<std::string_view, 13> kAboutTheText = {
    "the text",     "this text",     "the sentence",  "this sentence", "the passage",
    "this passage", "the document ", "the following", "mentioned",     "本文",
    "这句话",       "文中",          "上述"};

size_t common(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::string> both;
  std::ranges::set_intersection(a, b, std::back_inserter(both));
  return both.size();
}

}  // namespace

Json question_json(const MadeQuestion& question) {
  Json json = Json::object();
  json.set("question", question.question);
  json.set("answer", question.answer);
  json.set("document", question.document);
  json.set("chunk", question.chunk);
  json.set("sentence", int64_t(question.sentence));
  json.set("language", question.language);
  return json;
}

Result<MadeQuestion> parse_question(const Json& json) {
  MadeQuestion question;
  question.question = TRY(json.string_at("question"));
  question.answer = TRY(json.string_at("answer"));
  question.document = TRY(json.string_at("document"));
  question.chunk = TRY(json.int_at("chunk"));
  question.sentence = int(TRY(json.int_at("sentence")));
  question.language = TRY(json.string_at("language"));
  return question;
}

std::string question_fault(const MadeQuestion& question, std::string_view heading) {
  const std::string& q = question.question;
  if (q.size() < kQuestionBytesMin || q.size() > kQuestionBytesMax) return "too short or too long";
  if (q.find('\n') != std::string::npos) return "several lines";
  if (!q.ends_with("?") && !q.ends_with("？")) return "no question";
  const std::string text = lower_case(q);
  for (std::string_view mark : kAboutTheText)
    if (text.find(mark) != std::string::npos) return "speaks of the text";
  const std::vector<std::string> asked = content_words(q), told = content_words(question.answer);
  if (common(asked, told) == 0 && common(asked, content_words(heading)) == 0)
    return "names nothing that it is about";
  if (!told.empty() && double(common(told, asked)) >= kTold * double(told.size()))
    return "holds its answer";
  return "";
}

int64_t drop_near_questions(std::vector<MadeQuestion>& questions, double alike) {
  // Questions that are alike have a word in common: only those are compared.
  std::map<std::string, std::vector<size_t>> having;
  std::vector<std::vector<std::string>> kept_words;
  std::vector<MadeQuestion> kept;
  for (MadeQuestion& question : questions) {
    std::vector<std::string> words = content_words(question.question);
    std::set<size_t> others;
    for (const std::string& word : words)
      if (const auto at = having.find(word); at != having.end())
        others.insert(at->second.begin(), at->second.end());
    const bool is_near = std::any_of(others.begin(), others.end(), [&](size_t other) {
      return word_likeness(words, kept_words[other]) >= alike;
    });
    if (is_near) continue;
    for (const std::string& word : words) having[word].push_back(kept.size());
    kept_words.push_back(std::move(words));
    kept.push_back(std::move(question));
  }
  const auto dropped = int64_t(questions.size() - kept.size());
  questions = std::move(kept);
  return dropped;
}

QuestionUse use_of(std::string_view document, int ordinal, bool splits_parts,
                   const UseShares& shares) {
  std::string key(document);
  if (splits_parts) key += "#" + std::to_string(ordinal / kPartChunks);
  const double at = double(mix64(fnv1a(key)) >> 11) * 0x1p-53;
  if (at < shares.evaluation) return QuestionUse::evaluation;
  return at < shares.evaluation + shares.calibration ? QuestionUse::calibration
                                                     : QuestionUse::tuning;
}

}  // namespace weir
