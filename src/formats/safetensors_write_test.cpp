#include "formats/safetensors_write.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/json.h"
#include "formats/safetensors.h"

namespace weir {
namespace {

std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class SafetensorsShards : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "weir_shards_" + std::to_string(getpid());
    ASSERT_TRUE(remove_all(folder_) && make_directories(folder_));
  }
  void TearDown() override { (void)remove_all(folder_); }
  std::string path(const std::string& name) const { return join_path(folder_, name); }
  Result<SafetensorsWriter> create(uint64_t shard_bytes, std::vector<TensorPlan> tensors) {
    return SafetensorsWriter::create(folder_, std::move(tensors), {{"format", "pt"}}, shard_bytes);
  }
  std::string folder_;
};

const std::vector<TensorPlan> kTensors = {{"z", "F8_E4M3", {3, 2}}, {"b", "F32", {2}},
                                          {"a", "F32", {1, 1}},     {"empty", "BF16", {0, 4}},
                                          {"large", "BF16", {20}},  {"last", "U8", {5}}};

// The data of a tensor: its name over and over.
std::string data_of(const TensorInfo& info) {
  std::string data;
  while (data.size() < info.end - info.begin) data += info.name;
  return data.substr(0, info.end - info.begin);
}

// In pieces of 3 bytes.
void write_all(SafetensorsWriter& writer) {
  std::string all;
  for (const TensorPlan& tensor : writer.order()) {
    std::vector<uint64_t> bytes = *planned_bytes(std::span(&tensor, 1));
    TensorInfo info{tensor.name, tensor.dtype, tensor.shape, 0, bytes[0]};
    all += data_of(info);
  }
  for (size_t at = 0; at < all.size(); at += 3) {
    Result<void> written =
        writer.write(as_bytes(all).subspan(at, std::min<size_t>(3, all.size() - at)));
    ASSERT_TRUE(written) << written.error().message;
  }
}

void expect_all(const std::string& folder) {
  auto opened = SafetensorsFolder::open(folder);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->names().size(), kTensors.size());
  for (const TensorPlan& tensor : kTensors) {
    auto found = opened->find(tensor.name);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->info->dtype, tensor.dtype);
    EXPECT_EQ(found->info->shape, tensor.shape);
    EXPECT_EQ(text_of(found->bytes()), data_of(*found->info)) << tensor.name;
    EXPECT_EQ(found->file->metadata().at("format"), "pt");
  }
}

TEST_F(SafetensorsShards, WritesShardsAndTheirIndex) {
  auto writer = create(20, kTensors);
  ASSERT_TRUE(writer) << writer.error().message;
  // z, b, a and empty fill the first shard with 18 bytes; large has 40.
  std::vector<std::string> order;
  for (const TensorPlan& tensor : writer->order()) order.push_back(tensor.name);
  EXPECT_EQ(order, (std::vector<std::string>{"a", "b", "empty", "z", "large", "last"}));
  write_all(*writer);
  EXPECT_FALSE(file_exists(path("model.safetensors.index.json")));
  auto paths = writer->finish();
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(*paths,
            (std::vector<std::string>{
                path("model-00001-of-00003.safetensors"), path("model-00002-of-00003.safetensors"),
                path("model-00003-of-00003.safetensors"), path("model.safetensors.index.json")}));
  EXPECT_EQ(list_directory(folder_)->size(), 4u) << "nothing is left beside the files";
  expect_all(folder_);
  Json index = *read_json_file(path("model.safetensors.index.json"));
  EXPECT_EQ(*index.find("metadata")->find("total_size")->as_int(), 6 + 8 + 4 + 0 + 40 + 5);
  EXPECT_EQ(index.find("weight_map")->find("last")->text(), "model-00003-of-00003.safetensors");
}

