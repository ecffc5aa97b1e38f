#include "engine/acceptance.h"

#include <algorithm>
#include <cstddef>

namespace weir {
namespace {

constexpr double kMemory = 0.98;    // of an observation, at the next one: 50 observations count
constexpr double kPriorWeight = 4;  // observations

}  // namespace

int Acceptance::class_of_match(int length) {
  constexpr int kEnds[] = {3, 4, 6, 9, 14, 24, 48};  // class i holds lengths below kEnds[i]
  int kind = 0;
  while (kind < kClasses - 1 && length >= kEnds[kind]) ++kind;
  return kind;
}

int Acceptance::class_of_chance(float probability) {
  constexpr float kEnds[] = {0.2f, 0.4f, 0.55f, 0.7f, 0.85f, 0.95f, 0.99f};
  int kind = 0;
  while (kind < kClasses - 1 && probability >= kEnds[kind]) ++kind;
  return kind;
}

void Acceptance::observe(int kind, bool is_accepted) {
  double &accepted = accepted_[size_t(kind)], &tried = tried_[size_t(kind)];
  accepted = kMemory * accepted + is_accepted;
  tried = kMemory * tried + 1;
}

double Acceptance::share(int kind, double prior) const {
  return (accepted_[size_t(kind)] + kPriorWeight * prior) / (tried_[size_t(kind)] + kPriorWeight);
}

}  // namespace weir
