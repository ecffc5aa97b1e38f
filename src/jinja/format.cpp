// Python's two ways to fill values into a text: "%s" % values and "{}".format(values).
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "jinja/builtins.h"
#include "jinja/operators.h"
#include "jinja/print.h"

namespace weir::jinja {
namespace {

constexpr int kWidthMax = 1000;
constexpr size_t kAllFields = ~size_t(0);

// %[-0][width][.precision]conversion
struct Conversion {
  bool is_left = false, has_zeros = false;
  int width = 0, precision = -1;
  char kind = 's';
};

Result<int> number_at(std::string_view text, size_t& at) {
  int number = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    number = number * 10 + (text[at] - '0');
    if (number > kWidthMax)
      return Error{"a format has a width of more than 1000; use a smaller one"};
  }
  return number;
}

Result<Conversion> parse_conversion(std::string_view text, size_t& at) {
  Conversion made;
  for (; at < text.size() && (text[at] == '-' || text[at] == '0'); ++at)
    (text[at] == '-' ? made.is_left : made.has_zeros) = true;
  made.width = TRY(number_at(text, at));
  if (at < text.size() && text[at] == '.') made.precision = TRY(number_at(text, ++at));
  if (at >= text.size()) return Error{"a format ends after '%'; write '%%' for a percent sign"};
  made.kind = text[at++];
  return made;
}

Result<TracedText> convert(Heap& heap, const Conversion& conversion, const Value& value) {
  TracedText text;
  Integer whole = 0;
  double real = 0;
  switch (conversion.kind) {
    case 's':
    case 'r': {
      Value shown = TRY(conversion.kind == 's' ? to_text(heap, value) : to_repr(heap, value));
      text = shown.text()->content;
      if (conversion.precision >= 0 && shown.text()->characters > size_t(conversion.precision)) {
        Value cut = TRY(text_slice(heap, *shown.text(), 0, size_t(conversion.precision)));
        text = cut.text()->content;
      }
      break;
    }
    case 'd':
    case 'i':
    case 'u':
      if (!value.as_integer(whole)) {
        if (!value.as_real(real) || !(real > -0x1p63 && real < 0x1p63))
          return misuse(value, "formatted with '%d'");
        whole = Integer(real);
      }
      text.append(integer_text(whole), true);
      break;
    case 'f':
    case 'F': {
      if (!value.as_real(real)) return misuse(value, "formatted with '%f'");
      char buffer[1400];
      int n = std::snprintf(buffer, sizeof buffer, "%.*f",
                            conversion.precision < 0 ? 6 : conversion.precision, real);
      text.append(std::string_view(buffer, std::min(size_t(n), sizeof buffer - 1)), true);
      break;
    }
    default:
      return Error{fmt::format("the format '%{}' is not supported; there are %s %r %d %i %f and %%",
                               printable(std::string(1, conversion.kind)))};
  }
  return text;
}

void pad(const Conversion& conversion, const TracedText& text, TracedText& out) {
  size_t characters = 0;
  for (char c : text.text) characters += (c & 0xC0) != 0x80;
  const size_t width = size_t(conversion.width);
  const std::string blanks(width > characters ? width - characters : 0, ' ');
  if (conversion.is_left) {
    out.append(text);
    out.append(blanks, true);
  } else if (conversion.has_zeros && conversion.kind != 's' && conversion.kind != 'r') {
    const size_t sign = text.text.starts_with('-') ? 1 : 0;
    out.append(text, 0, sign);
    out.append(std::string(blanks.size(), '0'), true);
    out.append(text, sign, text.text.size());
  } else {
    out.append(blanks, true);
    out.append(text);
  }
}

// "{" ... "}": the value it names; `automatic` counts the ones without a name.
Result<Value> field_value(const Call& call, std::string_view field, size_t& automatic) {
  std::string_view name = field.substr(0, field.find_first_of(".["));
  Value value;
  if (name.empty() || name.find_first_not_of("0123456789") == name.npos) {
    const size_t index = name.empty()      ? automatic++
                         : name.size() < 6 ? size_t(std::stoi(std::string(name)))
                                           : kAllFields;
    if (index >= call.positional.size())
      return Error{fmt::format("has no argument for '{{{}}}'", printable(field))};
    value = call.positional[index];
  } else {
    const Value* found = nullptr;
    TRY(call.heap.work(call.named.size() / 8));
    for (const auto& [known, argument] : call.named)
      if (known->text() == name) found = &argument;
    if (found == nullptr) return Error{fmt::format("has no argument '{}'", printable(name))};
    value = *found;
  }
  if (name.size() < field.size())
    return Error{
        fmt::format("does not support '{{{}}}'; look the value up before", printable(field))};
  return value;
}

}  // namespace

