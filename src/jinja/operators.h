// Python's operators on values: ==, <, in, + and the others.
#pragma once
#include <string_view>

#include "base/result.h"
#include "jinja/heap.h"

namespace weir::jinja {

constexpr int kValueDepthMax = 100;  // of lists in lists that are compared or printed

Result<bool> equal(Heap& heap, const Value& a, const Value& b, int depth = 0);
Result<bool> less(Heap& heap, const Value& a, const Value& b, int depth = 0);
// `symbol`: ==, !=, <, <=, >, >=, in, not in.
Result<bool> compare(Heap& heap, std::string_view symbol, const Value& a, const Value& b);
Result<bool> contains(Heap& heap, const Value& container, const Value& item);
// `symbol`: +, -, *, /, //, %, **.
Result<Value> arithmetic(Heap& heap, std::string_view symbol, const Value& a, const Value& b);
Result<Value> negated(const Value& value);

// The items of anything that can be walked; a generator is empty afterwards.
Result<List*> iterate(Heap& heap, const Value& value);
// The text between two characters; [begin, end) in characters, within the text.
Result<Value> text_slice(Heap& heap, const StoredText& text, size_t begin, size_t end);
// Why the value can not be used: names what is undefined.
Error misuse(const Value& value, std::string_view use);

}  // namespace weir::jinja
