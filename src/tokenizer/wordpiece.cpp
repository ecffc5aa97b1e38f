#include "tokenizer/wordpiece.h"

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "text/unicode.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/word_table.h"

namespace weir {
namespace {

constexpr size_t kPiecesMax = 2'000'000;
constexpr size_t kPieceTextMax = 1024;
constexpr size_t kAddedPiecesMax = 65'536;

std::string shown_token(const std::string& text) { return "'" + printable(text, 60) + "'"; }

}  // namespace

// Texts and their ids.
class PieceTexts {
 public:
  void add(std::string_view text, int id) {
    if (size_t(words_.insert(text)) == ids_.size()) ids_.push_back(id);
    bytes_max_ = std::max(bytes_max_, text.size());
  }
  int find(std::string_view text) const {
    const int number = words_.find(text);
    return number < 0 ? -1 : ids_[size_t(number)];
  }
  // The longest that `text` begins with; its id, or -1, and its bytes.
  int longest(std::string_view text, size_t& bytes) const {
    for (bytes = std::min(bytes_max_, text.size()); bytes > 0; --bytes) {
      if (bytes < text.size() && (text[bytes] & 0xC0) == 0x80) continue;  // inside a character
      if (const int id = find(text.substr(0, bytes)); id >= 0) return id;
    }
    return -1;
  }

 private:
  WordTable words_;
  std::vector<int> ids_;
  size_t bytes_max_ = 0;
};

struct WordPiece::State {
  int size = 0, unknown = -1;
  PieceTexts first, further;  // of a word: tokens that begin it, that go on
  AddedTokenMatcher added;
  BertWordRules rules;
  std::vector<int> before, after;

  void add_word(std::string_view word, size_t characters, std::vector<int>& ids) const {
    const size_t begin = ids.size();
    if (characters > rules.characters_max) return ids.push_back(unknown);
    for (size_t at = 0; at < word.size();) {
      size_t bytes = 0;
      const int id = (at == 0 ? first : further).longest(word.substr(at), bytes);
      if (id < 0) {
        ids.resize(begin);
        return ids.push_back(unknown);
      }
      ids.push_back(id);
      at += bytes;
    }
  }
};

WordPiece::WordPiece(std::unique_ptr<State> state) : state_(std::move(state)) {}
WordPiece::WordPiece(WordPiece&&) noexcept = default;
WordPiece& WordPiece::operator=(WordPiece&&) noexcept = default;
WordPiece::~WordPiece() = default;

Result<WordPiece> WordPiece::create(WordPieceSpec spec) {
  if (spec.tokens.empty() || spec.tokens.size() > kPiecesMax)
    return Error{"a vocabulary of " + std::to_string(spec.tokens.size()) +
                 " tokens; it must have from 1 to 2000000"};
  if (spec.added.size() > kAddedPiecesMax) return Error{"more than 65536 added tokens"};
  if (spec.prefix.empty()) return Error{"tokens that go on a word need a prefix, as ## is one"};
  auto state = std::make_unique<State>();
  State& s = *state;
  s.size = int(spec.tokens.size());
  for (size_t id = 0; id < spec.tokens.size(); ++id) {
    const std::string& token = spec.tokens[id];
    if (token.size() > kPieceTextMax)
      return Error{"token " + shown_token(token) + " is longer than 1 KiB"};
    if (token == spec.unknown) s.unknown = int(id);
    if (token.size() > spec.prefix.size() && token.starts_with(spec.prefix))
      s.further.add(std::string_view(token).substr(spec.prefix.size()), int(id));
    else if (!token.empty())
      s.first.add(token, int(id));
  }
  if (s.unknown < 0)
    return Error{"the unknown token " + shown_token(spec.unknown) + " is not in the vocabulary"};
  const auto has = [&](int id) { return id >= 0 && id < s.size; };
  for (const AddedToken& token : spec.added) {
    if (!has(token.id) || token.text.empty() || token.text.size() > kPieceTextMax)
      return Error{"added token " + shown_token(token.text) + " with id " +
                   std::to_string(token.id) +
                   " has no text of at most 1 KiB, or no place in the vocabulary"};
    s.added.add(token.text, token.id);
  }
  for (const std::vector<int>* frame : {&spec.before, &spec.after})
    for (const int id : *frame)
      if (!has(id))
        return Error{"the post-processor adds token id " + std::to_string(id) +
                     ", which does not exist"};
  s.rules = spec.words;
  s.before = std::move(spec.before);
  s.after = std::move(spec.after);
  return WordPiece(std::move(state));
}

std::vector<int> WordPiece::encode(std::string_view text, bool allow_special) const {
  std::vector<int> ids;
  const auto take = [&](std::string_view word, size_t characters) {
    state_->add_word(word, characters, ids);
  };
  for (size_t at = 0; at < text.size();) {
    AddedTokenMatcher::Match match;
    if (allow_special) match = state_->added.next(text, at);
    const size_t end = match.id < 0 ? text.size() : match.begin;
    for_bert_words(text.substr(at, end - at), state_->rules, take);
    if (match.id < 0) break;
    ids.push_back(match.id);
    at = match.end;
  }
  return ids;
}

int WordPiece::size() const { return state_->size; }
const std::vector<int>& WordPiece::prefix() const { return state_->before; }
const std::vector<int>& WordPiece::suffix() const { return state_->after; }

}  // namespace weir
