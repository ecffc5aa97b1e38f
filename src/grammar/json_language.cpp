#include "grammar/json_language.h"

namespace weir {
namespace {

constexpr int64_t kIndentMax = 40;
const char kHex[] = "0123456789abcdefABCDEF";

CodePointSet plain_set() {
  return CodePointSet({{0x20, 0x21}, {0x23, 0x5B}, {0x5D, kCodePointMax}});
}

bool is_plain(char32_t code) { return code >= 0x20 && code != '"' && code != '\\'; }

}  // namespace

Grammar::Expression JsonSpelling::character(Grammar& grammar, const CodePointSet& set) const {
  std::vector<Grammar::Expression> forms;
  const CodePointSet plain = set.intersected(plain_set());
  if (!plain.empty()) forms.push_back(grammar.character(plain));
  for (char32_t code = 0; code <= '\\'; ++code) {
    if (is_plain(code) || !set.contains(code)) continue;
    static constexpr std::string_view kCodes = "\b\f\n\r\t\"\\", kLetters = "bfnrt\"\\";
    const size_t known = kCodes.find(char(code));
    if (known != kCodes.npos) {
      forms.push_back(grammar.literal(std::string("\\") + kLetters[known]));
      continue;
    }
    ByteSet low;  // the last digit in either case
    low.set(size_t(kHex[code % 16]));
    if (code % 16 > 9) low.set(size_t(kHex[code % 16 + 6]));
    const std::string start = std::string("\\u00") + kHex[code / 16];
    forms.push_back(grammar.sequence({grammar.literal(start), grammar.one_of(low)}));
  }
  return grammar.choice(std::move(forms));
}

JsonLanguage::JsonLanguage(Grammar& grammar, StringForm form)
    : grammar_(grammar),
      is_bare_(form == StringForm::bare),
      space_(grammar.add_rule("space")),
      value_(grammar.add_rule("value")),
      object_(grammar.add_rule("object")),
      array_(grammar.add_rule("array")),
      character_(grammar.add_rule("character")) {
  Grammar& g = grammar;
  g.define(space_, g.choice({g.empty(), g.literal(" "),
                             g.sequence({g.optional(g.literal("\r")), g.literal("\n"),
                                         g.repeat(bytes(" \t"), 0, kIndentMax)})}));
  const auto hex = [&](int n) { return g.repeat(bytes(kHex), n, n); };
  const Grammar::Expression escape = g.choice(
      {bytes("\"\\/bfnrt"),
       g.sequence({g.literal("u"),
                   g.choice({g.sequence({bytes("0123456789abcefABCEF"), hex(3)}),
                             g.sequence({bytes("dD"), bytes("01234567"), hex(2)}),
                             g.sequence({bytes("dD"), bytes("89abAB"), hex(2), g.literal("\\u"),
                                         bytes("dD"), bytes("cdefCDEF"), hex(2)})})})});
  g.define(character_,
           is_bare_ ? g.character(CodePointSet({{0, kCodePointMax}}))
                    : g.choice({g.character(plain_set()), g.sequence({g.literal("\\"), escape})}));
  const auto listed = [&](Grammar::Expression item) {
    return g.sequence({item, g.repeat(g.sequence({comma(), item}), 0, Grammar::kUnlimited)});
  };
  g.define(array_, bracketed("[", listed(value()), true, "]"));
  g.define(object_, bracketed("{", listed(g.sequence({string(), colon(), value()})), true, "}"));
  g.define(value_, g.choice({object(), array(), string(), number(), g.literal("true"),
                             g.literal("false"), g.literal("null")}));
}

Grammar::Expression JsonLanguage::bytes(std::string_view characters) {
  ByteSet set;
  for (const char c : characters) set.set(uint8_t(c));
  return grammar_.one_of(set);
}

Grammar::Expression JsonLanguage::digits(int64_t min, int64_t max) {
  return grammar_.repeat(bytes("0123456789"), min, max);
}

Grammar::Expression JsonLanguage::space() { return grammar_.call(space_); }
Grammar::Expression JsonLanguage::value() { return grammar_.call(value_); }
Grammar::Expression JsonLanguage::object() { return grammar_.call(object_); }
Grammar::Expression JsonLanguage::array() { return grammar_.call(array_); }

Grammar::Expression JsonLanguage::comma() {
  return grammar_.sequence({space(), grammar_.literal(","), space()});
}
Grammar::Expression JsonLanguage::colon() {
  return grammar_.sequence({space(), grammar_.literal(":"), space()});
}
Grammar::Expression JsonLanguage::bracketed(const char* open, Grammar::Expression inside,
                                            bool may_be_empty, const char* close) {
  Grammar& g = grammar_;
  const Grammar::Expression filled = g.sequence({inside, space(), g.literal(close)});
  return g.sequence(
      {g.literal(open), space(), may_be_empty ? g.choice({g.literal(close), filled}) : filled});
}

const Spelling& JsonLanguage::spelling() const {
  static const Spelling kBare;
  static const JsonSpelling kJson;
  return is_bare_ ? kBare : kJson;
}

Grammar::Expression JsonLanguage::quoted(Grammar::Expression characters) {
  if (is_bare_) return characters;
  return grammar_.sequence({grammar_.literal("\""), characters, grammar_.literal("\"")});
}

Grammar::Expression JsonLanguage::string() { return string(0, Grammar::kUnlimited); }

Grammar::Expression JsonLanguage::string(int64_t min, int64_t max) {
  // Without limits the characters are states of the rule that holds the string, which saves a call.
  const Grammar::Expression character = grammar_.rule(character_).body;
  if (min == 0 && max == Grammar::kUnlimited)
    return quoted(grammar_.repeat(character, 0, Grammar::kUnlimited));
  if (max == 0) return quoted(grammar_.empty());
  return quoted(grammar_.count(character, min, max));
}

Grammar::Expression JsonLanguage::characters(int64_t min, int64_t max) {
  return grammar_.repeat(spelling().character(grammar_, CodePointSet({{0, kCodePointMax}})), min,
                         max);
}

Grammar::Expression JsonLanguage::spelled(std::string_view text) {
  if (is_bare_) return grammar_.literal(text);
  std::vector<Grammar::Expression> parts;
  std::string plain;
  const auto flush = [&] {
    if (!plain.empty()) parts.push_back(grammar_.literal(plain));
    plain.clear();
  };
  for (const char c : text) {
    if (uint8_t(c) >= 0x80 || is_plain(char32_t(uint8_t(c)))) {
      plain += c;
      continue;
    }
    flush();
    const char32_t code = char32_t(uint8_t(c));
    parts.push_back(JsonSpelling().character(grammar_, CodePointSet({{code, code}})));
  }
  flush();
  return grammar_.sequence(std::move(parts));
}

Grammar::Expression JsonLanguage::constant(const Json& value) {
  if (value.is_string()) return quoted(spelled(value.text()));
  if (!value.is_array() && !value.is_object())
    return grammar_.literal(value.is_number() ? value.number_text() : value.dump());
  std::vector<Grammar::Expression> parts;
  const auto separate = [&] {
    if (!parts.empty()) parts.push_back(comma());
  };
  for (const Json& item : value.items()) {
    separate();
    parts.push_back(constant(item));
  }
  for (const Json::Member& member : value.members()) {
    separate();
    parts.push_back(
        grammar_.sequence({quoted(spelled(member.first)), colon(), constant(member.second)}));
  }
  const bool is_empty = parts.empty();
  return bracketed(value.is_array() ? "[" : "{",
                   is_empty ? grammar_.nothing() : grammar_.sequence(std::move(parts)), is_empty,
                   value.is_array() ? "]" : "}");
}

Grammar::Expression JsonLanguage::integer() {
  return grammar_.sequence(
      {grammar_.optional(grammar_.literal("-")),
       grammar_.choice({grammar_.literal("0"),
                        grammar_.sequence({bytes("123456789"), digits(0, Grammar::kUnlimited)})})});
}

Grammar::Expression JsonLanguage::number() {
  const auto many = [&] { return digits(1, Grammar::kUnlimited); };
  return grammar_.sequence(
      {integer(), grammar_.optional(grammar_.sequence({grammar_.literal("."), many()})),
       grammar_.optional(
           grammar_.sequence({bytes("eE"), grammar_.optional(bytes("+-")), many()}))});
}

}  // namespace weir
