// Gradients of a small DeepSeek-V4 against `transformers` (made by tools/make_model_golden.py), and
// files of it that are wrong. Its logits are in engine/parity_test.cpp.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "base/atomic_output.h"
#include "base/file.h"
#include "formats/safetensors.h"
#include "model/model.h"

namespace weir {
namespace {

std::string golden_folder() {
  return std::string(WEIR_SOURCE_DIR) + "/src/model/testdata/deepseek_v4";
}

template <class T>
std::vector<T> read_values(const SafetensorsFile& file, const std::string& name) {
  const TensorInfo* info = file.find(name);
  if (!info) return {};
  std::vector<T> out(info->elements());
  std::memcpy(out.data(), file.data(*info).data(), out.size() * sizeof(T));
  return out;
}

TEST(CompressedGolden, GradientsEqualTransformers) {
  auto file = SafetensorsFile::open(golden_folder() + "/golden.safetensors");
  ASSERT_TRUE(file);
  auto model = load_model(golden_folder(), true);
  ASSERT_TRUE(model) << model.error().message;
  ThreadPool pool(2);
  (*model)->pack(pool);
  const std::vector<int64_t> ids = read_values<int64_t>(*file, "tokens");
  const std::vector<int> tokens(ids.begin(), ids.end());
  std::vector<int> positions, targets(tokens.begin() + 1, tokens.end());
  targets.push_back(-1);
  for (size_t i = 0; i < tokens.size(); ++i) positions.push_back(int(i));
  const std::vector<int> sequences(tokens.size(), 0);
  const Batch batch(tokens, positions, sequences);
  Arena arena(size_t(1) << 30);
  Tape tape(arena);
  weir::Run run{arena, pool, batch};
  run.tape = &tape;
  Tensor hidden = (*model)->forward(run);
  const float weight = 1 / float(tokens.size() - 1);
  const double loss = cross_entropy(run, hidden, (*model)->head(), targets, weight).loss;
  tape.backward();
  EXPECT_NEAR(loss, double(read_values<float>(*file, "loss").at(0)), 1e-5);
  int compared = 0;
  for (const Parameter* p : (*model)->parameters()) {
    const std::vector<float> golden = read_values<float>(*file, "gradient." + p->name);
    ASSERT_EQ(golden.size(), 2u) << p->name;
    double square = 0, sum = 0;
    for (size_t i = 0; i < p->count(); ++i) {
      square += double(p->grad[i]) * double(p->grad[i]);
      sum += double(p->grad[i]) * std::sin(double(i) * 0.7 + 0.3);
    }
    const double norm = double(golden[0]), tolerance = 1e-4 * norm + 1e-8;
    EXPECT_NEAR(std::sqrt(square), norm, tolerance) << p->name;
    EXPECT_NEAR(sum, double(golden[1]), tolerance) << p->name;
    ++compared;
  }
  EXPECT_GT(compared, 100);
}

// What the module for drafts predicts of the model's streams and the tokens after them
// (tools/make_v4_mtp_golden.py).
TEST(CompressedGolden, TheModuleForDraftsPredictsWhatNumpyDoes) {
  const std::string folder = std::string(WEIR_SOURCE_DIR) + "/src/model/testdata/deepseek_v4_mtp";
  auto file = SafetensorsFile::open(folder + "/golden.safetensors");
  ASSERT_TRUE(file);
  auto model = load_model(folder, false);
  ASSERT_TRUE(model) << model.error().message;
  ASSERT_EQ((*model)->config().num_nextn_predict_layers, 1);
  ThreadPool pool(2);
  (*model)->pack(pool);
  const std::vector<int64_t> ids = read_values<int64_t>(*file, "tokens");
  const std::vector<float> golden = read_values<float>(*file, "further");
  const std::vector<int> tokens(ids.begin(), ids.end()), sequences(tokens.size(), 0);
  std::vector<int> positions, next(tokens.begin() + 1, tokens.end());
  next.push_back(0);
  for (size_t i = 0; i < tokens.size(); ++i) positions.push_back(int(i));
  const Batch batch(tokens, positions, sequences);
  Arena arena(size_t(1) << 30);
  weir::Run run{arena, pool, batch};
  Tensor states;
  (void)(*model)->forward(run, nullptr, &states);
  ASSERT_EQ(states.cols, 4 * 32);
  const Tensor hidden = (*model)->predict_further(run, states, next, 0);
  const Tensor logits = (*model)->logits(run, hidden);
  ASSERT_EQ(golden.size(), (tokens.size() - 1) * size_t(logits.cols));
  float largest = 0, apart = 0;
  for (size_t i = 0; i < golden.size(); ++i) {
    largest = std::max(largest, std::fabs(golden[i]));
    apart = std::max(apart, std::fabs(golden[i] - logits.data[i]));
  }
  EXPECT_LT(apart, 2e-5f * largest);
}

// DSpark's stages, in V4's form and in V4.1's (tools/make_dspark_golden.py).
TEST(CompressedGolden, StagesDraftWhatNumpyDoes) {
  for (const char* family : {"deepseek_v4_dspark", "deepseek_v41_dspark"}) {
    const std::string folder = std::string(WEIR_SOURCE_DIR) + "/src/model/testdata/" + family;
    auto file = SafetensorsFile::open(folder + "/golden.safetensors");
    ASSERT_TRUE(file);
    auto model = load_model(folder, false);
    ASSERT_TRUE(model) << model.error().message;
    ThreadPool pool(2);
    (*model)->pack(pool);
    const ModelConfig& config = (*model)->config();
    const auto states = read_values<float>(*file, "states");
    const auto ids = read_values<int64_t>(*file, "block"),
               last = read_values<int64_t>(*file, "before");
    const std::vector<int> block(ids.begin(), ids.end()), before(last.begin(), last.end());
    const int width = (*model)->further_width(), known = int(states.size()) / width;
    ASSERT_EQ(known, 14);
    std::vector<int> positions, next, zeros(size_t(known), 0), one(block.size(), 0);
    for (int i = 0; i < known; ++i) positions.push_back(i);
    for (size_t k = 0; k < block.size(); ++k) next.push_back(known + int(k));
    const Batch tokens(zeros, positions, zeros), drafted(block, next, one);
    Arena arena(size_t(1) << 30);
    weir::Run run{arena, pool, tokens}, draft{arena, pool, drafted};
    Tensor in = run.make(known, width);
    std::copy(states.begin(), states.end(), in.data);
    const Tensor rows = (*model)->draft_context(run, in);
    const int begin = known - config.sliding_window;
    const Tensor hidden = (*model)->draft_hidden(draft, {rows, &begin, &known});
    const Tensor scores = (*model)->draft_confidence(draft, hidden, before);
    const Tensor logits =
        (*model)->draft_bias(draft, (*model)->draft_logits(draft, hidden), before);
    const auto expect = [&](const Tensor& found, const char* name, const auto& of) {
      const std::vector<float> golden = read_values<float>(*file, name);
      ASSERT_EQ(golden.size(), size_t(found.rows) * size_t(found.cols)) << family << " " << name;
      float largest = 0, apart = 0;
      for (size_t i = 0; i < golden.size(); ++i) {
        largest = std::max(largest, std::fabs(golden[i]));
        apart = std::max(apart, std::fabs(golden[i] - of(found.data[i])));
      }
      EXPECT_LT(apart, 2e-5f * largest) << family << " " << name;
    };
    const auto same = [](float x) { return x; };
    expect(hidden, "hidden", same);
    expect(logits, "logits", same);
    expect(scores, "confidence", [](float x) { return 1 / (1 + std::exp(-x)); });
  }
}

class CompressedFiles : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(make_directories(folder_)); }
  void TearDown() override { (void)remove_all(folder_); }
  // A copy of the golden model in which change(source) has its way; false: left out.
  using Change = std::function<bool(TensorSource&)>;
  std::string error_with(const std::string& family, const Change& change,
                         const std::function<void(Json&, std::vector<TensorSource>&)>& add = {}) {
    const std::string from = std::string(WEIR_SOURCE_DIR) + "/src/model/testdata/" + family;
    const auto opened = SafetensorsFolder::open(from);
    std::vector<TensorSource> sources;
    for (const std::string& name : opened->names()) {
      const auto found = opened->find(name);
      TensorSource source{name, found->info->dtype, found->info->shape, found->bytes()};
      if (change(source)) sources.push_back(std::move(source));
    }
    Json config = *read_json_file(from + "/config.json");
    if (add) add(config, sources);
    EXPECT_TRUE(write_safetensors(folder_ + "/model.safetensors", sources, {}));
    EXPECT_TRUE(write_file_atomic(folder_ + "/config.json", config.dump()));
    const auto model = load_model(folder_, false);
    return model ? "" : model.error().message;
  }
  static bool has(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  }
  std::string folder_ = ::testing::TempDir() + "weir_compressed_" + std::to_string(getpid());
};

