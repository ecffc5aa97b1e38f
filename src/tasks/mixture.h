// Several problem sets drawn from in fixed proportions: the data of a stage.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/options.h"
#include "base/result.h"
#include "tasks/problem_set.h"

namespace weir {

class Mixture {
 public:
  // A section of named sources, each with the options of its problem set and a `weight` (default
  // 1). `kind` is the source's name unless stated.
  static Result<Mixture> read(OptionReader in);
  // Without a recipe.
  void add(const std::string& name, double weight, std::unique_ptr<ProblemSet> set);

  // Problem number `index` of an endless stream. Every source has its share in any thousand; one
  // with a finite supply goes through a new permutation each time it begins again.
  Result<Problem> make(uint64_t seed, Split split, uint64_t index) const;

  bool empty() const { return sources_.empty(); }
  struct Source {
    std::string name;
    double weight = 1;
    std::unique_ptr<ProblemSet> set;
  };
  const std::vector<Source>& sources() const { return sources_; }

 private:
  void lay_out();

  std::vector<Source> sources_;
  // A round of the stream: which source each place is, and how many of its kind come before.
  struct Place {
    uint32_t source, rank;
  };
  std::vector<Place> round_;
  std::vector<uint32_t> per_round_;  // of each source
};

}  // namespace weir
