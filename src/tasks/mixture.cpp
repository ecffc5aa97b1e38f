#include "tasks/mixture.h"

#include <algorithm>
#include <numeric>

#include "base/random.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr uint32_t kRound = 1000;
constexpr double kWeightMax = 1e6;

// Element `i` of a permutation of [0, n) that depends on (seed, epoch): multiplication by a number
// prime to n, and a shift.
uint64_t permuted(uint64_t seed, uint64_t epoch, uint64_t i, uint64_t n) {
  Random random(seed ^ 0x5eed, epoch);
  const uint64_t shift = random.below(n);
  uint64_t factor = 1 + random.below(n);
  while (std::gcd(factor, n) != 1) factor = 1 + factor % n;
  __extension__ using Wide = unsigned __int128;
  return uint64_t((Wide(factor) * i + shift) % n);
}

}  // namespace

Result<Mixture> Mixture::read(OptionReader in) {
  Mixture mixture;
  for (const std::string& name : in.keys()) {
    OptionReader source = in.section(name);
    double weight = 1;
    source.field("weight", weight, 0, kWeightMax);
    std::unique_ptr<ProblemSet> set = TRY(read_problem_set(std::move(source), name));
    if (weight > 0) mixture.add(name, weight, std::move(set));
  }
  TRY(in.finish());
  return mixture;
}

void Mixture::add(const std::string& name, double weight, std::unique_ptr<ProblemSet> set) {
  sources_.push_back({name, weight, std::move(set)});
  lay_out();
}

// Largest remainders, then spread by the smallest progress: place after place goes to the source
// that is furthest behind its share.
void Mixture::lay_out() {
  double sum = 0;
  for (const Source& source : sources_) sum += source.weight;
  per_round_.assign(sources_.size(), 0);
  round_.clear();
  for (uint32_t i = 0; i < kRound; ++i) {
    size_t best = 0;
    double furthest = -1;
    for (size_t s = 0; s < sources_.size(); ++s) {
      const double behind = sources_[s].weight / sum * double(i + 1) - double(per_round_[s]);
      if (behind > furthest) furthest = behind, best = s;
    }
    round_.push_back({uint32_t(best), per_round_[best]++});
  }
}

Result<Problem> Mixture::make(uint64_t seed, Split split, uint64_t index) const {
  const Place place = round_[size_t(index % kRound)];
  const Source& source = sources_[place.source];
  uint64_t number = index / kRound * per_round_[place.source] + place.rank;
  if (int64_t count = source.set->count(split); count >= 0) {
    if (count == 0) return Error{"data: '" + source.name + "' has no problems for this purpose"};
    number = permuted(seed, number / uint64_t(count), number % uint64_t(count), uint64_t(count));
  }
  Problem problem = TRY_IN(source.name, source.set->make(seed, split, number));
  return problem;
}

}  // namespace weir
