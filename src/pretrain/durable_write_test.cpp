// Everything that a training or a conversion leaves, on a disk that fails at every call.
#include "base/atomic_output.h"
#include "formats/gguf.h"
#include "formats/safetensors.h"
#include "pretrain/run_folder.h"
#include "report/training_report.h"
#include "testing/file_fault_walk.h"
#include "testing/training_fixture.h"
#include "train/metrics.h"
#include "train/training_checkpoint.h"

namespace weir {
namespace {

class DurableWrites : public testing::Test {
 protected:
  void SetUp() override {
    auto made =
        SmallTraining::make({"model.num_hidden_layers=1", "model.num_nextn_predict_layers=0"});
    ASSERT_TRUE(made) << made.error().message;
    training_ = std::make_unique<SmallTraining>(*std::move(made));
    trainer_ = std::make_unique<SmallTrainer>(*training_, 1);
  }
  std::string place() const { return folder_.file("disk"); }
  std::string at(const std::string& name) const { return join_path(place(), name); }
  void make_empty() {
    ASSERT_TRUE(remove_all(place()));
    ASSERT_TRUE(make_directories(place()));
  }
  // With a reference model for a KL term beside the model.
  Result<void> save(int64_t step) {
    CheckpointState state = trainer_->trainer.state();
    state.recipe = recipe_json(training_->recipe);
    state.step = step;
    return save_checkpoint(place(), *trainer_->model, trainer_->trainer.optimizer(), state,
                           trainer_->model.get());
  }
  // A write of one file whose bytes are those that `write` leaves of "old" and "new".
  faults::DurableWrite file(const std::string& name,
                            std::function<Result<void>(bool is_new)> write) {
    make_empty();
    std::string bytes[2];
    for (bool is_new : {false, true}) {
      const Result<void> written = write(is_new);
      EXPECT_TRUE(written) << written.error().message;
      bytes[is_new] = *read_file(at(name));
    }
    EXPECT_NE(bytes[0], bytes[1]);
    return {[=, this] {
              make_empty();
              ASSERT_TRUE(write(false));
            },
            [=] { return write(true); },
            [=, this]() -> std::string {
              auto found = read_file(at(name));
              if (!found) return found.error().message;
              if (*found == bytes[0]) return "old";
              return *found == bytes[1] ? "new" : std::to_string(found->size()) + " other bytes";
            }};
  }

  TemporaryFolder folder_;
  std::unique_ptr<SmallTraining> training_;
  std::unique_ptr<SmallTrainer> trainer_;
};

TEST_F(DurableWrites, F31CheckpointsAreWholeOrNotThere) {
  const auto content = [&]() -> std::string {
    auto steps = list_checkpoints(place());
    if (!steps) return steps.error().message;
    for (int64_t step : *steps) {
      auto state = verify_checkpoint(at(checkpoint_name(step)));
      if (!state) return state.error().message;
    }
    if (*steps == std::vector<int64_t>{1}) return "old";
    return *steps == std::vector<int64_t>{1, 2} ? "new" : std::to_string(steps->size());
  };
  faults::walk(place(), {[&] {
                           make_empty();
                           ASSERT_TRUE(save(1));
                         },
                         [&] { return save(2); }, content});
}

TEST_F(DurableWrites, F31PublishedModelsAreWhole) {
  const auto source = [&](bool is_new) { return folder_.file(is_new ? "fresh" : "before"); };
  for (bool is_new : {false, true})
    ASSERT_TRUE(write_file_atomic(source(is_new), std::string(is_new ? 70'000 : 5000, 'm')));
  faults::DurableWrite model = file("model.safetensors", [=, this](bool is_new) {
    return link_file_atomic(source(is_new), at("model.safetensors"));
  });
  for (bool has_links : {true, false}) faults::walk(place(), model, has_links);
}

TEST_F(DurableWrites, F31Safetensors) {
  const std::vector<float> values(5000, 1.5f);
  faults::walk(place(), file("a.safetensors", [&, this](bool is_new) -> Result<void> {
                 const std::span<const float> part(values.data(), is_new ? 5000 : 20);
                 TRY(write_safetensors(at("a.safetensors"),
                                       {{"x", "F32", {part.size()}, std::as_bytes(part)}}, {}));
                 return {};
               }));
}

TEST_F(DurableWrites, F31Gguf) {
  const std::vector<float> values(6400, 1.5f);
  faults::walk(place(), file("a.gguf", [&, this](bool is_new) -> Result<void> {
                 const std::span<const float> part(values.data(), is_new ? 6400 : 64);
                 GgufMetadata metadata;
                 GgufWriter writer = TRY(GgufWriter::create(
                     at("a.gguf"), metadata, {{"x", WeightType::f32, {part.size()}}}));
                 TRY(writer.write(std::as_bytes(part)));
                 TRY(writer.finish());
                 return {};
               }));
}

TEST_F(DurableWrites, F31Reports) {
  ASSERT_TRUE(write_file_atomic(folder_.file("metrics.jsonl"), ""));
  faults::walk(place(), file("report.html", [this](bool is_new) {
                 ReportInput input;
                 input.title = is_new ? "new" : "old";
                 input.metrics_path = folder_.file("metrics.jsonl");
                 input.recipe = recipe_json(training_->recipe);
                 return write_report(at("report.html"), input);
               }));
}

// The log drops the lines behind the checkpoint that a run resumes from.
TEST_F(DurableWrites, F31MetricsOfAResumedRun) {
  faults::walk(place(), file("metrics.jsonl", [this](bool is_new) -> Result<void> {
                 if (!is_new)
                   return write_file_atomic(at("metrics.jsonl"), "{\"step\":1}\n{\"step\":2}\n");
                 TRY(MetricsLog::open(at("metrics.jsonl"), 1));
                 return {};
               }));
}

}  // namespace
}  // namespace weir
