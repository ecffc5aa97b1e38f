// Sources of problems: generators with an endless supply, and files. A problem is a pure function
// of (options, seed, split, index), so a resumed run sees what the uninterrupted one would have
// seen.
//
// Splits are disjoint by meaning: which side a problem is on is a function of its canonical form
// (Problem::canonical), which does not depend on the order of its numbers, on names, phrasing or
// language, and make() only gives out those of the side asked for. Facts and small talk are split
// by phrasing instead: they ask for what was taught, in new words.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/options.h"
#include "base/result.h"
#include "tasks/problem.h"

namespace weir {

enum class Split { train, held_out };
// Which side a canonical form is on: one in ten is held out. The same for all seeds and machines.
Split split_of(std::string_view canonical);
// The same with any share held out, from 0 to 1.
Split split_of(std::string_view canonical, double held_out);

// Something about the rows that a set was made of.
struct SetNote {
  bool is_warning = false;  // rows were left out, or something that matters was not read
  std::string text, place;  // "3 of 90 rows left out: ..."; the first of them
};

class ProblemSet {
 public:
  virtual ~ProblemSet() = default;
  // How many there are: -1 without end, else make() takes indices in [0, count).
  virtual int64_t count(Split split) const = 0;
  // An error also where the options make so few different problems that none is on that side.
  virtual Result<Problem> make(uint64_t seed, Split split, uint64_t index) const = 0;
  // Whether no canonical form is on both sides. False for sets that ask for taught things in new
  // words: what they measure is recall.
  virtual bool holds_out_meanings() const { return true; }
  // Notes for the user before training.
  virtual std::vector<SetNote> notes() const { return {}; }
};

// Reads `kind` and that kind's options from a section of a recipe:
//   kind: sums        terms: [2, 6]                     running sums of labelled terms
//   kind: words       steps: [1, 4]  languages: [en,zh] word problems
//   kind: countdown   numbers: 3  trials: 8             search traces
//   kind: recall      pairs: [4, 16]                    key-value look-up
//   kind: facts       kind: chat                        general knowledge and small talk
//   kind: composed                                      two facts joined
//   kind: safety      harmful: 0.5                      harmful requests and look-alikes
//   kind: file        path: problems.jsonl  verifier: numeric   a user's own
//   kind: instructions                              requests whose fulfilment a pattern decides
// With `suffix: TEXT` that line follows each question. `styles: {worked: 0.7, direct: 0.3}` weighs
// the kinds of reply. `kind` without the key is `default_kind`. The reader's finish() is called.
Result<std::unique_ptr<ProblemSet>> read_problem_set(OptionReader in,
                                                     const std::string& default_kind = "");

}  // namespace weir
