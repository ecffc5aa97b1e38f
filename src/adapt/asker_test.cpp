#include "adapt/asker.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/atomic_output.h"
#include "chat/chat_tools.h"
#include "engine/scorer.h"
#include "testing/tiny_models.h"
#include "testing/training_fixture.h"
#include "tokenizer/tokenizer_json.h"

namespace weir {
namespace {

// Prompts that begin alike share their rows in the cache; the numbers are those of each alone.
TEST(Asker, LikelihoodsAreTheScorersMeans) {
  const TemporaryFolder folder;
  ModelConfig config = tiny_dense_config(2, 257, 4096);
  config.initializer_range = 0.2f;
  auto model = Model::create(config, false);
  model->initialize(3);
  ASSERT_TRUE(save_model(*model, folder.path() + "/model.safetensors"));
  ASSERT_TRUE(write_file_atomic(folder.path() + "/config.json", config_json(config).dump()));
  ASSERT_TRUE(write_tokenizer(make_byte_tokenizer({{"<end>", true}}, "", "<end>"), folder.path()));
  const auto open = open_model({.path = folder.path(), .warms_up = false});
  ASSERT_TRUE(open) << open.error().message;
  const auto asker = Asker::create(*open, folder.path(), {});
  ASSERT_TRUE(asker) << asker.error().message;
  const auto form = ChatForm::choose(*open, folder.path(), {.thinking = false});

  std::vector<Ask> asked;
  for (const char* end : {"Pumps run at six bar.", "Valves are red.", "Pumps run at six bar!"})
    asked.push_back({.text = std::string(80, 'x') + end});
  const std::string reply = "How fast do pumps run?";
  const auto means = (*asker)->likelihoods(asked, reply);
  ASSERT_TRUE(means) << means.error().message;
  ASSERT_TRUE(means->has_value());
  ASSERT_EQ((*means)->size(), asked.size());
  ThreadPool pool(1);
  model->pack(pool);
  auto scorer = Scorer::create(*model, pool, 1024);
  for (size_t i = 0; i < asked.size(); ++i) {
    Json messages = Json::array();
    messages.push(chat_message("user", asked[i].text));
    std::vector<int> tokens = form->encode(*open, messages)->tokens;
    const std::vector<int> replied = *open->tokenizer->encode(reply);
    tokens.insert(tokens.end(), replied.begin(), replied.end());
    const std::vector<float> all = *(*scorer)->log_probabilities(tokens);
    const double sum = std::accumulate(all.end() - ptrdiff_t(replied.size()), all.end(), 0.0);
    EXPECT_EQ((**means)[i], sum / double(replied.size()));
  }
  EXPECT_NE((**means)[0], (**means)[1]);
  EXPECT_FALSE((*asker)->likelihoods(asked, ""));
}

}  // namespace
}  // namespace weir
