// Reading, writing and splitting GGUF files that are right; gguf_broken_test.cpp has the others.
#include "formats/gguf.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>

#include "base/atomic_output.h"
#include "tokenizer/gguf_tokenizer.h"

namespace weir {
namespace {

using Width = GgufMetadata::Width;
using Tensor = GgufWriter::Tensor;

std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class Gguf : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "weir_gguf_" + std::to_string(getpid());
    ASSERT_TRUE(remove_all(folder_).has_value());
    ASSERT_TRUE(make_directories(folder_).has_value());
  }
  void TearDown() override { (void)remove_all(folder_); }
  std::string path(const std::string& name) const { return join_path(folder_, name); }

  // Writes in pieces of 7 bytes; byte i of all data is i % 251.
  Result<std::vector<std::string>> written(const std::string& name, const GgufMetadata& metadata,
                                           const std::vector<Tensor>& tensors, size_t data_bytes,
                                           uint64_t split_bytes = 0) {
    GgufWriter writer = TRY(GgufWriter::create(path(name), metadata, tensors, split_bytes));
    std::string data(data_bytes, '\0');
    for (size_t i = 0; i < data.size(); ++i) data[i] = char(i % 251);
    for (size_t at = 0; at < data.size(); at += 7)
      TRY(writer.write(as_bytes(data).subspan(at, std::min<size_t>(7, data.size() - at))));
    return writer.finish();
  }
  std::string folder_;
};

GgufMetadata every_kind() {
  GgufMetadata metadata;
  metadata.set("general.architecture", "llama");
  metadata.set("flag", true);
  metadata.set("u8", int64_t(255), Width::u8);
  metadata.set("i8", int64_t(-128), Width::i8);
  metadata.set("u16", int64_t(65535), Width::u16);
  metadata.set("i16", int64_t(-32768), Width::i16);
  metadata.set("u32", int64_t(4294967295));
  metadata.set("i32", int64_t(-2147483648));
  metadata.set("u64", INT64_MAX, Width::u64);
  metadata.set("i64", INT64_MIN);
  metadata.set("f32", 0.5);
  metadata.set("f64", 0.1, Width::f64);
  metadata.set("text", std::string("a\0b", 3));
  metadata.set("flags", std::vector<bool>{true, false, true});
  metadata.set("numbers", std::vector<int64_t>{1, -2, 3});
  metadata.set("small", std::vector<int64_t>{0, 255}, Width::u8);
  metadata.set("floats", std::vector<double>{0.25, -1});
  metadata.set("texts", std::vector<std::string>{"", "x", "yz"});
  metadata.set("none", std::vector<std::string>{});
  return metadata;
}

const std::vector<Tensor> kTensors = {{"a", WeightType::f32, {2, 3}},
                                      {"b", WeightType::q4_0, {3, 2, 32}},
                                      {"c", WeightType::bf16, {5}},
                                      {"d", WeightType::q4_k, {1, 256}}};
constexpr size_t kDataBytes = 24 + 6 * 18 + 10 + 144;

TEST_F(Gguf, ReadsWhatItWrites) {
  GgufMetadata metadata = every_kind();
  auto paths = written("x.gguf", metadata, kTensors, kDataBytes);
  ASSERT_TRUE(paths) << paths.error().message;
  EXPECT_EQ(*paths, std::vector<std::string>{path("x.gguf")});
  EXPECT_EQ(list_directory(folder_)->size(), 1u) << "nothing is left beside the file";

  auto file = GgufFile::open(path("x.gguf"));
  ASSERT_TRUE(file) << file.error().message;
  metadata.set("general.quantization_version", int64_t(2));
  ASSERT_EQ(file->metadata().entries().size(), metadata.entries().size());
  for (size_t i = 0; i < metadata.entries().size(); ++i) {
    const GgufMetadata::Entry &want = metadata.entries()[i], &got = file->metadata().entries()[i];
    EXPECT_EQ(got.key, want.key);
    EXPECT_TRUE(got.value == want.value) << want.key;
  }
  ASSERT_EQ(file->tensors().size(), kTensors.size());
  size_t at = 0;
  for (const Tensor& want : kTensors) {
    const GgufTensor* got = file->find(want.name);
    ASSERT_NE(got, nullptr);
    EXPECT_EQ(got->type, want.type);
    EXPECT_EQ(got->shape, want.shape);
    EXPECT_EQ(got->offset % 32, 0u);
    std::string data = text_of(file->data(*got));
    ASSERT_EQ(data.size(), got->bytes);
    for (char byte : data) ASSERT_EQ(uint8_t(byte), at++ % 251) << want.name;
    EXPECT_EQ(file->path(*got), path("x.gguf"));
  }
  EXPECT_EQ(at, kDataBytes);
  EXPECT_EQ(file->find("e"), nullptr);
  EXPECT_EQ(*file_size(path("x.gguf")) % 32, 0u) << "the last tensor is padded too";
}

