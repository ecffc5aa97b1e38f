// What a conversion refuses, and that it leaves what was there.
#include <gtest/gtest.h>

#include "base/json.h"
#include "convert/convert_fixture.h"
#include "formats/safetensors.h"

namespace weir {
namespace {

bool says(const Result<ConvertResult>& result, const std::string& part) {
  if (result) return false;
  if (result.error().message.find(part) != std::string::npos) return true;
  ADD_FAILURE() << result.error().message;
  return false;
}

using ConvertRefusal = ConvertTest;

TEST_F(ConvertRefusal, Vuln33SourceAsTarget) {
  ASSERT_TRUE(convert_to(golden_model("qwen2"), path("a.gguf")));
  const std::string before = *sha256_file(path("a.gguf"));
  ConvertRequest request;
  request.from = request.to = path("a.gguf");
  request.overwrites = true;
  EXPECT_TRUE(says(run(request), "is what is read"));
  EXPECT_EQ(*sha256_file(path("a.gguf")), before);
}

TEST_F(ConvertRefusal, ExistingTargets) {
  ASSERT_TRUE(write_file_atomic(path("a.gguf"), "precious"));
  EXPECT_TRUE(says(convert_to(golden_model("qwen2"), path("a.gguf")), "--overwrite"));
  EXPECT_EQ(*read_file(path("a.gguf")), "precious");
  ASSERT_TRUE(make_directories(path("folder")));
  EXPECT_TRUE(says(convert_to(golden_model("qwen2"), path("folder")), "exists already"));
}

TEST_F(ConvertRefusal, UnknownTypesAndPlaces) {
  EXPECT_TRUE(says(convert_to(golden_model("qwen2"), path("a.gguf"), "q4_k_xl"), "q4_k_m"));
  EXPECT_TRUE(says(convert_to(golden_model("qwen2"), path("folder"), "q4_k_m"), ".gguf"));
  EXPECT_TRUE(says(convert_to(path("nothing"), path("a.gguf")), "no such file"));
  EXPECT_FALSE(file_exists(path("a.gguf")));
}

TEST_F(ConvertRefusal, Vuln35PickledFilesAreNeverOpened) {
  ASSERT_TRUE(write_file_atomic(path("model.bin"), "\x80\x02}q"));
  EXPECT_TRUE(says(convert_to(path("model.bin"), path("a.gguf")), "never opened"));
  ASSERT_TRUE(make_directories(path("folder")));
  ASSERT_TRUE(write_file_atomic(path("folder/config.json"),
                                *read_file(golden_model("qwen2") + "/config.json")));
  ASSERT_TRUE(write_file_atomic(path("folder/pytorch_model.bin"), "\x80\x02}q"));
  EXPECT_TRUE(says(convert_to(path("folder"), path("a.gguf")), "pickled weights are never opened"));
}

TEST_F(ConvertRefusal, Vuln36CodeBesideAModelIsNotRead) {
  const std::string from = golden_model("qwen2"), to = path("coded");
  ASSERT_TRUE(make_directories(to));
  Json config = *read_json_file(from + "/config.json");
  Json map = Json::object();
  map.set("AutoModelForCausalLM", "modeling_evil.EvilModel");
  config.set("auto_map", std::move(map));
  ASSERT_TRUE(write_file_atomic(to + "/config.json", config.dump()));
  ASSERT_TRUE(write_file_atomic(to + "/modeling_evil.py", "raise SystemExit('run')"));
  ASSERT_TRUE(
      write_file_atomic(to + "/model.safetensors", *read_file(from + "/model.safetensors")));
  EXPECT_TRUE(same_bits(logits(to), logits(from)));
  // And it does not travel.
  ASSERT_TRUE(convert_to(to, path("copy")));
  EXPECT_FALSE(file_exists(path("copy/modeling_evil.py")));
}

TEST_F(ConvertRefusal, StoppingLeavesNothing) {
  ConvertRequest request;
  request.from = golden_model("qwen2");
  for (const char* name : {"a.gguf", "folder"}) {
    request.to = path(name);
    Reports stopping;
    stopping.pieces_left = 5;
    auto stopped = convert(request, pool_, stopping);
    EXPECT_TRUE(says(stopped, "stopped"));
  }
  EXPECT_TRUE(list_directory(folder_)->empty());
}

// A copy of a golden model with one tensor changed.
class Damaged : public ConvertTest {
 protected:
  std::string damaged(const std::function<void(TensorSource&, std::vector<std::byte>&)>& change) {
    const std::string from = golden_model("qwen2"), to = path("damaged");
    auto opened = SafetensorsFolder::open(from);
    std::vector<TensorSource> sources;
    std::vector<std::vector<std::byte>> data;
    for (const std::string& name : opened->names()) {
      auto found = opened->find(name);
      data.emplace_back(found->bytes().begin(), found->bytes().end());
      sources.push_back({name, found->info->dtype, found->info->shape, {}});
    }
    for (size_t i = 0; i < sources.size(); ++i) {
      change(sources[i], data[i]);
      sources[i].bytes = data[i];
    }
    EXPECT_TRUE(make_directories(to));
    EXPECT_TRUE(write_safetensors(to + "/model.safetensors", sources, {}));
    EXPECT_TRUE(write_file_atomic(to + "/config.json", *read_file(from + "/config.json")));
    return to;
  }
};

TEST_F(Damaged, NumbersThatAreNotFiniteAreNamed) {
  const std::string from = damaged([](TensorSource& source, std::vector<std::byte>& data) {
    if (source.name != "model.layers.1.mlp.up_proj.weight") return;
    const float nan = NAN;
    std::memcpy(data.data() + 40, &nan, 4);
  });
  EXPECT_TRUE(says(convert_to(from, path("a.gguf"), "q8_0"), "mlp.up_proj.weight'"));
  EXPECT_FALSE(file_exists(path("a.gguf")));
}

TEST_F(Damaged, ShapesOfAnotherConfigurationAreNamed) {
  const std::string from = damaged([](TensorSource& source, std::vector<std::byte>& data) {
    if (source.name != "model.layers.1.mlp.up_proj.weight") return;
    source.shape = {24, 32};
    data.resize(24 * 32 * 4);
  });
  EXPECT_TRUE(says(convert_to(from, path("a.gguf")), "belong to another configuration"));
  EXPECT_FALSE(file_exists(path("a.gguf")));
  auto loaded = load_model(from, false);
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("has shape [24, 32]"), std::string::npos);
}

TEST_F(Damaged, DtypesThatAreNoWeightsAreNamed) {
  const std::string from = damaged([](TensorSource& source, std::vector<std::byte>&) {
    if (source.name == "model.norm.weight") source.dtype = "I32";
  });
  EXPECT_TRUE(says(convert_to(from, path("a.gguf")), "model.norm.weight': dtype I32"));
}

}  // namespace
}  // namespace weir
