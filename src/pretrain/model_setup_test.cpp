#include "pretrain/model_setup.h"

#include <gtest/gtest.h>

#include "base/atomic_output.h"
#include "testing/training_fixture.h"
#include "train/training_memory.h"

namespace weir {
namespace {

Result<ModelConfig> config_of(const std::vector<std::string>& sets, Vocabulary vocabulary) {
  Recipe file =
      TRY(Recipe::parse("run: x\ndata: {paths: y, sequence_length: 32}\nmodel: ''\n", "r.yaml"));
  for (const std::string& set : sets) TRY(file.set(set));
  TrainRecipe recipe = TRY(read_train_recipe(file));
  return make_config(recipe, vocabulary);
}

TEST(Setup, ModelByNameTakesItsVocabularyFromTheTokenizer) {
  auto config = config_of({"model=moonlight"}, {1000, 1, 2});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->vocab_size, 1000);
  EXPECT_EQ(config->bos_token_id, 1);
  EXPECT_EQ(config->eos_token_id, 2);
  EXPECT_EQ(config->n_routed_experts, 64);
  config = config_of({"model=moonlight"}, {1000, -1, -1});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->eos_token_id, -1);
  auto read_back = parse_config(config_with_ids(*config), "config.json");
  ASSERT_TRUE(read_back) << read_back.error().message;
  EXPECT_EQ(read_back->eos_token_id, -1);
}

TEST(Setup, KeysOverAPresetWin) {
  auto config =
      config_of({"model={preset: moonlight, hidden_size: 256, vocab_size: 4096}"}, {1000, 1, 2});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->hidden_size, 256);
  EXPECT_EQ(config->vocab_size, 4096);
  EXPECT_EQ(config->kv_lora_rank, 512);
}

TEST(Setup, ConfigFileIsTakenAsItIs) {
  TemporaryFolder folder;
  auto preset_config = preset("moonlight");
  ASSERT_TRUE(preset_config);
  ASSERT_TRUE(write_file_atomic(folder.file("config.json"), config_json(*preset_config).dump()));
  for (const std::string& path : {folder.path(), folder.file("config.json")}) {
    auto config = config_of({"model=" + path}, {1000, 1, 2});
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config_json(*config).dump(), config_json(*preset_config).dump());
    EXPECT_FALSE(config_of({"model=" + path}, {1000000, 1, 2}));
  }
}

TEST(Setup, UnknownKeysAreNamedWithTheNearest) {
  auto config = config_of({"model={preset: moonlight, n_routed_expert: 4}"}, {1000, 1, 2});
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().message.find("did you mean 'n_routed_experts'"), std::string::npos)
      << config.error().message;
}

TEST(Setup, MemoryIsRefusedWithNumbers) {
  TrainingMemory plan{1e9, 1e9, 2e9, 2e9, 1e9};
  EXPECT_TRUE(check_memory(plan, 8e9));
  EXPECT_TRUE(check_memory(plan, 0));  // unknown
  auto refused = check_memory(plan, 4e9);
  ASSERT_FALSE(refused);
  for (const char* part : {"6.5 GiB", "3.7 GiB", "micro_windows"})
    EXPECT_NE(refused.error().message.find(part), std::string::npos) << refused.error().message;
  EXPECT_GT(available_memory(), 1e7);
}

}  // namespace
}  // namespace weir