// tools/gguf_reference.py made the file with the Python package of llama.cpp's project.
TEST_F(Gguf, ReadsTheReferenceFile) {
  std::string reference = std::string(WEIR_SOURCE_DIR) + "/tests/data/reference.gguf";
  auto file = GgufFile::open(reference);
  ASSERT_TRUE(file) << file.error().message;
  const GgufMetadata& m = file->metadata();
  EXPECT_EQ(*m.string_at("general.architecture"), "deepseek2");
  EXPECT_EQ(*m.int_at("kind.u8"), 255);
  EXPECT_EQ(*m.int_at("kind.i8"), -128);
  EXPECT_EQ(*m.int_at("kind.u16"), 65535);
  EXPECT_EQ(*m.int_at("kind.i16"), -32768);
  EXPECT_EQ(*m.int_at("kind.u32"), 4294967295);
  EXPECT_EQ(*m.int_at("kind.i32"), -2147483648);
  EXPECT_EQ(*m.int_at("kind.u64"), INT64_MAX);
  EXPECT_EQ(*m.int_at("kind.i64"), INT64_MIN);
  EXPECT_EQ(*m.double_at("kind.f32"), 0.5);
  EXPECT_EQ(*m.double_at("kind.f64"), 0.1);
  EXPECT_EQ(*m.bool_at("kind.bool"), true);
  EXPECT_EQ(*m.string_at("kind.text"), "weir \u6CB3");
  EXPECT_EQ(**m.ints_at("kind.numbers"), (std::vector<int64_t>{1, -2, 3}));
  EXPECT_EQ(**m.doubles_at("kind.floats"), (std::vector<double>{0.25, -1.5}));
  EXPECT_EQ(**m.strings_at("kind.texts"), (std::vector<std::string>{"", "a", "\u6CB3"}));
  const GgufTensor* cube = file->find("t.cube");
  ASSERT_NE(cube, nullptr);
  EXPECT_EQ(cube->shape, (std::vector<uint64_t>{2, 3, 4}));
  for (const char* name : {"t.f32", "t.f16", "t.q8_0", "t.q4_0"}) {
    const GgufTensor* tensor = file->find(name);
    ASSERT_NE(tensor, nullptr);
    EXPECT_EQ(tensor->shape, (std::vector<uint64_t>{4, 64}));
    EXPECT_EQ(type_name(tensor->type), std::string(name).substr(2));
    EXPECT_EQ(tensor->bytes, type_bytes(tensor->type, 256));
  }
  float values[256];
  std::memcpy(values, file->data(*file->find("t.f32")).data(), sizeof values);
  for (int i = 0; i < 256; ++i) EXPECT_EQ(values[i], float(i / 64) - float(i % 64) / 4);
  auto tokenizer = read_gguf_tokenizer(m);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->size(), 263);
  EXPECT_EQ(*tokenizer->encode(" hell", {.framed = true}), (std::vector<int>{260, 259}));
}

TEST_F(Gguf, KeepsTheWidthsOfNumbers) {
  ASSERT_TRUE(written("x.gguf", every_kind(), {}, 0));
  auto first = GgufFile::open(path("x.gguf"));
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_TRUE(written("y.gguf", first->metadata(), {}, 0));
  EXPECT_TRUE(*read_file(path("x.gguf")) == *read_file(path("y.gguf")));
}