TEST_F(SafetensorsShards, WritesOneFileWhenAllFits) {
  for (uint64_t shard_bytes : {uint64_t(0), uint64_t(63), UINT64_MAX}) {
    auto writer = create(shard_bytes, kTensors);
    ASSERT_TRUE(writer) << writer.error().message;
    write_all(*writer);
    ASSERT_TRUE(writer->finish());
    EXPECT_EQ(*list_directory(folder_), std::vector<std::string>{"model.safetensors"});
    expect_all(folder_);
  }
}

TEST_F(SafetensorsShards, WritesTheBytesOfTheWriterOfOneFile) {
  auto writer = create(0, kTensors);
  ASSERT_TRUE(writer);
  write_all(*writer);
  ASSERT_TRUE(writer->finish());
  auto file = SafetensorsFile::open(path("model.safetensors"));
  ASSERT_TRUE(file);
  std::vector<TensorSource> sources;
  for (const TensorInfo& info : file->tensors())
    sources.push_back({info.name, info.dtype, info.shape, file->data(info)});
  ASSERT_TRUE(write_safetensors(path("same"), std::move(sources), {{"format", "pt"}}));
  EXPECT_TRUE(*read_file(path("same")) == *read_file(path("model.safetensors")));
}

TEST_F(SafetensorsShards, LeavesNothingWithoutFinish) {
  ASSERT_TRUE(write_file_atomic(path("model-00001-of-00003.safetensors"), "old"));
  {
    auto writer = create(20, kTensors);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->write(as_bytes(std::string(30, 'x'))));
    EXPECT_GT(list_directory(folder_)->size(), 2u);
    auto early = writer->finish();
    ASSERT_FALSE(early);
    EXPECT_NE(early.error().message.find("tensor 'large' has 12 of its 40 bytes"),
              std::string::npos)
        << early.error().message;
  }
  EXPECT_EQ(*list_directory(folder_), std::vector<std::string>{"model-00001-of-00003.safetensors"});
  EXPECT_EQ(*read_file(path("model-00001-of-00003.safetensors")), "old");
}

TEST_F(SafetensorsShards, WritesAModelWithoutData) {
  auto none = create(0, {});
  ASSERT_TRUE(none) << none.error().message;
  ASSERT_TRUE(none->finish());
  auto empty = create(1, {{"a", "F32", {0}}, {"b", "F32", {3, 0}}});
  ASSERT_TRUE(empty) << empty.error().message;
  ASSERT_TRUE(empty->finish());
  EXPECT_EQ(SafetensorsFolder::open(folder_)->names().size(), 2u);
}

TEST_F(SafetensorsShards, RefusesWhatTheReaderWould) {
  auto message = [&](std::vector<TensorPlan> tensors, uint64_t shard_bytes = 0) {
    auto writer = create(shard_bytes, std::move(tensors));
    return writer ? "" : writer.error().message;
  };
  auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  EXPECT_PRED2(has, message({kTensors[0], kTensors[0]}), "tensor 'z' is there twice");
  EXPECT_PRED2(has, message({{"x", "Q4_0", {32}}}), "tensor 'x': unknown dtype 'Q4_0'");
  EXPECT_PRED2(has, message({{"x", "F4", {3}}}), "no whole number of bytes");
  EXPECT_PRED2(has, message({{"x", "U8", {uint64_t(1) << 61, 8}}}), "no whole number of bytes");
  EXPECT_PRED2(has, message({{"__metadata__", "U8", {1}}}), "can not be a tensor's name");
  std::vector<TensorPlan> many;
  for (int i = 0; i <= 10'000; ++i) many.push_back({std::to_string(i), "U8", {1}});
  EXPECT_PRED2(has, message(many, 1), "10001 shards, at most 10000");
  ASSERT_TRUE(write_file_atomic(path("model.safetensors"), "old"));
  EXPECT_PRED2(has, message(kTensors, 20), "readers would take it instead of new shards");
  auto writer = create(0, {{"x", "U8", {2}}});
  ASSERT_TRUE(writer);
  EXPECT_FALSE(writer->write(as_bytes("123")));
  EXPECT_EQ(*read_file(path("model.safetensors")), "old");
}

}  // namespace
}  // namespace weir