TEST_F(CompressedFiles, OfOtherContentsAreRefusedInOneSentence) {
  std::vector<int64_t> table;
  std::string error = error_with("deepseek_v4", [&](TensorSource& source) {
    if (!source.name.ends_with("layers.1.ffn.gate.tid2eid")) return true;
    table.resize(source.bytes.size() / sizeof(int64_t));
    std::memcpy(table.data(), source.bytes.data(), source.bytes.size());
    table[7] = 8;
    source.bytes = std::as_bytes(std::span(table));
    return true;
  });
  EXPECT_TRUE(has(error, "names expert 8 at element 7, but the model has experts 0 to 7")) << error;

  error = error_with("deepseek_v4", [&](TensorSource& source) {
    if (source.name.ends_with("layers.0.ffn.gate.tid2eid"))
      source.shape[0] -= 1, source.bytes = source.bytes.first(source.bytes.size() - 24);
    return true;
  });
  EXPECT_TRUE(has(error, "has shape [60, 3], but config.json asks for [61, 3]")) << error;

  error = error_with("deepseek_v4_fp8", [](TensorSource& source) {
    return !source.name.ends_with("attn.wq_b.scale");
  });
  EXPECT_TRUE(has(error, "is F8_E4M3, but its scales")) << error;

  error = error_with("deepseek_v4",
                     [](TensorSource& source) { return !source.name.ends_with("compressor.ape"); });
  EXPECT_TRUE(has(error, "self_attn.compressor.position_bias")) << error;

  EXPECT_EQ(error_with("deepseek_v4", [](TensorSource&) { return true; }), "");
}

