// Log-probabilities of sequences under a model that is not there any more: the reference of DPO.
// They are computed once, before the first step, and kept in a file of the stage's folder.
#pragma once
#include <map>
#include <string>

#include "base/result.h"
#include "train/teacher_file.h"

namespace weir {

// By sequence_name().
class KeptScores {
 public:
  // What the file at `path` has, if it was written under the same `identity`; a file that is
  // absent, damaged or of something else is as good as none. `path` "": nothing is kept.
  static KeptScores open(const std::string& path, const std::string& identity);

  const double* find(const std::string& name) const;
  void add(const std::string& name, double score) { scores_[name] = score; }
  size_t size() const { return scores_.size(); }
  Result<void> save() const;

 private:
  std::string path_, identity_;
  std::map<std::string, double> scores_;
};

}  // namespace weir
