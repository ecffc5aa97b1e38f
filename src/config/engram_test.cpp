// The hashes of Engram against the published constants of V4.1-Flash, and its keys.
#include "config/engram.h"

#include <gtest/gtest.h>

#include <numeric>

#include "config/numpy_random.h"
#include "config/size.h"

namespace weir {
namespace {

ModelConfig published() { return *preset("deepseek-v4.1-flash"); }

TEST(Engram, HashesAreThoseOfThePublishedModel) {
  const ModelConfig c = published();
  const std::vector<NgramHash> hashes = engram_hashes(c);
  ASSERT_EQ(hashes.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(hashes[i].columns(), 24);
    EXPECT_EQ(std::accumulate(hashes[i].primes.begin(), hashes[i].primes.end(), int64_t(0)),
              c.engram_num_embeddings[i]);
    EXPECT_EQ(hashes[i].offsets.back() + hashes[i].primes.back(), c.engram_num_embeddings[i]);
  }
  EXPECT_EQ(hashes[0].primes.front(), 16000057);
  EXPECT_EQ(hashes[0].primes[8], 16000189);  // n = 3 begins
  EXPECT_EQ(hashes[0].primes[23], 16000463);
  EXPECT_EQ(hashes[1].primes.front(), 16000477);
  EXPECT_EQ(hashes[1].primes[23], 16000889);
  // NumPy's draws.
  const std::vector<int64_t> first{76632096046245, 4839876093313, 35959672319349, 73987337458391},
      second{67716810739261, 51510806800915, 30921347202721, 82619226485591};
  EXPECT_EQ(hashes[0].multipliers, first);
  EXPECT_EQ(hashes[1].multipliers, second);
}

// integers(0, bound, 3) * 2 + 1 of default_rng(0) and default_rng(50035), bound (2^63 - 1) / 82.
TEST(NumpyRandom, DrawsWhatNumpyDraws) {
  const uint64_t bound = uint64_t(INT64_MAX) / 41 / 2;
  NumpyRandom zero(0), fifth(50035);
  for (int64_t expected : {143291088180208223, 60691298332795751, 9217415973768245})
    EXPECT_EQ(zero.below(bound) * 2 + 1, expected);
  for (int64_t expected : {87978356730019769, 74804550557017095, 49223530932719497})
    EXPECT_EQ(fifth.below(bound) * 2 + 1, expected);
}

TEST(Engram, IsCounted) {
  const ModelConfig c = published();
  ModelConfig without = c;
  without.engram_layer_ids.clear(), without.engram_num_embeddings.clear();
  const ModelSize all = model_size(c), rest = model_size(without);
  const int64_t tables = (int64_t(384006168) + 384016682) * 256;
  EXPECT_EQ(engram_table_elements(c), tables);
  EXPECT_EQ(all.total - rest.total, tables + 2 * (int64_t(25600) * 6144 + 2 * 4 * 5120));
  EXPECT_EQ(all.active - rest.active, 2 * (int64_t(25600) * 6144 + 2 * 4 * 5120));
}

constexpr const char* kSmall =
    R"({"model_type": "qwen3", "vocab_size": 61, "hidden_size": 16, "num_hidden_layers": 3,
        "intermediate_size": 24, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8,
        "max_position_embeddings": 64, "engram_layer_ids": [0, 2], "engram_vocab_size": 11,
        "engram_head_dim": 4)";

Result<ModelConfig> engram_config(const std::string& keys) {
  return parse_config(*parse_json(kSmall + keys + "}"), "c");
}

TEST(Engram, AnyModelMayHaveIt) {
  const auto config = engram_config("");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(engram_columns(*config), 8);  // n-grams of 2 and 3 by 4 hashes
  // Primes from 11 on: 11, 13 ... 37; 41 ... 67.
  EXPECT_EQ(config->engram_num_embeddings,
            (std::vector<int>{11 + 13 + 17 + 19 + 23 + 29 + 31 + 37,
                              41 + 43 + 47 + 53 + 59 + 61 + 67 + 71}));
  EXPECT_FALSE(engram_folds_tokens(*config));
  EXPECT_EQ(engram_number(*config, 2), 1);
  EXPECT_EQ(engram_number(*config, 1), -1);
  const auto again = parse_config(config_json(*config), "c");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(config_json(*again).dump(), config_json(*config).dump());
  // Larger tables than the hashes need are taken; transformers' name of the pad is read.
  EXPECT_TRUE(engram_config(R"(, "engram_num_embeddings": [700, 700], "engram_pad_id": 8)"));
}

TEST(Engram, WrongKeysAreRefusedInOneSentence) {
  const auto error = [](const std::string& keys) {
    const auto config = engram_config(keys);
    return config ? "" : config.error().message;
  };
  const std::pair<const char*, const char*> wrong[] = {
      {R"(, "engram_num_embeddings": [180, 441])",
       "'engram_num_embeddings' gives layer 2 441 rows, but its hashes point to 442"},
      {R"(, "engram_num_embeddings": [180])",
       "'engram_num_embeddings' has 1 numbers for the 2 layers of 'engram_layer_ids'"},
      {R"(, "engram_max_ngram_size": 1)", "'engram_max_ngram_size' must be a whole number from 2"},
      {R"(, "engram_compressed_vocab_size": 62)",
       "'engram_compressed_vocab_size' must be from 1 to 61, not 62"},
      {R"(, "engram_pad_token_id": 61)", "'engram_pad_token_id' must be from 0 to 60, not 61"},
  };
  for (const auto& [keys, expected] : wrong)
    EXPECT_NE(error(keys).find(expected), std::string::npos) << error(keys);
  ModelConfig config = *engram_config("");
  config.engram_layer_ids = {0, 3};
  EXPECT_NE(validate(config).error().message.find("must name layers of the model in rising order"),
            std::string::npos);
  Json json = config_json(*engram_config(""));
  Json without = Json::object();
  for (const auto& [key, value] : json.members())
    if (key != "engram_vocab_size") without.set(key, value);
  const auto missing = parse_config(without, "c");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("'engram_vocab_size' is missing"), std::string::npos);
}

}  // namespace
}  // namespace weir
