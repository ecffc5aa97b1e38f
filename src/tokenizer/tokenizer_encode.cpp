// Encoding: added tokens first, then normalisation, splitting and merging of what is between them;
// and the same for many documents on many threads.
#include <fmt/format.h>

#include <algorithm>

#include "base/thread_pool.h"
#include "text/unicode.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_state.h"

namespace weir {
namespace {

constexpr size_t kPieceBytesMax = 1 << 20;
constexpr size_t kChunkBytes = 256 << 10;  // split and merged at a time, to stay in the caches

// Whether an added token may be found where it is: control tokens only in the template's text.
struct IsAllowed {
  const Tokenizer::State& state;
  const TracedText& text;
  bool operator()(const AddedTokenMatcher::Match& match) const {
    return !state.looks_like_control(match.id) || text.is_trusted(match.begin, match.end);
  }
};

// One text on its way to ids.
class Encoding {
 public:
  Encoding(const Tokenizer::State& state, EncodeScratch& scratch, std::string_view whole,
           std::vector<int>& out)
      : state_(state), scratch_(scratch), whole_(whole), out_(out) {}

  Result<void> text_with_added(std::string_view text, bool allow_special) {
    const Tokenizer::State::Matchers& matchers = allow_special ? state_.trusted : state_.untrusted;
    auto everywhere = [](const AddedTokenMatcher::Match&) { return true; };
    return between(text, matchers.raw, everywhere, [&](std::string_view raw) -> Result<void> {
      if (!state_.nfc) return ordinary(raw);
      std::string normal = normalize_nfc(raw);
      return between(normal, matchers.normalized, everywhere,
                     [&](std::string_view part) { return ordinary(part); });
    });
  }

  Result<void> rendered(const TracedText& traced) {
    return between(traced.text, state_.trusted.raw, IsAllowed{state_, traced},
                   [&](std::string_view raw) -> Result<void> {
                     if (!state_.nfc) return ordinary(raw);
                     size_t begin = size_t(raw.data() - traced.text.data());
                     TracedText normal = normalized(traced.slice(begin, begin + raw.size()));
                     return between(normal.text, state_.trusted.normalized,
                                    IsAllowed{state_, normal},
                                    [&](std::string_view part) { return ordinary(part); });
                   });
  }

 private:
  // NFC with the spans moved along. Where a character of the template and one of the data compose
  // into one, the text as a whole counts as data.
  static TracedText normalized(const TracedText& text) {
    TracedText parts;
    size_t at = 0;
    auto append = [&](size_t end, bool is_trusted) {
      parts.append(normalize_nfc(std::string_view(text.text).substr(at, end - at)), is_trusted);
      at = end;
    };
    for (const TextSpan& span : text.trusted) {
      append(span.begin, false);
      append(span.end, true);
    }
    append(text.text.size(), false);
    std::string whole = normalize_nfc(text.text);
    return parts.text == whole ? parts : TracedText::of(whole, false);
  }

  template <class Accepts, class Rest>
  Result<void> between(std::string_view text, const AddedTokenMatcher& matcher,
                       const Accepts& accepts, const Rest& rest) {
    size_t at = 0;
    for (;;) {
      AddedTokenMatcher::Match match = matcher.next(text, at, accepts);
      size_t end = match.id < 0 ? text.size() : match.begin;
      if (end > at) TRY(rest(text.substr(at, end - at)));
      if (match.id < 0) return {};
      out_.push_back(match.id);
      at = match.end;
    }
  }

  Result<void> ordinary(std::string_view text) {
    for (size_t at = 0; at < text.size();) {
      size_t end = text.size();
      if (end - at > kChunkBytes) {
        // Relative to the chunk, so that the cut never looks back beyond it.
        end = at + state_.pre_tokenizer.safe_cut(text.substr(at), kChunkBytes);
      }
      TRY(chunk(text.substr(at, end - at)));
      at = end;
    }
    return {};
  }

  // Valid stretches are split; each invalid part between them is a piece of its own.
  Result<void> chunk(std::string_view text) {
    while (!text.empty()) {
      size_t valid = valid_utf8_prefix(text);
      TRY(state_.pre_tokenizer.split(text.substr(0, valid), scratch_.split));
      for (std::string_view p : scratch_.split.pieces) TRY(piece(p));
      text.remove_prefix(valid);
      if (text.empty()) break;
      size_t invalid = size_t(decode_utf8(text, 0).bytes);
      TRY(piece(text.substr(0, invalid)));
      text.remove_prefix(invalid);
    }
    return {};
  }

  Result<void> piece(std::string_view text) {
    while (text.size() > kPieceBytesMax) {
      size_t cut = kPieceBytesMax;
      while (cut > kPieceBytesMax - 3 && (text[cut] & 0xC0) == 0x80) --cut;
      TRY(merged(text.substr(0, cut)));
      text.remove_prefix(cut);
    }
    if (text.size() > PieceCache::kPieceMax) return merged(text);
    PieceCache::Slot& slot = scratch_.cache.slot(text);
    if (slot.holds(text)) {
      out_.insert(out_.end(), slot.ids, slot.ids + slot.count);
      return {};
    }
    size_t before = out_.size();
    TRY(merged(text));
    size_t count = out_.size() - before;
    if (count <= PieceCache::kIdsMax) {
      slot.length = uint8_t(text.size());
      slot.count = uint8_t(count);
      std::memcpy(slot.piece, text.data(), text.size());
      std::copy(out_.begin() + long(before), out_.end(), slot.ids);
    }
    return {};
  }

