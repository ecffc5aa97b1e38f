#include "train/training_checkpoint.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>

#include "base/atomic_output.h"
#include "base/sha256.h"
#include "pretrain/run_folder.h"
#include "testing/training_fixture.h"

namespace weir {
namespace {

class CheckpointTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = SmallTraining::make({"schedule.name=constant"});
    ASSERT_TRUE(made) << made.error().message;
    training_ = std::make_unique<SmallTraining>(*std::move(made));
    trainer_ = std::make_unique<SmallTrainer>(*training_, 1);
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(trainer_->trainer.advance());
  }
  CheckpointState state() const {
    CheckpointState s = trainer_->trainer.state();
    s.recipe = recipe_json(training_->recipe);
    s.data_sha256 = "data";
    s.tokenizer_sha256 = "tokenizer";
    s.config_sha256 = "config";
    return s;
  }
  Result<void> save() {
    return save_checkpoint(folder_.path(), *trainer_->model, trainer_->trainer.optimizer(),
                           state());
  }
  std::string path() const { return folder_.file(checkpoint_name(state().step)); }

  TemporaryFolder folder_;
  std::unique_ptr<SmallTraining> training_;
  std::unique_ptr<SmallTrainer> trainer_;
};

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

TEST_F(CheckpointTest, ComesBackBitForBit) {
  ASSERT_TRUE(save());
  auto read = verify_checkpoint(path());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->step, 2);
  EXPECT_EQ(read->tokens, trainer_->trainer.state().tokens);
  EXPECT_EQ(read->mean_loss, trainer_->trainer.state().mean_loss);
  EXPECT_EQ(read->best_loss, trainer_->trainer.state().best_loss);
  EXPECT_EQ(read->seconds, trainer_->trainer.state().seconds);
  EXPECT_EQ(read->recipe.dump(), recipe_json(training_->recipe).dump());
  SmallTrainer other(*training_, 1);
  EXPECT_NE(other.fingerprint(), trainer_->fingerprint());
  auto loaded = load_checkpoint(path(), *other.model, other.trainer.optimizer());
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(other.fingerprint(), trainer_->fingerprint());
}

TEST_F(CheckpointTest, SameStateGivesTheSameFiles) {
  ASSERT_TRUE(save());
  TemporaryFolder second;
  ASSERT_TRUE(
      save_checkpoint(second.path(), *trainer_->model, trainer_->trainer.optimizer(), state()));
  for (const char* name : {"model.safetensors", "trainer.safetensors", "state.json"})
    EXPECT_EQ(*sha256_file(join_path(path(), name)),
              *sha256_file(join_path(second.file(checkpoint_name(2)), name)));
}

// C6 of the fault plan.
TEST_F(CheckpointTest, EveryChangedByteIsNoticed) {
  ASSERT_TRUE(save());
  Random random(1, 1);
  for (const char* name : {"state.json", "model.safetensors", "trainer.safetensors"}) {
    const std::string file = join_path(path(), name);
    const std::string good = *read_file(file);
    // A third of the tries go to the beginning, where large files have their header.
    for (size_t i = 0; i < 250; ++i) {
      const size_t at =
          size_t(random.below(i % 3 ? good.size() : std::min<size_t>(good.size(), 4096)));
      std::string bad = good;
      bad[at] = char(bad[at] ^ (1 << random.below(8)));
      write_bytes(file, bad);
      auto result = verify_checkpoint(path());
      ASSERT_FALSE(result) << name << " byte " << at;
      ASSERT_NE(result.error().message.find(name), std::string::npos) << result.error().message;
    }
    for (size_t size : {size_t(0), size_t(1), good.size() / 2, good.size() - 1}) {
      write_bytes(file, good.substr(0, size));
      ASSERT_FALSE(verify_checkpoint(path())) << name << " cut to " << size;
    }
    write_bytes(file, good + " ");
    ASSERT_FALSE(verify_checkpoint(path())) << name << " with a byte more";
    ASSERT_TRUE(remove_all(file));
    ASSERT_FALSE(verify_checkpoint(path())) << name << " absent";
    write_bytes(file, good);
    ASSERT_TRUE(verify_checkpoint(path()));
  }
}

