// Text with the provenance of every byte: written by a template, or taken from data (messages,
// tools). Control tokens count only where the template wrote them; see docs/chat-templates.md.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

struct TextSpan {
  size_t begin = 0, end = 0;  // bytes [begin, end)
  bool operator==(const TextSpan&) const = default;
};

struct TracedText {
  std::string text;
  // What the template wrote: sorted, none empty, none touching the next. Pieces of the template
  // that end up side by side are one span, since '<|' + 'user|>' is the template's <|user|>.
  std::vector<TextSpan> trusted;

  static TracedText of(std::string_view text, bool is_trusted);
  bool is_wholly_trusted() const;
  bool is_trusted(size_t begin, size_t end) const;  // the bytes [begin, end) lie in one span

  void append(std::string_view more, bool is_trusted);
  void append(const TracedText& more) { append(more, 0, more.text.size()); }
  void append(const TracedText& from, size_t begin, size_t end);
  TracedText slice(size_t begin, size_t end) const;
  // Of this object on the heap.
  size_t memory() const { return text.capacity() + trusted.capacity() * sizeof(TextSpan); }

 private:
  void add_span(size_t begin, size_t end);
};

}  // namespace weir
