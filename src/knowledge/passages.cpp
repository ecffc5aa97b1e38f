#include "knowledge/passages.h"

#include <algorithm>
#include <unordered_set>

#include "base/check.h"
#include "base/text.h"
#include "knowledge/words.h"
#include "text/instructions.h"
#include "text/sentences.h"

namespace weir {
namespace {

// Chosen on every second question of bench/knowledge.
constexpr double kNear = 0.6, kHead = 0.3, kRest = 0.2, kRankCost = 0.01;
constexpr size_t kWordsMin = 3;
constexpr double kShort = 0.5, kQuestion = 0.5;
// Of a mean log-probability of a token. Chosen on the same half.
constexpr double kFitShare = 0.3;
constexpr size_t kPassageBytesMax = 700, kBesideBytesMax = 300, kItemLabelBytesMax = 90;

using WordSet = std::unordered_set<std::string>;

WordSet words_of(std::string_view text) {
  WordSet set;
  for (Word& word : split_words(text)) set.insert(std::move(word.text));
  return set;
}

struct Sentence {
  std::string_view text;
  size_t line_begin;  // index of the first sentence of its line
  bool is_clean;      // instructs nobody
  WordSet words = {};
};

std::vector<Sentence> marked_sentences(std::string_view text) {
  const std::vector<Instruction> instructions = find_instructions(text);
  const auto is_clean = [&](std::string_view part) {
    const auto begin = size_t(part.data() - text.data());
    return std::none_of(instructions.begin(), instructions.end(), [&](const Instruction& one) {
      return one.begin < begin + part.size() && begin < one.end;
    });
  };
  std::vector<Sentence> sentences;
  for (std::string_view part : split_sentences(text)) {
    const size_t index = sentences.size();
    size_t line_begin = index;
    if (index > 0) {
      const std::string_view last = sentences.back().text;
      const auto from = size_t(last.data() - text.data()) + last.size();
      const auto to = size_t(part.data() - text.data());
      if (text.substr(from, to - from).find('\n') == text.npos)
        line_begin = sentences.back().line_begin;
    }
    sentences.push_back({part, line_begin, is_clean(part), words_of(part)});
  }
  return sentences;
}

// "- fsync (boolean): If this ..." -> "fsync (boolean)".
std::string label_of(std::string_view line) {
  if (!line.starts_with("- ")) return "";
  const size_t end = line.find(": ");
  if (end == line.npos || end > kItemLabelBytesMax) return "";
  return std::string(trim(line.substr(2, end - 2)));
}

double weight_in(const std::vector<WeighedWord>& words, const std::vector<Sentence>& sentences,
                 size_t index, const WordSet& head, const WordSet& whole) {
  const Sentence& one = sentences[index];
  const auto is_near = [&](const std::string& word) {
    return (index > 0 && sentences[index - 1].words.contains(word)) ||
           (index + 1 < sentences.size() && sentences[index + 1].words.contains(word)) ||
           sentences[one.line_begin].words.contains(word);
  };
  double found = 0, all = 0;
  for (const WeighedWord& word : words) {
    all += word.weight;
    const std::string& text = word.word.text;
    const double share = one.words.contains(text) ? 1
                         : is_near(text)          ? kNear
                         : head.contains(text)    ? kHead
                         : whole.contains(text)   ? kRest
                                                  : 0;
    found += share * word.weight;
  }
  return all > 0 ? found / all : 0;
}

}  // namespace

std::vector<Passage> find_passages(const std::vector<WeighedWord>& words,
                                   std::span<const FoundChunk> found,
                                   const PassageOptions& options) {
  std::vector<Passage> all;
  for (size_t i = 0; i < found.size(); ++i) {
    const FoundChunk& chunk = found[i];
    const std::vector<Sentence> sentences = marked_sentences(chunk.text);
    const WordSet head = words_of(chunk.title + "\n" + chunk.heading);
    const WordSet whole = words_of(chunk.text);
    for (size_t at = 0; at < sentences.size(); ++at) {
      const Sentence& one = sentences[at];
      if (!one.is_clean || one.text.size() > kPassageBytesMax || one.words.empty()) continue;
      double score = weight_in(words, sentences, at, head, whole);
      if (content_words(one.text).size() < kWordsMin) score *= kShort;
      if (one.text.ends_with("?") || one.text.ends_with("？")) score *= kQuestion;
      Passage passage{.chunk = i,
                      .chunk_id = chunk.chunk,
                      .text = std::string(one.text),
                      .score = score - kRankCost * double(i)};
      const auto is_beside = [&](const Sentence& other) {
        return other.line_begin == one.line_begin && other.is_clean &&
               other.text.size() <= kBesideBytesMax;
      };
      if (at + 1 < sentences.size() && is_beside(sentences[at + 1]))
        passage.after = sentences[at + 1].text;
      if (one.line_begin < at) {
        if (is_beside(sentences[at - 1])) passage.before = sentences[at - 1].text;
        if (sentences[one.line_begin].is_clean)
          passage.label = label_of(sentences[one.line_begin].text);
      }
      all.push_back(std::move(passage));
    }
  }
  std::ranges::stable_sort(all, std::ranges::greater(), &Passage::score);
  std::vector<Passage> best;
  std::vector<int> taken(found.size(), 0);
  for (Passage& passage : all) {
    if (best.size() == size_t(options.count)) break;
    if (taken[passage.chunk] == options.per_chunk) continue;
    const bool is_copy =
        std::ranges::any_of(best, [&](const Passage& other) { return other.text == passage.text; });
    if (is_copy) continue;
    ++taken[passage.chunk];
    best.push_back(std::move(passage));
  }
  return best;
}

std::string whole_passage(const Passage& passage) {
  std::string text;
  const bool is_labelled = !passage.label.empty() &&
                           passage.before.find(passage.label) == std::string::npos &&
                           passage.text.find(passage.label) == std::string::npos;
  if (is_labelled) text = "- " + passage.label + ": ";
  for (const std::string* part : {&passage.before, &passage.text, &passage.after}) {
    if (part->empty()) continue;
    const bool is_spaced =
        !text.empty() && !text.ends_with(' ') && static_cast<unsigned char>(text.back()) < 0x80;
    text += (is_spaced ? " " : "") + *part;
  }
  return text;
}

void keep_passages_of(std::span<const FoundChunk> chunks, std::vector<Passage>& passages) {
  std::erase_if(passages, [&](Passage& passage) {
    const auto at = std::ranges::find(chunks, passage.chunk_id, &FoundChunk::chunk);
    if (at == chunks.end() || at->text.find(passage.text) == std::string::npos) return true;
    for (std::string* part : {&passage.before, &passage.after, &passage.label})
      if (at->text.find(*part) == std::string::npos) part->clear();
    return false;
  });
}

std::vector<FoundChunk> passages_to_score(std::string_view question,
                                          const std::vector<Passage>& passages,
                                          std::span<const FoundChunk> chunks) {
  std::vector<FoundChunk> out;
  if (question.size() > kScoredQuestionBytes) return out;
  for (const Passage& passage : passages) {
    if (out.size() == kScoredPassages) break;
    const auto at = std::ranges::find(chunks, passage.chunk_id, &FoundChunk::chunk);
    CHECK(at != chunks.end());
    out.push_back(*at);
    out.back().text = whole_passage(passage);
  }
  return out;
}

void order_by_fit(std::span<const double> fits, std::vector<Passage>& passages) {
  if (fits.empty()) return;
  CHECK_LE(fits.size(), passages.size());
  const double best = *std::ranges::max_element(fits);
  for (size_t i = 0; i < fits.size(); ++i) passages[i].score += kFitShare * (fits[i] - best);
  const auto end = passages.begin() + ptrdiff_t(fits.size());
  std::stable_sort(passages.begin(), end,
                   [](const Passage& a, const Passage& b) { return a.score > b.score; });
}

std::vector<FoundChunk> excerpts_of(std::span<const FoundChunk> found,
                                    const std::vector<Passage>& passages, int count) {
  std::vector<FoundChunk> out;
  std::vector<size_t> chunks;
  for (const Passage& passage : passages)
    if (std::ranges::find(chunks, passage.chunk) == chunks.end()) chunks.push_back(passage.chunk);
  if (chunks.size() > size_t(count)) chunks.resize(size_t(count));
  for (size_t chunk : chunks) {
    const std::string& text = found[chunk].text;
    std::vector<std::pair<size_t, const Passage*>> order;
    for (const Passage& passage : passages)
      if (passage.chunk == chunk) order.emplace_back(text.find(passage.text), &passage);
    std::ranges::sort(order, {}, &std::pair<size_t, const Passage*>::first);
    std::string cut;
    for (const auto& [at, passage] : order) {
      if (cut.find(passage->text) != std::string::npos) continue;  // beside an earlier one
      if (!cut.empty()) cut += "\n";
      Passage shown = *passage;
      if (cut.find(shown.before) != std::string::npos) shown.before.clear();
      cut += whole_passage(shown);
    }
    FoundChunk excerpt = found[chunk];
    excerpt.text = std::string(trim(cut));
    out.push_back(std::move(excerpt));
  }
  return out;
}

}  // namespace weir
