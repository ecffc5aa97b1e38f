// Reading and writing against the reference implementation's file, and one case per way to be
// wrong. The Vuln names follow the list of known attacks on this format (oversized headers,
// overlapping tensors, overflowing shapes, saving over a mapped source).
#include "formats/safetensors.h"
#include "base/atomic_output.h"
#include "base/sha256.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "formats/safetensors_header.h"

namespace weir {
namespace {

std::string reference_path() {
  return std::string(WEIR_SOURCE_DIR) + "/tests/data/reference.safetensors";
}

std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string length_prefix(uint64_t length) {
  std::string prefix(8, '\0');
  for (size_t i = 0; i < 8; ++i) prefix[i] = char(length >> (8 * i));
  return prefix;
}

// A file of this header and so many zero bytes.
std::string file_of(const std::string& header, size_t data_bytes) {
  return length_prefix(header.size()) + header + std::string(data_bytes, '\0');
}

Result<std::vector<TensorInfo>> parse(const std::string& file) {
  return SafetensorsFile::parse_header(as_bytes(file), file.size(), nullptr);
}

// The message that refuses this file, "" when it is accepted.
std::string refusal(const std::string& header, size_t data_bytes) {
  auto parsed = parse(file_of(header, data_bytes));
  return parsed ? "" : parsed.error().message;
}

#define EXPECT_REFUSED(header, bytes, words)                       \
  EXPECT_NE(refusal(header, bytes).find(words), std::string::npos) \
      << "message: '" << refusal(header, bytes) << "'"

class Safetensors : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "weir_safetensors_" + std::to_string(getpid());
    ASSERT_TRUE(remove_all(folder_).has_value());
    ASSERT_TRUE(make_directories(folder_).has_value());
  }
  void TearDown() override { (void)remove_all(folder_); }
  std::string path(const std::string& name) const { return join_path(folder_, name); }
  void put(const std::string& name, const std::string& bytes) {
    ASSERT_TRUE(write_file_atomic(path(name), bytes).has_value());
  }
  std::string folder_;
};

TEST_F(Safetensors, ReadsTheReferenceFile) {
  auto opened = SafetensorsFile::open(reference_path());
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  EXPECT_EQ(opened->tensors().size(), 8u);
  EXPECT_EQ(opened->metadata().at("format"), "pt");
  const TensorInfo* weight = opened->find("model.weight");
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(weight->dtype, "F32");
  EXPECT_EQ(weight->shape, (std::vector<uint64_t>{2, 3}));
  float values[6];
  ASSERT_EQ(opened->data(*weight).size(), sizeof(values));
  std::memcpy(values, opened->data(*weight).data(), sizeof(values));
  EXPECT_EQ(values[1], -1.5f);
  EXPECT_EQ(values[2], 3.25f);
  EXPECT_EQ(opened->find("model.scalar")->elements(), 1u);
  EXPECT_EQ(opened->find("model.empty")->elements(), 0u);
  EXPECT_NE(opened->find("n\u00E4me \"quoted\"\n"), nullptr);
  EXPECT_EQ(opened->find("absent"), nullptr);
}

TEST_F(Safetensors, WritesTheReferenceFileByteForByte) {
  auto opened = SafetensorsFile::open(reference_path());
  ASSERT_TRUE(opened.has_value());
  std::vector<TensorSource> sources;
  for (auto info = opened->tensors().rbegin(); info != opened->tensors().rend(); ++info)
    sources.push_back({info->name, info->dtype, info->shape, opened->data(*info)});
  auto hash = write_safetensors(path("copy"), sources, opened->metadata());
  ASSERT_TRUE(hash.has_value()) << hash.error().message;
  std::string original = *read_file(reference_path()), copy = *read_file(path("copy"));
  EXPECT_TRUE(original == copy);
  EXPECT_EQ(*hash, sha256_hex(copy));
  EXPECT_EQ(list_directory(folder_)->size(), 1u) << "nothing is left beside the file";
}

