// Building a tokenizer from untrusted parts, and turning ids back into text.
#include "tokenizer/tokenizer.h"

#include <limits>

#include "base/check.h"
#include "text/unicode.h"
#include "tokenizer/tokenizer_state.h"

namespace weir {
namespace {

constexpr size_t kTokensMax = 2'000'000;
constexpr size_t kMergesMax = 4'000'000;
constexpr size_t kTokenBytesMax = 64 << 10;
constexpr size_t kAddedBytesMax = 1 << 10;     // one added token
constexpr size_t kAllAddedBytesMax = 4 << 20;  // all of them, which become a trie

std::string quoted(std::string_view text) {
  std::string shown = replace_invalid_utf8(text.substr(0, 60));
  return "'" + shown + (text.size() > 60 ? "...'" : "'");
}

}  // namespace

Result<void> Tokenizer::State::take_added(std::vector<AddedToken>& tokens) {
  WordTable seen;
  size_t total = 0;
  for (AddedToken& token : tokens) {
    std::string name = "added token " + quoted(token.text);
    if (token.text.empty()) {
      return Error{"added token with id " + std::to_string(token.id) + " has no text"};
    }
    total += token.text.size();
    if (token.text.size() > kAddedBytesMax || total > kAllAddedBytesMax) {
      return Error{name + ": added tokens are limited to 1 KiB each and 4 MiB together"};
    }
    if (token.id < 0 || size_t(token.id) >= bytes.size()) {
      return Error{name + " has id " + std::to_string(token.id) + ", outside 0.." +
                   std::to_string(bytes.size() - 1)};
    }
    if (kinds[size_t(token.id)] != kOrdinary) {
      return Error{"two added tokens have id " + std::to_string(token.id) + ", one is " +
                   quoted(token.text)};
    }
    if (seen.find(token.text) >= 0) return Error{name + " is listed twice"};
    seen.insert(token.text);
    kinds[size_t(token.id)] = token.special ? kSpecial : kAdded;
    bytes[size_t(token.id)] = token.text;
    note_added(std::move(token));
  }
  return {};
}

void Tokenizer::State::note_added(AddedToken token) {
  bool normalized = token.normalized && nfc;
  // After normalisation the text can only contain the token's normalised form.
  std::string text = normalized ? normalize_nfc(token.text) : token.text;
  (normalized ? trusted.normalized : trusted.raw).add(text, token.id);
  if (!looks_like_control(token.id)) {
    (normalized ? untrusted.normalized : untrusted.raw).add(text, token.id);
  }
  if (token.text.find('\n') != std::string::npos) added_spans_lines = true;
  added.push_back(std::move(token));
}

Result<void> Tokenizer::State::take_tokens(TokenizerSpec& spec) {
  byte_ids.fill(-1);
  ordinary.reserve(bytes.size());
  for (size_t id = 0; id < bytes.size(); ++id) {
    if (kinds[id] != kOrdinary) continue;
    const std::string& text = spec.tokens[id];
    if (text.empty()) {
      return Error{"no token has id " + std::to_string(id) + "; ids must run from 0 to " +
                   std::to_string(bytes.size() - 1) + " without holes"};
    }
    if (text.size() > kTokenBytesMax) {
      return Error{"token " + quoted(text) + " is longer than 64 KiB"};
    }
    std::optional<std::string> meaning = characters_to_bytes(text);
    if (!meaning) {
      kinds[id] = kLiteral;
      bytes[id] = text;
      continue;
    }
    int number = ordinary.insert(*meaning);
    if (size_t(number) < ordinary_ids.size()) {
      return Error{"token " + quoted(text) + " has two ids, " +
                   std::to_string(ordinary_ids[size_t(number)]) + " and " + std::to_string(id)};
    }
    ordinary_ids.push_back(int(id));
    if (meaning->size() == 1) byte_ids[static_cast<unsigned char>((*meaning)[0])] = int(id);
    bytes[id] = std::move(*meaning);
  }
  return {};
}

Result<void> Tokenizer::State::take_merges(
    const std::vector<std::pair<std::string, std::string>>& pairs,
    const std::vector<std::string>& texts) {
  if (pairs.size() > kMergesMax) {
    return Error{std::to_string(pairs.size()) + " merges; at most 4000000 are supported"};
  }
  // Ids by text as written. An ordinary token and an added one may share their text; ordinary wins.
  WordTable words;
  words.reserve(texts.size());
  std::vector<int> ids;
  for (size_t id = 0; id < texts.size(); ++id) {
    size_t number = size_t(words.insert(texts[id]));
    if (number == ids.size()) {
      ids.push_back(int(id));
    } else if (kinds[id] == kOrdinary) {
      ids[number] = int(id);
    }
  }
  merges.reserve(pairs.size());
  for (const auto& [left, right] : pairs) {
    auto known = [&](const std::string& text) {
      int number = words.find(text);
      return number < 0 ? -1 : ids[size_t(number)];
    };
    Merge merge = {known(left), known(right), known(left + right)};
    if (merge.left < 0 || merge.right < 0 || merge.result < 0) {
      std::string lacking = merge.left < 0 ? left : merge.right < 0 ? right : left + right;
      return Error{"merge " + std::to_string(merges.size()) + " (" + quoted(left) + " with " +
                   quoted(right) + ") needs the token " + quoted(lacking) +
                   ", which the vocabulary lacks"};
    }
    // Merging must not be a way to an added token: that would let plain text forge one.
    for (int id : {merge.left, merge.right, merge.result}) {
      if (kinds[size_t(id)] != kOrdinary) merge.result = -1;
    }
    merges.push_back(merge);
  }
  merge_table = MergeTable(merges);
  return {};
}

Result<Tokenizer> Tokenizer::create(TokenizerSpec spec) {
  if (spec.tokens.empty() || spec.tokens.size() > kTokensMax) {
    return Error{"a vocabulary of " + std::to_string(spec.tokens.size()) +
                 " tokens; it must have from 1 to 2000000"};
  }
  auto state = std::make_unique<State>();
  State& s = *state;
  s.bytes.resize(spec.tokens.size());
  s.kinds.assign(spec.tokens.size(), State::kOrdinary);
  s.pre_tokenizer = std::move(spec.pre_tokenizer);
  s.nfc = spec.nfc;
  s.ignore_merges = spec.ignore_merges;
  for (const AddedToken& token : spec.added) {
    if (token.id >= 0 && size_t(token.id) < spec.tokens.size()) {
      spec.tokens[size_t(token.id)] = token.text;
    }
  }
  TRY(s.take_added(spec.added));
  TRY(s.take_tokens(spec));
  TRY(s.take_merges(spec.merges, spec.tokens));
  Tokenizer made(std::move(state));
  for (const std::vector<int>* frame : {&spec.prefix, &spec.suffix}) {
    for (int id : *frame) {
      if (!made.has(id)) {
        return Error{"the post-processor adds token id " + std::to_string(id) +
                     ", which does not exist"};
      }
    }
  }
  s.prefix = std::move(spec.prefix);
  s.suffix = std::move(spec.suffix);
  for (int id : {spec.bos, spec.eos, spec.pad, spec.unk}) {
    if (id != -1 && !made.has(id)) {
      return Error{"BOS, EOS, the pad or the unknown token has id " + std::to_string(id) +
                   ", which does not exist"};
    }
  }
  s.bos = spec.bos;
  s.eos = spec.eos;
  s.pad = spec.pad;
  s.unk = spec.unk;
  return made;
}

Tokenizer::Tokenizer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<std::string> Tokenizer::decode_bytes(std::span<const int> ids, bool keep_special) const {
  std::string out;
  for (int id : ids) {
    if (!has(id)) {
      return Error{"token id " + std::to_string(id) + " is outside 0.." +
                   std::to_string(size() - 1)};
    }
    if (keep_special || !is_special(id)) out += state_->bytes[size_t(id)];
  }
  return out;
}

Result<std::string> Tokenizer::decode(std::span<const int> ids, bool keep_special) const {
  return replace_invalid_utf8(TRY(decode_bytes(ids, keep_special)));
}

int Tokenizer::size() const { return int(state_->bytes.size()); }
std::string_view Tokenizer::token_bytes(int id) const {
  CHECK(has(id));
  return state_->bytes[size_t(id)];
}
std::string Tokenizer::token_text(int id) const {
  std::string bytes(token_bytes(id));
  return state_->kinds[size_t(id)] == State::kOrdinary ? bytes_to_characters(bytes) : bytes;
}
bool Tokenizer::is_added(int id) const {
  return has(id) && (state_->kinds[size_t(id)] == State::kAdded || is_special(id));
}
bool Tokenizer::is_special(int id) const {
  return has(id) && state_->kinds[size_t(id)] == State::kSpecial;
}
int Tokenizer::bos() const { return state_->bos; }
int Tokenizer::eos() const { return state_->eos; }
int Tokenizer::pad() const { return state_->pad; }
int Tokenizer::unk() const { return state_->unk; }
const std::vector<int>& Tokenizer::prefix() const { return state_->prefix; }
const std::vector<int>& Tokenizer::suffix() const { return state_->suffix; }
const std::vector<AddedToken>& Tokenizer::added_tokens() const { return state_->added; }
const std::vector<Merge>& Tokenizer::merges() const { return state_->merges; }
const PreTokenizer& Tokenizer::pre_tokenizer() const { return state_->pre_tokenizer; }
bool Tokenizer::nfc() const { return state_->nfc; }
bool Tokenizer::ignores_merges() const { return state_->ignore_merges; }

std::optional<int> Tokenizer::find_added(std::string_view text) const {
  for (const AddedToken& token : state_->added) {
    if (token.text == text) return token.id;
  }
  return std::nullopt;
}

std::optional<int> Tokenizer::find(std::string_view bytes) const {
  int number = state_->ordinary.find(bytes);
  if (number < 0) return std::nullopt;
  return state_->ordinary_ids[size_t(number)];
}

Result<int> Tokenizer::add_token(std::string text, bool special) {
  if (std::optional<int> known = find_added(text)) return *known;
  if (text.empty() || text.size() > kAddedBytesMax || state_->bytes.size() >= kTokensMax) {
    return Error{"cannot add token " + quoted(text) + ": it must have from 1 to 1024 bytes"};
  }
  int id = size();
  state_->bytes.push_back(text);
  state_->kinds.push_back(special ? State::kSpecial : State::kAdded);
  state_->note_added({.id = id, .text = std::move(text), .special = special});
  return id;
}

std::string StreamDecoder::push(int id) {
  if (!tokenizer_.has(id)) return "";
  if (!keep_special_ && tokenizer_.is_special(id)) return "";
  pending_ += tokenizer_.token_bytes(id);
  size_t held = unfinished_utf8_tail(pending_);
  std::string ready =
      replace_invalid_utf8(std::string_view(pending_).substr(0, pending_.size() - held));
  pending_.erase(0, pending_.size() - held);
  return ready;
}

std::string StreamDecoder::finish() {
  std::string rest = replace_invalid_utf8(pending_);
  pending_.clear();
  return rest;
}

}  // namespace weir
