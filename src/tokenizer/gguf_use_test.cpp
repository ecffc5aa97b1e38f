// GGUF files known by their first bytes, and cut ones opened for their header.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "base/atomic_output.h"
#include "base/file.h"
#include "formats/gguf.h"
#include "tokenizer/gguf_tokenizer.h"

namespace weir {
namespace {

class GgufUses : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "weir_gguf_use_" + std::to_string(getpid());
    ASSERT_TRUE(make_directories(folder_).has_value());
  }
  void TearDown() override { (void)remove_all(folder_); }
  std::string path(const std::string& name) const { return join_path(folder_, name); }

  // Two tensors of 64 bytes in files of at most `split_bytes` of data.
  std::vector<std::string> write(const std::string& name, uint64_t split_bytes = 0) {
    GgufMetadata metadata;
    metadata.set("general.architecture", "llama");
    auto writer = GgufWriter::create(path(name), metadata,
                                     {{"a", WeightType::f32, {16}}, {"b", WeightType::f32, {16}}},
                                     split_bytes);
    EXPECT_TRUE(writer) << (writer ? "" : writer.error().message);
    const std::vector<std::byte> data(128, std::byte(7));
    EXPECT_TRUE(writer->write(data));
    auto files = writer->finish();
    EXPECT_TRUE(files);
    return files ? *files : std::vector<std::string>();
  }
  void cut(const std::string& file, size_t bytes) {
    const std::string text = *read_file(file);
    ASSERT_TRUE(write_file_atomic(file, std::string_view(text).substr(0, text.size() - bytes)));
  }
  std::string folder_;
};

TEST_F(GgufUses, F13FilesAreKnownByTheirFirstBytes) {
  write("model.gguf");
  const std::string bytes = *read_file(path("model.gguf"));
  for (const char* name : {"sha256-4d0c", "MODEL.GGUF", "model.bin"}) {
    ASSERT_TRUE(write_file_atomic(path(name), bytes));
    EXPECT_TRUE(begins_as_gguf(path(name)) && is_gguf(path(name))) << name;
    const auto opened = GgufFile::open(path(name));
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(opened->tensors().size(), 2u);
  }
  ASSERT_TRUE(write_file_atomic(path("other"), "GGU"));
  EXPECT_FALSE(begins_as_gguf(path("other")) || is_gguf(path("other")));
  EXPECT_FALSE(begins_as_gguf(folder_) || begins_as_gguf(path("absent")));
  EXPECT_TRUE(has_gguf_name("a.GgUf") && is_gguf("absent.gguf")) << "for an error about GGUF";
  EXPECT_FALSE(has_gguf_name("gguf") || has_gguf_name("a.gguf.part"));
}

TEST_F(GgufUses, CutDataLeaveTheHeader) {
  write("model.gguf");
  cut(path("model.gguf"), 65);  // one byte of the first tensor, all of the second
  const auto whole = GgufFile::open(path("model.gguf"));
  ASSERT_FALSE(whole);
  EXPECT_NE(whole.error().message.find("cut short"), std::string::npos) << whole.error().message;
  for (GgufUse use : {GgufUse::header, GgufUse::metadata}) {
    const auto header = GgufFile::open(path("model.gguf"), use);
    ASSERT_TRUE(header) << header.error().message;
    EXPECT_EQ(*header->metadata().string_at("general.architecture"), "llama");
    ASSERT_EQ(header->tensors().size(), 2u);
    for (const GgufTensor& tensor : header->tensors())
      EXPECT_TRUE(header->data(tensor).empty()) << tensor.name;
  }
}

TEST_F(GgufUses, TensorsBeforeTheCutKeepTheirData) {
  write("model.gguf");
  cut(path("model.gguf"), 64);
  const auto header = GgufFile::open(path("model.gguf"), GgufUse::header);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->data(*header->find("a")).size(), 64u);
  EXPECT_TRUE(header->data(*header->find("b")).empty());
}

TEST_F(GgufUses, CutHeadersAreRefusedForEveryUse) {
  write("model.gguf");
  cut(path("model.gguf"), 128 + 40);
  for (GgufUse use : {GgufUse::whole, GgufUse::header, GgufUse::metadata})
    EXPECT_FALSE(GgufFile::open(path("model.gguf"), use));
}

TEST_F(GgufUses, MetadataNeedTheFirstPartAndHeadersAllParts) {
  const std::vector<std::string> files = write("split.gguf", 64);
  ASSERT_EQ(files.size(), 2u);
  cut(files[1], 1);
  EXPECT_FALSE(GgufFile::open(files[0]));
  const auto header = GgufFile::open(files[0], GgufUse::header);
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(header->tensors().size(), 2u);
  ASSERT_TRUE(remove_all(files[1]));
  EXPECT_FALSE(GgufFile::open(files[0], GgufUse::header));
  EXPECT_TRUE(GgufFile::open(files[0], GgufUse::metadata));
}

// The first 199 MB of 4.7 GB, from R1-Distill-Qwen-7B.
TEST_F(GgufUses, TheHeadOfAPublishedFileHasItsTokenizer) {
  const char* folder = std::getenv("WEIR_REAL_MODELS");
  const std::string file =
      folder ? join_path(folder, "deepseek-r1-distill-qwen-7b-q4_k_m.head.gguf") : "";
  if (!file_exists(file)) GTEST_SKIP() << "WEIR_REAL_MODELS names no folder with the file's head";
  EXPECT_FALSE(GgufFile::open(file));
  const auto head = GgufFile::open(file, GgufUse::header);
  ASSERT_TRUE(head) << head.error().message;
  const auto tokenizer = read_gguf_tokenizer(head->metadata());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->size(), 151665);
}

}  // namespace
}  // namespace weir
