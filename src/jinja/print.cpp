#include "jinja/print.h"

#include <fmt/core.h>
#include <utf8proc.h>

#include <algorithm>
#include <cmath>

#include "jinja/operators.h"
#include "text/unicode.h"

namespace weir::jinja {
namespace {

bool is_printable(char32_t code) {
  utf8proc_category_t c = utf8proc_category(utf8proc_int32_t(code));
  return code == ' ' || (c != UTF8PROC_CATEGORY_CN && c < UTF8PROC_CATEGORY_ZS);
}

// repr() and json.dumps() walk through values the same way.
class Writer {
 public:
  Writer(Heap& heap, const JsonForm& form, bool is_json)
      : heap_(heap), form_(form), is_json_(is_json), is_trusted_(form.is_trusted) {}

  Result<Value> run(const Value& value) {
    TRY(write(value, 0));
    return heap_.text(out_, is_trusted_);
  }

 private:
  using Entries = std::vector<const std::pair<Value, Value>*>;

  Result<void> write(const Value& value, int depth) {
    TRY(heap_.work(1));
    TRY(heap_.check_text(out_.size()));
    if (depth > kValueDepthMax)
      return Error{fmt::format("lists that are nested deeper than {} levels can not be {}",
                               kValueDepthMax, is_json_ ? "JSON" : "printed")};
    if (const StoredText* text = value.text()) return string(*text);
    if (const Dict* dict = value.dict()) {
      Entries entries;
      for (const auto& entry : dict->entries) entries.push_back(&entry);
      if (form_.sorts_keys) TRY(sort(entries));
      return object(entries, "{", "}", depth);
    }
    if (const auto* space = value.get<Namespace*>(); space != nullptr && !is_json_) {
      std::vector<std::pair<Value, Value>> attributes;
      for (const auto& [name, attribute] : (*space)->attributes)
        attributes.emplace_back(Value(name), attribute);
      Entries entries;
      for (const auto& entry : attributes) entries.push_back(&entry);
      return object(entries, "<Namespace {", "}>", depth);
    }
    if (const List* list = value.list()) return sequence(value, *list, depth);
    return scalar(value);
  }

  Result<void> object(const Entries& entries, const char* begin, const char* end, int depth) {
    out_ += begin;
    for (size_t i = 0; i < entries.size(); ++i) {
      separate(i, depth);
      const auto& [key, value] = *entries[i];
      // In JSON numbers, true, false and null become texts.
      const bool adds_quotes = is_json_ && key.text() == nullptr;
      if (adds_quotes) out_ += '"';
      TRY(adds_quotes ? scalar(key) : write(key, depth + 1));
      if (adds_quotes) out_ += '"';
      out_ += form_.key_separator;
      TRY(write(value, depth + 1));
    }
    if (!entries.empty()) new_line(depth);
    out_ += end;
    return {};
  }

  Result<void> sort(Entries& entries) {
    for (const auto* entry : entries)
      if (entry->first.text() == nullptr) return Error{"tojson can sort only keys that are texts"};
    TRY(heap_.work(entries.size() * 8));
    std::sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) {
      return a->first.text()->text() < b->first.text()->text();
    });
    return {};
  }

  Result<void> sequence(const Value& value, const List& list, int depth) {
    using Form = List::Form;
    constexpr const char* kBegins[] = {"[",           "(", "", "dict_keys([", "dict_values([",
                                       "dict_items(["};
    constexpr const char* kEnds[] = {"]", ")", "", "])", "])", "])"};
    const bool is_generator = list.form == Form::generator;
    if (!is_json_ && is_generator) {
      out_ += "<generator object>";
      return {};
    }
    if (!is_json_ && list.form == Form::range) return range(list);
    // Python refuses JSON of what map and select give; a list is what was meant.
    if (is_json_ && list.form > Form::tuple && !is_generator)
      return misuse(value, "written as JSON");
    out_ += is_json_ ? "[" : kBegins[size_t(list.form)];
    for (size_t i = 0; i < list.items.size(); ++i) {
      separate(i, depth);
      TRY(write(list.items[i], depth + 1));
    }
    if (!list.items.empty()) new_line(depth);
    if (!is_json_ && list.form == Form::tuple && list.items.size() == 1) out_ += ',';
    out_ += is_json_ ? "]" : kEnds[size_t(list.form)];
    return {};
  }

  Result<void> range(const List& list) {
    Integer first = 0, last = -1, step = 1, second = 0;
    if (!list.items.empty()) {
      list.items.front().as_integer(first);
      list.items.back().as_integer(last);
      if (list.items.size() > 1 && list.items[1].as_integer(second)) step = second - first;
    }
    out_ += "range(" + integer_text(first) + ", " + integer_text(last + step);
    if (step != 1) out_ += ", " + integer_text(step);
    out_ += ')';
    return {};
  }