TEST_F(Gguf, WritesTheBytesOfTheFormat) {
  GgufMetadata metadata;
  metadata.set("k", int64_t(7));
  GgufWriter writer = *GgufWriter::create(path("x"), metadata, {{"t", WeightType::f16, {2, 3}}});
  ASSERT_TRUE(writer.write(as_bytes("abcdefghijkl")));
  ASSERT_TRUE(writer.finish());
  const char kExpected[] =
      "GGUF\3\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0"
      "\1\0\0\0\0\0\0\0k\4\0\0\0\7\0\0\0"
      "\1\0\0\0\0\0\0\0t\2\0\0\0\3\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0"
      "\0\0\0\0\0\0\0\0\0\0\0\0";
  std::string bytes = *read_file(path("x"));
  ASSERT_EQ(bytes.size(), 128u);
  EXPECT_EQ(bytes.substr(0, 82), std::string(kExpected, 82));
  EXPECT_EQ(bytes.substr(96), "abcdefghijkl" + std::string(20, '\0'));
}

TEST_F(Gguf, NamesTheKeyThatIsNotWhatItShouldBe) {
  GgufMetadata metadata = every_kind();
  auto message = [](const auto& result) { return result ? "" : result.error().message; };
  EXPECT_EQ(*metadata.int_at("u8"), 255);
  EXPECT_EQ(*metadata.double_at("f64"), 0.1);
  EXPECT_EQ(*metadata.double_at("u8"), 255) << "a float may be given as a whole number";
  EXPECT_EQ(*metadata.bool_at("flag"), true);
  EXPECT_EQ((*metadata.strings_at("texts"))->size(), 3u);
  EXPECT_EQ((*metadata.ints_at("numbers"))->at(1), -2);
  EXPECT_EQ((*metadata.doubles_at("floats"))->at(0), 0.25);
  EXPECT_EQ(message(metadata.int_at("zzz")), "key 'zzz' is missing; it must be a whole number");
  EXPECT_EQ(message(metadata.int_at("text")), "key 'text' must be a whole number; it is a string");
  EXPECT_EQ(message(metadata.bool_at("u8")),
            "key 'u8' must be true or false; it is a whole number");
  EXPECT_EQ(message(metadata.string_at("texts")),
            "key 'texts' must be a string; it is an array of strings");
  metadata.set("f32", std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(message(metadata.double_at("f32")), "key 'f32' must be a number; it is nan");
}

TEST_F(Gguf, SplitsAndReadsTheParts) {
  auto paths = written("m.gguf", every_kind(), kTensors, kDataBytes, 160);
  ASSERT_TRUE(paths) << paths.error().message;
  ASSERT_EQ(*paths,
            (std::vector<std::string>{path("m-00001-of-00003.gguf"), path("m-00002-of-00003.gguf"),
                                      path("m-00003-of-00003.gguf")}));
  EXPECT_EQ(list_directory(folder_)->size(), 3u);
  auto file = GgufFile::open((*paths)[0]);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(*file->metadata().string_at("general.architecture"), "llama");
  EXPECT_EQ(*file->metadata().int_at("split.tensors.count"), 4);
  size_t at = 0;
  for (const Tensor& want : kTensors)
    for (std::byte byte : file->data(*file->find(want.name))) ASSERT_EQ(size_t(byte), at++ % 251);
  EXPECT_EQ(at, kDataBytes);
  EXPECT_EQ(file->path(*file->find("d")), (*paths)[2]);
  EXPECT_EQ(file->path(), (*paths)[0]);

  // Written again from what was read, the keys of the old split are gone.
  ASSERT_TRUE(written("whole.gguf", file->metadata(), kTensors, kDataBytes));
  auto whole = GgufFile::open(path("whole.gguf"));
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_EQ(whole->metadata().find("split.count"), nullptr);
}

TEST_F(Gguf, AsksForTheFirstPart) {
  auto paths = written("m.gguf", {}, kTensors, kDataBytes, 160);
  ASSERT_TRUE(paths);
  auto second = GgufFile::open((*paths)[1]);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message, (*paths)[1] +
                                        ": it is part 2 of 3 of a split model; give the "
                                        "first, " +
                                        (*paths)[0]);
  ASSERT_TRUE(rename_path((*paths)[0], path("other.gguf")));
  auto renamed = GgufFile::open(path("other.gguf"));
  ASSERT_FALSE(renamed);
  EXPECT_NE(renamed.error().message.find("must end in '-00001-of-00003.gguf'"), std::string::npos);
}

