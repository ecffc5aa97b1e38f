#include "guard/audit_entry.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "base/sha256.h"
#include "base/text.h"

namespace weir {
namespace {

bool is_hex(std::string_view text, size_t length) {
  return text.size() == length && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string hash_of(const AuditEntry& e) {
  return sha256_hex(fmt::format("{}\n{}\n{}\n{}\n{}", e.number, audit_time(e.time_ms), e.kind,
                                e.before, e.content));
}

std::string content_of(const AuditEntry& e) { return sha256_hex(e.salt + "\n" + e.body.dump()); }

// Days since 1970 of a date of the Gregorian calendar.
int64_t days_of(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
  const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

}  // namespace

const std::string kNoHash(64, '0');

void chain(AuditEntry& entry) {
  entry.content = content_of(entry);
  entry.hash = hash_of(entry);
}

std::string line_of(const AuditEntry& entry) {
  Json j = Json::object();
  j.set("n", entry.number);
  j.set("time", audit_time(entry.time_ms));
  j.set("kind", entry.kind);
  j.set("before", entry.before);
  j.set("content", entry.content);
  j.set("hash", entry.hash);
  if (entry.is_removed) {
    j.set("removed", true);
  } else {
    j.set("salt", entry.salt);
    j.set("body", entry.body);
  }
  return j.dump() + "\n";
}

Result<AuditEntry> parse_audit_line(std::string_view line) {
  const Json json = TRY(parse_json(line, {.depth = 16, .bytes = kAuditLineMax}));
  AuditEntry entry;
  entry.number = TRY(json.int_at("n"));
  entry.time_ms = TRY(parse_audit_time(json.text_at("time")));
  entry.kind = json.text_at("kind");
  entry.before = json.text_at("before");
  entry.content = json.text_at("content");
  entry.hash = json.text_at("hash");
  entry.is_removed = json.find("removed") != nullptr;
  entry.salt = json.text_at("salt");
  if (const Json* body = json.find("body")) entry.body = *body;
  std::string written = line_of(entry);
  written.pop_back();
  if (written != line) return Error{"has another form than weir writes"};
  if (!is_hex(entry.before, 64) || !is_hex(entry.content, 64) || !is_hex(entry.hash, 64))
    return Error{"has a hash that is none"};
  if (!entry.is_removed && entry.content != content_of(entry))
    return Error{"has a content that was changed"};
  if (entry.hash != hash_of(entry)) return Error{"was changed"};
  return entry;
}

std::string audit_time(int64_t time_ms) {
  const auto seconds = std::time_t(time_ms / 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     time_ms % 1000);
}

Result<int64_t> parse_audit_time(std::string_view text) {
  const Error wrong{"'" + printable(text, 40) +
                    "' is no time; write 2026-03-01 or 2026-03-01T12:00:00.000Z"};
  const bool is_date = text.size() == 10;
  if (!is_date && text.size() != 24) return wrong;
  constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd.dddZ";
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_digit = text[i] >= '0' && text[i] <= '9';
    if (kForm[i] == 'd' ? !is_digit : text[i] != kForm[i]) return wrong;
  }
  const auto number = [&](size_t at, size_t length) { return *parse_int(text.substr(at, length)); };
  const int64_t month = number(5, 2), day = number(8, 2);
  if (month < 1 || month > 12 || day < 1 || day > 31 || number(0, 4) < 1970) return wrong;
  int64_t seconds = days_of(number(0, 4), month, day) * 86400;
  if (is_date) return seconds * 1000;
  seconds += number(11, 2) * 3600 + number(14, 2) * 60 + number(17, 2);
  return seconds * 1000 + number(20, 3);
}

}  // namespace weir
