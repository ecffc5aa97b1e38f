// Patterns as the models publish them, though characters may be written otherwise: patterns are
// compared by meaning. Beware of editors that normalise: the Ohm and Kelvin signs in kCasedWord are
// not the letters omega and K.
#include "tokenizer/split_patterns.h"

namespace weir {
namespace {

// Cased letters of Unicode, spelled out as in the file; an optional space may lead a word.
constexpr char kCasedWord[] =
    R"(\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ)"
    R"(-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ)"
    R"(-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+)";
constexpr char kPunctuationRun[] = R"(\s?[!-/:-~！-／：-～‘-‟　-。]+)";
// Chinese, Japanese and Korean, with everything else from U+0800 to U+4E00.
constexpr char kEastAsianRun[] = R"([一-龥ࠀ-一가-퟿]+)";

constexpr char kIdeographsAndKana[] = R"([一-龥぀-ゟ゠-ヿ]+)";
constexpr char kDeepSeekV3[] = R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+)"
                               R"(|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+)"
                               R"(| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr char kQwen2[] = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})"
                          R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr char kLlama3[] = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
                           R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
// Kimi-K2 and Moonlight: words end where a lower-case letter is followed by an upper-case one, and
// ideographs stand apart.
constexpr char kKimiK2[] = R"([\p{Han}]+)"
                           R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*)"
                           R"([\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
                           R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+)"
                           R"([\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
                           R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

SplitStep regex(const char* pattern) { return {SplitStep::Kind::regex, pattern}; }

}  // namespace

const std::vector<SplitPreset>& split_presets() {
  static const std::vector<SplitPreset> presets = {
      {"gpt-2", {{SplitStep::Kind::gpt2, ""}}},
      {"deepseek-llm",
       {regex(R"([\r\n])"), regex(kCasedWord), regex(kPunctuationRun), regex(kTrailingSpacePattern),
        regex(kEastAsianRun), regex(R"(\p{N}+)")}},
      {"deepseek-coder",
       {regex(R"([\r\n])"), regex(R"(\s?\p{L}+)"), regex(R"(\s?\p{P}+)"), regex(kEastAsianRun),
        regex(R"(\p{N})")}},
      {"deepseek-v3", {regex(R"(\p{N}{1,3})"), regex(kIdeographsAndKana), regex(kDeepSeekV3)}},
      {"qwen2", {regex(kQwen2)}},
      {"llama3", {regex(kLlama3)}},
      {"kimi-k2", {regex(kKimiK2)}},
      {"char", {regex(kEveryCharacterPattern)}},
      {"none", {}},
  };
  return presets;
}

}  // namespace weir