TEST_F(Gguf, KeepsTheAlignmentOfTheMetadata) {
  GgufMetadata metadata;
  metadata.set("general.alignment", int64_t(256));
  auto paths = written("m.gguf", metadata, kTensors, kDataBytes, 300);
  ASSERT_TRUE(paths) << paths.error().message;
  ASSERT_EQ(paths->size(), 4u);
  auto file = GgufFile::open((*paths)[0]);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(uint8_t(file->data(*file->find("b"))[0]), 24);
  EXPECT_EQ(*file_size((*paths)[3]) % 256, 0u);
}

TEST_F(Gguf, ReadsVersionTwo) {
  ASSERT_TRUE(written("x.gguf", every_kind(), kTensors, kDataBytes));
  std::string bytes = *read_file(path("x.gguf"));
  bytes[4] = 2;
  EXPECT_TRUE(GgufFile::parse_header(as_bytes(bytes), bytes.size()));
}

TEST_F(Gguf, WriterLeavesNothingWithoutFinish) {
  ASSERT_TRUE(write_file_atomic(path("m-00001-of-00003.gguf"), "old"));
  {
    auto writer = GgufWriter::create(path("m.gguf"), {}, kTensors, 160);
    ASSERT_TRUE(writer) << writer.error().message;
    ASSERT_TRUE(writer->write(as_bytes(std::string(200, 'x'))));
    EXPECT_GT(list_directory(folder_)->size(), 1u);
    auto early = writer->finish();
    ASSERT_FALSE(early);
    EXPECT_NE(early.error().message.find("tensor 'd' has 58 of its 144 bytes"), std::string::npos)
        << early.error().message;
  }
  EXPECT_EQ(*list_directory(folder_), std::vector<std::string>{"m-00001-of-00003.gguf"});
  EXPECT_EQ(*read_file(path("m-00001-of-00003.gguf")), "old");
}

TEST_F(Gguf, WriterRefusesWhatTheReaderWould) {
  auto message = [&](const GgufMetadata& metadata, std::vector<Tensor> tensors) {
    auto writer = GgufWriter::create(path("x.gguf"), metadata, std::move(tensors));
    return writer ? "" : writer.error().message;
  };
  auto names = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  Tensor good{"a", WeightType::f32, {1}};
  EXPECT_PRED2(names, message({}, {good, good}), "'a' is there twice");
  EXPECT_PRED2(names, message({}, {{"", WeightType::f32, {1}}}), "its name");
  EXPECT_PRED2(names, message({}, {{std::string(64, 'x'), WeightType::f32, {1}}}), "its name");
  EXPECT_EQ(message({}, {{std::string(63, 'x'), WeightType::f32, {1}}}), "");
  EXPECT_PRED2(names, message({}, {{"a", WeightType::f32, {2, 0}}}), "is zero");
  EXPECT_PRED2(names, message({}, {{"a", WeightType::f32, {1, 1, 1, 1, 1}}}), "5 dimensions");
  EXPECT_PRED2(names, message({}, {{"a", WeightType::q4_k, {128}}}), "whole blocks of 256");
  EXPECT_PRED2(names, message({}, {{"a", WeightType::f8_e4m3, {128}}}), "no f8_e4m3");
  GgufMetadata wide;
  wide.set("k", int64_t(256), Width::u8);
  EXPECT_PRED2(names, message(wide, {}), "key 'k': the number 256 does not fit 1 bytes");
  GgufMetadata mixed;
  mixed.set("k", 0.5, Width::u32);
  EXPECT_PRED2(names, message(mixed, {}), "key 'k': 0.5");
  GgufMetadata alignment;
  alignment.set("general.alignment", int64_t(48));
  EXPECT_PRED2(names, message(alignment, {}), "power of two");
  EXPECT_TRUE(list_directory(folder_)->empty());
}

TEST_F(Gguf, WriterRefusesMoreThanTheTensorsTake) {
  auto writer = GgufWriter::create(path("x.gguf"), {}, {{"a", WeightType::f32, {1}}});
  ASSERT_TRUE(writer);
  EXPECT_FALSE(writer->write(as_bytes("12345")));
}

}  // namespace
}  // namespace weir