TEST_F(Safetensors, Vuln23FileShorterThanTheLength) {
  for (size_t size = 0; size < 8; ++size) {
    auto parsed = parse(std::string(size, '\0'));
    ASSERT_FALSE(parsed.has_value());
    EXPECT_NE(parsed.error().message.find("fewer than 8"), std::string::npos);
  }
  put("empty", "");
  auto opened = SafetensorsFile::open(path("empty"));
  ASSERT_FALSE(opened.has_value());
  EXPECT_NE(opened.error().message.find(path("empty")), std::string::npos);
}

TEST_F(Safetensors, Vuln24HeaderLargerThanTheLimit) {
  for (uint64_t length : {uint64_t(100'000'001), uint64_t(1) << 62, ~uint64_t(0), ~uint64_t(7)}) {
    auto parsed = parse(length_prefix(length) + "{}");
    ASSERT_FALSE(parsed.has_value());
    EXPECT_NE(parsed.error().message.find("more than 100000000"), std::string::npos);
  }
}

TEST_F(Safetensors, Vuln25HeaderLongerThanTheFile) {
  auto parsed = parse(length_prefix(3) + "{}");
  ASSERT_FALSE(parsed.has_value());
  EXPECT_NE(parsed.error().message.find("cut short"), std::string::npos);
  // A header cut anywhere is an error, never a crash.
  std::string whole = *read_file(reference_path());
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(parse(whole.substr(0, size)).has_value());
  EXPECT_FALSE(parse(whole + '\0').has_value());
}

TEST_F(Safetensors, Vuln26HeaderThatIsNotJson) {
  EXPECT_REFUSED("", 0, "does not begin with '{'");
  EXPECT_REFUSED(" {}", 0, "does not begin with '{'");
  EXPECT_REFUSED("[]", 0, "does not begin with '{'");
  EXPECT_REFUSED("{\"a\xFF\":1}", 0, "not valid UTF-8");
  EXPECT_REFUSED("{\"a\" 1}", 0, "expected ':'");
  EXPECT_REFUSED("{} {}", 0, "after the end");
  EXPECT_REFUSED("{", 0, "expected '\"'");
  EXPECT_REFUSED("{\"a\\q\":1}", 0, "unknown escape");
  EXPECT_REFUSED("{\"a\\ud800\":1}", 0, "surrogate");
  EXPECT_REFUSED("{\"a\\ud800\\u0041\":1}", 0, "surrogate");
  EXPECT_REFUSED("{\"a\\u00g0\":1}", 0, "four hexadecimal");
  EXPECT_REFUSED("{\"a\n\":1}", 0, "control character");
  EXPECT_REFUSED("{\"a", 0, "ends inside a string");
  EXPECT_REFUSED("{\"a\\", 0, "ends inside a string");
  std::string deep = "{\"a\":" + std::string(100'000, '[');
  EXPECT_REFUSED(deep, 0, "expected '{'");
}

TEST_F(Safetensors, AcceptsEscapesAndTrailingSpaces) {
  auto parsed =
      parse(file_of("{\"\\u00e4\\ud83d\\ude00\\/\" : {\"data_offsets\":[0,1] "
                    ",\"shape\":[],\"dtype\":\"U8\"}} \n ",
                    1));
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_EQ((*parsed)[0].name, "\u00E4\U0001F600/");
  EXPECT_TRUE(parse(file_of("{}", 0)).has_value());
  EXPECT_TRUE(parse(file_of("{\"__metadata__\":{}}", 0)).has_value());
}

TEST_F(Safetensors, Vuln27TensorEntriesOfTheWrongShape) {
  EXPECT_REFUSED(R"({"a":1})", 0, "expected '{'");
  EXPECT_REFUSED(R"({"a":{"dtype":"F32","shape":[1]}})", 4, "'data_offsets' is missing");
  EXPECT_REFUSED(R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4, "'shape' is missing");
  EXPECT_REFUSED(R"({"a":{"shape":[1],"data_offsets":[0,4]}})", 4, "'dtype' is missing");
  EXPECT_REFUSED(R"({"a":{"dtype":"F32","dtype":"F32"}})", 4, "there twice");
  EXPECT_REFUSED(R"({"a":{"strides":[1]}})", 4, "unknown");
  EXPECT_REFUSED(R"({"a":{"dtype":"Q4","shape":[1],"data_offsets":[0,4]}})", 4,
                 "unknown dtype 'Q4'");
  EXPECT_REFUSED(R"({"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}})", 4, "unknown dtype");
  EXPECT_REFUSED(R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1, "not negative");
  EXPECT_REFUSED(R"({"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}})", 1, "expected ','");
  EXPECT_REFUSED(R"({"a":{"dtype":"U8","shape":[1e1],"data_offsets":[0,1]}})", 1, "expected ','");
  EXPECT_REFUSED(R"({"a":{"dtype":"U8","shape":[01],"data_offsets":[0,1]}})", 1, "whole number");
  EXPECT_REFUSED(R"({"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}})", 1, "whole number");
  EXPECT_REFUSED(R"({"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,1]}})", 1,
                 "does not fit 64 bits");
  EXPECT_REFUSED(R"({"__metadata__":{"a":1}})", 0, "expected '\"'");
  EXPECT_REFUSED(R"({"__metadata__":null})", 0, "expected '{'");
}

