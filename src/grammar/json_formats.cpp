#include "grammar/json_formats.h"

namespace weir {
namespace {

#define DATE                                                                             \
  "(\\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])|(0[469]|11)-(0[1-9]|[12]\\d|30)|02-" \
  "(0[1-9]|1\\d|2[0-8]))|(\\d\\d(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579]"   \
  "[26])00)-02-29)"
#define TIME \
  "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?([zZ]|[+\\-]([01]\\d|2[0-3]):[0-5]\\d)"
#define BYTE "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)"
#define HEX "[0-9A-Fa-f]"
#define END "[0-9A-Za-z]"
#define INNER "[0-9A-Za-z\\-]"
// Up to 63 characters without "--" as the third and fourth: those are reserved (RFC 5890, 2.3.1),
// and whether "xn--..." is Punycode no grammar tells.
#define LABEL                                                                              \
  END "(" END "|" INNER END "|" INNER INNER END "|" INNER "(" END INNER "|-" END ")" INNER \
      "{0,58}" END ")?"
#define IPV6                                                                                      \
  "((" HEX "{1,4}:){7}" HEX "{1,4}|(" HEX "{1,4}:){1,7}:|(" HEX "{1,4}:){1,6}:" HEX "{1,4}|(" HEX \
  "{1,4}:){1,5}(:" HEX "{1,4}){1,2}|(" HEX "{1,4}:){1,4}(:" HEX "{1,4}){1,3}|(" HEX               \
  "{1,4}:){1,3}(:" HEX "{1,4}){1,4}|(" HEX "{1,4}:){1,2}(:" HEX "{1,4}){1,5}|" HEX "{1,4}:(:" HEX \
  "{1,4}){1,6}|:((:" HEX "{1,4}){1,7}|:))"
// RFC 3986, appendix A: host name (or address in brackets) and port; the segments of a path.
#define URI_NAME "[A-Za-z0-9\\-._~!$&'()*+,;=]|%" HEX "{2}"
#define URI_SEGMENT "(" URI_NAME "|[:@])"
#define URI_AUTHORITY "((" URI_NAME "|:)*@)?((" URI_NAME ")*|\\[" IPV6 "\\])(:\\d*)?"
#define URI_REST "(" URI_NAME "|[:@/?])*"
#define ATOM "[A-Za-z0-9!#$%&'*+/=?\\^_`{|}~\\-]+"

struct Format {
  const char *name, *pattern;
};

constexpr Format kFormats[] = {
    {"date", DATE},
    {"time", TIME},
    {"date-time", DATE "[tT]" TIME},
    {"duration",
     "P(\\d+W|(\\d+Y(\\d+M(\\d+D)?)?|\\d+M(\\d+D)?|\\d+D)(T(\\d+H(\\d+M(\\d+S)?)?|\\d+M(\\d+S)?|"
     "\\d+S))?|T(\\d+H(\\d+M(\\d+S)?)?|\\d+M(\\d+S)?|\\d+S))"},
    {"email", ATOM "(\\." ATOM ")*@" LABEL "(\\." LABEL ")*"},
    {"hostname", LABEL "(\\." LABEL "){0,3}"},
    {"ipv4", BYTE "(\\." BYTE "){3}"},
    {"ipv6", IPV6},
    {"uuid", HEX "{8}-" HEX "{4}-" HEX "{4}-" HEX "{4}-" HEX "{12}"},
    {"uri", "[A-Za-z][A-Za-z0-9+.\\-]*:(//" URI_AUTHORITY "(/" URI_SEGMENT "*)*|/?" URI_SEGMENT
            "+(/" URI_SEGMENT "*)*|/)(\\?" URI_REST ")?(#" URI_REST ")?"},
    {"json-pointer", "(/([^/~]|~[01])*)*"},
};

constexpr std::string_view kIgnored[] = {"int32",   "int64",  "uint32", "uint64", "float",
                                         "double",  "number", "byte",   "binary", "password",
                                         "decimal", "int8",   "int16",  "uint8",  "uint16"};

}  // namespace

const char* format_pattern(std::string_view name) {
  for (const Format& format : kFormats)
    if (name == format.name) return format.pattern;
  return nullptr;
}

bool is_ignored_format(std::string_view name) {
  for (const std::string_view ignored : kIgnored)
    if (name == ignored) return true;
  return false;
}

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const Format& format : kFormats) names.push_back(format.name);
  return names;
}

}  // namespace weir
