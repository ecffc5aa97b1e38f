// Every row of the field table and every family: values survive config.json and GGUF metadata,
// ranges hold in the reader and the checker.
#include "config/config_fields.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "base/file.h"
#include "config/gguf_config.h"
#include "config/tensors.h"

namespace weir {
namespace {

// A small valid configuration of a family.
ModelConfig small(const ModelFamily& family) {
  ModelConfig c = family.defaults;
  c.vocab_size = 64;
  c.hidden_size = 32;
  c.num_hidden_layers = 6;
  c.num_attention_heads = 4;
  c.intermediate_size = 48;
  if (c.attention == AttentionKind::mla && c.v_head_dim == 0) c.v_head_dim = 8;
  if (c.attention == AttentionKind::gqa) c.num_key_value_heads = 2, c.head_dim = 8;
  if (c.is_compressed()) {
    c.head_dim = 16, c.qk_rope_head_dim = 8, c.o_groups = 2;
    c.compress_ratios = {0, 4, 128, 4, 128, 4};
    if (family.traits.shares_entries)
      c.compress_ratios = {0, 2, 2, 2, 1, 1}, c.kv_source_layer_ids = {1, 4},
      c.index_source_layer_ids = {1, 4}, c.candidate_source_layer_id = 4,
      c.candidate_topk_blocks = 200, c.candidate_block_size = 8;
  }
  if (family.experts != ExpertKeys::none) {
    c.n_routed_experts = 8;
    c.num_experts_per_tok = 2;
    c.first_k_dense_replace = 0;
    c.group_kind = c.has_gate_bias ? GroupKind::top2_sum : GroupKind::none;
    c.n_group = c.has_gate_bias ? 4 : 1;
    c.topk_group = c.has_gate_bias ? 2 : 1;
    if (c.is_compressed()) c.group_kind = GroupKind::none, c.n_group = c.topk_group = 1;
  }
  return c;
}

// `visit(value)` with the member of a field that is a number, if it is one.
template <class Visit>
void with_number(const Field& field, ModelConfig& config, const Visit& visit) {
  std::visit(
      [&](auto member) {
        if constexpr (std::is_member_pointer_v<decltype(member)>) {
          auto& value = member_of(config, member);
          if constexpr (std::is_arithmetic_v<std::remove_reference_t<decltype(value)>>)
            visit(value);
        }
      },
      field.value);
}

double number_of(const Field& field, ModelConfig config) {
  double number = 0;
  with_number(field, config, [&](auto value) { number = double(value); });
  return number;
}

// The configuration with another allowed value of the field; nothing if no other is tried with
// luck.
std::optional<ModelConfig> changed(const Field& field, const ModelConfig& config) {
  const double old = number_of(field, config);
  for (double candidate : {old + 2, old + 1, old * 2, old / 2, old - 1, 1 - old, field.lowest}) {
    ModelConfig other = config;
    with_number(field, other,
                [&](auto& value) { value = std::remove_reference_t<decltype(value)>(candidate); });
    if (number_of(field, other) != old && validate(other)) return other;
  }
  return std::nullopt;
}

Result<GgufConfig> through_gguf(const ModelConfig& config) {
  const std::string path =
      ::testing::TempDir() + "weir_fields_" + std::to_string(getpid()) + ".gguf";
  GgufMetadata metadata;
  TRY(write_gguf_config(config, metadata));
  std::vector<GgufWriter::Tensor> tensors;
  const auto add = [&](const std::string& name, std::vector<uint64_t> shape) {
    tensors.push_back({name, WeightType::f32, std::move(shape)});
  };
  add("token_embd.weight", {uint64_t(config.vocab_size), uint64_t(config.hidden_size)});
  if (!config.tie_word_embeddings) add("output.weight", {1});
  if (config.q_lora_rank > 0) add("blk.0.attn_q_a.weight", {1});
  if (config.has_gate_bias)
    add("blk." + std::to_string(config.first_k_dense_replace) + ".exp_probs_b.bias", {1});
  if (config.num_nextn_predict_layers > 0)
    add("blk." + std::to_string(config.num_hidden_layers) + ".nextn.eh_proj.weight", {1});
  GgufWriter writer = TRY(GgufWriter::create(path, metadata, tensors));
  for (const GgufWriter::Tensor& tensor : tensors) {
    size_t count = 1;
    for (uint64_t dimension : tensor.shape) count *= dimension;
    TRY(writer.write(std::vector<std::byte>(count * sizeof(float))));
  }
  TRY(writer.finish());
  const GgufFile file = TRY(GgufFile::open(path));
  (void)remove_all(path);
  return read_gguf_config(file);
}

std::string label(const ModelFamily& family, const Field& field) {
  return std::string(family.model_type) + " '" + field.key + "'";
}

TEST(ConfigFields, EveryNumberSurvivesConfigJson) {
  for (const ModelFamily& family : model_families()) {
    const ModelConfig config = small(family);
    ASSERT_TRUE(validate(config)) << family.model_type << ": " << validate(config).error().message;
    int tried = 0;
    for (const Field& field : config_fields()) {
      if (!uses_part(config, field.part)) continue;
      const std::optional<ModelConfig> other = changed(field, config);
      if (!other) continue;
      ++tried;
      const Json json = config_json(*other);
      ASSERT_NE(json.find(field.key), nullptr) << label(family, field);
      auto again = parse_config(json, "c");
      ASSERT_TRUE(again) << label(family, field) << ": " << again.error().message;
      EXPECT_EQ(number_of(field, *again), number_of(field, *other)) << label(family, field);
      EXPECT_EQ(config_json(*again).dump(), json.dump()) << label(family, field);
    }
    EXPECT_GE(tried, 10) << family.model_type;
  }
}

TEST(ConfigFields, EveryNumberWithAGgufKeySurvivesGguf) {
  for (const ModelFamily& family : model_families()) {
    if (family.traits.shares_entries) continue;  // no GGUF form yet
    const ModelConfig config = small(family);
    int tried = 0;
    for (const Field& field : config_fields()) {
      if (!field.gguf.name || !uses_part(config, field.part)) continue;
      const std::optional<ModelConfig> other = changed(field, config);
      // Compressed models have experts in every layer, whose weights are always normalised.
      if (!other && config.is_compressed()) continue;
      ASSERT_TRUE(other) << label(family, field);
      GgufMetadata metadata;
      // llama.cpp's minicpm3 has fixed widths and multipliers.
      if (is_unabsorbed_gguf(config) && !write_gguf_config(*other, metadata)) continue;
      ++tried;
      auto read = through_gguf(*other);
      ASSERT_TRUE(read) << label(family, field) << ": " << read.error().message;
      EXPECT_FLOAT_EQ(float(number_of(field, read->config)), float(number_of(field, *other)))
          << label(family, field);
    }
    EXPECT_GE(tried, is_unabsorbed_gguf(config) ? 5 : 8) << family.model_type;
  }
}

TEST(ConfigFields, EveryRangeHoldsInTheReaderAndTheChecker) {
  for (const ModelFamily& family : model_families()) {
    const ModelConfig config = small(family);
    for (const Field& field : config_fields()) {
      if (!uses_part(config, field.part) || field.highest == 0) continue;
      with_number(field, *std::make_unique<ModelConfig>(config), [&](auto value) {
        using T = decltype(value);
        for (double beyond : {field.lowest - 1, field.highest * 2 + 1}) {
          ModelConfig wrong = config;
          with_number(field, wrong,
                      [&](auto& v) { v = std::remove_reference_t<decltype(v)>(beyond); });
          const auto checked = validate(wrong);
          ASSERT_FALSE(checked) << label(family, field) << ' ' << beyond;
          Json json = config_json(config);
          json.set(field.key, std::is_same_v<T, int> ? Json(int64_t(beyond)) : Json(beyond));
          const auto read = parse_config(json, "c");
          ASSERT_FALSE(read) << label(family, field) << ' ' << beyond;
          EXPECT_NE(read.error().message.find(std::string("c: '") + field.key + "' must be a"),
                    std::string::npos)
              << read.error().message;
        }
      });
    }
  }
}

TEST(ConfigFields, AFamilyHasEachKeyOnce) {
  for (const ModelFamily& family : model_families()) {
    std::vector<std::string> keys;
    for (const Field& field : config_fields())
      if (has_part(family.defaults, field.part)) keys.push_back(field.key);
    std::sort(keys.begin(), keys.end());
    EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end()) << family.model_type;
  }
}

TEST(ConfigFields, EveryFamilyIsFoundByItsGgufArchitecture) {
  for (const ModelFamily& family : model_families()) {
    EXPECT_EQ(family.defaults.model_type, family.model_type);
    auto found = find_gguf_family(family.gguf_architecture);
    ASSERT_TRUE(found);
    EXPECT_EQ((*found)->defaults.attention, family.defaults.attention);
    if (family.traits.shares_entries) continue;
    auto read = through_gguf(small(family));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->config.n_routed_experts, small(family).n_routed_experts) << family.model_type;
  }
}

TEST(Tensors, EveryTensorOfEveryFamilyHasAGgufName) {
  for (const ModelFamily& family : model_families()) {
    ModelConfig config = small(family);
    config.num_nextn_predict_layers =
        family.traits.has_mtp && !family.traits.shares_entries ? 1 : 0;
    for (const TensorShape& tensor : outer_tensors(config))
      EXPECT_NE(gguf_outer_name(tensor.name), "") << tensor.name;
    for (int layer = 0; layer < 6 + config.num_nextn_predict_layers; ++layer) {
      const std::string prefix = "model.layers." + std::to_string(layer) + ".";
      for (const TensorShape& tensor : layer_tensors(config, layer)) {
        ASSERT_TRUE(tensor.name.starts_with(prefix)) << tensor.name;
        // Side by side in one tensor there.
        if (tensor.name.ends_with(".e_proj.weight") || tensor.name.ends_with(".h_proj.weight"))
          continue;
        EXPECT_NE(gguf_layer_name(tensor.name.substr(prefix.size())), "") << tensor.name;
      }
    }
  }
}

}  // namespace
}  // namespace weir