TEST_F(Safetensors, Vuln28OffsetsThatOverlapOrLeaveHoles) {
  auto two = [](const std::string& first, const std::string& second) {
    return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + first +
           R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}";
  };
  EXPECT_EQ(refusal(two("[0,4]", "[4,8]"), 8), "");
  EXPECT_EQ(refusal(two("[4,8]", "[0,4]"), 8), "");
  EXPECT_REFUSED(two("[0,4]", "[0,4]"), 4, "begins at 0, the data before it ends at 4");
  EXPECT_REFUSED(two("[0,4]", "[3,7]"), 7, "begins at 3");
  EXPECT_REFUSED(two("[0,4]", "[5,9]"), 9, "begins at 5");
  EXPECT_REFUSED(two("[1,5]", "[5,9]"), 9, "begins at 1, the data before it ends at 0");
}

TEST_F(Safetensors, Vuln29DataThatDoesNotFillTheFile) {
  const std::string one = R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})";
  EXPECT_EQ(refusal(one, 4), "");
  EXPECT_REFUSED(one, 3, "cut short");
  EXPECT_REFUSED(one, 5, "appended");
  EXPECT_REFUSED("{}", 1, "appended");
}

TEST_F(Safetensors, Vuln30ShapeAgainstOffsets) {
  EXPECT_REFUSED(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4, "takes 8 bytes");
  EXPECT_REFUSED(R"({"a":{"dtype":"F32","shape":[0],"data_offsets":[0,4]}})", 4, "takes 0 bytes");
  EXPECT_REFUSED(R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0,
                 "does not fit 64 bits");
  EXPECT_REFUSED(R"({"a":{"dtype":"F64","shape":[576460752303423488],"data_offsets":[0,0]}})", 0,
                 "does not fit 64 bits");
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F32","shape":[3,0],"data_offsets":[0,0]}})", 0), "");
}

TEST_F(Safetensors, Vuln31OffsetsInvertedOrTooFew) {
  EXPECT_REFUSED(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}})", 4, "before it begins");
  EXPECT_REFUSED(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[4]}})", 4, "two numbers");
  EXPECT_REFUSED(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[]}})", 4, "two numbers");
  EXPECT_REFUSED(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,2,4]}})", 4, "more than 2");
  EXPECT_REFUSED(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[18446744073709551615,3]}})", 4,
                 "before it begins");
}

TEST_F(Safetensors, Vuln32TypesSmallerThanAByte) {
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F4","shape":[2,3],"data_offsets":[0,3]}})", 3), "");
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]}})", 3), "");
  EXPECT_REFUSED(R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}})", 2, "whole byte");
  EXPECT_REFUSED(R"({"a":{"dtype":"F4","shape":[4611686018427387904],"data_offsets":[0,0]}})", 0,
                 "does not fit 64 bits");
}

