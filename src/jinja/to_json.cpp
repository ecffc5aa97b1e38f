// JSON in and out, as Python's json module writes it and transformers' filter 'tojson' asks it to.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "jinja/operators.h"
#include "jinja/print.h"
#include "text/unicode.h"

namespace weir::jinja {
namespace {

class JsonWriter {
 public:
  JsonWriter(Heap& heap, const JsonForm& form)
      : heap_(heap), form_(form), is_trusted_(form.is_trusted) {}

  Result<Value> run(const Value& value) {
    TRY(write(value, 0));
    return heap_.text(out_, is_trusted_);
  }

 private:
  Result<void> write(const Value& value, int depth) {
    TRY(heap_.work(1));
    TRY(heap_.check_text(out_.size()));
    if (depth > kValueDepthMax)
      return Error{fmt::format("lists that are nested deeper than {} levels can not be JSON",
                               kValueDepthMax)};
    if (const StoredText* text = value.text()) return string(*text);
    if (const Dict* dict = value.dict()) return object(*dict, depth);
    const List* list = value.list();
    if (list == nullptr) return scalar(value);
    // Python refuses what map and select give; a list is what was meant.
    const bool is_list = list->form == List::Form::list || list->form == List::Form::tuple ||
                         list->form == List::Form::generator;
    if (!is_list) return no_json(value);
    out_ += '[';
    for (size_t i = 0; i < list->items.size(); ++i) {
      separate(i, depth);
      TRY(write(list->items[i], depth + 1));
    }
    if (!list->items.empty()) new_line(depth);
    out_ += ']';
    return {};
  }

  Result<void> object(const Dict& dict, int depth) {
    std::vector<const std::pair<Value, Value>*> entries;
    for (const auto& entry : dict.entries) entries.push_back(&entry);
    if (form_.sorts_keys) TRY(sort(entries));
    out_ += '{';
    for (size_t i = 0; i < entries.size(); ++i) {
      separate(i, depth);
      const auto& [key, value] = *entries[i];
      if (key.text() == nullptr) {
        // Python makes texts of numbers, true, false and null.
        out_ += '"';
        TRY(scalar(key));
        out_ += '"';
      } else {
        TRY(string(*key.text()));
      }
      out_ += form_.key_separator;
      TRY(write(value, depth + 1));
    }
    if (!entries.empty()) new_line(depth);
    out_ += '}';
    return {};
  }

  Result<void> sort(std::vector<const std::pair<Value, Value>*>& entries) {
    for (const auto* entry : entries)
      if (entry->first.text() == nullptr) return Error{"tojson can sort only keys that are texts"};
    TRY(heap_.work(entries.size() * 8));
    std::sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) {
      return a->first.text()->text() < b->first.text()->text();
    });
    return {};
  }

  Result<void> scalar(const Value& value) {
    if (const bool* b = value.get<bool>()) {
      out_ += *b ? "true" : "false";
    } else if (const Integer* i = value.get<Integer>()) {
      out_ += integer_text(*i);
    } else if (const double* d = value.get<double>()) {
      out_ += std::isnan(*d)   ? "NaN"
              : std::isinf(*d) ? (*d < 0 ? "-Infinity" : "Infinity")
                               : real_text(*d);
    } else if (value.is_none()) {
      out_ += "null";
    } else {
      return no_json(value);
    }
    return {};
  }

  Error no_json(const Value& value) const { return misuse(value, "written as JSON"); }

  Result<void> string(const StoredText& stored) {
    const std::string& text = stored.text();
    TRY(heap_.work_on_characters(text.size()));
    TRY(heap_.check_text(out_.size() + text.size()));
    is_trusted_ = is_trusted_ && stored.content.is_wholly_trusted();
    out_ += '"';
    for (size_t at = 0; at < text.size();) {
      Utf8Character c = decode_utf8(text, at);
      constexpr std::string_view kSpecial = "\"\\\n\r\t\b\f", kNames = "\"\\nrtbf";
      if (size_t known = c.bytes == 1 ? kSpecial.find(text[at]) : kSpecial.npos;
          known != kSpecial.npos) {
        (out_ += '\\') += kNames[known];
      } else if (c.code < 0x20 || (form_.is_ascii && c.code >= 0x7F)) {
        escape(c.code);
      } else {
        out_.append(text, at, size_t(c.bytes));
      }
      at += size_t(c.bytes);
    }
    out_ += '"';
    return {};
  }

  void escape(char32_t code) {
    if (code < 0x10000) {
      out_ += fmt::format("\\u{:04x}", uint32_t(code));
    } else {
      uint32_t rest = uint32_t(code) - 0x10000;
      out_ += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
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
  std::string out_;
  bool is_trusted_;
};

}  // namespace

Result<Value> to_json(Heap& heap, const Value& value, const JsonForm& form) {
  return JsonWriter(heap, form).run(value);
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