TEST_F(CheckpointTest, RenamedFolderIsNoticed) {
  ASSERT_TRUE(save());
  ASSERT_TRUE(rename_path(path(), folder_.file(checkpoint_name(3))));
  auto result = verify_checkpoint(folder_.file(checkpoint_name(3)));
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("renamed"), std::string::npos);
}

TEST_F(CheckpointTest, MomentsOfAnotherOptimizerAreRefused) {
  ASSERT_TRUE(save());
  auto other = SmallTraining::make({"optimizer.name=muon"});
  ASSERT_TRUE(other);
  SmallTrainer muon(*other, 1);
  auto loaded = load_checkpoint(path(), *muon.model, muon.trainer.optimizer());
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("trainer.safetensors"), std::string::npos);
}

TEST_F(CheckpointTest, ListIsSortedAndIgnoresOtherNames) {
  for (const char* name : {"step-00000020", "step-00000003", "step-3", "step-x",
                           ".writing-00000030", "step-123456789", "notes"})
    ASSERT_TRUE(make_directories(folder_.file(name)));
  EXPECT_EQ(*list_checkpoints(folder_.path()), (std::vector<int64_t>{3, 20, 123456789}));
  EXPECT_TRUE(list_checkpoints(folder_.file("absent"))->empty());
}

// C4: at every size at which the disk may be full, the error is told, nothing of the new checkpoint
// is left and the previous one is whole.
TEST_F(CheckpointTest, FullDiskLeavesThePreviousCheckpoint) {
  ASSERT_TRUE(save());
  ASSERT_TRUE(trainer_->trainer.advance());
  const uint64_t largest =
      *file_size(join_path(folder_.file(checkpoint_name(2)), "trainer.safetensors"));
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  for (uint64_t room : {uint64_t(0), uint64_t(100), largest / 4, largest / 2, largest - 1}) {
    rlimit small = before;
    small.rlim_cur = room;
    setrlimit(RLIMIT_FSIZE, &small);
    Result<void> result = save();
    setrlimit(RLIMIT_FSIZE, &before);
    ASSERT_FALSE(result) << room;
    EXPECT_NE(result.error().message.find("checkpoint of step 3"), std::string::npos)
        << result.error().message;
    EXPECT_EQ(*list_directory(folder_.path()), std::vector<std::string>{checkpoint_name(2)});
    EXPECT_TRUE(verify_checkpoint(folder_.file(checkpoint_name(2))));
  }
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(save());
  EXPECT_TRUE(verify_checkpoint(folder_.file(checkpoint_name(3))));
}

class RunFolderTest : public CheckpointTest {
 protected:
  std::string run() const { return folder_.file("run"); }
  void save_into(const RunFolder& run) {
    auto saved = save_checkpoint(run.checkpoints(), *trainer_->model, trainer_->trainer.optimizer(),
                                 state());
    ASSERT_TRUE(saved) << saved.error().message;
    auto published = run.publish(state().step, 2);
    ASSERT_TRUE(published) << published.error().message;
  }
};

TEST_F(RunFolderTest, NewestIsPublishedAndOldOnesGo) {
  auto run_folder = RunFolder::open(run());
  ASSERT_TRUE(run_folder) << run_folder.error().message;
  EXPECT_FALSE(run_folder->newest()->has_value());
  for (int i = 0; i < 4; ++i) {
    save_into(*run_folder);
    auto newest = run_folder->newest();
    ASSERT_TRUE(newest) << newest.error().message;
    EXPECT_EQ((*newest)->step, state().step);
    EXPECT_EQ(*sha256_file(run_folder->file("model.safetensors")), (*newest)->model_sha256);
    ASSERT_TRUE(trainer_->trainer.advance());
  }
  EXPECT_EQ(*list_checkpoints(run_folder->checkpoints()), (std::vector<int64_t>{4, 5}));
}

