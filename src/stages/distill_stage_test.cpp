#include "stages/distill_stage.h"

#include <cmath>

#include "base/file.h"
#include "testing/r1_fixture.h"
#include "testing/training_fixture.h"

namespace weir {
namespace {

struct Distilling {
  TinyStages t;
  std::unique_ptr<Model> model;
  std::unique_ptr<Learner> learner;
  std::unique_ptr<Stage> stage;

  std::unique_ptr<Teacher> teacher() {
    std::unique_ptr<Model> other = t.fresh_model();
    set_weights(*other, letter_weights());
    return std::make_unique<Teacher>(std::move(other), t.recipe.rows, t.pool);
  }

  explicit Distilling(const std::vector<std::string>& settings, int threads = 1,
                      const std::string& kept_path = "")
      : t("  d: {kind: distill, steps: 40, teacher: models/teacher, tokens: 64, prompts: 4, "
          "replies: 4, reply_tokens: 4, lr: 0.01, warmup_steps: 0, weight_decay: 0, "
          "data: {facts: {}}}\n",
          settings, threads) {
    t.give(letters());
    model = t.fresh_model(5);
    learner = t.learner(*model);
    DistillTeachers teachers;
    teachers.kept_path = kept_path;
    for (size_t i = 0; i < t.stage().distill.teachers.size(); ++i)
      teachers.models.push_back(teacher());
    Result<std::unique_ptr<Stage>> made =
        make_distill_stage(t.context, t.stage(), 40, *learner, std::move(teachers));
    EXPECT_TRUE(made) << made.error().message;
    if (made) stage = *std::move(made);
  }
};

TEST(DistillStage, LearnsTheTeacherOnItsOwnRepliesAndOnData) {
  for (const char* source : {"student", "data"})
    for (const char* beta : {"0", "0.5", "1"}) {
      Distilling d(
          {std::string("stages.d.source=") + source, std::string("stages.d.beta=") + beta});
      const std::vector<Json> lines = take_steps(*d.stage, 40);
      ASSERT_EQ(lines.size(), 40u);
      EXPECT_LT(number_at(lines.back(), "loss"), 0.3 * number_at(lines[0], "loss"))
          << source << " " << beta;
    }
}

TEST(DistillStage, KeptRowsGiveTheBitsOfTheTeacher) {
  TemporaryFolder folder;
  const std::vector<std::string> data = {"stages.d.source=data", "stages.d.top_k=5",
                                         "stages.d.beta=0.5"};
  Distilling asked(data);
  take_steps(*asked.stage, 3);
  std::vector<std::string> keeping = data;
  keeping.push_back("stages.d.keeps_rows=true");
  Distilling kept(keeping, 1, folder.file("teacher.rows"));
  EXPECT_TRUE(file_exists(folder.file("teacher.rows")));
  take_steps(*kept.stage, 3);
  EXPECT_EQ(all_weights(*kept.model), all_weights(*asked.model));
}

TEST(DistillStage, GradientIsThatOfTheLoss) {
  Distilling d({"stages.d.source=data", "stages.d.beta=0.3", "stages.d.temperature=1.5",
                "stages.d.lr=0", "stages.d.clip=0"});
  const std::vector<float> weights = all_weights(*d.model);
  const auto loss_at = [&](const std::vector<float>& at) {
    set_weights(*d.model, at);
    EXPECT_TRUE(d.stage->restore(*parse_json(R"({"next":0,"stream":0,"tokens":0})")));
    return *d.stage->advance(0);
  };
  const Json first = loss_at(weights);
  const double norm = number_at(first, "grad_norm");
  std::vector<float> gradient;
  for (const Parameter* w : d.model->parameters())
    gradient.insert(gradient.end(), w->grad, w->grad + w->count());
  constexpr double kStep = 2e-3;
  const auto moved = [&](double distance) {
    std::vector<float> at = weights;
    for (size_t i = 0; i < at.size(); ++i) at[i] += float(distance * double(gradient[i]) / norm);
    return number_at(loss_at(at), "loss");
  };
  EXPECT_NEAR((moved(kStep) - moved(-kStep)) / (2 * kStep), norm, 0.01 * norm + 5e-4);
}

TEST(DistillStage, ResumesAndThreadsChangeNoBit) {
  const auto after = [](int threads, int break_at) {
    Distilling d({}, threads);
    for (int step = 0; step < 4; ++step) {
      if (step == break_at) {
        const Json cursor = d.stage->cursor();
        DistillTeachers teachers;
        teachers.models.push_back(d.teacher());
        d.stage =
            *make_distill_stage(d.t.context, d.t.stage(), 40, *d.learner, std::move(teachers));
        EXPECT_TRUE(d.stage->restore(cursor));
      }
      EXPECT_TRUE(d.stage->advance(step));
    }
    return all_weights(*d.model);
  };
  const std::vector<float> expected = after(1, -1);
  EXPECT_EQ(after(2, -1), expected);
  EXPECT_EQ(after(1, 2), expected);
}

// Each family has its teacher; the one of "made" problems is the student itself, so nothing is left
// to learn from it.
TEST(DistillStage, TeachersShareTheProblemsByFamily) {
  TinyStages t(
      "  d: {kind: distill, steps: 1, teachers: {other: {model: a/, families: [sums]}, own: "
      "{model: "
      "b/, families: [made]}}, source: data, tokens: 64, lr: 0.01, data: {facts: {}}}\n");
  t.give(letters());
  std::unique_ptr<Model> model = t.fresh_model(5);
  std::unique_ptr<Learner> learner = t.learner(*model);
  DistillTeachers teachers;
  for (uint64_t seed : {1, 5})
    teachers.models.push_back(std::make_unique<Teacher>(t.fresh_model(seed), 64, t.pool));
  auto stage = make_distill_stage(t.context, t.stage(), 1, *learner, std::move(teachers));
  ASSERT_TRUE(stage) << stage.error().message;
  EXPECT_NEAR(number_at(*(*stage)->advance(0), "loss"), 0, 1e-6);
}

TEST(DistillStage, RecipesThatCanNotBeAreErrors) {
  const auto error_of = [](const std::string& keys) {
    Result<R1Recipe> recipe = try_r1_recipe(
        tiny_recipe("  d: {kind: distill, steps: 1, data: {facts: {}}, " + keys + "}\n"));
    return recipe ? std::string() : recipe.error().message;
  };
  EXPECT_NE(error_of("beta: 1").find("'stages.d.teacher' is missing"), std::string::npos)
      << error_of("beta: 1");
  EXPECT_NE(error_of("teacher: a/, kept: f").find("leave one"), std::string::npos);
  EXPECT_NE(error_of("teacher: a/, keeps_rows: true, top_k: 4").find("must be data"),
            std::string::npos);
  EXPECT_NE(error_of("teacher: a/, source: data, keeps_rows: true").find("top_k"),
            std::string::npos);
  EXPECT_NE(error_of("teacher: nobody").find("nobody"), std::string::npos);
  EXPECT_EQ(error_of("teacher: a/"), "");
}

}  // namespace
}  // namespace weir
