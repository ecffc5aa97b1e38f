#include "text/traced_text.h"

#include <algorithm>

namespace weir {
namespace {

// The first span that ends after `at`.
std::vector<TextSpan>::const_iterator span_after(const std::vector<TextSpan>& spans, size_t at) {
  return std::upper_bound(spans.begin(), spans.end(), at,
                          [](size_t position, const TextSpan& s) { return position < s.end; });
}

}  // namespace

TracedText TracedText::of(std::string_view text, bool is_trusted) {
  TracedText made;
  made.append(text, is_trusted);
  return made;
}

bool TracedText::is_wholly_trusted() const { return text.empty() || is_trusted(0, text.size()); }

bool TracedText::is_trusted(size_t begin, size_t end) const {
  auto span = span_after(trusted, begin);
  return span != trusted.end() && span->begin <= begin && end <= span->end;
}

void TracedText::add_span(size_t begin, size_t end) {
  if (begin == end) return;
  if (!trusted.empty() && trusted.back().end == begin) {
    trusted.back().end = end;
  } else {
    trusted.push_back({begin, end});
  }
}

void TracedText::append(std::string_view more, bool is_trusted) {
  size_t begin = text.size();
  text += more;
  if (is_trusted) add_span(begin, text.size());
}

void TracedText::append(const TracedText& from, size_t begin, size_t end) {
  size_t moved = text.size();
  text.append(from.text, begin, end - begin);
  for (auto span = span_after(from.trusted, begin); span != from.trusted.end() && span->begin < end;
       ++span) {
    add_span(moved + std::max(span->begin, begin) - begin,
             moved + std::min(span->end, end) - begin);
  }
}

TracedText TracedText::slice(size_t begin, size_t end) const {
  TracedText part;
  part.append(*this, begin, end);
  return part;
}

}  // namespace weir
