// Reading JSON. nlohmann/json, which costs seconds to compile, stays in this file.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

namespace weir {
namespace {

std::string place(std::string_view text, size_t at) {
  size_t line = 1, begin = 0;
  at = std::min(at, text.size());
  for (size_t i = 0; i < at; ++i)
    if (text[i] == '\n') ++line, begin = i + 1;
  return fmt::format("line {}, column {}", line, at - begin + 1);
}

// Reads the text for the parser and leaves in *position how far it came.
struct Reader {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;
  const char* at;
  const char** position;
  reference operator*() const { return *at; }
  Reader& operator++() {
    *position = ++at;
    return *this;
  }
  Reader operator++(int) {
    Reader old = *this;
    ++*this;
    return old;
  }
  bool operator==(const Reader& other) const { return at == other.at; }
  bool operator!=(const Reader& other) const { return at != other.at; }
};

using Exception = nlohmann::detail::exception;
constexpr int kOutOfRange = 406;  // the library's number for a number beyond the reals

// Builds the value while the parser runs; stops it at the first rule broken.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  // With `elements`, the text is an array and its elements go there.
  Builder(std::string_view text, JsonLimits limits, JsonElements* elements = nullptr)
      : text_(text), limits_(limits), elements_(elements), position_(text.data()) {}

  Result<Json> parse() {
    Reader begin{text_.data(), &position_}, end{text_.data() + text_.size(), &position_};
    if (!nlohmann::json::sax_parse(begin, end, this)) return Error{failure_};
    return std::move(root_);
  }

  bool null() override { return put(Json()); }
  bool boolean(bool v) override { return put(Json(v)); }
  bool number_integer(int64_t v) override { return put(Json(v)); }
  bool number_unsigned(uint64_t v) override {
    return put(v <= uint64_t(INT64_MAX) ? Json(int64_t(v)) : Json(v));
  }
  bool number_float(double v, const std::string& literal) override {
    return put(Json::number(v, literal));
  }
  bool string(std::string& v) override { return put(Json(std::move(v))); }
  bool binary(binary_t&) override { return fail("binary values are no JSON", offset()); }
  bool start_object(size_t) override { return open(Json::object()); }
  bool start_array(size_t) override { return open(Json::array()); }
  bool end_object() override { return has_unique_keys(stack_.back()) && close(); }
  bool end_array() override { return close(); }
  bool key(std::string& name) override {
    stack_.back().key = std::move(name);
    stack_.back().key_offsets.push_back(offset());
    return true;
  }
  bool parse_error(size_t read, const std::string& token, const Exception& e) override {
    if (e.id == kOutOfRange)
      return fail(fmt::format("number {} is out of range", token.substr(0, 40)), read);
    // "[json.exception...] parse error at line 1, column 2: syntax error while parsing value -
    // invalid literal; last read: '<U+0001>'": the middle is what the reader needs.
    std::string what = e.what();
    size_t begin = what.find("syntax error");
    if (begin == what.npos) return fail("malformed JSON", read);
    return fail(what.substr(begin, what.rfind("; last read") - begin), read);
  }

 private:
  struct Level {
    Json value;
    std::string key;
    std::vector<size_t> key_offsets;
  };

  size_t offset() const { return size_t(position_ - text_.data()); }
  bool fail(const std::string& what, size_t read) {
    failure_ = place(text_, read > 0 ? read - 1 : 0) + ": " + what;
    return false;
  }
  bool put(Json v) {
    if (++values_ > limits_.values)
      return fail(fmt::format("more than {} values", limits_.values), offset());
    if (elements_ != nullptr && stack_.empty() && !v.is_array())
      return fail("must be an array", offset());
    if (elements_ != nullptr && stack_.size() == 1) return hand_over(std::move(v));
    if (stack_.empty())
      root_ = std::move(v);
    else if (Level& level = stack_.back(); level.value.is_object())
      level.value.members().emplace_back(std::move(level.key), std::move(v));
    else
      level.value.push(std::move(v));
    return true;
  }
  bool hand_over(Json element) {
    if (offset() - element_begin_ > limits_.bytes)
      return fail("an element of more than " + format_bytes(double(limits_.bytes)), offset());
    values_ = 0;
    element_begin_ = offset();
    if (Result<void> taken = elements_->take(std::move(element)); !taken) {
      failure_ = std::move(taken).error().message;
      return false;
    }
    return true;
  }
  bool open(Json v) {
    if (elements_ != nullptr && stack_.empty() && !v.is_array())
      return fail("must be an array", offset());
    if (stack_.size() >= limits_.depth)
      return fail(fmt::format("nested deeper than {} levels", limits_.depth), offset());
    stack_.push_back({std::move(v), {}, {}});
    return true;
  }
  bool close() {
    Json v = std::move(stack_.back().value);
    stack_.pop_back();
    return put(std::move(v));
  }