  Result<void> scalar(const Value& value) {
    if (const bool* b = value.get<bool>()) {
      out_ += is_json_ ? (*b ? "true" : "false") : (*b ? "True" : "False");
    } else if (const Integer* i = value.get<Integer>()) {
      out_ += integer_text(*i);
    } else if (const double* d = value.get<double>()) {
      out_ += !is_json_ || std::isfinite(*d) ? real_text(*d)
              : std::isnan(*d)               ? "NaN"
                                             : (*d < 0 ? "-Infinity" : "Infinity");
    } else if (value.is_none()) {
      out_ += is_json_ ? "null" : "None";
    } else if (is_json_) {
      return misuse(value, "written as JSON");
    } else if (const auto* loop = value.get<Loop*>()) {
      out_ += fmt::format("<LoopContext {}>", (*loop)->index + 1);
    } else if (const auto* callable = value.get<Callable*>()) {
      out_ += "<function " + (*callable)->name + ">";
    } else {
      out_ += "Undefined";
    }
    return {};
  }

  Result<void> string(const StoredText& stored) {
    const std::string& text = stored.text();
    TRY(heap_.work_on_characters(text.size()));
    TRY(heap_.check_text(out_.size() + text.size()));
    is_trusted_ = is_trusted_ && stored.content.is_wholly_trusted();
    // Python's repr() takes single quotes unless only double ones avoid a backslash.
    const bool is_double =
        is_json_ || (text.find('\'') != text.npos && text.find('"') == text.npos);
    const char mark = is_double ? '"' : '\'';
    const char special[] = {mark, '\\', '\n', '\r', '\t', '\b', '\f'};
    constexpr char kNames[] = "?\\nrtbf";
    const size_t known_max = is_json_ ? 7 : 5;
    out_ += mark;
    for (size_t at = 0; at < text.size();) {
      Utf8Character c = decode_utf8(text, at);
      const size_t known = size_t(std::find(special, special + known_max, text[at]) - special);
      if (known < known_max) {
        (out_ += '\\') += known == 0 ? mark : kNames[known];
      } else if (is_json_ ? c.code < 0x20 || (form_.is_ascii && c.code >= 0x7F)
                          : !is_printable(c.code)) {
        escape(uint32_t(c.code));
      } else {
        out_.append(text, at, size_t(c.bytes));
      }
      at += size_t(c.bytes);
    }
    out_ += mark;
    return {};
  }

  void escape(uint32_t code) {
    if (!is_json_ && code < 0x100) {
      out_ += fmt::format("\\x{:02x}", code);
    } else if (code < 0x10000) {
      out_ += fmt::format("\\u{:04x}", code);
    } else if (!is_json_) {
      out_ += fmt::format("\\U{:08x}", code);
    } else {
      code -= 0x10000;
      out_ += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF));
    }
  }

  void separate(size_t index, int depth) {
    if (index > 0) out_ += form_.item_separator;
    new_line(depth + 1);
  }
  void new_line(int depth) {
    if (!form_.is_indented) return;
    out_ += '\n';
    for (int i = 0; i < depth; ++i) out_ += form_.indent;
  }

  Heap& heap_;
  const JsonForm& form_;
  const bool is_json_;
  std::string out_;
  bool is_trusted_;
};

}  // namespace

Result<Value> to_repr(Heap& heap, const Value& value) { return Writer(heap, {}, false).run(value); }

Result<Value> to_text(Heap& heap, const Value& value) {
  if (value.text() != nullptr) return value;
  if (value.is_undefined()) return heap.text("", true);
  return to_repr(heap, value);
}

Result<Value> to_json(Heap& heap, const Value& value, const JsonForm& form) {
  return Writer(heap, form, true).run(value);
}

Result<Value> from_json(Heap& heap, const Json& json, bool is_trusted, int depth) {
  TRY(heap.work(1));
  if (depth > kValueDepthMax)
    return Error{fmt::format("JSON is nested deeper than {} levels", kValueDepthMax)};
  switch (json.kind()) {
    case Json::Kind::null:
      return Value(None{});
    case Json::Kind::boolean:
      return Value(TRY(json.as_bool()));
    case Json::Kind::integer:
      return Value(Integer(TRY(json.as_int())));
    case Json::Kind::unsigned_integer:
      return Value(Integer(TRY(json.as_uint())));
    case Json::Kind::real:
      return Value(TRY(json.as_double()));
    case Json::Kind::string:
      // Text that a caller put together may hold anything; from here on it is UTF-8.
      return heap.text(replace_invalid_utf8(json.text()), is_trusted);
    case Json::Kind::array: {
      std::vector<Value> items;
      for (const Json& item : json.items())
        items.push_back(TRY(from_json(heap, item, is_trusted, depth + 1)));
      return Value(TRY(heap.list(List::Form::list, std::move(items))));
    }
    case Json::Kind::object: {
      std::vector<std::pair<Value, Value>> entries;
      for (const auto& [name, member] : json.members()) {
        Value key = TRY(heap.text(replace_invalid_utf8(name), is_trusted));
        entries.emplace_back(std::move(key), TRY(from_json(heap, member, is_trusted, depth + 1)));
      }
      return Value(TRY(heap.dict(std::move(entries))));
    }
  }
  return Value(None{});
}

}  // namespace weir::jinja
