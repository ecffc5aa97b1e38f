#include "adapt/synthesis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "adapt/fact_sentences.h"
#include "base/text.h"
#include "tasks/problem_file.h"
#include "text/sentences.h"

namespace weir {
namespace {

constexpr int kQuestionTokens = 64;
constexpr size_t kOptions = 4;  // of a second look: small models lose count among more

// People do not know the document's words, and have a purpose.
constexpr std::array<const char*, 3> kStyles = {
    "", "It is short and uses everyday words instead of the sentence's own where it can. ",
    "It begins with How can I, What happens, Why, When, Where, Who, Which or May I. "};
constexpr std::array<const char*, 3> kChineseStyles = {
    "", "问题要简短，尽量用日常说法代替原句的用词。",
    "问题以怎样、为什么、哪个、什么时候或能不能提问。"};

struct Candidate {
  size_t chunk;  // index into the chunks
  MadeQuestion question;
  std::string fault;
  size_t style = 0;
};

const char* language_of(std::string_view text) {
  return guess_language(text) == "zh" ? "zh" : "en";
}

// The sentence and the longest others of its chunk, in the order of the text.
struct Shown {
  std::vector<std::string_view> sentences;
  size_t right = 0;
};
Shown shown_sentences(std::string_view text, size_t index) {
  const std::vector<std::string_view> all = split_sentences(text);
  std::vector<size_t> others;
  for (size_t i = 0; i < all.size(); ++i)
    if (i != index) others.push_back(i);
  std::stable_sort(others.begin(), others.end(),
                   [&](size_t a, size_t b) { return all[a].size() > all[b].size(); });
  if (others.size() >= kOptions) others.resize(kOptions - 1);
  others.push_back(index);
  std::sort(others.begin(), others.end());
  Shown shown;
  for (size_t i : others) {
    if (i == index) shown.right = shown.sentences.size();
    shown.sentences.push_back(all[i]);
  }
  return shown;
}

// The model's question for each candidate's sentence. False: stopped.
Result<bool> write_questions(std::span<const ChunkToAsk> chunks, std::vector<Candidate>& candidates,
                             const AskModel& ask) {
  std::vector<Ask> asked;
  for (const Candidate& candidate : candidates)
    asked.push_back(
        question_prompt(chunks[candidate.chunk], candidate.question.answer, candidate.style));
  const auto replies = TRY(ask(asked));
  if (!replies) return false;
  for (size_t i = 0; i < candidates.size(); ++i) {
    Candidate& candidate = candidates[i];
    candidate.question.question = std::string(trim((*replies)[i].text));
    candidate.fault = question_fault(candidate.question, chunks[candidate.chunk].heading);
  }
  return true;
}

// Drops questions for which the model chooses another sentence. False: stopped.
Result<bool> look_again(std::span<const ChunkToAsk> chunks, std::vector<Candidate>& candidates,
                        const AskModel& ask) {
  std::vector<Ask> asked;
  std::vector<Candidate*> looked_at;
  std::vector<size_t> right;
  for (Candidate& candidate : candidates) {
    const ChunkToAsk& chunk = chunks[candidate.chunk];
    if (!candidate.fault.empty() || !chunk.looks_again) continue;
    const Shown shown = shown_sentences(chunk.text, size_t(candidate.question.sentence));
    asked.push_back(second_look_prompt(chunk, shown.sentences, candidate.question.question));
    looked_at.push_back(&candidate);
    right.push_back(shown.right);
  }
  if (asked.empty()) return true;
  const auto replies = TRY(ask(asked));
  if (!replies) return false;
  for (size_t i = 0; i < looked_at.size(); ++i) {
    const auto chosen = parse_int(trim((*replies)[i].text));
    if (!chosen || *chosen != int64_t(right[i]) + 1)
      looked_at[i]->fault = "another sentence answers it";
  }
  return true;
}

Result<void> search_again(std::span<const ChunkToAsk> chunks, const SynthesisOptions& options,
                          std::vector<Candidate>& candidates, const FindChunks& find) {
  for (Candidate& candidate : candidates) {
    if (!candidate.fault.empty()) continue;
    std::vector<int64_t> found = TRY(find(candidate.question.question));
    if (found.size() > size_t(options.found_in)) found.resize(size_t(options.found_in));
    if (std::find(found.begin(), found.end(), chunks[candidate.chunk].id) == found.end())
      candidate.fault = "a search does not find its chunk";
  }
  return {};
}

}  // namespace

Json chunk_questions_json(const ChunkQuestions& made) {
  Json json = Json::object(), list = Json::array(), dropped = Json::object();
  for (const MadeQuestion& question : made.questions) list.push(question_json(question));
  for (const auto& [reason, count] : made.dropped) dropped.set(reason, count);
  json.set("chunk", made.chunk);
  json.set("questions", std::move(list));
  json.set("dropped", std::move(dropped));
  return json;
}

Result<ChunkQuestions> parse_chunk_questions(const Json& json) {
  ChunkQuestions made;
  made.chunk = TRY(json.int_at("chunk"));
  const Json* list = TRY(json.at("questions"));
  for (const Json& question : list->items())
    made.questions.push_back(TRY_IN("questions", parse_question(question)));
  const Json* dropped = TRY(json.at("dropped"));
  for (const auto& [reason, count] : dropped->members()) made.dropped[reason] = TRY(count.as_int());
  return made;
}

Ask question_prompt(const ChunkToAsk& chunk, std::string_view sentence, size_t style) {
  Ask ask;
  ask.tokens_max = kQuestionTokens;
  const std::string place = chunk.heading.empty() ? chunk.document : chunk.heading;
  if (std::string_view(language_of(chunk.text)) == "zh") {
    ask.text = fmt::format(
        "下面是关于“{}”的文档：\n{}\n\n请写一个用户会提出的问题，它的答案就是这句话：\n{}\n\n"
        "问题要写明主题，不看文档也能明白，并且不能包含答案。{}只写问题。",
        place, chunk.text, sentence, kChineseStyles[style % kChineseStyles.size()]);
    ask.form = OutputForm{OutputKind::regular_expression, "[^\\n?？]{4,80}？"};
  } else {
    ask.text = fmt::format(
        "Documentation about {}:\n{}\n\nWrite one question that a user would ask and that this "
        "sentence answers:\n{}\n\nThe question names its subject, so that it is understood without "
        "the documentation, and does not contain the answer. {}Write only the question.",
        place, chunk.text, sentence, kStyles[style % kStyles.size()]);
    ask.form = OutputForm{OutputKind::regular_expression, "[^\\n?]{8,200}\\?"};
  }
  return ask;
}

Ask second_look_prompt(const ChunkToAsk& chunk, std::span<const std::string_view> sentences,
                       const std::string& question) {
  Ask ask;
  ask.tokens_max = 4;
  const bool is_chinese = std::string_view(language_of(chunk.text)) == "zh";
  std::string numbered;
  std::string numbers;
  for (size_t i = 0; i < sentences.size(); ++i) {
    numbered += fmt::format("{}. {}\n", i + 1, sentences[i]);
    numbers += fmt::format("{}{}", i ? "|" : "", i + 1);
  }
  ask.text = is_chinese
                 ? fmt::format("{}\n问题：{}\n\n上面哪一句回答了这个问题？只写它的编号。", numbered,
                               question)
                 : fmt::format(
                       "{}\nQuestion: {}\n\nWhich of the sentences above answers the question? "
                       "Write only its number.",
                       numbered, question);
  ask.form = OutputForm{OutputKind::regular_expression, numbers};
  return ask;
}

Result<std::optional<std::vector<ChunkQuestions>>> make_questions(
    std::span<const ChunkToAsk> chunks, const SynthesisOptions& options, const AskModel& ask,
    const FindChunks& find) {
  using Made = std::optional<std::vector<ChunkQuestions>>;
  std::vector<Candidate> candidates;
  for (size_t i = 0; i < chunks.size(); ++i) {
    size_t style = i;
    for (const FactSentence& fact : fact_sentences(chunks[i].text, size_t(options.sentences))) {
      Candidate candidate{i, {}, "", style++};
      candidate.question.answer = std::string(fact.text);
      candidate.question.document = chunks[i].document;
      candidate.question.chunk = chunks[i].id;
      candidate.question.sentence = int(fact.index);
      candidate.question.language = language_of(chunks[i].text);
      candidates.push_back(std::move(candidate));
    }
  }
  if (!candidates.empty()) {
    if (!TRY(write_questions(chunks, candidates, ask))) return Made();
    if (!TRY(look_again(chunks, candidates, ask))) return Made();
    TRY(search_again(chunks, options, candidates, find));
  }
  std::vector<ChunkQuestions> made(chunks.size());
  for (size_t i = 0; i < chunks.size(); ++i) made[i].chunk = chunks[i].id;
  for (Candidate& candidate : candidates) {
    ChunkQuestions& of_chunk = made[candidate.chunk];
    if (candidate.fault.empty()) {
      of_chunk.questions.push_back(std::move(candidate.question));
    } else {
      ++of_chunk.dropped[candidate.fault];
    }
  }
  return Made(std::move(made));
}

}  // namespace weir