TEST_F(Safetensors, Vuln33SavingOverTheMappedSource) {
  put("model.safetensors", *read_file(reference_path()));
  auto opened = SafetensorsFile::open(path("model.safetensors"));
  ASSERT_TRUE(opened.has_value());
  std::vector<TensorSource> sources;
  for (const TensorInfo& info : opened->tensors())
    sources.push_back({info.name, info.dtype, info.shape, opened->data(info)});
  ASSERT_TRUE(
      write_safetensors(path("model.safetensors"), sources, opened->metadata()).has_value());
  EXPECT_TRUE(*read_file(path("model.safetensors")) == *read_file(reference_path()));
  EXPECT_EQ(text_of(opened->data(*opened->find("model.mask"))), std::string("\1\0\1", 3));
}

TEST_F(Safetensors, RefusesDuplicates) {
  const std::string a = R"("a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  EXPECT_REFUSED("{" + a + "," + a + "}", 0, "'a' is there twice");
  EXPECT_REFUSED(R"({"__metadata__":{},"__metadata__":{}})", 0, "twice");
  EXPECT_REFUSED(R"({"__metadata__":{"x":"1","x":"2"}})", 0, "twice");
  // The same name spelled with an escape is the same name.
  EXPECT_REFUSED("{" + a + R"(,"\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})", 0,
                 "twice");
}

TEST_F(Safetensors, HoldsTheLimits) {
  auto named = [](const std::string& name) {
    return "{\"" + name + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})";
  };
  EXPECT_EQ(refusal(named(std::string(kTensorNameMax, 'x')), 0), "");
  EXPECT_REFUSED(named(std::string(kTensorNameMax + 1, 'x')), 0, "1025 bytes");
  EXPECT_EQ(refusal(R"({"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})", 1),
            "");
  EXPECT_REFUSED(R"({"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})", 1,
                 "more than 8");
  std::string entries = "{\"__metadata__\":{\"\":\"\"";
  for (size_t i = 0; i < kMetadataMax; ++i) entries += ",\"" + std::to_string(i) + "\":\"\"";
  EXPECT_REFUSED(entries + "}}", 0, "more than 100000 metadata entries");
  std::string many = "{";
  for (size_t i = 0; i <= kTensorsMax; ++i)
    many += (i ? ",\"" : "\"") + std::to_string(i) +
            R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  EXPECT_REFUSED(many + "}", 0, "more than 1000000 tensors");
}

TEST_F(Safetensors, WriterRefusesWhatTheReaderWould) {
  std::string bytes(4, 'x');
  auto message = [&](std::vector<TensorSource> sources) {
    auto written = write_safetensors(path("bad"), std::move(sources), {});
    EXPECT_FALSE(file_exists(path("bad")));
    return written ? "" : written.error().message;
  };
  TensorSource good{"a", "F32", {1}, as_bytes(bytes)};
  EXPECT_NE(message({{"a", "F32", {2}, as_bytes(bytes)}}).find("do not match"), std::string::npos);
  EXPECT_NE(message({{"a", "X", {1}, as_bytes(bytes)}}).find("unknown dtype 'X'"),
            std::string::npos);
  EXPECT_NE(message({good, good}).find("twice"), std::string::npos);
  EXPECT_NE(message({{"__metadata__", "F32", {1}, as_bytes(bytes)}}).find("name"),
            std::string::npos);
  EXPECT_NE(message({{"\xFF", "F32", {1}, as_bytes(bytes)}}).find("name"), std::string::npos);
}

TEST_F(Safetensors, FullDiskLeavesTheOldFileAndNothingElse) {
  put("model", "old");
  std::string bytes(1 << 20, 'x');
  // A limit on the size of files stands for the full disk.
  struct rlimit before, small;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  small = before;
  small.rlim_cur = 1 << 16;
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  auto written =
      write_safetensors(path("model"), {{"a", "U8", {bytes.size()}, as_bytes(bytes)}}, {});
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(written.has_value());
  EXPECT_NE(written.error().message.find(path("model")), std::string::npos);
  EXPECT_EQ(*read_file(path("model")), "old");
  EXPECT_EQ(list_directory(folder_)->size(), 1u);
}

class SafetensorsFolders : public Safetensors {
 protected:
  void put_shard(const std::string& name, const std::string& tensor, const std::string& byte) {
    ASSERT_TRUE(
        write_safetensors(path(name), {{tensor, "U8", {1}, as_bytes(byte)}}, {}).has_value());
  }
  void put_index(const std::string& map) {
    put("model.safetensors.index.json",
        R"({"metadata":{"total_size":2},"weight_map":)" + map + "}");
  }
  std::string refusal_of_folder() {
    auto opened = SafetensorsFolder::open(folder_);
    return opened ? "" : opened.error().message;
  }
};

