// The encodings of mail: quoted-printable, base64, encoded words of headers, parameters.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

// RFC 2045, 6.7. What is no escape stays as it is.
std::string decode_quoted_printable(std::string_view text);
// RFC 2045, 6.8. Characters outside of the alphabet are skipped.
std::string decode_base64(std::string_view text);
// RFC 2047: "=?utf-8?B?5Lit?= x" is "中 x". Bytes beyond ASCII outside of words are decoded as
// decode_text would.
std::string decode_header_text(std::string_view value);

// One header with the lines that continue it. Names in lower case.
struct MailHeader {
  std::string name, value;
};
// Takes the headers and the empty line after them from `mail`.
std::vector<MailHeader> take_headers(std::string_view& mail);
// The first of that name; "".
std::string_view header_value(const std::vector<MailHeader>& headers, std::string_view name);

// "text/html; charset=utf-8": the value in lower case, and the parameters (RFC 2231's parts and
// encodings too) as UTF-8.
struct ParameterValue {
  std::string value;
  std::map<std::string, std::string> parameters;
};
ParameterValue parse_parameters(std::string_view header);

}  // namespace weir