// Tables of the experts of tokens.
TEST_F(CompressedFiles, TablesOfExpertsOutOfRangeAreRefused) {
  std::vector<int64_t> wide;
  std::vector<int32_t> narrow;
  std::vector<float> floats;
  // The table of layer 1, changed by `change`.
  const auto error = [&](const std::function<void(TensorSource&)>& change) {
    return error_with("deepseek_v4", [&](TensorSource& source) {
      if (!source.name.ends_with("layers.1.ffn.gate.tid2eid")) return true;
      wide.resize(source.bytes.size() / sizeof(int64_t));
      std::memcpy(wide.data(), source.bytes.data(), source.bytes.size());
      change(source);
      return true;
    });
  };
  const auto as_wide = [&](int64_t expert) {
    return error([&](TensorSource& source) {
      wide[11] = expert;
      source.bytes = std::as_bytes(std::span(wide));
    });
  };
  const auto as_narrow = [&](int32_t expert) {
    return error([&](TensorSource& source) {
      narrow.assign(wide.begin(), wide.end());
      narrow[11] = expert;
      source.dtype = "I32", source.bytes = std::as_bytes(std::span(narrow));
    });
  };
  EXPECT_EQ(as_wide(7), "");
  EXPECT_EQ(as_narrow(7), "");
  for (int64_t expert : {int64_t(-1), int64_t(8), int64_t(1) << 40, INT64_MIN})
    EXPECT_TRUE(has(as_wide(expert), "at element 11, but the model has experts 0 to 7")) << expert;
  for (int32_t expert : {-1, 8, INT32_MAX, INT32_MIN})
    EXPECT_TRUE(has(as_narrow(expert), "at element 11, but the model has experts 0 to 7"))
        << expert;
  const std::string as_floats = error([&](TensorSource& source) {
    floats.assign(wide.begin(), wide.end());
    source.dtype = "F32", source.bytes = std::as_bytes(std::span(floats));
  });
  EXPECT_TRUE(has(as_floats, "is F32, but the experts of tokens are whole numbers, I64 or I32"))
      << as_floats;
}

