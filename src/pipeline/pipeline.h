// Runs the stages of a recipe in order, each with a manifest, an evaluation and a section of the
// report. The same command resumes a run that was stopped.
#pragma once
#include <string>

#include "base/result.h"
#include "base/thread_pool.h"
#include "stages/r1_recipe.h"

namespace weir {

struct R1Options {
  std::string stage;  // only this one; its parent is finished. "": all that are not finished
};

struct R1Summary {
  bool is_stopped = false;  // by a signal; everything is saved
  std::string folder;
  double seconds = 0;         // of this process
  double seconds_in_all = 0;  // of all finished stages, earlier processes included
  std::string table;          // the stage table as text, as wide as the terminal
  std::string conclusion;     // what the run came to, in one sentence; "": no stage is finished
  bool has_report = false;    // report.html is there
};

// Facts and progress go to stderr. Errors leave everything finished as it was.
Result<R1Summary> run_r1(const R1Recipe& recipe, const R1Options& options, ThreadPool& pool);

}  // namespace weir
