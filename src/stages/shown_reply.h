// A reply as the live view and the report show it.
#pragma once
#include <string>

#include "stages/rollout.h"
#include "stages/scores.h"
#include "tasks/problem.h"

namespace weir {

SampleReply shown_reply(const Problem& problem, const Rollout& rollout);

// What a verifier compares with, for people: an example of a pattern, "43 from 3 7 12", "a
// refusal".
std::string plain_gold(const std::string& verifier, const std::string& gold);

// "declined" and "not declined" of a reply whose gold is plain_gold() of the verifier 'refusal';
// the verdict's own name of any other.
std::string shown_verdict(const SampleReply& sample);

}  // namespace weir
