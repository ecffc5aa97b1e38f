#include "stages/curriculum.h"

#include <algorithm>

namespace weir {
namespace {

constexpr double kMemory = 0.95;  // of the running mean, per group
constexpr double kChanceMin = 0.1;

}  // namespace

std::string Curriculum::key(const Problem& problem) {
  return problem.family + ":" + std::to_string(problem.difficulty);
}

bool Curriculum::accepts(const Problem& problem, Random& random) const {
  auto found = pass_rate_.find(key(problem));
  const double draw = double(random.uniform());
  if (found == pass_rate_.end()) return true;
  const double rate = found->second;
  return draw < std::max(kChanceMin, 4 * rate * (1 - rate));
}

void Curriculum::observe(const Problem& problem, double share) {
  auto [at, is_new] = pass_rate_.try_emplace(key(problem), share);
  if (!is_new) at->second = kMemory * at->second + (1 - kMemory) * share;
}

Json Curriculum::json() const {
  Json json = Json::object();
  for (const auto& [name, rate] : pass_rate_) json.set(name, rate);
  return json;
}

Result<void> Curriculum::restore(const Json& json) {
  pass_rate_.clear();
  for (const auto& [name, rate] : json.members())
    pass_rate_[name] = TRY_IN("pass rate of '" + name + "'", rate.as_double());
  return {};
}

}  // namespace weir
