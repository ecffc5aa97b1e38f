#include "cli/sampling_flags.h"

#include "base/text.h"
#include "chat/dry_breakers.h"

namespace weir {
namespace {

void add_penalties(CommandBuilder& command, SamplingOptions& s, SamplingTexts& texts) {
  command
      .value("--repeat-penalty", s.repeat_penalty, "X",
             "divides positive logits of the last tokens, multiplies negative ones; 1: off")
      .real_number(0, 10);
  command
      .value("--repeat-last-n", s.repeat_last_n, "N",
             "tokens that --repeat-penalty looks at, prompt included; -1: all, 0: none")
      .whole_number(-1, INT32_MAX);
  command
      .value("--presence-penalty", s.presence_penalty, "X",
             "subtracted from the logits of tokens that the reply has")
      .real_number(-2, 2);
  command
      .value("--frequency-penalty", s.frequency_penalty, "X",
             "the same, once for each time that the reply has the token")
      .real_number(-2, 2);
  command
      .value("--dry-multiplier", s.dry_multiplier, "X",
             "DRY penalty of tokens that continue a repetition; 0: off")
      .real_number(0, 100);
  command.value("--dry-base", s.dry_base, "X", "the DRY penalty grows so with each repeated token")
      .real_number(1, 10);
  command
      .value("--dry-allowed-length", s.dry_allowed_length, "N",
             "repeated tokens without a DRY penalty are fewer than N")
      .whole_number(1, INT32_MAX);
  command
      .value("--dry-penalty-last-n", s.dry_last_n, "N",
             "tokens that DRY looks at, prompt included; -1: all, 0: none")
      .whole_number(-1, INT32_MAX);
  command
      .option("--dry-sequence-breaker", texts.dry_breakers, "TEXT",
              "no repetition reaches over this text; none: over everything (repeatable) [newline "
              "colon quote star]")
      .repeatable();
}

Result<LogitBias> parse_bias(const std::string& text) {
  const size_t sign = text.find_first_of("+-", 1);
  if (sign != std::string::npos) {
    const auto token = parse_int(text.substr(0, sign));
    const size_t begin = text[sign] == '+' ? sign + 1 : sign;
    const auto bias = parse_double(text.substr(begin));
    if (token && *token >= 0 && *token <= INT32_MAX && bias)
      return LogitBias{int(*token), float(*bias)};
  }
  return Error{
      "--logit-bias needs a token's id and a number with its sign, as in 15043+1.5, not '" +
      printable(text) + "'"};
}

}  // namespace

void add_sampling(CommandBuilder& command, SamplingOptions& s, SamplingTexts& texts) {
  command
      .value("--temperature", s.temperature, "X",
             "divides the logits; 0: always the most probable token")
      .real_number(0, 1000);
  command.value("--top-k", s.top_k, "K", "sample from the K most probable tokens; 0: all")
      .whole_number(0, INT32_MAX);
  command
      .value("--typical", s.typical_p, "P",
             "sample from the tokens of total probability P that surprise as expected; 1: all")
      .real_number(0, 1);
  command
      .value("--top-p", s.top_p, "P",
             "sample from the fewest tokens with total probability P; 1: all")
      .real_number(0, 1);
  command
      .value("--min-p", s.min_p, "P",
             "drop tokens less probable than P times the most probable one; 0: none")
      .real_number(0, 1);
  command
      .value("--xtc-probability", s.xtc_probability, "P",
             "share of the draws that drop the most probable tokens; 0: off")
      .real_number(0, 1);
  command
      .value("--xtc-threshold", s.xtc_threshold, "P",
             "those are all but the least of the tokens at least so probable")
      .real_number(0, 1);
  add_penalties(command, s, texts);
  command
      .option("--logit-bias", texts.logit_bias, "ID+X",
              "add X in [-100, 100] to the logit of a token, as in 15043-2 (repeatable)")
      .repeatable();
  command.value("--seed", s.seed, "N", "random seed; the same seed gives the same text").any_seed();
}

Result<void> resolve(const SamplingTexts& texts, const Tokenizer& tokenizer,
                     SamplingOptions& options) {
  options.logit_bias.clear();
  for (const std::string& text : texts.logit_bias)
    options.logit_bias.push_back(TRY(parse_bias(text)));
  options.dry_breakers.clear();
  if (options.dry_multiplier > 0) {
    std::vector<std::string> breakers;
    for (const std::string& text : texts.dry_breakers)
      if (text != "none") breakers.push_back(unescape(text));
    if (texts.dry_breakers.empty()) breakers = kDryBreakers;
    options.dry_breakers = tokens_with(tokenizer, breakers);
  }
  return validate(options, tokenizer.size());
}

std::string unescape(const std::string& text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    char next = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : 0;
    char plain = next == 'n' ? '\n' : next == 't' ? '\t' : next == '\\' ? '\\' : 0;
    result += plain ? plain : text[i];
    if (plain) ++i;
  }
  return result;
}

}  // namespace weir
