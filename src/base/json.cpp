#include "base/json.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/file.h"
#include "base/text.h"

namespace weir {
namespace {

const char* kind_name(Json::Kind kind) {
  const char* names[] = {"null", "true or false", "a whole number", "a whole number", "a number", "a string",
                         "a list", "an object"};
  return names[int(kind)];
}

Error wrong_kind(const char* wanted, Json::Kind found) {
  return {fmt::format("must be {}, not {}", wanted, kind_name(found))};
}

std::string place(std::string_view text, size_t at) {
  size_t line = 1, begin = 0;
  at = std::min(at, text.size());
  for (size_t i = 0; i < at; ++i)
    if (text[i] == '\n') ++line, begin = i + 1;
  return fmt::format("line {}, column {}", line, at - begin + 1);
}

// Builds the value while the parser runs; stops it at the first rule broken.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  Builder(std::string_view text, JsonLimits limits) : text_(text), limits_(limits) {}
  Json take() { return std::move(root_); }
  const std::string& failure() const { return failure_; }

  bool null() override { return put(Json()); }
  bool boolean(bool v) override { return put(Json(v)); }
  bool number_integer(int64_t v) override { return put(Json(v)); }
  bool number_unsigned(uint64_t v) override {
    return put(v <= uint64_t(INT64_MAX) ? Json(int64_t(v)) : Json(v));
  }
  bool number_float(double v, const std::string& text) override {
    if (!std::isfinite(v)) return fail("number " + text.substr(0, 40) + " is out of range");
    return put(Json(v));
  }
  bool string(std::string& v) override { return put(Json(std::move(v))); }
  bool binary(binary_t&) override { return fail("binary values are no JSON"); }
  bool start_object(size_t) override { return open(Json::object()); }
  bool start_array(size_t) override { return open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(std::string& name) override {
    Level& level = stack_.back();
    if (!level.names.insert(name).second) return fail("key '" + name.substr(0, 80) + "' appears twice");
    level.key = std::move(name);
    return true;
  }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception& e) override {
    if (failure_.empty()) {
      std::string what = e.what();
      size_t cut = what.rfind("; last read");  // the library's reason without its prefix
      size_t colon = what.find("syntax error");
      what = colon != what.npos ? what.substr(colon, cut == what.npos ? cut : cut - colon) : "malformed JSON";
      failure_ = place(text_, position > 0 ? position - 1 : 0) + ": " + what;
    }
    return false;
  }

 private:
  struct Level {
    Json value;
    std::string key;
    std::unordered_set<std::string> names;
  };
  bool fail(const std::string& what) {
    failure_ = what;
    return false;
  }
  bool put(Json v) {
    if (stack_.empty()) root_ = std::move(v);
    else if (stack_.back().value.is_object())
      stack_.back().value.members().emplace_back(std::move(stack_.back().key), std::move(v));
    else stack_.back().value.push(std::move(v));
    return true;
  }
  bool open(Json v) {
    if (stack_.size() >= limits_.depth) return fail(fmt::format("nested deeper than {} levels", limits_.depth));
    stack_.push_back({std::move(v), {}, {}});
    return true;
  }
  bool close() {
    Json v = std::move(stack_.back().value);
    stack_.pop_back();
    return put(std::move(v));
  }

  std::string_view text_;
  JsonLimits limits_;
  Json root_;
  std::vector<Level> stack_;
  std::string failure_;
};

void write_string(const std::string& text, std::string& out) {
  out += '"';
  for (size_t i = 0; i < text.size();) {
    size_t bad = first_invalid_utf8(std::string_view(text).substr(i));
    size_t end = bad == std::string_view::npos ? text.size() : i + bad;
    for (; i < end; ++i) {
      char c = text[i];
      if (c == '"' || c == '\\') (out += '\\') += c;
      else if (c == '\n') out += "\\n";
      else if (c == '\t') out += "\\t";
      else if (c == '\r') out += "\\r";
      else if (static_cast<unsigned char>(c) < 0x20) out += fmt::format("\\u{:04x}", int(c));
      else out += c;
    }
    if (i < text.size()) out += "\xef\xbf\xbd", ++i;
  }
  out += '"';
}

void write_double(double v, std::string& out) {
  if (!std::isfinite(v)) {
    out += "null";
    return;
  }
  char buffer[40];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, v).ptr;
  std::string_view text(buffer, size_t(end - buffer));
  out += text;
  if (text.find_first_of(".e") == text.npos) out += ".0";  // stays a real when read again
}

}  // namespace

