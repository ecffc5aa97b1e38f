// Distillation: a student learns a teacher's distributions over the next token, on its own replies
// (on-policy: Agarwal et al. 2023, arXiv:2306.13649) or on the data's. Several teachers share the
// problems by family, as DeepSeek-V4 ends its training. docs/distillation.md
#pragma once
#include <memory>
#include <optional>
#include <vector>

#include "stages/stage.h"
#include "train/teacher.h"
#include "train/teacher_file.h"

namespace weir {

// The models of `recipe.teachers`, in order, and files of kept rows.
struct DistillTeachers {
  std::vector<std::unique_ptr<Teacher>> models;
  std::optional<TeacherFile> kept;  // of the recipe's `kept`
  std::string kept_path;  // where `keeps_rows` puts the rows; with them no teacher is left
};

// Errors: a teacher with another vocabulary than the student; a kept file of another temperature or
// vocabulary. Null when a stop was requested while rows to keep were computed.
Result<std::unique_ptr<Stage>> make_distill_stage(const R1Context& context,
                                                  const StageRecipe& stage, int64_t steps,
                                                  Learner& learner, DistillTeachers teachers);

}  // namespace weir