TEST_F(CompressedFiles, WrongTablesOfNgramsAreRefusedInOneSentence) {
  constexpr const char* kFamily = "deepseek_v41_engram";
  const auto all = [](TensorSource&) { return true; };
  const auto is_table = [](const TensorSource& s, const char* part) {
    return s.name == std::string("layers.1.engram.embed.") + part;
  };
  EXPECT_EQ(error_with(kFamily, all), "");
  // A row less, of the table alone and of its scales too.
  const auto shorten = [](TensorSource& s) {
    s.bytes = s.bytes.first(s.bytes.size() - size_t(s.shape[1]));
    --s.shape[0];
    return true;
  };
  std::string error = error_with(
      kFamily, [&](TensorSource& s) { return is_table(s, "weight") ? shorten(s) : true; });
  EXPECT_TRUE(has(error,
                  "its scales 'layers.1.engram.embed.scale' are F8_E8M0 of shape [156, 1]; "
                  "F8_E8M0 of shape [155, 1] belongs to it"))
      << error;
  error = error_with(kFamily, [&](TensorSource& s) {
    return is_table(s, "weight") || is_table(s, "scale") ? shorten(s) : true;
  });
  EXPECT_TRUE(has(error, "has shape [155, 32], but config.json asks for [156, 32]")) << error;
  error = error_with(kFamily, [&](TensorSource& s) { return !is_table(s, "scale"); });
  EXPECT_TRUE(has(error, "is F8_E4M3, but its scales 'layers.1.engram.embed.scale' are missing"))
      << error;
  error = error_with(kFamily, [&](TensorSource& s) { return !is_table(s, "weight"); });
  EXPECT_TRUE(has(error, "engram.embed.weight")) << error;
  error = error_with(kFamily, all, [](Json& config, std::vector<TensorSource>&) {
    config.set("engram_num_embeddings", *parse_json("[155, 304]"));
  });
  EXPECT_TRUE(has(error, "gives layer 1 155 rows, but its hashes point to 156")) << error;
  // Classes that no tokenizer gives, and classes that are none.
  const auto fold = [](Json& config) { config.set("engram_compressed_vocab_size", 50); };
  error = error_with(kFamily, all, [&](Json& config, std::vector<TensorSource>&) { fold(config); });
  EXPECT_TRUE(has(error, "Engram counts tokens by 50 classes, which its tokenizer gives")) << error;
  std::vector<float> classes(61, 3.f);
  for (const auto& [value, is_wrong] : {std::pair(49.f, false), std::pair(50.f, true),
                                        std::pair(-1.f, true), std::pair(1.5f, true)}) {
    classes[7] = value;
    error = error_with(kFamily, all, [&](Json& config, std::vector<TensorSource>& sources) {
      fold(config);
      sources.push_back(
          {"model.engram.token_classes", "F32", {61}, std::as_bytes(std::span(classes))});
    });
    EXPECT_EQ(has(error, "for token 7, but there are classes 0 to 49"), is_wrong) << error;
    EXPECT_EQ(error.empty(), !is_wrong) << error;
  }
  // A file that ends within a table.
  EXPECT_EQ(error_with(kFamily, all), "");
  const std::string file = folder_ + "/model.safetensors";
  ASSERT_EQ(truncate(file.c_str(), off_t(*file_size(file) - 100)), 0);
  const auto cut = load_model(folder_, false);
  ASSERT_FALSE(cut);
  EXPECT_TRUE(has(cut.error().message, "model.safetensors")) << cut.error().message;
}

}  // namespace
}  // namespace weir
