// The value itself: typed reading, and writing as text. json_parse.cpp reads text.
#include "base/json.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/text.h"

namespace weir {
namespace {

const char* kind_name(Json::Kind kind) {
  const char* names[] = {"null",     "true or false", "a whole number", "a whole number",
                         "a number", "a string",      "a list",         "an object"};
  return names[int(kind)];
}

Error wrong_kind(const char* wanted, Json::Kind found) {
  return {fmt::format("must be {}, not {}", wanted, kind_name(found))};
}

void write_string(const std::string& text, std::string& out) {
  out += '"';
  for (size_t i = 0; i < text.size();) {
    size_t bad = first_invalid_utf8(std::string_view(text).substr(i));
    size_t end = bad == std::string_view::npos ? text.size() : i + bad;
    for (; i < end; ++i) {
      char c = text[i];
      if (c == '"' || c == '\\')
        (out += '\\') += c;
      else if (c == '\n')
        out += "\\n";
      else if (c == '\t')
        out += "\\t";
      else if (c == '\r')
        out += "\\r";
      else if (static_cast<unsigned char>(c) < 0x20)
        out += fmt::format("\\u{:04x}", int(c));
      else
        out += c;
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

bool is_whole(std::string_view literal) {
  return !literal.empty() && literal.find_first_of(".eE") == literal.npos;
}

}  // namespace

const std::string Json::kNoText;

Json Json::number(double v, std::string literal) {
  Json json(v);
  json.string_ = std::move(literal);
  return json;
}

std::string Json::number_text() const {
  if (!is_number()) return "";
  return literal().empty() ? dump() : literal();
}

Result<bool> Json::as_bool() const {
  if (kind_ != Kind::boolean) return wrong_kind("true or false", kind_);
  return scalar_.boolean;
}

Result<int64_t> Json::as_int() const {
  if (kind_ == Kind::integer) return scalar_.integer;
  if (kind_ == Kind::unsigned_integer) return Error{"is too large"};
  if (kind_ != Kind::real) return wrong_kind("a whole number", kind_);
  if (std::trunc(scalar_.real) != scalar_.real)
    return Error{fmt::format("must be a whole number, not {}", scalar_.real)};
  // Above 2^53 not every whole number is a real: this one may stand for another.
  if (std::fabs(scalar_.real) > 0x1p53) return Error{"is too large"};
  return int64_t(scalar_.real);
}

Result<uint64_t> Json::as_uint() const {
  if (kind_ == Kind::unsigned_integer) return scalar_.unsigned_integer;
  int64_t value = TRY(as_int());
  if (value < 0) return Error{"must not be negative"};
  return uint64_t(value);
}

Result<double> Json::as_double() const {
  if (kind_ == Kind::real) return scalar_.real;
  if (kind_ == Kind::integer) return double(scalar_.integer);
  if (kind_ == Kind::unsigned_integer) return double(scalar_.unsigned_integer);
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

Result<bool> Json::bool_at(std::string_view key) const {
  const Json* value = TRY(at(key));
  return TRY_IN(fmt::format("key '{}'", key), value->as_bool());
}

Result<int64_t> Json::int_at(std::string_view key) const {
  const Json* value = TRY(at(key));
  return TRY_IN(fmt::format("key '{}'", key), value->as_int());
}

Result<double> Json::double_at(std::string_view key) const {
  const Json* value = TRY(at(key));
  return TRY_IN(fmt::format("key '{}'", key), value->as_double());
}

Result<std::string> Json::string_at(std::string_view key) const {
  const Json* value = TRY(at(key));
  return TRY_IN(fmt::format("key '{}'", key), value->as_string());
}

void Json::erase(std::string_view key) {
  std::erase_if(members_, [&](const Member& m) { return m.first == key; });
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
    case Json::Kind::null:
      out += "null";
      return;
    case Json::Kind::boolean:
      out += *v.as_bool() ? "true" : "false";
      return;
    case Json::Kind::integer:
      out += std::to_string(*v.as_int());
      return;
    case Json::Kind::unsigned_integer:
      out += std::to_string(*v.as_uint());
      return;
    case Json::Kind::real:
      if (is_whole(v.literal()))
        out += v.literal();
      else
        write_double(*v.as_double(), out);
      return;
    case Json::Kind::string:
      write_string(v.text(), out);
      return;
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

}  // namespace weir