Result<Value> format_percent(Heap& heap, const Value& format, const Value& values) {
  const StoredText& text = *format.text();
  const List* tuple = values.list();
  if (tuple != nullptr && tuple->form != List::Form::tuple) tuple = nullptr;
  TRY(heap.work_on_text(text.text().size()));
  TracedText out;
  size_t at = 0, used = 0;
  for (size_t mark = text.text().find('%'); mark != std::string::npos;
       mark = text.text().find('%', at)) {
    TRY(heap.work(1));
    out.append(text.content, at, mark);
    at = mark + 1;
    std::string_view name;
    const bool is_named = at < text.text().size() && text.text()[at] == '(';
    if (is_named) {
      size_t end = text.text().find(')', at);
      if (end == std::string::npos) return Error{"a format has '%(' without ')'"};
      name = std::string_view(text.text()).substr(at + 1, end - at - 1);
      at = end + 1;
    }
    Conversion conversion = TRY(parse_conversion(text.text(), at));
    if (conversion.kind == '%') {
      out.append(text.content, at - 1, at);
      continue;
    }
    const Value* value = &values;
    if (is_named) {
      value = values.dict() == nullptr ? nullptr : values.dict()->find(name);
    } else if (tuple != nullptr) {
      value = used < tuple->items.size() ? &tuple->items[used] : nullptr;
    } else if (used > 0) {
      value = nullptr;
    }
    if (value == nullptr) return Error{"a format has more '%' than there are values"};
    ++used;
    TracedText filled = TRY(convert(heap, conversion, *value));
    TRY(heap.check_text(out.text.size() + filled.text.size() + kWidthMax,
                        out.trusted.size() + filled.trusted.size()));
    pad(conversion, filled, out);
  }
  const bool is_complete =
      tuple != nullptr ? used >= tuple->items.size() : used > 0 || values.dict() != nullptr;
  if (!is_complete) return Error{"a format has fewer '%' than there are values"};
  out.append(text.content, at, text.text().size());
  return heap.text(std::move(out));
}

Result<Value> format_braces(const Call& call) {
  const StoredText& text = *call.self.text();
  const std::string& whole = text.text();
  TRY(call.heap.work_on_text(whole.size()));
  TracedText out;
  size_t automatic = 0;
  for (size_t at = 0; at < whole.size();) {
    size_t mark = std::min(whole.find_first_of("{}", at), whole.size());
    out.append(text.content, at, mark);
    if (mark == whole.size()) break;
    TRY(call.heap.work(1));
    if (mark + 1 < whole.size() && whole[mark + 1] == whole[mark]) {
      out.append(text.content, mark, mark + 1);
      at = mark + 2;
      continue;
    }
    size_t end = whole.find('}', mark);
    if (whole[mark] == '}' || end == whole.npos)
      return Error{"finds a single brace; write '{{' or '}}' for one"};
    std::string_view field = std::string_view(whole).substr(mark + 1, end - mark - 1);
    const bool as_repr = field.ends_with("!r");
    if (as_repr || field.ends_with("!s")) field.remove_suffix(2);
    if (field.find_first_of(":!{") != field.npos)
      return Error{fmt::format("does not support '{{{}}}'; use filters to give values a form",
                               printable(field))};
    Value value = TRY(field_value(call, field, automatic));
    Value filled = TRY(as_repr ? to_repr(call.heap, value) : to_text(call.heap, value));
    TRY(call.heap.check_text(out.text.size() + filled.text()->text().size(),
                             out.trusted.size() + filled.text()->content.trusted.size()));
    out.append(filled.text()->content);
    at = end + 1;
  }
  return call.heap.text(std::move(out));
}

}  // namespace weir::jinja
