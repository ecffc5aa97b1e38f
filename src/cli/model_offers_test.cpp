#include "cli/model_offers.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <set>

#include "base/memory.h"

namespace weir {
namespace {

std::vector<std::string> names(const std::vector<const OfferedModel*>& models) {
  std::vector<std::string> list;
  for (const OfferedModel* model : models) list.push_back(model->name);
  return list;
}

TEST(ModelOffers, N3EveryModelIsCompleteAndTheyAreSortedByMemory) {
  std::set<std::string> seen;
  double memory = 0;
  for (const OfferedModel& model : offered_models()) {
    EXPECT_TRUE(seen.insert(model.name).second) << model.name;
    EXPECT_NE(std::string(model.repository).find('/'), std::string::npos);
    EXPECT_GT(model.disk_gb, 0) << model.name;
    EXPECT_GE(model.memory_gib, memory) << model.name;
    memory = model.memory_gib;
    if (model.is_gguf()) continue;
    const std::string files = model.files;
    for (const char* needed : {"config.json", "tokenizer.json", "tokenizer_config.json", "model"})
      EXPECT_NE(files.find(needed), std::string::npos) << model.name;
  }
}

TEST(ModelOffers, N3ProposalsFitIntoTheMemory) {
  for (const double gib : {1.0, 4.0, 8.0, 24.0}) {
    const auto chosen = choose_offers("nosuch", gib * kGiB);
    ASSERT_FALSE(chosen.empty());
    for (const OfferedModel* model : chosen) EXPECT_LE(model->memory_gib, gib) << model->name;
  }
  // The largest that fits is among them.
  EXPECT_EQ(names(choose_offers("nosuch", 24 * kGiB)).back(), "DeepSeek-V2-Lite-Chat");
  EXPECT_EQ(choose_offers("nosuch", 24 * kGiB).size(), 3u);
  // Unknown or tiny memory: the smallest.
  EXPECT_EQ(names(choose_offers("nosuch", 0)),
            std::vector<std::string>{offered_models().front().name});
}

TEST(ModelOffers, N3ANameThatIsAlmostOneIsFound) {
  EXPECT_EQ(names(choose_offers("qwen2.5:1.5b", 8 * kGiB)),
            (std::vector<std::string>{"Qwen2.5-1.5B-Instruct"}));
  EXPECT_EQ(names(choose_offers("deepseek-r1", 8 * kGiB)).front(), "DeepSeek-R1-Distill-Qwen-1.5B");
  EXPECT_EQ(names(choose_offers("models/Qwen3-4B.gguf", 8 * kGiB)).front(), "Qwen3-4B");
}

TEST(ModelOffers, N3DownloadLinesAreShell) {
  for (const OfferedModel& model : offered_models()) {
    const std::string lines = download_lines(model);
    EXPECT_NE(lines.find(std::string("https://huggingface.co/") + model.repository),
              std::string::npos);
    EXPECT_EQ(system(("bash -n -c '" + lines + "'").c_str()), 0) << lines;
  }
}

TEST(ModelOffers, N3AMissingModelIsNamedAndAnExistingOneIsFine) {
  EXPECT_TRUE(check_model_exists("/tmp"));
  for (const char* name : {"llama3", "model.gguf", "models/qwen3-4b"}) {
    const auto missing = check_model_exists(name);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().message.find(std::string(name) + ": no such file or folder"), 0u);
    EXPECT_NE(missing.error().message.find("curl "), std::string::npos) << name;
  }
  // A mistyped path is one sentence.
  const auto path = check_model_exists("/no/such/run");
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().message.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace weir
