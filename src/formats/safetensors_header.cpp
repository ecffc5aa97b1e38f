#include "formats/safetensors_header.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace weir {
namespace {

constexpr const char* kMetadataKey = "__metadata__";

// A cursor over the header. Errors give the byte within the header.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  Error error(const std::string& what) const {
    return {fmt::format("header byte {}: {}", at_, what)};
  }
  bool at_end() {
    skip_space();
    return at_ == text_.size();
  }
  // Consumes `c` when it is next.
  bool accept(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  Result<void> expect(char c) {
    if (accept(c)) return {};
    return error(fmt::format("expected '{}'", c));
  }
  // After one item of a list: true for a comma, false for the end.
  Result<bool> more(char close) {
    if (accept(',')) return true;
    if (accept(close)) return false;
    return error(fmt::format("expected ',' or '{}'", close));
  }
  Result<std::string> key() {
    std::string name = TRY(string());
    TRY(expect(':'));
    return name;
  }
  Result<std::string> string();
  Result<uint64_t> number();
  Result<std::vector<uint64_t>> numbers(size_t limit, const char* what);

 private:
  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
  }
  Result<uint32_t> four_hex_digits();
  Result<void> escape(std::string& out);
  std::string_view text_;
  size_t at_ = 0;
};

Result<uint32_t> Scanner::four_hex_digits() {
  uint32_t code = 0;
  for (int i = 0; i < 4; ++i) {
    int digit = at_ < text_.size() ? hex_digit(text_[at_]) : -1;
    if (digit < 0) return error("\\u needs four hexadecimal digits");
    code = code * 16 + uint32_t(digit);
    ++at_;
  }
  return code;
}

// The part after the backslash.
Result<void> Scanner::escape(std::string& out) {
  if (at_ == text_.size()) return error("the text ends inside a string");
  char c = text_[at_++];
  static constexpr std::string_view kLetters = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
  if (size_t i = kLetters.find(c); i != std::string_view::npos) {
    out += kMeanings[i];
    return {};
  }
  if (c != 'u') return error("unknown escape in a string");
  uint32_t code = TRY(four_hex_digits());
  if (code >= 0xDC00 && code < 0xE000) return error("half of a surrogate pair");
  if (code >= 0xD800 && code < 0xDC00) {
    if (text_.substr(at_, 2) != "\\u") return error("half of a surrogate pair");
    at_ += 2;
    uint32_t low = TRY(four_hex_digits());
    if (low < 0xDC00 || low >= 0xE000) return error("half of a surrogate pair");
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }
  append_utf8(out, code);
  return {};
}

Result<std::string> Scanner::string() {
  TRY(expect('"'));
  std::string out;
  for (;;) {
    if (at_ == text_.size()) return error("the text ends inside a string");
    char c = text_[at_];
    if (uint8_t(c) < 0x20) return error("control character in a string");
    ++at_;
    if (c == '"') return out;
    if (c != '\\') {
      out += c;
      continue;
    }
    TRY(escape(out));
  }
}

// A whole number that fits 64 bits: signs, fractions and exponents have no place in shapes and
// offsets.
Result<uint64_t> Scanner::number() {
  skip_space();
  size_t begin = at_;
  uint64_t value = 0;
  for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
    if (__builtin_mul_overflow(value, uint64_t(10), &value) ||
        __builtin_add_overflow(value, uint64_t(text_[at_] - '0'), &value))
      return error("the number does not fit 64 bits");
  }
  size_t digits = at_ - begin;
  if (digits == 0 || (digits > 1 && text_[begin] == '0'))
    return error("expected a whole number that is not negative");
  return value;
}

Result<std::vector<uint64_t>> Scanner::numbers(size_t limit, const char* what) {
  TRY(expect('['));
  std::vector<uint64_t> values;
  if (accept(']')) return values;
  do {
    if (values.size() == limit)
      return error(fmt::format("'{}' has more than {} numbers", what, limit));
    values.push_back(TRY(number()));
  } while (TRY(more(']')));
  return values;
}

