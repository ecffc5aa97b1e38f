#include "documents/mail_text.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/ascii.h"
#include "base/text.h"
#include "documents/text_encoding.h"

namespace weir {
namespace {

constexpr size_t kHeadersMax = 1000, kHeaderBytesMax = size_t(64) << 10;

std::string to_utf8(std::string_view bytes, const std::string& charset) {
  const Result<DecodedText> decoded = decode_text(bytes, charset);
  return decoded ? decoded->text : printable(bytes, 1000);
}

// An encoded word that begins at value[at]; false if none does.
struct EncodedWord {
  std::string charset, bytes;
  size_t end = 0;
};
bool read_word(std::string_view value, size_t at, EncodedWord& word) {
  if (value.substr(at, 2) != "=?") return false;
  const size_t charset_end = value.find('?', at + 2);
  if (charset_end == value.npos || charset_end + 2 >= value.size() || value[charset_end + 2] != '?')
    return false;
  const size_t end = value.find("?=", charset_end + 3);
  if (end == value.npos) return false;
  word.charset = value.substr(at + 2, charset_end - at - 2);
  // RFC 2231, 5: a language may follow after an asterisk.
  word.charset = word.charset.substr(0, word.charset.find('*'));
  const std::string_view text = value.substr(charset_end + 3, end - charset_end - 3);
  const char kind = char(value[charset_end + 1] | 0x20);
  if (kind == 'b') {
    word.bytes = decode_base64(text);
  } else if (kind == 'q') {
    std::string spaced(text);
    std::ranges::replace(spaced, '_', ' ');
    word.bytes = decode_quoted_printable(spaced);
  } else {
    return false;
  }
  word.end = end + 2;
  return true;
}

std::string decode_percent(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
        hex_digit(text[i + 2]) >= 0) {
      bytes += char(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      bytes += text[i];
    }
  }
  return bytes;
}

// name, name*, name*0, name*0*, name*1 ...: RFC 2231 cuts long values and encodes others.
void add_parameter(const std::string& key, const std::string& value,
                   std::map<std::string, std::string>& charsets,
                   std::map<std::string, std::string>& values) {
  const size_t star = key.find('*');
  if (star == key.npos) {
    values.emplace(key, value);
    return;
  }
  const std::string name = key.substr(0, star);
  std::string_view text = value;
  const bool is_encoded = key.ends_with('*');
  if (is_encoded && !charsets.contains(name)) {
    const size_t first = text.find('\''), second = text.find('\'', first + 1);
    if (first != text.npos && second != text.npos) {
      charsets[name] = text.substr(0, first);
      text.remove_prefix(second + 1);
    }
  }
  values[name] += is_encoded ? decode_percent(text) : std::string(text);
}

}  // namespace

std::string decode_quoted_printable(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      bytes += text[i];
      continue;
    }
    size_t end = i + 1;
    while (end < text.size() && (text[end] == ' ' || text[end] == '\t' || text[end] == '\r')) ++end;
    if (end == text.size() || text[end] == '\n') {
      i = end;  // a soft line end
    } else if (i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      bytes += char(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      bytes += '=';
    }
  }
  return bytes;
}

std::string decode_base64(std::string_view text) {
  static const auto kValues = [] {
    std::array<int8_t, 256> values;
    values.fill(-1);
    const std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < alphabet.size(); ++i) values[size_t(alphabet[i])] = int8_t(i);
    return values;
  }();
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') {  // the end of one; another may follow
      bits = 0;
      count = 0;
      continue;
    }
    const int8_t value = kValues[static_cast<unsigned char>(c)];
    if (value < 0) continue;
    bits = (bits << 6 | uint32_t(value)) & 0xFFFFFF;
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += char(bits >> count & 0xFF);
    }
  }
  return bytes;
}

std::string decode_header_text(std::string_view value) {
  std::string text, plain;
  const auto add_plain = [&] {
    text += to_utf8(plain, "");
    plain.clear();
  };
  for (size_t at = 0; at < value.size();) {
    EncodedWord word;
    if (!read_word(value, at, word)) {
      plain += value[at++];
      continue;
    }
    // Blanks between two encoded words are not shown, and a character may be cut between them.
    add_plain();
    at = word.end;
    for (EncodedWord more;;) {
      const size_t next = value.find_first_not_of(" \t", at);
      if (next == value.npos || !read_word(value, next, more)) break;
      at = next;
      if (lower_case(more.charset) != lower_case(word.charset)) break;
      word.bytes += more.bytes;
      at = more.end;
    }
    text += to_utf8(word.bytes, word.charset);
  }
  add_plain();
  return std::string(trim(text));
}

std::vector<MailHeader> take_headers(std::string_view& mail) {
  std::vector<MailHeader> headers;
  while (!mail.empty()) {
    const size_t end = std::min(mail.find('\n'), mail.size());
    std::string_view line = mail.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const bool continues = line.starts_with(' ') || line.starts_with('\t');
    const size_t colon = line.find(':');
    const bool is_header = colon != line.npos && colon > 0 && line.find(' ') > colon;
    if (!line.empty() && !continues && !is_header) {
      // A body without the empty line before it, or a line of mbox or of a mail program's own.
      if (headers.empty() && line.starts_with("From ")) {
        mail.remove_prefix(std::min(end + 1, mail.size()));
        continue;
      }
      break;
    }
    mail.remove_prefix(std::min(end + 1, mail.size()));
    if (line.empty()) break;
    if (continues && !headers.empty()) {
      std::string& value = headers.back().value;
      if (value.size() + line.size() < kHeaderBytesMax) value += " " + std::string(trim(line));
    } else if (is_header && headers.size() < kHeadersMax) {
      headers.push_back({lower_case(trim(line.substr(0, colon))),
                         std::string(trim(line.substr(colon + 1)).substr(0, kHeaderBytesMax))});
    }
  }
  return headers;
}

std::string_view header_value(const std::vector<MailHeader>& headers, std::string_view name) {
  const auto found = std::ranges::find(headers, name, &MailHeader::name);
  return found == headers.end() ? std::string_view() : std::string_view(found->value);
}

ParameterValue parse_parameters(std::string_view header) {
  ParameterValue parsed;
  size_t at = std::min(header.find(';'), header.size());
  parsed.value = lower_case(trim(header.substr(0, at)));
  std::map<std::string, std::string> charsets;
  while (at < header.size()) {
    ++at;  // the semicolon
    const size_t equals = header.find('=', at);
    if (equals == header.npos) break;
    const std::string key = lower_case(trim(header.substr(at, equals - at)));
    at = header.find_first_not_of(" \t", equals + 1);
    if (at == header.npos) break;
    std::string value;
    if (header[at] == '"') {
      for (++at; at < header.size() && header[at] != '"'; ++at) {
        if (header[at] == '\\' && at + 1 < header.size()) ++at;
        value += header[at];
      }
      at = std::min(header.find(';', at), header.size());
    } else {
      const size_t end = std::min(header.find(';', at), header.size());
      value = trim(header.substr(at, end - at));
      at = end;
    }
    if (parsed.parameters.size() < 100) add_parameter(key, value, charsets, parsed.parameters);
  }
  for (auto& [key, value] : parsed.parameters)
    value = charsets.contains(key) ? to_utf8(value, charsets[key]) : decode_header_text(value);
  return parsed;
}

}  // namespace weir
