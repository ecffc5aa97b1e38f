// JSON and JSON lines as documents: what a row says, in the words of its keys.
#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "documents/markdown.h"
#include "documents/readers.h"
#include "documents/text_encoding.h"
#include "documents/text_stream.h"

namespace weir {
namespace {

constexpr size_t kLineBytesMax = size_t(16) << 20;
constexpr size_t kLongText = 200;  // characters; longer ones are paragraphs of their own

JsonLimits json_limits(const DocumentLimits& limits, size_t bytes) {
  return {.depth = size_t(std::clamp(limits.depth, 1, 200)), .bytes = bytes};
}

std::string scalar_text(const Json& value) {
  if (value.is_string()) return value.text();
  if (value.is_number()) return value.number_text();
  return value.is_null() ? "" : value.dump();
}

bool is_scalar(const Json& value) { return !value.is_array() && !value.is_object(); }
bool is_long(const Json& value) {
  return value.is_string() &&
         (value.text().size() > kLongText || value.text().find('\n') != std::string::npos);
}

// Objects with scalars alone, of which two share their first key.
bool is_table(const Json& array) {
  if (array.size() < 2) return false;
  for (const Json& row : array.items()) {
    if (!row.is_object() || row.size() == 0) return false;
    if (row.members()[0].first != array.items()[0].members()[0].first) return false;
    for (const auto& [key, value] : row.members())
      if (!is_scalar(value) || is_long(value)) return false;
  }
  return true;
}

void add_table(const Json& array, DocumentBuilder& document) {
  constexpr size_t kColumnsMax = 100;
  std::vector<std::string> head;
  for (const Json& row : array.items())
    for (const auto& [key, value] : row.members())
      if (head.size() < kColumnsMax && std::ranges::find(head, key) == head.end())
        head.push_back(key);
  std::vector<std::vector<std::string>> rows = {head};
  for (const Json& row : array.items()) {
    std::vector<std::string>& cells = rows.emplace_back();
    for (const std::string& key : head) {
      const Json* value = row.find(key);
      cells.push_back(value ? scalar_text(*value) : "");
    }
  }
  document.table(rows);
}

void add_value(const std::string& key, const Json& value, int depth, DocumentBuilder& document) {
  const std::string label = key.empty() ? "" : key + ": ";
  if (is_scalar(value)) {
    if (!is_long(value)) return document.list_item(depth, label + scalar_text(value));
    if (!key.empty()) document.heading(std::min(depth + 2, 6), key);
    return add_plain_text(value.text(), document);
  }
  if (value.is_array() && is_table(value)) {
    if (!key.empty()) document.list_item(depth, key + ":");
    return add_table(value, document);
  }
  if (value.is_array() && std::ranges::all_of(value.items(), [](const Json& v) {
        return is_scalar(v) && !is_long(v);
      })) {
    std::string joined;
    for (const Json& item : value.items())
      joined += (joined.empty() ? "" : ", ") + scalar_text(item);
    return document.list_item(depth, label + joined);
  }
  if (!key.empty()) document.list_item(depth, key + ":");
  const int inner = key.empty() ? depth : depth + 1;
  if (value.is_array())
    for (const Json& item : value.items()) add_value("", item, inner, document);
  else
    for (const auto& [name, member] : value.members()) add_value(name, member, inner, document);
}

// Takes the elements of an array: each is a document.
class ArraySink : public JsonElements {
 public:
  ArraySink(const std::string& path, const DocumentSink& sink) : path_(path), sink_(sink) {}
  Result<void> take(Json element) override {
    DocumentBuilder document(path_ + "#" + std::to_string(++number_));
    add_json(element, document);
    return document.has_blocks() ? sink_(document.finish()) : Result<void>();
  }

 private:
  const std::string& path_;
  const DocumentSink& sink_;
  size_t number_ = 0;
};

}  // namespace

void add_json(const Json& value, DocumentBuilder& document) {
  document.set_title(value.text_at("title"));
  document.set_language(value.text_at("language"));
  document.set_language(value.text_at("lang"));
  const std::string title = value.text_at("title");
  if (!title.empty()) document.heading(1, title);
  if (!value.is_object()) return add_value("", value, 0, document);
  for (const auto& [key, member] : value.members())
    if (key != "title" || title.empty()) add_value(key, member, 0, document);
}

Result<void> read_json(const std::string& path, std::string_view bytes,
                       const DocumentLimits& limits, const DocumentSink& sink) {
  const DecodedText decoded = TRY(decode_text(bytes));
  const std::string_view text = trim(decoded.text);
  if (text.starts_with('[')) {
    const size_t inner = text.find_first_not_of(" \t\n", 1);
    if (inner != text.npos && text[inner] == '{') {
      ArraySink elements(path, sink);
      return parse_json_array(text, json_limits(limits, kLineBytesMax), elements);
    }
  }
  const Json value = TRY(parse_json(text, json_limits(limits, size_t(limits.memory_bytes))));
  DocumentBuilder document(path);
  document.set_title(base_name(path));
  add_json(value, document);
  return sink(document.finish());
}

Result<void> read_jsonl(const std::string& path, const DocumentLimits& limits,
                        const DocumentSink& sink) {
  TextStream stream = TRY(TextStream::open(path, limits.file_bytes));
  std::string pending;
  size_t number = 0;
  const auto take = [&](std::string_view line) -> Result<void> {
    ++number;
    line = trim(line);
    if (line.empty()) return {};
    const std::string place = std::to_string(number);
    const Json value =
        TRY_IN("line " + place, parse_json(line, json_limits(limits, kLineBytesMax)));
    DocumentBuilder document(path + "#" + place);
    add_json(value, document);
    return document.has_blocks() ? sink(document.finish()) : Result<void>();
  };
  bool more = true;
  while (more) {
    more = TRY(stream.read(pending));
    size_t begin = 0;
    for (size_t end; (end = pending.find('\n', begin)) != pending.npos; begin = end + 1)
      TRY(take(std::string_view(pending).substr(begin, end - begin)));
    pending.erase(0, begin);
    if (pending.size() > kLineBytesMax)
      return Error{"line " + std::to_string(number + 1) + ": more than " +
                   format_bytes(double(kLineBytesMax)) + "; JSON lines are one object a line"};
  }
  return take(pending);
}

}  // namespace weir