  Result<void> merged(std::string_view text) {
    if (state_.ignore_merges) {
      int number = state_.ordinary.find(text);
      if (number >= 0) {
        out_.push_back(state_.ordinary_ids[size_t(number)]);
        return {};
      }
    }
    std::vector<int>& symbols = scratch_.symbols;
    symbols.resize(text.size());
    for (size_t i = 0; i < text.size(); ++i) {
      symbols[i] = state_.byte_ids[static_cast<unsigned char>(text[i])];
      if (symbols[i] < 0) return no_token(text, i);
    }
    size_t n = merge_symbols(state_.merge_table, symbols, scratch_.merge);
    out_.insert(out_.end(), symbols.begin(), symbols.begin() + long(n));
    return {};
  }

  Error no_token(std::string_view piece, size_t at) const {
    std::string message = fmt::format("the vocabulary has no token for byte 0x{:02X}",
                                      static_cast<unsigned char>(piece[at]));
    size_t begin = at;
    while (begin > 0 && (piece[begin] & 0xC0) == 0x80) --begin;
    Utf8Character c = decode_utf8(piece, begin);
    if (c.valid && c.code >= 0x20 && c.code != 0x7F) {
      message += " (in '" + std::string(piece.substr(begin, size_t(c.bytes))) + "')";
    }
    std::less_equal<const char*> not_after;
    if (not_after(whole_.data(), piece.data()) &&
        not_after(piece.data() + at, whole_.data() + whole_.size())) {
      message += " at position " + std::to_string(piece.data() + at - whole_.data());
    }
    return {message + "; train the tokenizer on text that has it, or with the full byte alphabet"};
  }

  const Tokenizer::State& state_;
  EncodeScratch& scratch_;
  std::string_view whole_;
  std::vector<int>& out_;
};

}  // namespace

std::unique_ptr<EncodeScratch> Tokenizer::State::take_scratch() {
  {
    std::lock_guard lock(scratch_mutex);
    if (!scratches.empty()) {
      std::unique_ptr<EncodeScratch> scratch = std::move(scratches.back());
      scratches.pop_back();
      return scratch;
    }
  }
  return std::make_unique<EncodeScratch>();
}

void Tokenizer::State::give_scratch(std::unique_ptr<EncodeScratch> scratch) {
  std::lock_guard lock(scratch_mutex);
  scratches.push_back(std::move(scratch));
}

Result<std::vector<int>> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::vector<int> ids;
  if (options.framed) ids = state_->prefix;
  std::unique_ptr<EncodeScratch> scratch = state_->take_scratch();
  Result<void> done =
      Encoding(*state_, *scratch, text, ids).text_with_added(text, options.allow_special);
  state_->give_scratch(std::move(scratch));
  if (!done) return std::move(done).error();
  if (options.framed) ids.insert(ids.end(), state_->suffix.begin(), state_->suffix.end());
  return ids;
}

Result<std::vector<int>> Tokenizer::encode_rendered(const TracedText& rendered) const {
  std::vector<int> ids;
  std::unique_ptr<EncodeScratch> scratch = state_->take_scratch();
  Result<void> done = Encoding(*state_, *scratch, rendered.text, ids).rendered(rendered);
  state_->give_scratch(std::move(scratch));
  if (!done) return std::move(done).error();
  return ids;
}

Result<std::vector<std::vector<int>>> Tokenizer::encode_documents(
    std::span<const std::string_view> documents, ThreadPool& pool, EncodeOptions options) const {
  // An added token with a newline could lie across a cut, so then documents stay whole.
  static const PreTokenizer uncut;
  std::vector<TextPart> jobs =
      cut_documents(documents, state_->added_spans_lines ? uncut : state_->pre_tokenizer);
  std::vector<std::unique_ptr<EncodeScratch>> scratches(size_t(pool.threads()));
  for (auto& scratch : scratches) scratch = state_->take_scratch();
  std::vector<std::vector<int>> parts(jobs.size());
  std::vector<std::optional<Error>> errors(jobs.size());
  pool.parallel_for(int(jobs.size()), [&](int i, int thread) {
    const TextPart& job = jobs[size_t(i)];
    Encoding encoding(*state_, *scratches[size_t(thread)], documents[job.document],
                      parts[size_t(i)]);
    Result<void> done = encoding.text_with_added(job.text, options.allow_special);
    if (!done) errors[size_t(i)] = std::move(done).error();
  });
  for (auto& scratch : scratches) state_->give_scratch(std::move(scratch));

  std::vector<std::vector<int>> out(documents.size());
  for (size_t i = 0; i < jobs.size(); ++i) {
    size_t d = jobs[i].document;
    if (errors[i]) return std::move(*errors[i]).within("document " + std::to_string(d));
    bool first = i == 0 || jobs[i - 1].document != d;
    bool last = i + 1 == jobs.size() || jobs[i + 1].document != d;
    std::vector<int>& ids = out[d];
    if (first && last && !options.framed) {
      ids = std::move(parts[i]);
      continue;
    }
    if (first && options.framed) ids = state_->prefix;
    ids.insert(ids.end(), parts[i].begin(), parts[i].end());
    if (last && options.framed) ids.insert(ids.end(), state_->suffix.begin(), state_->suffix.end());
  }
  return out;
}

}  // namespace weir