TEST_F(RunFolderTest, DamagedNewestIsNamedWithTheRemedyAndNothingIsTouched) {
  {
    auto run_folder = RunFolder::open(run());
    ASSERT_TRUE(run_folder);
    save_into(*run_folder);
    ASSERT_TRUE(trainer_->trainer.advance());
    save_into(*run_folder);
  }
  auto run_folder = RunFolder::open(run());
  ASSERT_TRUE(run_folder);
  const std::string file = join_path(run_folder->checkpoint(3), "trainer.safetensors");
  std::string bytes = *read_file(file);
  bytes[bytes.size() / 2] = char(bytes[bytes.size() / 2] ^ 4);
  ASSERT_TRUE(write_file_atomic(file, bytes));
  auto newest = run_folder->newest();
  ASSERT_FALSE(newest);
  const std::string& message = newest.error().message;
  EXPECT_NE(message.find(file), std::string::npos) << message;
  EXPECT_NE(message.find("delete " + run_folder->checkpoint(3) + " to continue from step 2"),
            std::string::npos)
      << message;
  EXPECT_EQ(list_checkpoints(run_folder->checkpoints())->size(), 2u);
  ASSERT_TRUE(remove_all(run_folder->checkpoint(3)));
  auto previous = run_folder->newest();
  ASSERT_TRUE(previous);
  EXPECT_EQ((*previous)->step, 2);
}

TEST_F(RunFolderTest, WhatAKilledRunLeftIsRemoved) {
  { ASSERT_TRUE(RunFolder::open(run())); }
  const std::string aside = ".writing-" + std::to_string(getpid());  // that had our number
  const std::string half = join_path(run(), "checkpoints/step-00000009" + aside);
  const std::string model = join_path(run(), "model.safetensors" + aside + "-1");
  ASSERT_TRUE(make_directories(half));
  write_bytes(join_path(half, "model.safetensors"), "half");
  write_bytes(model, "half");
  auto run_folder = RunFolder::open(run());
  ASSERT_TRUE(run_folder) << run_folder.error().message;
  EXPECT_TRUE(list_directory(run_folder->checkpoints())->empty());
  EXPECT_FALSE(file_exists(model));
}

TEST_F(RunFolderTest, FoldersOfOthersAreRefused) {
  ASSERT_TRUE(make_directories(run()));
  write_bytes(join_path(run(), "thesis.txt"), "x");
  auto foreign = RunFolder::open(run());
  ASSERT_FALSE(foreign);
  EXPECT_NE(foreign.error().message.find("thesis.txt"), std::string::npos);
  EXPECT_EQ(*list_directory(run()), std::vector<std::string>{"thesis.txt"});
  auto file = RunFolder::open(join_path(run(), "thesis.txt"));
  ASSERT_FALSE(file);
  auto below_file = RunFolder::open(join_path(run(), "thesis.txt/run"));
  ASSERT_FALSE(below_file);
}

TEST_F(RunFolderTest, ModelWithoutCheckpointIsNotOverwritten) {
  auto first = RunFolder::open(run());
  ASSERT_TRUE(first);
  save_into(*first);
  ASSERT_TRUE(remove_all(first->checkpoint(2)));
  auto again = RunFolder::open(run());
  // The same process may hold the lock twice or be told that it is held; either way no run begins.
  ASSERT_FALSE(again);
}

TEST_F(RunFolderTest, SecondProcessOnTheSameFolderIsTold) {
  auto first = RunFolder::open(run());
  ASSERT_TRUE(first);
  const pid_t child = fork();
  if (child == 0) {
    auto second = RunFolder::open(run());
    const bool told =
        !second && second.error().message.find(std::to_string(getppid())) != std::string::npos;
    _exit(told ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(RunFolderTest, UnwritableFolderIsOneClearSentence) {
  if (geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  ASSERT_TRUE(make_directories(run()));
  ASSERT_EQ(chmod(run().c_str(), 0500), 0);
  auto denied = RunFolder::open(run());
  chmod(run().c_str(), 0700);
  ASSERT_FALSE(denied);
  EXPECT_NE(denied.error().message.find("run"), std::string::npos);
}

}  // namespace
}  // namespace weir
