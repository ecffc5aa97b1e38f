#include "jinja/operators.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "jinja/characters.h"
#include "jinja/print.h"

namespace weir::jinja {
namespace {

Result<void> check_depth(int depth) {
  if (depth <= kValueDepthMax) return {};
  return Error{fmt::format("lists are nested deeper than {} levels", kValueDepthMax)};
}

// A tuple never equals a list; the keys, values and items of dicts are compared as lists are.
bool same_form(const List& a, const List& b) { return a.form == b.form; }

Result<bool> equal_lists(Heap& heap, const List& a, const List& b, int depth) {
  if (!same_form(a, b) || a.items.size() != b.items.size()) return false;
  for (size_t i = 0; i < a.items.size(); ++i)
    if (!TRY(equal(heap, a.items[i], b.items[i], depth + 1))) return false;
  return true;
}

Result<bool> equal_dicts(Heap& heap, const Dict& a, const Dict& b, int depth) {
  if (a.entries.size() != b.entries.size()) return false;
  for (const auto& [key, value] : a.entries) {
    const Value* other = nullptr;
    if (const StoredText* name = key.text()) {
      other = b.find(name->text());
    } else {
      for (const auto& [candidate, found] : b.entries)
        if (TRY(equal(heap, candidate, key, depth + 1))) other = &found;
    }
    if (other == nullptr) return false;
    if (!TRY(equal(heap, value, *other, depth + 1))) return false;
  }
  return true;
}

Result<Value> in_range(Integer value) {
  const Integer limit = Integer(1) << 64;
  if (value > limit || value < -limit)
    return Error{"a whole number grows beyond 2^64; use smaller numbers"};
  return Value(value);
}

Result<Value> power(Integer base, Integer exponent) {
  if (exponent < 0) return Value(std::pow(double(base), double(exponent)));
  Integer result = 1;
  if (base == 0 || base == 1) return Value(exponent == 0 ? Integer(1) : base);
  if (base == -1) return Value(exponent % 2 == 0 ? Integer(1) : base);
  for (Integer i = 0; i < exponent; ++i) {
    result *= base;
    TRY(in_range(result));
  }
  return Value(result);
}

Result<Value> integer_arithmetic(std::string_view symbol, Integer a, Integer b) {
  if (symbol == "+") return in_range(a + b);
  if (symbol == "-") return in_range(a - b);
  if (symbol == "**") return power(a, b);
  if (symbol == "*") {
    Integer product = 0;
    if (__builtin_mul_overflow(a, b, &product)) return in_range(Integer(1) << 65);
    return in_range(product);
  }
  if (b == 0) return Error{"division by zero"};
  if (symbol == "/") return Value(double(a) / double(b));
  Integer quotient = a / b, rest = a % b;
  if (rest != 0 && (rest < 0) != (b < 0)) {
    --quotient;
    rest += b;
  }
  return Value(symbol == "//" ? quotient : rest);
}

Result<Value> real_arithmetic(std::string_view symbol, double a, double b) {
  if (symbol == "+") return Value(a + b);
  if (symbol == "-") return Value(a - b);
  if (symbol == "*") return Value(a * b);
  if (symbol == "**") {
    double result = std::pow(a, b);
    if (!std::isfinite(result) && std::isfinite(a) && std::isfinite(b))
      return Error{"a power is no real number or too large"};
    return Value(result);
  }
  if (b == 0) return Error{"division by zero"};
  if (symbol == "/") return Value(a / b);
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  if (symbol == "%") return Value(rest);
  return Value(std::floor((a - rest) / b + 0.5));
}

// What HTML writes for a character, "" for one that stands for itself.
std::string_view entity(char c) {
  constexpr std::string_view kSpecial = "&<>'\"";
  constexpr std::string_view kEntities[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;", ""};
  return kEntities[std::min(kSpecial.find(c), kSpecial.size())];
}

// What Markup does to a text that is added to it.
Result<TracedText> escaped(Heap& heap, const TracedText& text) {
  TRY(heap.work_on_characters(2 * text.text.size()));
  size_t bytes = text.text.size();
  for (char c : text.text)
    if (size_t longer = entity(c).size(); longer > 0) bytes += longer - 1;
  TRY(heap.check_text(bytes, text.trusted.size()));
  TracedText out;
  out.text.reserve(bytes);
  size_t begin = 0;
  for (size_t i = 0; i < text.text.size(); ++i) {
    const std::string_view instead = entity(text.text[i]);
    if (instead.empty()) continue;
    out.append(text, begin, i);
    out.append(instead, text.is_trusted(i, i + 1));
    begin = i + 1;
  }
  out.append(text, begin, text.text.size());
  return out;
}

Result<Value> joined(Heap& heap, const StoredText& a, const StoredText& b) {
  const bool is_markup = a.is_markup || b.is_markup;
  if (is_markup && a.is_markup != b.is_markup) {
    TracedText text = TRY(escaped(heap, a.is_markup ? b.content : a.content));
    Value plain = TRY(heap.text(std::move(text), true));
    return a.is_markup ? joined(heap, a, *plain.text()) : joined(heap, *plain.text(), b);
  }
  const size_t spans = a.content.trusted.size() + b.content.trusted.size();
  TRY(heap.check_text(a.text().size() + b.text().size(), spans));
  TracedText sum;
  sum.text.reserve(a.text().size() + b.text().size());
  sum.trusted.reserve(spans);
  sum.append(a.content);
  sum.append(b.content);
  return heap.text(std::move(sum), is_markup);
}

Result<Value> repeated_text(Heap& heap, const StoredText& text, size_t times) {
  const size_t bytes = times * text.text().size(),
               spans = text.content.is_wholly_trusted() ? 1 : times * text.content.trusted.size();
  TRY(heap.check_text(bytes, spans));
  TRY(heap.work(times + spans / 16));
  TracedText out;
  out.text.reserve(bytes);
  out.trusted.reserve(spans);
  for (size_t i = 0; i < times; ++i) out.append(text.content);
  return heap.text(std::move(out), text.is_markup);
}

Result<Value> repeated(Heap& heap, const Value& value, Integer times) {
  const Integer size =
      value.text() ? Integer(value.text()->text().size()) : Integer(value.list()->items.size());
  if (times < 0 || size == 0) times = 0;
  if (size != 0 && times > Integer(heap.limits().output_bytes) / size)
    return Error{"a text or list is repeated too often; repeat it less"};
  if (const StoredText* text = value.text()) return repeated_text(heap, *text, size_t(times));
  TRY(heap.work(size_t(times * size)));
  TRY(heap.check_memory(size_t(times * size) * sizeof(Value)));
  const std::vector<Value>& from = value.list()->items;
  std::vector<Value> items;
  items.reserve(size_t(times * size));
  for (Integer i = 0; i < times; ++i) items.insert(items.end(), from.begin(), from.end());
  return Value(TRY(heap.list(value.list()->form, std::move(items))));
}

bool can_repeat(const Value& value) {
  const List* list = value.list();
  return value.text() != nullptr ||
         (list != nullptr && (list->form == List::Form::list || list->form == List::Form::tuple));
}

Error no_operator(std::string_view symbol, const Value& a, const Value& b) {
  if (a.is_undefined()) return misuse(a, fmt::format("used with '{}'", symbol));
  if (b.is_undefined()) return misuse(b, fmt::format("used with '{}'", symbol));
  return {
      fmt::format("'{}' does not work for {} and {}; convert one of them, for example with "
                  "the filter 'string'",
                  symbol, kind_name(a), kind_name(b))};
}

}  // namespace

Error misuse(const Value& value, std::string_view use) {
  if (const Undefined* undefined = value.get<Undefined>()) {
    const std::string what = undefined->reason ? undefined->reason->text() : "a value is undefined";
    return {fmt::format("{}, but it is {}; give it, or test it with 'is defined'", what, use)};
  }
  return {fmt::format("{} can not be {}", kind_name(value), use)};
}

Result<bool> equal(Heap& heap, const Value& a, const Value& b, int depth) {
  TRY(heap.work(1));
  TRY(check_depth(depth));
  Integer i = 0, j = 0;
  if (a.as_integer(i) && b.as_integer(j)) return i == j;
  double x = 0, y = 0;
  if (a.as_real(x) && b.as_real(y)) return x == y;
  if (a.state().index() != b.state().index()) return false;
  if (const StoredText* text = a.text()) {
    TRY(heap.work_on_text(text->text().size()));
    return text->text() == b.text()->text();
  }
  if (a.list() != nullptr) return equal_lists(heap, *a.list(), *b.list(), depth);
  if (a.dict() != nullptr) return equal_dicts(heap, *a.dict(), *b.dict(), depth);
  if (a.is_undefined() || a.is_none()) return true;
  if (const auto* p = a.get<Namespace*>()) return *p == *b.get<Namespace*>();
  if (const auto* p = a.get<Loop*>()) return *p == *b.get<Loop*>();
  return *a.get<Callable*>() == *b.get<Callable*>();
}

Result<bool> less(Heap& heap, const Value& a, const Value& b, int depth) {
  TRY(heap.work(1));
  TRY(check_depth(depth));
  Integer i = 0, j = 0;
  if (a.as_integer(i) && b.as_integer(j)) return i < j;
  double x = 0, y = 0;
  if (a.as_real(x) && b.as_real(y)) return x < y;
  if (a.text() != nullptr && b.text() != nullptr) {
    TRY(heap.work_on_text(a.text()->text().size()));
    return a.text()->text() < b.text()->text();  // UTF-8 is in the order of its characters
  }
  const List *p = a.list(), *q = b.list();
  if (p == nullptr || q == nullptr || !same_form(*p, *q) || !p->is_sequence())
    return no_operator("<", a, b);
  for (size_t k = 0; k < p->items.size() && k < q->items.size(); ++k) {
    if (!TRY(equal(heap, p->items[k], q->items[k], depth + 1)))
      return less(heap, p->items[k], q->items[k], depth + 1);
  }
  return p->items.size() < q->items.size();
}

Result<bool> compare(Heap& heap, std::string_view symbol, const Value& a, const Value& b) {
  if (symbol == "==") return equal(heap, a, b);
  if (symbol == "!=") return !TRY(equal(heap, a, b));
  if (symbol == "in") return contains(heap, b, a);
  if (symbol == "not in") return !TRY(contains(heap, b, a));
  if (symbol == "<") return less(heap, a, b);
  if (symbol == ">") return less(heap, b, a);
  // For numbers these are no negations: NaN is in no order with anything.
  if (TRY(equal(heap, a, b)))
    return a.is_undefined() ? Result<bool>(no_operator(symbol, a, b)) : true;
  return symbol == "<=" ? less(heap, a, b) : less(heap, b, a);
}

Result<bool> contains(Heap& heap, const Value& container, const Value& item) {
  if (const StoredText* text = container.text()) {
    if (item.text() == nullptr) return misuse(item, "looked for in a text");
    TRY(heap.work_on_text(text->text().size()));
    return find_text(text->text(), item.text()->text()) != std::string::npos;
  }
  if (const Dict* dict = container.dict()) {
    if (const StoredText* name = item.text()) return dict->find(name->text()) != nullptr;
    for (const auto& [key, value] : dict->entries)
      if (TRY(equal(heap, key, item))) return true;
    return false;
  }
  const List* list = TRY(iterate(heap, container));
  for (size_t i = 0; i < list->items.size(); ++i)
    if (TRY(equal(heap, list->items[i], item))) return true;
  return false;
}

Result<Value> arithmetic(Heap& heap, std::string_view symbol, const Value& a, const Value& b) {
  if (symbol == "%" && a.text() != nullptr)
    return Error{"'%' does not fill values into a text here; join them with '~'"};
  Integer i = 0, j = 0;
  const bool a_counts = a.as_integer(i), b_counts = b.as_integer(j);
  if (a_counts && b_counts) return integer_arithmetic(symbol, i, j);
  double x = 0, y = 0;
  if (a.as_real(x) && b.as_real(y)) return real_arithmetic(symbol, x, y);
  if (symbol == "+") {
    if (a.text() != nullptr && b.text() != nullptr) return joined(heap, *a.text(), *b.text());
    if (can_repeat(a) && can_repeat(b) && a.list() != nullptr && b.list() != nullptr &&
        same_form(*a.list(), *b.list())) {
      const size_t count = a.list()->items.size() + b.list()->items.size();
      TRY(heap.work(count));
      TRY(heap.check_memory(count * sizeof(Value)));
      std::vector<Value> items = a.list()->items;
      items.insert(items.end(), b.list()->items.begin(), b.list()->items.end());
      return Value(TRY(heap.list(a.list()->form, std::move(items))));
    }
  }
  if (symbol == "*" && can_repeat(a) && b_counts) return repeated(heap, a, j);
  if (symbol == "*" && can_repeat(b) && a_counts) return repeated(heap, b, i);
  return no_operator(symbol, a, b);
}

Result<Value> negated(const Value& value) {
  Integer i = 0;
  if (value.as_integer(i)) return Value(-i);
  double d = 0;
  if (value.as_real(d)) return Value(-d);
  return misuse(value, "used with '-'");
}

Result<Value> text_slice(Heap& heap, const StoredText& text, size_t begin, size_t end) {
  TRY(heap.work_on_text(text.is_ascii() ? 0 : text.text().size()));
  if (!text.is_ascii()) {
    const size_t characters = end - begin;
    begin = byte_of_character(text.text(), begin);
    end = begin + byte_of_character(std::string_view(text.text()).substr(begin), characters);
  }
  return heap.text(text.content.slice(begin, end));
}

Result<List*> iterate(Heap& heap, const Value& value) {
  if (List* list = value.list()) {
    if (list->form != List::Form::generator) return list;
    return heap.list(List::Form::list, std::exchange(list->items, {}));
  }
  if (value.is_undefined()) return heap.list(List::Form::list, {});
  std::vector<Value> items;
  if (const Dict* dict = value.dict()) {
    TRY(heap.work(dict->entries.size()));
    for (const auto& [key, entry] : dict->entries) items.push_back(key);
  } else if (const StoredText* text = value.text()) {
    TRY(heap.work(text->characters));
    for (size_t at = 0; at < text->text().size();) {
      size_t end = at + 1;
      while (end < text->text().size() && (text->text()[end] & 0xC0) == 0x80) ++end;
      items.push_back(TRY(heap.text(text->content.slice(at, end))));
      at = end;
    }
  } else {
    return misuse(value, "walked through");
  }
  return heap.list(List::Form::list, std::move(items));
}

}  // namespace weir::jinja
