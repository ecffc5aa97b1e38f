// See the header. PCRE2's JIT is used where it exists.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "tokenizer/split_regex.h"

#include <pcre2.h>

#include <algorithm>
#include <cstdint>

#include "base/check.h"

namespace weir {
namespace {

// Backtracking steps of one match: some, and some for each character, because \s*[\r\n]+ looks for
// the last line's end in a run of spaces. Patterns that need the square of the length give up
// early.
constexpr size_t kMatchLimit = 1'000'000;
constexpr size_t kMatchLimitPerCharacter = 4;
constexpr uint32_t kHeapLimitKib = 64 << 10;
constexpr size_t kJitStackBytes = 256 << 10;

std::string message_of(int number) {
  char message[256] = "";
  pcre2_get_error_message(number, reinterpret_cast<PCRE2_UCHAR*>(message), sizeof message);
  return message;
}

// The byte at which the character `steps` further begins.
size_t skip_characters(std::string_view text, size_t at, size_t steps) {
  for (; steps > 0; --steps) {
    const unsigned char lead = static_cast<unsigned char>(text[at]);
    at += lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  }
  return at;
}

}  // namespace

struct RegexEngine::State {
  std::string classes;
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

void SplitRegex::CodeFree::operator()(pcre2_real_code_8* code) const { pcre2_code_free(code); }

Result<SplitRegex> SplitRegex::compile(const SplitNode& tree, std::string_view pattern) {
  Result<SplitAlphabet> alphabet = SplitAlphabet::create(tree);
  if (!alphabet) return split_pattern_error(pattern, alphabet.error().message);
  const std::string translated = alphabet->pattern(tree);
  // In Ruby's syntax ^ and $ are the ends of lines, always; only \n ends one.
  std::unique_ptr<pcre2_compile_context, void (*)(pcre2_compile_context*)> context(
      pcre2_compile_context_create(nullptr), pcre2_compile_context_free);
  CHECK(context != nullptr);
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int number = 0;
  size_t offset = 0;
  Code code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                          PCRE2_MULTILINE | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP, &number, &offset,
                          context.get()));
  if (!code) return split_pattern_error(pattern, message_of(number));
  // Without a JIT (another architecture, or memory that may not be executable) the interpreter
  // runs.
  pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);
  return SplitRegex(*std::move(alphabet), std::move(code), std::string(pattern));
}

Result<void> SplitRegex::split(std::string_view text, RegexEngine& engine,
                               std::vector<std::string_view>& pieces) const {
  std::string& classes = engine.state_->classes;
  alphabet_.classify(text, classes);
  const size_t* ends = pcre2_get_ovector_pointer(engine.state_->match);
  const size_t limit = kMatchLimit + kMatchLimitPerCharacter * classes.size();
  pcre2_set_match_limit(engine.state_->context, uint32_t(std::min<size_t>(limit, UINT32_MAX)));
  size_t cut = 0, cut_byte = 0;  // everything before it is in a piece
  const auto take = [&](size_t end) {
    const size_t end_byte = skip_characters(text, cut_byte, end - cut);
    pieces.push_back(text.substr(cut_byte, end_byte - cut_byte));
    cut = end;
    cut_byte = end_byte;
  };
  for (size_t at = 0; at < classes.size();) {
    const int found =
        pcre2_match(code_.get(), reinterpret_cast<PCRE2_SPTR>(classes.data()), classes.size(), at,
                    0, engine.state_->match, engine.state_->context);
    if (found == PCRE2_ERROR_NOMATCH) break;
    if (found < 0)
      return split_pattern_error(pattern_, "gave up on this text: " + message_of(found));
    const size_t begin = ends[0], end = ends[1];
    CHECK(begin >= cut && end >= begin);
    if (begin > cut) take(begin);
    if (end > begin) take(end);
    // An empty match cuts and lets the search go on one character further.
    at = end > begin ? end : end + 1;
  }
  if (cut < classes.size()) take(classes.size());
  return {};
}

}  // namespace weir
