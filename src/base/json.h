// The one door to JSON: parsing with limits, typed access whose errors name the path inside the
// document, and writing. nlohmann/json stays inside json_parse.cpp.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace weir {

// A JSON value. Objects keep the order of the text (tokenizer.json and configs are written back as
// people wrote them). Copying is deep.
class Json {
 public:
  enum class Kind { null, boolean, integer, unsigned_integer, real, string, array, object };
  using Member = std::pair<std::string, Json>;

  Json() = default;
  Json(bool v) : kind_(Kind::boolean) { scalar_.boolean = v; }
  Json(int v) : Json(int64_t(v)) {}
  Json(int64_t v) : kind_(Kind::integer) { scalar_.integer = v; }
  Json(uint64_t v) : kind_(Kind::unsigned_integer) { scalar_.unsigned_integer = v; }
  Json(double v) : kind_(Kind::real) { scalar_.real = v; }
  Json(const char* v) : kind_(Kind::string), string_(v) {}
  Json(std::string v) : kind_(Kind::string), string_(std::move(v)) {}
  static Json array() { return Json(Kind::array); }
  static Json object() { return Json(Kind::object); }

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::null; }
  bool is_string() const { return kind_ == Kind::string; }
  bool is_array() const { return kind_ == Kind::array; }
  bool is_object() const { return kind_ == Kind::object; }
  bool is_number() const {
    return kind_ == Kind::integer || kind_ == Kind::unsigned_integer || kind_ == Kind::real;
  }

  // Typed reads; the error says what was found instead.
  Result<bool> as_bool() const;
  Result<int64_t> as_int() const;  // also a real without fraction, as Python writes 1e4
  Result<uint64_t> as_uint() const;
  Result<double> as_double() const;
  Result<std::string> as_string() const;
  const std::string& text() const { return is_string() ? string_ : kNoText; }  // else ""
  // A number as it was written ("2.50", an integer of any length); without a text to have been
  // read from, as dump() writes it. "" for every other kind.
  std::string number_text() const;
  // The text of a real that was parsed; "" for other kinds and for reals made by the program.
  const std::string& literal() const { return kind_ == Kind::real ? string_ : kNoText; }
  // A number read from text; `literal` is that text.
  static Json number(double v, std::string literal);

  // Arrays and objects; empty for every other kind.
  const std::vector<Json>& items() const { return items_; }
  const std::vector<Member>& members() const { return members_; }
  std::vector<Json>& items() { return items_; }
  std::vector<Member>& members() { return members_; }
  size_t size() const { return is_object() ? members_.size() : items_.size(); }

  // Null when absent (or not an object). Linear search: for objects of configuration size.
  const Json* find(std::string_view key) const;
  // The text of a member; "" where there is none, or it is no text.
  const std::string& text_at(std::string_view key) const {
    const Json* value = find(key);
    return value ? value->text() : kNoText;
  }
  // As find, but the error names the key.
  Result<const Json*> at(std::string_view key) const;
  // A member of one kind; the error names the key.
  Result<bool> bool_at(std::string_view key) const;
  Result<int64_t> int_at(std::string_view key) const;
  Result<double> double_at(std::string_view key) const;
  Result<std::string> string_at(std::string_view key) const;

  void push(Json v) { items_.push_back(std::move(v)); }
  void erase(std::string_view key);
  Json& set(std::string key, Json v);  // replaces or appends; returns the stored value

  // Compact when indent < 0. Non-ASCII text is written as UTF-8; invalid UTF-8 as U+FFFD; NaN and
  // infinities as null. Reals round-trip (shortest form); an integer beyond 64 bits keeps its
  // digits.
  std::string dump(int indent = -1) const;

 private:
  explicit Json(Kind k) : kind_(k) {}
  Kind kind_ = Kind::null;
  union {
    bool boolean;
    int64_t integer = 0;
    uint64_t unsigned_integer;
    double real;
  } scalar_;
  static const std::string kNoText;
  std::string string_;  // of a real: its literal, or ""
  std::vector<Json> items_;
  std::vector<Member> members_;
};

struct JsonLimits {
  size_t depth = 64;
  size_t bytes = size_t(256) << 20;
  size_t values = size_t(8) << 20;  // a value takes about 100 bytes, whatever its text takes
};

// Strict JSON (RFC 8259): no comments, no trailing text, valid UTF-8, no byte order mark, no NUL,
// no duplicate keys in an object. Whole numbers from -2^63 to 2^64-1 are exact, others become the
// nearest real and keep their digits as text; a number beyond the reals is an error. Errors give
// line and column.
Result<Json> parse_json(std::string_view text, JsonLimits limits = {});

// Takes the elements of an array one after another.
class JsonElements {
 public:
  virtual ~JsonElements() = default;
  // An error ends the reading and is returned as it is.
  virtual Result<void> take(Json element) = 0;
};
// An array whose elements are handed over one at a time, so that memory holds one of them.
// `limits` hold for each element (bytes: of its text). Else as parse_json; text that is no array
// is an error.
Result<void> parse_json_array(std::string_view text, JsonLimits limits, JsonElements& elements);

Result<Json> read_json_file(const std::string& path, JsonLimits limits = {});
// A value of each line that is not empty; `bytes_max`: of the file. Errors name file and line.
Result<std::vector<Json>> read_json_lines(const std::string& path, size_t bytes_max = size_t(1)
                                                                                      << 32);

}  // namespace weir