Result<TensorInfo> scan_tensor(Scanner& in, std::string name) {
  TensorInfo info;
  info.name = std::move(name);
  bool has_type = false, has_shape = false, has_offsets = false;
  TRY(in.expect('{'));
  do {
    std::string key = TRY(in.key());
    bool* seen = key == "dtype"          ? &has_type
                 : key == "shape"        ? &has_shape
                 : key == "data_offsets" ? &has_offsets
                                         : nullptr;
    if (!seen || *seen)
      return in.error(fmt::format("tensor '{}': key '{}' is {}", info.name, key,
                                  seen ? "there twice" : "unknown"));
    *seen = true;
    if (seen == &has_type) {
      info.dtype = TRY(in.string());
    } else if (seen == &has_shape) {
      info.shape = TRY(in.numbers(kTensorRankMax, "shape"));
    } else {
      std::vector<uint64_t> offsets = TRY(in.numbers(2, "data_offsets"));
      if (offsets.size() != 2)
        return in.error(fmt::format("tensor '{}': 'data_offsets' needs two numbers", info.name));
      info.begin = offsets[0];
      info.end = offsets[1];
    }
  } while (TRY(in.more('}')));
  if (!has_type || !has_shape || !has_offsets)
    return in.error(fmt::format("tensor '{}': '{}' is missing", info.name,
                                !has_type    ? "dtype"
                                : !has_shape ? "shape"
                                             : "data_offsets"));
  return info;
}

Result<void> scan_metadata(Scanner& in, std::map<std::string, std::string>& metadata) {
  TRY(in.expect('{'));
  if (in.accept('}')) return {};
  do {
    if (metadata.size() == kMetadataMax)
      return in.error(fmt::format("more than {} metadata entries", kMetadataMax));
    std::string key = TRY(in.key());
    std::string value = TRY(in.string());
    if (!metadata.emplace(key, std::move(value)).second)
      return in.error(fmt::format("metadata key '{}' is there twice", key));
  } while (TRY(in.more('}')));
  return {};
}

// The first name that occurs twice, or null.
const std::string* duplicate_name(const std::vector<TensorInfo>& tensors) {
  std::vector<const std::string*> names;
  names.reserve(tensors.size());
  for (const TensorInfo& tensor : tensors) names.push_back(&tensor.name);
  auto less = [](const std::string* a, const std::string* b) { return *a < *b; };
  std::sort(names.begin(), names.end(), less);
  auto same = [](const std::string* a, const std::string* b) { return *a == *b; };
  auto twin = std::adjacent_find(names.begin(), names.end(), same);
  return twin == names.end() ? nullptr : *twin;
}

}  // namespace

Result<std::vector<TensorInfo>> scan_header(std::string_view text,
                                            std::map<std::string, std::string>* metadata) {
  Scanner in(text);
  std::vector<TensorInfo> tensors;
  std::map<std::string, std::string> found;
  bool has_metadata = false;
  TRY(in.expect('{'));
  if (!in.accept('}')) do {
      std::string name = TRY(in.key());
      if (name == kMetadataKey) {
        if (has_metadata) return in.error("'__metadata__' is there twice");
        has_metadata = true;
        TRY(scan_metadata(in, found));
        continue;
      }
      if (name.size() > kTensorNameMax)
        return in.error(
            fmt::format("a tensor name has {} bytes, more than {}", name.size(), kTensorNameMax));
      if (tensors.size() == kTensorsMax)
        return in.error(fmt::format("more than {} tensors", kTensorsMax));
      tensors.push_back(TRY(scan_tensor(in, std::move(name))));
    } while (TRY(in.more('}')));
  if (!in.at_end()) return in.error("text after the end of the header");
  if (const std::string* name = duplicate_name(tensors))
    return Error{fmt::format("tensor '{}' is there twice", *name)};
  if (metadata) *metadata = std::move(found);
  return tensors;
}

}  // namespace weir
