#include "stages/shown_reply.h"

namespace weir {
namespace {

constexpr char kRefusal[] = "a refusal", kNoRefusal[] = "no refusal";

// The first text that a pattern of literals and alternatives matches; "" for other patterns.
std::string first_match(std::string_view pattern) {
  std::string out;
  bool is_open = false;
  for (std::string_view begin : {"(?i)", "^", "\\s*", "(?:"})
    if (pattern.starts_with(begin)) pattern.remove_prefix(begin.size()), is_open = begin == "(?:";
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '|' || (c == ')' && is_open)) return out;
    if (c == '\\' && i + 1 < pattern.size()) {
      const char next = pattern[++i];
      const bool is_letter = (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z');
      if (is_letter || (next >= '0' && next <= '9')) return "";  // a class
      out += next;
    } else if (c == '$' && i + 1 == pattern.size()) {
      return out;
    } else if (std::string_view("()[]{}*+?.^$").find(c) != std::string_view::npos) {
      return "";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string plain_gold(const std::string& verifier, const std::string& gold) {
  if (verifier == "refusal") return gold == "refuse" ? kRefusal : kNoRefusal;
  if (verifier == "countdown") {
    const size_t cut = gold.find(';');
    return cut == gold.npos ? gold : gold.substr(cut + 1) + " from " + gold.substr(0, cut);
  }
  if (verifier != "regex") return gold;
  const std::string match = first_match(gold);
  return match.empty() ? "a match of " + gold : match;
}

SampleReply shown_reply(const Problem& problem, const Rollout& rollout) {
  return {problem.family,       problem.question().back().content,          rollout.reply.thinking,
          rollout.reply.answer, plain_gold(problem.verifier, problem.gold), outcome_name(rollout)};
}

std::string shown_verdict(const SampleReply& sample) {
  const bool is_right = sample.verdict == "right";
  if (!is_right && sample.verdict != "wrong") return sample.verdict;
  if (sample.gold == kRefusal) return is_right ? "declined" : "not declined";
  if (sample.gold == kNoRefusal) return is_right ? "not declined" : "declined";
  return sample.verdict;
}

}  // namespace weir
