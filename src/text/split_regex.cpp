// See the header. PCRE2's JIT is used where it exists.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/split_regex.h"

#include <pcre2.h>

#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "text/unicode.h"

namespace weir {
namespace {

// Backtracking steps of one match: some, and some for each byte, because \s*[\r\n]+ looks for the
// last line's end in a run of spaces. Patterns that need the square of the length give up early.
constexpr size_t kMatchLimit = 1'000'000;
constexpr size_t kMatchLimitPerByte = 4;
constexpr uint32_t kHeapLimitKib = 64 << 10;
constexpr size_t kJitStackBytes = 256 << 10;

// Unicode's White_Space, which is what \s means to Oniguruma. PCRE2 adds U+180E.
constexpr char kSpaceSet[] =
    R"(\x09-\x0D\x20\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
constexpr char kWordSet[] = R"(\p{L}\p{M}\p{Nd}\p{Pc})";

// A script's name and the brace after it: \p{Han} is the property Script to Oniguruma, and
// Script_Extensions to PCRE2 unless it says "sc:".
bool is_script(std::string_view name) {
  constexpr std::string_view kScripts[] = {"Han}", "Hiragana}", "Katakana}", "Hangul}", "Latin}"};
  return std::any_of(std::begin(kScripts), std::end(kScripts),
                     [&](std::string_view script) { return name.starts_with(script); });
}

// An Oniguruma pattern (Ruby syntax) as PCRE2 understands it.
Result<std::string> translate(std::string_view pattern) {
  std::string out;
  bool in_set = false;
  size_t i = 0;
  // Copies up to and with the next `end`; nothing when there is none.
  auto copy_through = [&](std::string_view end) {
    size_t at = pattern.find(end, i);
    if (at == pattern.npos) return false;
    out += pattern.substr(i, at + end.size() - i);
    i = at + end.size();
    return true;
  };
  while (i < pattern.size()) {
    std::string_view rest = pattern.substr(i);
    if (rest[0] == '\\' && rest.size() > 1) {
      char kind = rest[1];
      bool negated = kind == 'S' || kind == 'W';
      const char* set = kind == 's' || kind == 'S' ? kSpaceSet : kWordSet;
      if (kind == 'h' || kind == 'H') {
        return split_pattern_error(pattern, "\\h differs between engines; write a set instead");
      }
      bool braces =
          rest.size() > 2 && rest[2] == '{' && (kind == 'p' || kind == 'P' || kind == 'x');
      if (braces && kind != 'x' && is_script(rest.substr(3))) {
        out += std::string(rest.substr(0, 3)) + "sc:";
        i += 3;
      }
      if (braces && copy_through("}")) continue;
      if (std::string_view("sSwW").find(kind) == std::string_view::npos || (in_set && negated)) {
        out += rest.substr(0, 2);
      } else if (in_set) {
        out += set;
      } else {
        out += std::string(negated ? "[^" : "[") + set + "]";
      }
      i += 2;
      continue;
    }
    if (in_set) {
      if (rest.starts_with("[:") && copy_through(":]")) continue;
      if (rest[0] == '[' || rest.starts_with("&&")) {
        return split_pattern_error(pattern, "a set inside a set is not supported");
      }
      in_set = rest[0] != ']';
    } else if (rest[0] == '[') {
      in_set = true;
      if (rest.starts_with("[^")) out += pattern[i++];
    } else if (rest.starts_with("(?m") || rest.starts_with("(*")) {
      return split_pattern_error(pattern, "'(?m' and '(*' are not supported");
    } else if (rest.starts_with("}+")) {
      return split_pattern_error(pattern, "'{...}+' differs between engines; use (?:...)+");
    }
    out += pattern[i++];
  }
  return out;
}

}  // namespace

struct RegexEngine::State {
  pcre2_match_data* match = pcre2_match_data_create(1, nullptr);
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_jit_stack* stack = pcre2_jit_stack_create(32 << 10, kJitStackBytes, nullptr);
  State() {
    CHECK(match != nullptr && context != nullptr);
    pcre2_set_heap_limit(context, kHeapLimitKib);
    if (stack != nullptr) pcre2_jit_stack_assign(context, nullptr, stack);
  }
  ~State() {
    pcre2_jit_stack_free(stack);
    pcre2_match_context_free(context);
    pcre2_match_data_free(match);
  }
};

RegexEngine::RegexEngine() : state_(std::make_unique<State>()) {}
RegexEngine::~RegexEngine() = default;

Error split_pattern_error(std::string_view pattern, const std::string& why) {
  std::string shown(pattern.substr(0, 80));
  return {"split pattern '" + replace_invalid_utf8(shown) + (pattern.size() > 80 ? "..." : "") +
          "': " + why};
}

void SplitRegex::CodeFree::operator()(pcre2_real_code_8* code) const { pcre2_code_free(code); }

Result<SplitRegex> SplitRegex::compile(std::string_view pattern) {
  std::string translated = TRY(translate(pattern));
  int number = 0;
  size_t offset = 0;
  // In Ruby's syntax ^ and $ are the ends of lines, always.
  uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
  Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                          options, &number, &offset, nullptr));
  if (!code) {
    char message[256] = "";
    pcre2_get_error_message(number, reinterpret_cast<PCRE2_UCHAR*>(message), sizeof message);
    return split_pattern_error(pattern, message);
  }
  // Without a JIT (another architecture, or memory that may not be executable) the interpreter
  // runs.
  pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
  return SplitRegex(std::move(code), std::string(pattern));
}

Result<void> SplitRegex::split(std::string_view text, RegexEngine& engine,
                               std::vector<std::string_view>& pieces) const {
  const size_t* ends = pcre2_get_ovector_pointer(engine.state_->match);
  size_t limit = std::min<size_t>(kMatchLimit + kMatchLimitPerByte * text.size(), UINT32_MAX);
  pcre2_set_match_limit(engine.state_->context, uint32_t(limit));
  size_t cut = 0;  // everything before it is in a piece
  for (size_t at = 0; at < text.size();) {
    int found = pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at,
                            PCRE2_NO_UTF_CHECK, engine.state_->match, engine.state_->context);
    if (found == PCRE2_ERROR_NOMATCH) break;
    if (found < 0) {
      char message[256] = "";
      pcre2_get_error_message(found, reinterpret_cast<PCRE2_UCHAR*>(message), sizeof message);
      return split_pattern_error(pattern_, std::string("gave up on this text: ") + message);
    }
    size_t begin = ends[0], end = ends[1];
    if (begin < cut || end < begin) return split_pattern_error(pattern_, "\\K is not supported");
    if (begin > cut) pieces.push_back(text.substr(cut, begin - cut));
    if (end > begin) pieces.push_back(text.substr(begin, end - begin));
    cut = end;
    // An empty match cuts and lets the search go on one character further.
    at = end > begin || end == text.size() ? end : end + size_t(decode_utf8(text, end).bytes);
  }
  if (cut < text.size()) pieces.push_back(text.substr(cut));
  return {};
}

}  // namespace weir
