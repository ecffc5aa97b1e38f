#include "chat/json_prefix.h"

#include <fmt/format.h>

#include <cctype>

#include "base/ascii.h"

namespace weir {
namespace {

constexpr size_t kDepthMax = 64;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

}  // namespace

size_t JsonPrefix::push(std::string_view bytes, std::string& out) {
  size_t at = 0;
  for (; at < bytes.size() && !is_complete() && !is_broken_; ++at) {
    is_broken_ = !take(bytes[at], out);
    if (is_broken_) break;
  }
  return at;
}

bool JsonPrefix::open(char c) {
  if (open_.size() >= kDepthMax) return false;
  open_ += c == '{' ? '}' : ']';
  state_ = c == '{' ? State::first_key : State::first_value;
  return true;
}

bool JsonPrefix::close(char c) {
  if (open_.empty() || open_.back() != c) return false;
  open_.pop_back();
  state_ = open_.empty() ? State::done : State::after_value;
  return true;
}

void JsonPrefix::end_value() { state_ = is_key_ ? State::colon : State::after_value; }

bool JsonPrefix::take_value(char c) {
  is_key_ = false;
  if (c == '{' || c == '[') return open(c);
  if (c == '"') {
    state_ = State::string;
  } else if (c == '-' || is_digit(c)) {
    state_ = State::number;
    number_ = c == '-' ? Number::minus : c == '0' ? Number::zero : Number::whole;
  } else if (c == 't' || c == 'f' || c == 'n') {
    state_ = State::word;
    rest_ = c == 't' ? "rue" : c == 'f' ? "alse" : "ull";
  } else {
    return false;
  }
  return true;
}

// Whether the number goes on with `c`.
bool JsonPrefix::take_number(char c) {
  const auto become = [&](Number next) {
    number_ = next;
    return true;
  };
  const bool has_digits = number_ == Number::zero || number_ == Number::whole;
  switch (number_) {
    case Number::minus:
      return is_digit(c) && become(c == '0' ? Number::zero : Number::whole);
    case Number::whole:
      if (is_digit(c)) return true;
      [[fallthrough]];
    case Number::zero:
    case Number::fraction:
      if (number_ == Number::fraction && is_digit(c)) return true;
      if (has_digits && c == '.') return become(Number::point);
      return (c == 'e' || c == 'E') && become(Number::e);
    case Number::point:
      return is_digit(c) && become(Number::fraction);
    case Number::e:
      if (c == '+' || c == '-') return become(Number::sign);
      [[fallthrough]];
    case Number::sign:
    case Number::exponent:
      return is_digit(c) && become(Number::exponent);
  }
  return false;
}

bool JsonPrefix::take(char c, std::string& out) {
  if (state_ == State::string && static_cast<unsigned char>(c) < 0x20) {
    out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : fmt::format("\\u{:04x}", int(c));
    return true;
  }
  if (state_ == State::number && !take_number(c)) {
    const bool is_whole = number_ == Number::zero || number_ == Number::whole ||
                          number_ == Number::fraction || number_ == Number::exponent;
    if (!is_whole) return false;
    state_ = State::after_value;
  } else if (state_ == State::number) {
    out += c;
    return true;
  }
  out += c;
  const bool was_blank = is_blank(c);
  bool is_valid = true;
  switch (state_) {
    case State::begin:
      is_valid = was_blank || (c == '{' && open(c));
      break;
    case State::first_value:
      is_valid = was_blank || (c == ']' ? close(c) : take_value(c));
      break;
    case State::value:
      is_valid = was_blank || take_value(c);
      break;
    case State::first_key:
    case State::key:
      if (was_blank) break;
      if (c == '"')
        is_key_ = true, state_ = State::string;
      else
        is_valid = state_ == State::first_key && close(c);
      break;
    case State::colon:
      if (was_blank) break;
      is_valid = c == ':';
      state_ = State::value;
      break;
    case State::after_value:
      if (was_blank) break;
      if (c == ',')
        state_ = open_.back() == '}' ? State::key : State::value;
      else
        is_valid = close(c);
      break;
    case State::string:
      if (c == '"') end_value();
      if (c == '\\') state_ = State::escape;
      break;
    case State::escape:
      is_valid = std::string_view("\"\\/bfnrtu").find(c) != std::string_view::npos;
      state_ = c == 'u' ? State::hex : State::string;
      hex_ = 4;
      break;
    case State::hex:
      is_valid = std::isxdigit(static_cast<unsigned char>(c)) != 0;
      if (--hex_ == 0) state_ = State::string;
      break;
    case State::word:
      is_valid = c == rest_.front();
      rest_.remove_prefix(1);
      if (rest_.empty()) state_ = State::after_value;
      break;
    case State::number:
    case State::done:
      break;
  }
  if (!is_valid) out.pop_back();
  return is_valid;
}

}  // namespace weir