Result<bool> Json::as_bool() const {
  if (kind_ != Kind::boolean) return wrong_kind("true or false", kind_);
  return boolean_;
}

Result<int64_t> Json::as_int() const {
  if (kind_ == Kind::integer) return integer_;
  if (kind_ == Kind::real && std::trunc(real_) == real_ && std::fabs(real_) < 9e15) return int64_t(real_);
  if (kind_ == Kind::unsigned_integer) return Error{"is too large"};
  return wrong_kind("a whole number", kind_);
}

Result<uint64_t> Json::as_uint() const {
  if (kind_ == Kind::unsigned_integer) return unsigned_;
  int64_t value = TRY(as_int());
  if (value < 0) return Error{"must not be negative"};
  return uint64_t(value);
}

Result<double> Json::as_double() const {
  if (kind_ == Kind::real) return real_;
  if (kind_ == Kind::integer) return double(integer_);
  if (kind_ == Kind::unsigned_integer) return double(unsigned_);
  return wrong_kind("a number", kind_);
}

Result<std::string> Json::as_string() const {
  if (kind_ != Kind::string) return wrong_kind("a string", kind_);
  return string_;
}

const Json* Json::find(std::string_view key) const {
  for (const Member& m : members_)
    if (m.first == key) return &m.second;
  return nullptr;
}

Result<const Json*> Json::at(std::string_view key) const {
  if (!is_object()) return wrong_kind("an object", kind_);
  if (const Json* found = find(key)) return found;
  return Error{fmt::format("'{}' is missing", key)};
}

Json& Json::set(std::string key, Json v) {
  for (Member& m : members_)
    if (m.first == key) return m.second = std::move(v);
  members_.emplace_back(std::move(key), std::move(v));
  return members_.back().second;
}

namespace {

void write(const Json& v, int indent, int depth, std::string& out) {
  auto line = [&](int at) {
    if (indent >= 0) (out += '\n').append(size_t(indent) * size_t(at), ' ');
  };
  switch (v.kind()) {
    case Json::Kind::null: out += "null"; return;
    case Json::Kind::boolean: out += *v.as_bool() ? "true" : "false"; return;
    case Json::Kind::integer: out += std::to_string(*v.as_int()); return;
    case Json::Kind::unsigned_integer: out += std::to_string(*v.as_uint()); return;
    case Json::Kind::real: write_double(*v.as_double(), out); return;
    case Json::Kind::string: write_string(v.text(), out); return;
    case Json::Kind::array: {
      out += '[';
      for (size_t i = 0; i < v.items().size(); ++i) {
        if (i) out += ',';
        line(depth + 1);
        write(v.items()[i], indent, depth + 1, out);
      }
      if (!v.items().empty()) line(depth);
      out += ']';
      return;
    }
    case Json::Kind::object: {
      out += '{';
      for (size_t i = 0; i < v.members().size(); ++i) {
        if (i) out += ',';
        line(depth + 1);
        write_string(v.members()[i].first, out);
        out += indent < 0 ? ":" : ": ";
        write(v.members()[i].second, indent, depth + 1, out);
      }
      if (!v.members().empty()) line(depth);
      out += '}';
      return;
    }
  }
}

}  // namespace

std::string Json::dump(int indent) const {
  std::string out;
  write(*this, indent, 0, out);
  return out;
}

Result<Json> parse_json(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.bytes)
    return Error{fmt::format("JSON of {} is over the limit of {}", format_bytes(double(text.size())),
                             format_bytes(double(limits.bytes)))};
  if (text.substr(0, 3) == "\xef\xbb\xbf") return Error{"line 1, column 1: begins with a byte order mark; remove it"};
  Builder builder(text, limits);
  bool fine = false;
  try {
    fine = nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  } catch (const std::exception& e) {
    return Error{std::string("malformed JSON: ") + e.what()};
  }
  if (!fine) return Error{builder.failure().empty() ? "malformed JSON" : builder.failure()};
  return builder.take();
}

Result<Json> read_json_file(const std::string& path, JsonLimits limits) {
  std::string text = TRY(read_file(path, limits.bytes));
  return TRY_IN(path, parse_json(text, limits));
}

}  // namespace weir
