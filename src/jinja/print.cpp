#include "jinja/print.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include "jinja/loop.h"
#include "jinja/operators.h"
#include "text/unicode.h"

namespace weir::jinja {
namespace {

class Writer {
 public:
  explicit Writer(Heap& heap) : heap_(heap) {}

  Result<Value> write(const Value& value) {
    TRY(repr(value, 0));
    return heap_.text(out_, is_trusted_);
  }

 private:
  Result<void> repr(const Value& value, int depth) {
    TRY(heap_.work(1));
    TRY(heap_.check_text(out_.size()));
    if (depth > kValueDepthMax)
      return Error{fmt::format("lists that are nested deeper than {} levels can not be printed",
                               kValueDepthMax)};
    if (const StoredText* text = value.text()) {
      TRY(heap_.work_on_characters(text->text().size()));
      TRY(heap_.check_text(out_.size() + text->text().size()));
      is_trusted_ = is_trusted_ && text->content.is_wholly_trusted();
      quote(text->text());
      return {};
    }
    if (const List* list = value.list()) return sequence(*list, depth);
    if (const Dict* dict = value.dict()) {
      out_ += '{';
      for (size_t i = 0; i < dict->entries.size(); ++i) {
        if (i > 0) out_ += ", ";
        TRY(repr(dict->entries[i].first, depth + 1));
        out_ += ": ";
        TRY(repr(dict->entries[i].second, depth + 1));
      }
      out_ += '}';
      return {};
    }
    if (const auto* space = value.get<Namespace*>()) {
      out_ += "<Namespace {";
      for (size_t i = 0; i < (*space)->attributes.size(); ++i) {
        const auto& [name, attribute] = (*space)->attributes[i];
        if (i > 0) out_ += ", ";
        TRY(repr(Value(name), depth + 1));
        out_ += ": ";
        TRY(repr(attribute, depth + 1));
      }
      out_ += "}>";
      return {};
    }
    scalar(value);
    return {};
  }

  void scalar(const Value& value) {
    if (const bool* b = value.get<bool>()) {
      out_ += *b ? "True" : "False";
    } else if (const Integer* i = value.get<Integer>()) {
      out_ += integer_text(*i);
    } else if (const double* d = value.get<double>()) {
      out_ += real_text(*d);
    } else if (const auto* loop = value.get<Loop*>()) {
      out_ += fmt::format("<LoopContext {}>", (*loop)->index + 1);
    } else if (const auto* callable = value.get<Callable*>()) {
      out_ += "<function " + (*callable)->name + ">";
    } else {
      out_ += value.is_none() ? "None" : "Undefined";
    }
  }

  Result<void> sequence(const List& list, int depth) {
    if (list.form == List::Form::generator) {
      out_ += "<generator object>";
      return {};
    }
    if (list.form == List::Form::range) return range(list);
    constexpr const char* kBegins[] = {"[",           "(", "", "dict_keys([", "dict_values([",
                                       "dict_items(["};
    constexpr const char* kEnds[] = {"]", ")", "", "])", "])", "])"};
    out_ += kBegins[size_t(list.form)];
    for (size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) out_ += ", ";
      TRY(repr(list.items[i], depth + 1));
    }
    if (list.form == List::Form::tuple && list.items.size() == 1) out_ += ',';
    out_ += kEnds[size_t(list.form)];
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

  // In single quotes unless only double ones avoid a backslash, as Python does.
  void quote(std::string_view text) {
    const bool has_single = text.find('\'') != text.npos;
    const char mark = has_single && text.find('"') == text.npos ? '"' : '\'';
    out_ += mark;
    for (size_t at = 0; at < text.size();) {
      Utf8Character c = decode_utf8(text, at);
      if (c.code == char32_t(mark) || c.code == '\\') {
        (out_ += '\\') += char(c.code);
      } else if (c.code == '\n') {
        out_ += "\\n";
      } else if (c.code == '\r') {
        out_ += "\\r";
      } else if (c.code == '\t') {
        out_ += "\\t";
      } else if (c.code == ' ' || is_printable(c.code)) {
        out_ += text.substr(at, size_t(c.bytes));
      } else if (c.code < 0x100) {
        out_ += fmt::format("\\x{:02x}", uint32_t(c.code));
      } else if (c.code < 0x10000) {
        out_ += fmt::format("\\u{:04x}", uint32_t(c.code));
      } else {
        out_ += fmt::format("\\U{:08x}", uint32_t(c.code));
      }
      at += size_t(c.bytes);
    }
    out_ += mark;
  }

  static bool is_printable(char32_t code) {
    utf8proc_category_t c = utf8proc_category(utf8proc_int32_t(code));
    return c != UTF8PROC_CATEGORY_CN && c < UTF8PROC_CATEGORY_ZS;
  }

  Heap& heap_;
  std::string out_;
  bool is_trusted_ = true;
};

}  // namespace

Result<Value> to_repr(Heap& heap, const Value& value) { return Writer(heap).write(value); }

Result<Value> to_text(Heap& heap, const Value& value) {
  if (value.text() != nullptr) return value;
  if (value.is_undefined()) return heap.text("", true);
  return to_repr(heap, value);
}

}  // namespace weir::jinja
