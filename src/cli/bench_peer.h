// `weir bench --vs`: another program and our own in turn, on the same machine in the same minutes.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace weir {

struct PeerOptions {
  std::string command;          // for /bin/sh
  std::string pattern;          // a regular expression; its first group is decode tokens/s
  std::string prefill_pattern;  // the same for prefill
  int pairs = 5;
};

// Tokens per second that one run reported.
struct ReportedSpeeds {
  std::optional<double> prefill, decode;
};

// With a pattern: the number in the first group of its last match, searched line by line. Without
// any: the JSON line of `weir bench` (its first row), or the objects of `llama-bench -o json` or
// `-o jsonl`, where avg_ts of the first with n_gen > 0 and n_prompt = 0 is decode and that of the
// first with n_prompt > 0 and n_gen = 0 prefill. An error when there is neither speed.
Result<ReportedSpeeds> reported_speeds(const std::string& output, const PeerOptions& options);

// Of positive numbers, at least one.
struct RatioSpread {
  double median = 0, least = 0, most = 0;
};
RatioSpread spread_of(std::vector<double> ratios);

// Runs `own` (words of a command that prints what `weir bench` does) and the peer's command in
// turn, prints every pair, and returns the object for the JSON line: "pairs", and "decode_ratio"
// and "prefill_ratio", own through peer's, each with median, least and most. A run that fails ends
// it.
Result<Json> run_against(const std::vector<std::string>& own, const PeerOptions& options);

}  // namespace weir
