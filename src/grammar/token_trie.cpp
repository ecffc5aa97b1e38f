#include "grammar/token_trie.h"

#include <algorithm>

#include "text/unicode.h"

namespace weir {
namespace {

constexpr size_t kTokenBytesMax = 1024;
constexpr size_t kMarkBytesMin = 3;  // blanks and signs that vocabularies add are no marks
constexpr char kMarkByte = '\xff';   // no part of UTF-8

// How many plain characters the token is, 0 if it is something else.
int plain_length(std::string_view bytes) {
  int count = 0;
  for (size_t at = 0; at < bytes.size(); ++count) {
    const Utf8Character c = decode_utf8(bytes, at);
    if (!c.valid || !is_plain_character(c.code)) return 0;
    at += size_t(c.bytes);
  }
  return count <= TokenVocabulary::kPlainMax ? count : 0;
}

}  // namespace

bool is_plain_character(char32_t code) { return code >= 0x20 && code != '"' && code != '\\'; }

TokenTrie::TokenTrie(std::vector<std::pair<std::string_view, int>> tokens) {
  std::sort(tokens.begin(), tokens.end());
  std::vector<int> path;  // nodes from the root to the token before
  std::string_view before;
  for (const auto& [bytes, id] : tokens) {
    const size_t shared =
        size_t(std::mismatch(bytes.begin(), bytes.end(), before.begin(), before.end()).first -
               bytes.begin());
    for (; path.size() > shared; path.pop_back())
      nodes_[size_t(path.back())].after = int(nodes_.size());
    for (size_t i = shared; i < bytes.size(); ++i) {
      path.push_back(int(nodes_.size()));
      const int here = int(ids_.size());
      nodes_.push_back({uint8_t(bytes[i]), uint16_t(i), 0, here, here});
    }
    ids_.push_back(id);
    nodes_[size_t(path.back())].last = int(ids_.size());
    depth_max_ = std::max(depth_max_, int(bytes.size()));
    before = bytes;
  }
  for (const int node : path) nodes_[size_t(node)].after = int(nodes_.size());
}

Result<std::shared_ptr<const TokenVocabulary>> TokenVocabulary::create(const Tokenizer& tokenizer,
                                                                       std::vector<int> ends) {
  std::shared_ptr<TokenVocabulary> made(new TokenVocabulary);
  std::erase_if(ends, [&](int id) { return !tokenizer.has(id); });
  if (ends.empty())
    return Error{
        "the model has no token that ends a reply, so a grammar could not end it; use a model "
        "with an end-of-sequence token"};
  made->size_ = tokenizer.size();
  made->ends_ = std::move(ends);
  made->bytes_.resize(size_t(made->size_));
  made->plain_tokens_.assign(kPlainMax + 1, TokenSet(made->words()));
  std::vector<std::pair<std::string_view, int>> plain, others;
  std::vector<std::string> literals;
  for (const AddedToken& token : tokenizer.added_tokens())
    if (token.text.size() >= kMarkBytesMin && tokenizer.has(token.id) && !made->is_end(token.id))
      made->marks_.emplace(token.id, token.text);
  literals.reserve(made->marks_.size());
  for (const auto& [id, text] : made->marks_)
    others.push_back({literals.emplace_back(token_literal(id)), id});
  for (int id = 0; id < made->size_; ++id) {
    const std::string_view bytes = tokenizer.token_bytes(id);
    if (bytes.empty() || bytes.size() > kTokenBytesMax || tokenizer.is_special(id) ||
        made->is_end(id) || bytes.find(kMarkByte) != bytes.npos)
      continue;
    std::string& own = made->bytes_[size_t(id)];
    own = bytes;
    const int length = plain_length(own);
    (length > 0 ? plain : others).push_back({own, id});
    if (length > 0) insert(made->plain_tokens_[size_t(length)], id);
  }
  for (size_t n = 1; n < made->plain_tokens_.size(); ++n)
    for (size_t w = 0; w < made->words(); ++w)
      made->plain_tokens_[n][w] |= made->plain_tokens_[n - 1][w];
  made->plain_ = std::make_unique<TokenTrie>(std::move(plain));
  made->others_ = std::make_unique<TokenTrie>(std::move(others));
  return std::shared_ptr<const TokenVocabulary>(std::move(made));
}

std::string TokenVocabulary::token_literal(int id) {
  std::string literal(1, kMarkByte);
  for (int shift = 18; shift >= 0; shift -= 6) literal += char(0x80 | ((id >> shift) & 63));
  return literal;
}

int TokenVocabulary::mark_at(std::string_view text, size_t at) const {
  int longest = -1;
  for (const auto& [id, mark] : marks_)
    if (text.substr(at).starts_with(mark) &&
        (longest < 0 || mark.size() > mark_text(longest).size()))
      longest = id;
  return longest;
}

bool TokenVocabulary::is_end(int id) const {
  return std::find(ends_.begin(), ends_.end(), id) != ends_.end();
}

}  // namespace weir
