// What filters and methods of texts share.
#pragma once
#include <vector>

#include "base/result.h"
#include "jinja/heap.h"

namespace weir::jinja {

// Without blanks, or without any of `characters`, at the chosen sides.
Result<Value> stripped(Heap& heap, const StoredText& text, const StoredText* characters,
                       bool at_begin, bool at_end);
// The first `count` places of `old` replaced, all when it is negative. An empty `old` is between
// all characters.
Result<Value> replaced(Heap& heap, const StoredText& text, const StoredText& old,
                       const StoredText& replacement, Integer count);
// str() of each, with the separator between.
Result<Value> joined_texts(Heap& heap, const std::vector<Value>& items,
                           const StoredText& separator);

}  // namespace weir::jinja