  // Sorted by hash and then by name: a vocabulary of 10^5 keys takes n log n steps, also when
  // somebody chose them to have equal hashes.
  bool has_unique_keys(const Level& level) {
    const std::vector<Json::Member>& members = level.value.members();
    auto twice = [&](size_t later) {
      return fail("key '" + printable(members[later].first) + "' appears twice",
                  level.key_offsets[later]);
    };
    if (members.size() <= 8) {
      for (size_t i = 1; i < members.size(); ++i)
        for (size_t j = 0; j < i; ++j)
          if (members[i].first == members[j].first) return twice(i);
      return true;
    }
    struct Entry {
      size_t hash, index;
    };
    std::vector<Entry> entries(members.size());
    for (size_t i = 0; i < entries.size(); ++i)
      entries[i] = {std::hash<std::string>()(members[i].first), i};
    auto name = [&](const Entry& e) -> const std::string& { return members[e.index].first; };
    std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
      return a.hash != b.hash ? a.hash < b.hash : name(a) < name(b);
    });
    for (size_t i = 1; i < entries.size(); ++i)
      if (entries[i].hash == entries[i - 1].hash && name(entries[i]) == name(entries[i - 1]))
        return twice(std::max(entries[i].index, entries[i - 1].index));
    return true;
  }

  std::string_view text_;
  JsonLimits limits_;
  JsonElements* elements_;
  const char* position_;
  size_t values_ = 0;
  size_t element_begin_ = 0;  // about: behind the one before
  Json root_;
  std::vector<Level> stack_;
  std::string failure_;
};

}  // namespace

namespace {

// What the library does not refuse, or not in words that help.
Result<void> check_bytes(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf"))
    return Error{place(text, 0) + ": begins with a byte order mark; remove it"};
  // The library would take NUL for the end and accept whatever follows.
  if (size_t nul = text.find('\0'); nul != text.npos)
    return Error{place(text, nul) + ": a NUL byte"};
  return {};
}

Result<Json> build(std::string_view text, JsonLimits limits, JsonElements* elements) {
  try {
    return Builder(text, limits, elements).parse();
  } catch (const Exception& e) {
    return Error{std::string("malformed JSON: ") + e.what()};
  }
}

}  // namespace

Result<Json> parse_json(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.bytes)
    return Error{fmt::format("JSON of {} is over the limit of {}",
                             format_bytes(double(text.size())),
                             format_bytes(double(limits.bytes)))};
  TRY(check_bytes(text));
  return build(text, limits, nullptr);
}

Result<void> parse_json_array(std::string_view text, JsonLimits limits, JsonElements& elements) {
  TRY(check_bytes(text));
  TRY(build(text, limits, &elements));
  return {};
}

Result<Json> read_json_file(const std::string& path, JsonLimits limits) {
  std::string text = TRY(read_file(path, limits.bytes));
  return TRY_IN(path, parse_json(text, limits));
}

Result<std::vector<Json>> read_json_lines(const std::string& path, size_t bytes_max) {
  const std::string text = TRY(read_file(path, bytes_max));
  std::vector<Json> lines;
  int number = 0;
  for (const std::string& line : split(text, '\n')) {
    ++number;
    if (!line.empty())
      lines.push_back(TRY_IN(fmt::format("{}:{}", path, number), parse_json(line)));
  }
  return lines;
}

}  // namespace weir