TEST_F(SafetensorsFolders, ReadsASingleFile) {
  put_shard("model.safetensors", "x", "1");
  auto opened = SafetensorsFolder::open(folder_);
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  EXPECT_EQ(opened->names(), std::vector<std::string>{"x"});
  EXPECT_EQ(text_of(opened->find("x")->bytes()), "1");
}

TEST_F(SafetensorsFolders, ReadsShards) {
  put_shard("one.safetensors", "x", "1");
  put_shard("two.safetensors", "y", "2");
  put_index(R"({"x":"one.safetensors","y":"two.safetensors"})");
  auto opened = SafetensorsFolder::open(folder_);
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  EXPECT_EQ(text_of(opened->find("x")->bytes()), "1");
  EXPECT_EQ(text_of(opened->find("y")->bytes()), "2");
  EXPECT_TRUE(opened->has("y"));
  EXPECT_FALSE(opened->has("z"));
  auto absent = opened->find("z");
  ASSERT_FALSE(absent.has_value());
  EXPECT_NE(absent.error().message.find("'z' is missing"), std::string::npos);
}

TEST_F(SafetensorsFolders, RefusesNamesThatLeaveTheFolder) {
  for (const char* name : {"../one", "/etc/passwd", "a/b", "..", ".", "", "a\\\\b", "a\\u0000b",
                           "c:x", ".hidden", "a\\nb"}) {
    put_index(std::string(R"({"x":")") + name + "\"}");
    EXPECT_NE(refusal_of_folder().find("plain name"), std::string::npos) << name;
  }
  put_index(R"({"x":3})");
  EXPECT_NE(refusal_of_folder().find("plain name"), std::string::npos);
}

TEST_F(SafetensorsFolders, RefusesAnIndexThatIsWrong) {
  EXPECT_NE(refusal_of_folder().find("neither"), std::string::npos);
  put_index("[]");
  EXPECT_NE(refusal_of_folder().find("weight_map"), std::string::npos);
  put_index("{}");
  EXPECT_NE(refusal_of_folder().find("weight_map"), std::string::npos);
  put_index(R"({"x":"one.safetensors","x":"two.safetensors"})");
  EXPECT_NE(refusal_of_folder().find("x"), std::string::npos);
  put_index(R"({"x":"absent.safetensors"})");
  EXPECT_NE(refusal_of_folder().find("absent.safetensors"), std::string::npos);
}

// As transformers reads them: the index says which files there are, and their headers what is
// there.
TEST_F(SafetensorsFolders, F14AnIndexMayNameTensorsThatAreElsewhereOrNowhere) {
  put_shard("one.safetensors", "y", "1");
  put_shard("two.safetensors", "z", "2");
  put_index(R"({"x":"one.safetensors","z":"one.safetensors","w":"two.safetensors"})");
  auto opened = SafetensorsFolder::open(folder_);
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  EXPECT_EQ(opened->names(), (std::vector<std::string>{"y", "z"}));
  EXPECT_EQ(text_of(opened->find("y")->bytes()), "1") << "not listed";
  EXPECT_EQ(text_of(opened->find("z")->bytes()), "2") << "listed in another file";
  for (const char* absent : {"x", "w"}) {
    auto found = opened->find(absent);
    ASSERT_FALSE(found.has_value());
    EXPECT_NE(found.error().message.find("is missing"), std::string::npos);
  }
}

TEST_F(SafetensorsFolders, ATensorInTwoFilesIsTheOneOfTheIndex) {
  put_shard("one.safetensors", "x", "1");
  put_shard("two.safetensors", "x", "2");
  put_index(R"({"x":"two.safetensors","y":"one.safetensors"})");
  auto opened = SafetensorsFolder::open(folder_);
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  EXPECT_EQ(text_of(opened->find("x")->bytes()), "2");
}

}  // namespace
}  // namespace weir
