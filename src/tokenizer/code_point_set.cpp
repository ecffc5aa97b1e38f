#include "tokenizer/code_point_set.h"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <string>

#include "base/check.h"

namespace weir {
namespace {

struct NamedRanges {
  const char *name, *ranges;
};

// Two groups: general categories and scripts.
const std::vector<NamedRanges>& table(size_t group) {
  static const std::vector<std::vector<NamedRanges>> groups = {
#include "text/unicode_table.inc"
  };
  return groups[group];
}

char32_t read_hex(std::string_view text, size_t& at) {
  char32_t value = 0;
  for (; at < text.size() && text[at] != '+' && text[at] != ' '; ++at)
    value = value * 16 + char32_t(text[at] <= '9' ? text[at] - '0' : text[at] - 'A' + 10);
  return value;
}

// "41+19 B5": from 41 to 5A, and B5.
std::vector<CodePointRange> read_ranges(std::string_view text) {
  std::vector<CodePointRange> ranges;
  for (size_t at = 0; at < text.size(); ++at) {
    const char32_t first = read_hex(text, at);
    char32_t more = 0;
    if (at < text.size() && text[at] == '+') more = read_hex(text, ++at);
    ranges.push_back({first, first + more});
  }
  return ranges;
}

// "Uppercase_Letter" as "uppercaseletter".
std::string plain_name(std::string_view name) {
  std::string plain;
  for (char c : name)
    if (c != ' ' && c != '-' && c != '_') plain += c >= 'A' && c <= 'Z' ? char(c + 32) : c;
  return plain;
}

// The long names of general categories.
constexpr std::array<std::array<const char*, 2>, 37> kLongNames = {{
    {"letter", "l"},
    {"uppercaseletter", "lu"},
    {"lowercaseletter", "ll"},
    {"titlecaseletter", "lt"},
    {"modifierletter", "lm"},
    {"otherletter", "lo"},
    {"mark", "m"},
    {"nonspacingmark", "mn"},
    {"spacingmark", "mc"},
    {"enclosingmark", "me"},
    {"number", "n"},
    {"decimalnumber", "nd"},
    {"digit", "nd"},
    {"letternumber", "nl"},
    {"othernumber", "no"},
    {"punctuation", "p"},
    {"connectorpunctuation", "pc"},
    {"dashpunctuation", "pd"},
    {"openpunctuation", "ps"},
    {"closepunctuation", "pe"},
    {"initialpunctuation", "pi"},
    {"finalpunctuation", "pf"},
    {"otherpunctuation", "po"},
    {"symbol", "s"},
    {"mathsymbol", "sm"},
    {"currencysymbol", "sc"},
    {"modifiersymbol", "sk"},
    {"othersymbol", "so"},
    {"separator", "z"},
    {"spaceseparator", "zs"},
    {"lineseparator", "zl"},
    {"paragraphseparator", "zp"},
    {"other", "c"},
    {"control", "cc"},
    {"format", "cf"},
    {"privateuse", "co"},
    {"unassigned", "cn"},
}};

// The category itself, or all that begin with its letter. "cn" and so "c" has what no other has.
std::optional<CodePointSet> category(const std::string& name) {
  std::vector<CodePointRange> ranges, assigned;
  for (const NamedRanges& entry : table(0)) {
    const std::string own = plain_name(entry.name);
    std::vector<CodePointRange> part;
    if (own.starts_with(name) || name == "cn" || name == "c") part = read_ranges(entry.ranges);
    if (own.starts_with(name)) ranges.insert(ranges.end(), part.begin(), part.end());
    assigned.insert(assigned.end(), part.begin(), part.end());
  }
  if (name == "cn" || name == "c") {
    const CodePointSet rest = CodePointSet(std::move(assigned)).complement();
    ranges.insert(ranges.end(), rest.ranges().begin(), rest.ranges().end());
  }
  if (ranges.empty()) return std::nullopt;
  return CodePointSet(std::move(ranges));
}

// \s is White_Space. \w is Alphabetic with marks, decimal digits and connectors: of So it has the
// circled letters, and in Latin-1 Oniguruma adds six numbers.
std::optional<CodePointSet> special_class(const std::string& name) {
  if (name == "any") return CodePointSet({{0, kCodePointMax}});
  if (name == "ascii") return CodePointSet({{0, 0x7F}});
  if (name == "space")
    return CodePointSet({{0x9, 0xD},
                         {0x20, 0x20},
                         {0x85, 0x85},
                         {0xA0, 0xA0},
                         {0x1680, 0x1680},
                         {0x2000, 0x200A},
                         {0x2028, 0x2029},
                         {0x202F, 0x202F},
                         {0x205F, 0x205F},
                         {0x3000, 0x3000}});
  if (name != "word") return std::nullopt;
  CodePointSet word({{0xB2, 0xB3},
                     {0xB9, 0xB9},
                     {0xBC, 0xBE},
                     {0x24B6, 0x24E9},
                     {0x1F130, 0x1F149},
                     {0x1F150, 0x1F169},
                     {0x1F170, 0x1F189}});
  for (const char* part : {"l", "m", "nd", "nl", "pc"}) word = word.united(*category(part));
  return word;
}

}  // namespace

CodePointSet::CodePointSet(std::vector<CodePointRange> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const CodePointRange& a, const CodePointRange& b) { return a.first < b.first; });
  for (const CodePointRange& range : ranges) {
    CHECK(range.first <= range.last && range.last <= kCodePointMax);
    if (!ranges_.empty() && range.first <= ranges_.back().last + 1)
      ranges_.back().last = std::max(ranges_.back().last, range.last);
    else
      ranges_.push_back(range);
  }
}

bool CodePointSet::contains(char32_t code) const {
  const auto after = std::upper_bound(
      ranges_.begin(), ranges_.end(), code,
      [](char32_t value, const CodePointRange& range) { return value < range.first; });
  return after != ranges_.begin() && code <= std::prev(after)->last;
}

CodePointSet CodePointSet::complement() const {
  CodePointSet rest;
  char32_t next = 0;
  for (const CodePointRange& range : ranges_) {
    if (range.first > next) rest.ranges_.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= kCodePointMax) rest.ranges_.push_back({next, kCodePointMax});
  return rest;
}

CodePointSet CodePointSet::united(const CodePointSet& other) const {
  std::vector<CodePointRange> all = ranges_;
  all.insert(all.end(), other.ranges_.begin(), other.ranges_.end());
  return CodePointSet(std::move(all));
}

CodePointSet CodePointSet::intersected(const CodePointSet& other) const {
  return complement().united(other.complement()).complement();
}

namespace {

std::optional<CodePointSet> make_named(std::string plain) {
  if (plain.empty()) return std::nullopt;
  if (auto special = special_class(plain)) return special;
  for (const auto& [full, brief] : kLongNames)
    if (plain == full) plain = brief;
  if (plain.size() <= 2) return category(plain);
  for (const NamedRanges& entry : table(1))
    if (plain == plain_name(entry.name)) return CodePointSet(read_ranges(entry.ranges));
  return std::nullopt;
}

}  // namespace

std::optional<CodePointSet> named_code_points(std::string_view name) {
  // Patterns name the same few sets again and again; only names that exist are kept.
  static std::mutex mutex;
  static std::map<std::string, CodePointSet> made;
  std::string plain = plain_name(name);
  const std::lock_guard lock(mutex);
  if (const auto found = made.find(plain); found != made.end()) return found->second;
  std::optional<CodePointSet> set = make_named(plain);
  if (set) made.emplace(std::move(plain), *set);
  return set;
}

}  // namespace weir
