#include "knowledge/chunker.h"

#include <algorithm>

#include "base/hash.h"
#include "base/text.h"
#include "knowledge/words.h"
#include "text/sentences.h"
#include "text/unicode.h"

namespace weir {
namespace {

using Kind = DocumentBlock::Kind;
constexpr size_t kBoilerplateBytesMax = 300;

// Runs of blanks and line breaks as one blank.
std::string collapse(std::string_view text) {
  std::string out;
  for (char c : text) {
    const bool is_blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!is_blank)
      out += c;
    else if (!out.empty() && out.back() != ' ')
      out += ' ';
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

// Pieces of at most `limit` tokens, cut after sentences, else after characters.
std::vector<std::string> cut_text(std::string_view text, size_t limit) {
  std::vector<std::string> pieces;
  std::string piece;
  size_t used = 0;
  const auto flush = [&] {
    if (!trim(piece).empty()) pieces.emplace_back(trim(piece));
    piece.clear();
    used = 0;
  };
  for (std::string_view sentence : split_sentences(text)) {
    const size_t cost = estimate_tokens(sentence);
    if (used + cost > limit) flush();
    if (cost > limit) {
      for (size_t at = 0; at < sentence.size();) {
        const std::string_view character =
            sentence.substr(at, size_t(decode_utf8(sentence, at).bytes));
        piece += character;
        at += character.size();
        if (piece.size() >= limit * 2 && estimate_tokens(piece) >= limit) flush();
      }
      used = estimate_tokens(piece);
      continue;
    }
    // Full-width sentence ends need no blank.
    if (!piece.empty() && static_cast<unsigned char>(piece.back()) < 0x80) piece += ' ';
    piece += sentence;
    used += cost;
  }
  flush();
  return pieces;
}

// Groups of lines of at most `limit` tokens, each with `head` before it.
std::vector<std::string> cut_lines(std::string_view text, std::string_view head, size_t limit) {
  std::vector<std::string> pieces;
  const size_t head_cost = estimate_tokens(head);
  std::string piece;
  size_t used = head_cost;
  const auto flush = [&] {
    if (!piece.empty()) pieces.push_back(std::string(head) + piece);
    piece.clear();
    used = head_cost;
  };
  for (const std::string& line : split(text, '\n')) {
    const size_t cost = estimate_tokens(line) + 1;
    if (used + cost > limit) flush();
    if (cost > limit) {
      for (const std::string& part : cut_text(line, limit))
        pieces.push_back(std::string(head) + part);
      continue;
    }
    if (!piece.empty()) piece += '\n';
    piece += line;
    used += cost;
  }
  flush();
  return pieces;
}

std::vector<std::string> pieces_of(const DocumentBlock& block, size_t limit) {
  switch (block.kind) {
    case Kind::table: {
      if (estimate_tokens(block.text) <= limit) return {block.text};
      const size_t end = block.text.find('\n');
      if (end == std::string::npos) return cut_text(block.text, limit);
      std::string_view head = std::string_view(block.text).substr(0, end + 1);
      if (estimate_tokens(head) * 4 > limit) head = "";  // a head as long as its rows
      return cut_lines(std::string_view(block.text).substr(end + 1), head, limit);
    }
    case Kind::code:
      if (estimate_tokens(block.text) <= limit) return {block.text};
      return cut_lines(block.text, "", limit);
    default: {
      std::string text = collapse(block.text);
      if (block.kind == Kind::list_item && !text.empty())
        text = std::string(size_t(std::clamp(block.level, 0, 8)) * 2, ' ') + "- " + text;
      if (estimate_tokens(text) <= limit) return {text};
      return cut_text(text, limit);
    }
  }
}

class Cutter {
 public:
  Cutter(const Document& document, const ChunkOptions& options)
      : document_(document), limit_(size_t(options.tokens)), least_(size_t(options.tokens_min)) {}

  std::vector<Chunk> cut() {
    for (const DocumentBlock& block : document_.blocks) {
      if (block.kind == Kind::heading)
        begin_section(block);
      else
        add(block);
    }
    flush();
    return std::move(chunks_);
  }

 private:
  void begin_section(const DocumentBlock& block) {
    const std::string title = collapse(block.text);
    if (title.empty()) return;
    flush();
    while (!titles_.empty() && titles_.back().first >= block.level) titles_.pop_back();
    titles_.emplace_back(block.level, title);
  }

  void add(const DocumentBlock& block) {
    for (const std::string& piece : pieces_of(block, limit_)) {
      if (trim(piece).empty()) continue;
      const size_t cost = estimate_tokens(piece);
      if (used_ > 0 && used_ + cost > limit_) flush();
      if (chunk_.text.empty()) chunk_.page = block.page;
      const bool joins_list = block.kind == Kind::list_item && was_list_;
      if (!chunk_.text.empty()) chunk_.text += joins_list ? "\n" : "\n\n";
      chunk_.text += piece;
      chunk_.last_page = block.page;
      if (block.kind == Kind::paragraph || block.kind == Kind::list_item)
        if (const uint64_t key = boilerplate_key(piece)) chunk_.lines.push_back(key);
      was_list_ = block.kind == Kind::list_item;
      used_ += cost;
    }
  }

  std::string heading() const {
    std::string path;
    for (const auto& [level, title] : titles_) {
      if (!path.empty()) path += " > ";
      path += title;
    }
    return path;
  }

  void flush() {
    if (chunk_.text.empty()) return;
    chunk_.heading = heading();
    const bool joins = !chunks_.empty() && (used_ < least_ || last_used_ < least_) &&
                       last_used_ + used_ <= limit_ && is_inside(chunk_.heading);
    if (joins) {
      Chunk& last = chunks_.back();
      last.text += "\n\n";
      if (chunk_.heading != last.heading && !titles_.empty()) {
        // The title of the section that joined stays visible in the text.
        last.text += titles_.back().second + "\n";
      }
      last.text += chunk_.text;
      last.last_page = chunk_.last_page;
      last.lines.insert(last.lines.end(), chunk_.lines.begin(), chunk_.lines.end());
      last_used_ += used_;
    } else {
      chunks_.push_back(std::move(chunk_));
      last_used_ = used_;
    }
    chunk_ = {};
    used_ = 0;
    was_list_ = false;
  }

  // The section lies in the one of the last chunk.
  bool is_inside(const std::string& path) const {
    const std::string& outer = chunks_.back().heading;
    return path == outer || path.starts_with(outer + " > ");
  }

  const Document& document_;
  const size_t limit_, least_;
  std::vector<std::pair<int, std::string>> titles_;
  std::vector<Chunk> chunks_;
  Chunk chunk_;
  size_t used_ = 0, last_used_ = 0;
  bool was_list_ = false;
};

}  // namespace

std::vector<Chunk> cut_chunks(const Document& document, const ChunkOptions& options) {
  return Cutter(document, options).cut();
}

uint64_t boilerplate_key(std::string_view line) {
  line = trim(line);
  if (line.starts_with("- ")) line.remove_prefix(2);
  if (line.empty() || line.size() > kBoilerplateBytesMax || line.find('\n') != line.npos) return 0;
  const uint64_t key = fnv1a(line) >> 1;  // SQLite's integers are signed
  return key == 0 ? 1 : key;
}

}  // namespace weir
