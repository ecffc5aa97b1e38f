// GGUF files that are wrong by accident or on purpose: each ends in one sentence that says what and
// where. The Vuln names follow the list of published attacks on readers of this format. Those that
// are not here concern the model's sizes (12, 22: model), chat templates (17, 18: text) or
// safetensors (23 to 33: safetensors_test.cpp).
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "base/atomic_output.h"
#include "formats/gguf.h"
#include "formats/gguf_layout.h"
#include "text/unicode.h"
#include "tokenizer/gguf_tokenizer.h"

namespace weir {
namespace {

// Bytes of a file, put together by hand so that anything can be wrong.
struct Raw {
  std::string bytes;
  Raw& number(uint64_t value, size_t width) {
    for (size_t i = 0; i < width; ++i) bytes += char(value >> (8 * i));
    return *this;
  }
  Raw& text(std::string_view value) {
    number(value.size(), 8);
    bytes += value;
    return *this;
  }
  Raw& key(std::string_view name, uint32_t type) { return text(name).number(type, 4); }
  Raw& tensor(std::string_view name, const std::vector<uint64_t>& sizes, uint32_t type,
              uint64_t offset) {
    text(name).number(sizes.size(), 4);
    for (uint64_t size : sizes) number(size, 8);
    return number(type, 4).number(offset, 8);
  }
};

Raw start(uint64_t tensors, uint64_t keys, uint32_t version = 3) {
  Raw raw;
  raw.bytes = "GGUF";
  return raw.number(version, 4).number(tensors, 8).number(keys, 8);
}

Result<GgufFile::Header> parse(const std::string& bytes) {
  return GgufFile::parse_header(std::as_bytes(std::span(bytes.data(), bytes.size())), bytes.size());
}

// The message that refuses these bytes, "" when they are accepted.
std::string refusal(const std::string& bytes) {
  Result<GgufFile::Header> parsed = parse(bytes);
  return parsed ? "" : parsed.error().message;
}

#define EXPECT_REFUSED(raw, words)                               \
  EXPECT_NE(refusal((raw).bytes).find(words), std::string::npos) \
      << "message: '" << refusal((raw).bytes) << "'"

// One tensor of these sizes (row length first) and 4 KiB of data.
Raw with_tensor(const std::vector<uint64_t>& sizes, uint32_t type, uint64_t offset = 0) {
  Raw raw = start(1, 0).tensor("t", sizes, type, offset);
  raw.bytes.resize(raw.bytes.size() / 32 * 32 + 32 + 4096);
  return raw;
}

constexpr uint32_t kF32 = 0, kQ4_0 = 2, kQ8_0 = 8, kQ4K = 12;

TEST(GgufBroken, Vuln01SizesThatOverflow) {
  EXPECT_REFUSED(with_tensor({uint64_t(1) << 62}, kF32), "tensor 't': the size of its shape");
  EXPECT_REFUSED(with_tensor({INT64_MAX}, kF32), "does not fit 63 bits");
  EXPECT_REFUSED(with_tensor({UINT64_MAX}, kF32), "does not fit 63 bits");
  // Products that wrap to 4 and to 0.
  EXPECT_REFUSED(with_tensor({4, (uint64_t(1) << 62) + 1}, kF32), "does not fit 63 bits");
  EXPECT_REFUSED(with_tensor({uint64_t(1) << 32, uint64_t(1) << 32, 1, 1}, kF32),
                 "does not fit 63 bits");
}

TEST(GgufBroken, Vuln02KeysThatAreNotThere) {
  Raw raw = start(0, uint64_t(1) << 60);
  raw.bytes.resize(64);
  EXPECT_REFUSED(raw, "it claims 1152921504606846976 keys");
  EXPECT_REFUSED(start(0, 65'536), "the 0 bytes after that can not hold them");
  EXPECT_REFUSED(start(0, 65'537), "at most 65536");
  EXPECT_REFUSED(start(0, UINT64_MAX), "at most 65536");
}

TEST(GgufBroken, Vuln03TensorsThatAreNotThere) {
  EXPECT_REFUSED(start(UINT64_MAX, 0), "it claims 18446744073709551615 tensors");
  EXPECT_REFUSED(start(1'000'000, 0), "can not hold them");
  EXPECT_REFUSED(start(1'000'001, 0), "at most 1000000");
}

TEST(GgufBroken, Vuln04ArraysLongerThanTheFile) {
  for (uint32_t type = 0; type <= 12; ++type) {
    if (type == 9) continue;
    for (uint64_t count : {UINT64_MAX, uint64_t(1) << 61, uint64_t(100)}) {
      Raw raw = start(0, 1).key("k", 9).number(type, 4).number(count, 8);
      EXPECT_REFUSED(raw, "key 'k': an array claims");
    }
  }
  EXPECT_REFUSED(start(0, 1).key("k", 9).number(9, 4).number(1, 8), "an array of arrays");
  EXPECT_REFUSED(start(0, 1).key("k", 9).number(13, 4).number(1, 8), "type 13");
  std::string zeros((size_t(1) << 24) + 1, '\0');
  Raw large = start(0, 1).key("k", 9).number(0, 4).number(zeros.size(), 8);
  large.bytes += zeros;
  EXPECT_REFUSED(large, "16777217 elements, more than the limit");
}

TEST(GgufBroken, Vuln05StringsLongerThanTheFile) {
  for (uint64_t length : {UINT64_MAX, uint64_t(INT64_MAX), uint64_t(1) << 31, uint64_t(3)}) {
    EXPECT_REFUSED(start(0, 1).key("k", 8).number(length, 8).number(0, 1),
                   "key 'k': a string claims");
    Raw key = start(0, 1).number(length + 8, 8).number(0, 6);
    EXPECT_REFUSED(key, "key 0: a string claims");
  }
  Raw long_key = start(0, 1).key(std::string(65'536, 'k'), 0).number(0, 1);
  EXPECT_REFUSED(long_key, "more than the limit of 65535");
  Raw long_name = start(1, 0).tensor(std::string(1025, 'n'), {1}, kF32, 0);
  EXPECT_REFUSED(long_name, "tensor 0: a string has 1025 bytes, more than the limit of 1024");
}

TEST(GgufBroken, Vuln06ManyTensorsWhoseSumWraps) {
  constexpr uint64_t kBytes = uint64_t(1) << 62;
  Raw raw = start(5, 0);
  for (uint64_t i = 0; i < 5; ++i) raw.tensor(std::to_string(i), {kBytes / 4}, kF32, i * kBytes);
  raw.bytes.resize(1024);
  EXPECT_REFUSED(raw, "tensor '0': its 4611686018427387904 bytes at 0 end beyond the file");
}

TEST(GgufBroken, Vuln07SumThatWrapsBehindASmallTensor) {
  Raw raw = start(2, 0).tensor("a", {1}, kF32, 0).tensor("b", {INT64_MAX / 4 - 7}, kF32, 32);
  raw.bytes.resize(1024);
  EXPECT_REFUSED(raw, "tensor 'b': its 9223372036854775776 bytes at 32 end beyond the file");
}

TEST(GgufBroken, Vuln08SizesOfQuantizedTypesThatOverflow) {
  EXPECT_REFUSED(with_tensor({INT64_MAX - 31}, kQ8_0), "in q8_0 does not fit 63 bits");
  EXPECT_REFUSED(with_tensor({32, uint64_t(1) << 60}, kQ4_0), "does not fit 63 bits");
  EXPECT_REFUSED(with_tensor({256, (uint64_t(1) << 54) + 1, 128}, kQ4K), "does not fit 63 bits");
  EXPECT_REFUSED(with_tensor({32, uint64_t(1) << 57}, kQ4_0), "end beyond the file");
}

TEST(GgufBroken, Vuln09PaddingThatWraps) {
  EXPECT_REFUSED(with_tensor({(uint64_t(1) << 62) - 1}, kF32), "does not fit 63 bits");
  EXPECT_REFUSED(with_tensor({INT64_MAX / 4}, kF32), "end beyond the file");
}

TEST(GgufBroken, Vuln10RowsThatAreNotWholeBlocks) {
  EXPECT_REFUSED(with_tensor({31}, kQ4_0), "rows of 31 numbers are not whole blocks of 32");
  EXPECT_REFUSED(with_tensor({128, 2}, kQ4K), "rows of 128 numbers are not whole blocks of 256");
  EXPECT_REFUSED(with_tensor({}, kQ4K), "not whole blocks");
  EXPECT_EQ(refusal(with_tensor({}, kF32).bytes), "");
}

TEST(GgufBroken, Vuln11Alignment) {
  auto aligned = [](uint32_t type, uint64_t value, size_t width) {
    return start(0, 1).key("general.alignment", type).number(value, width);
  };
  for (uint64_t alignment : {0, 1, 3, 4, 24, 33, 1 << 25, INT32_MIN})
    EXPECT_REFUSED(aligned(4, alignment, 4), "key 'general.alignment'");
  EXPECT_REFUSED(aligned(5, uint64_t(-32), 4), "is -32; it must be a power of two");
  EXPECT_REFUSED(aligned(6, 0x42000000, 4), "must be a whole number; it is a number");
  EXPECT_REFUSED(aligned(7, 1, 1), "must be a whole number; it is true or false");
  EXPECT_EQ(refusal(aligned(5, 64, 4).bytes), "");
}

// A good file with a tokenizer, by the writer, to be broken.
GgufMetadata small_model() {
  GgufMetadata metadata;
  metadata.set("general.architecture", "llama");
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte)
    tokens.push_back(bytes_to_characters(std::string(1, char(byte))));
  tokens.insert(tokens.end(), {"he", "<s>", "[PAD258]"});
  std::vector<int64_t> types(tokens.size(), 1);
  types[257] = 3;
  types[258] = 5;
  metadata.set("tokenizer.ggml.model", "gpt2");
  metadata.set("tokenizer.ggml.pre", "deepseek-v3");
  metadata.set("tokenizer.ggml.tokens", tokens);
  metadata.set("tokenizer.ggml.token_type", types);
  metadata.set("tokenizer.ggml.merges", std::vector<std::string>{"h e"});
  metadata.set("tokenizer.ggml.bos_token_id", int64_t(257));
  metadata.set("tokenizer.ggml.eos_token_id", int64_t(257));
  metadata.set("tokenizer.ggml.add_bos_token", true);
  return metadata;
}

std::string small_file() {
  std::string path = testing::TempDir() + "weir_gguf_broken_" + std::to_string(getpid());
  std::vector<GgufWriter::Tensor> tensors = {{"a", WeightType::f32, {2, 3}},
                                             {"b", WeightType::q4_0, {2, 32}}};
  std::string data(24 + 36, 'x');
  Result<GgufWriter> writer = GgufWriter::create(path, small_model(), tensors);
  EXPECT_TRUE(writer);
  EXPECT_TRUE(writer->write(std::as_bytes(std::span(data.data(), data.size()))));
  EXPECT_TRUE(writer->finish());
  std::string bytes = *read_file(path);
  EXPECT_TRUE(remove_all(path));
  return bytes;
}

std::string tokenizer_refusal(const GgufMetadata& metadata) {
  Result<Tokenizer> read = read_gguf_tokenizer(metadata);
  return read ? "" : read.error().message;
}

TEST(GgufBroken, Vuln13KeysOfTheTokenizerInEveryType) {
  const std::vector<GgufValue> values = {true,
                                         int64_t(1),
                                         0.5,
                                         "x",
                                         std::vector<bool>{true},
                                         std::vector<int64_t>{1},
                                         std::vector<double>{0.5},
                                         std::vector<std::string>{"x y"}};
  const GgufMetadata good = small_model();
  ASSERT_EQ(tokenizer_refusal(good), "");
  for (const GgufMetadata::Entry& entry : good.entries()) {
    if (entry.key == "general.architecture") continue;
    for (const GgufValue& value : values) {
      if (value.index() == entry.value.index()) continue;
      GgufMetadata wrong = good;
      wrong.set(entry.key, value);
      EXPECT_NE(tokenizer_refusal(wrong).find("key '" + entry.key + "' must be"), std::string::npos)
          << tokenizer_refusal(wrong);
    }
  }
}

TEST(GgufBroken, Vuln14ByteTokensThatAreNone) {
  for (const char* token : {"<0x-1>", "<0xZZ>", "<0x100>", "<0x1>", "<0x 1>", "<0xff>", "0x41"}) {
    GgufMetadata metadata = small_model();
    std::vector<std::string> tokens = **metadata.strings_at("tokenizer.ggml.tokens");
    std::vector<int64_t> types = **metadata.ints_at("tokenizer.ggml.token_type");
    tokens[256] = token;
    types[256] = 6;
    metadata.set("tokenizer.ggml.tokens", tokens);
    metadata.set("tokenizer.ggml.token_type", types);
    EXPECT_EQ(tokenizer_refusal(metadata),
              "token 256 ('" + std::string(token) +
                  "') has the type of a byte but is not named <0x00> to <0xFF>");
  }
}

TEST(GgufBroken, Vuln15TokensOfAnyLength) {
  Raw raw = start(0, 1).key("tokenizer.ggml.tokens", 9).number(8, 4).number(1, 8);
  raw.number(uint64_t(1) << 31, 8).bytes += std::string(3'000'000, 'x');
  EXPECT_REFUSED(raw, "key 'tokenizer.ggml.tokens': a string claims 2147483648 bytes");
  GgufMetadata metadata = small_model();
  std::vector<std::string> tokens = **metadata.strings_at("tokenizer.ggml.tokens");
  tokens[256] = std::string(3'000'000, 'x');
  metadata.set("tokenizer.ggml.tokens", tokens);
  EXPECT_NE(tokenizer_refusal(metadata).find("is longer than 64 KiB"), std::string::npos);
  EXPECT_LT(tokenizer_refusal(metadata).size(), 300u);
}

TEST(GgufBroken, Vuln16PromptsOfAnyLength) {
  Result<Tokenizer> tokenizer = read_gguf_tokenizer(small_model());
  ASSERT_TRUE(tokenizer);
  std::string prompt(3'000'000, 'x');
  EXPECT_EQ(tokenizer->encode(prompt)->size(), prompt.size());
}

TEST(GgufBroken, Vuln19DataBeyondTheFile) {
  // 4,096 bytes of data are there.
  EXPECT_EQ(refusal(with_tensor({1024}, kF32).bytes), "");
  for (uint64_t numbers : {uint64_t(1025), uint64_t(2048), uint64_t(1) << 60})
    EXPECT_REFUSED(with_tensor({numbers}, kF32), "tensor 't': its ");
  for (uint64_t offset : {uint64_t(32), uint64_t(4096), uint64_t(1) << 63, ~uint64_t(0)})
    EXPECT_REFUSED(with_tensor({1}, kF32, offset), "tensor 't': its data begins at ");
  Raw overlap = start(2, 0).tensor("a", {16}, kF32, 0).tensor("b", {16}, kF32, 32);
  overlap.bytes.resize(4096);
  EXPECT_REFUSED(overlap, "tensor 'b': its data begins at 32, but the data before it ends at 64");
  Raw twice = start(2, 0).tensor("a", {8}, kF32, 0).tensor("a", {8}, kF32, 32);
  twice.bytes.resize(4096);
  EXPECT_REFUSED(twice, "tensor 'a' is there twice");
}

// Kilobytes at the peak of a child that does this.
long peak_of(const std::function<void()>& work) {
  pid_t child = fork();
  if (child == 0) {
    work();
    _exit(0);
  }
  struct rusage usage {};
  int status = 0;
  EXPECT_EQ(wait4(child, &status, 0, &usage), child);
  EXPECT_EQ(status, 0);
  return usage.ru_maxrss;
}

TEST(GgufBroken, Vuln20MemoryFollowsTheSizeOfTheFile) {
  constexpr size_t kBytes = 1 << 20;
  std::vector<Raw> files;
  for (uint32_t type : {0, 7, 8}) {  // the elements that grow most in memory
    size_t width = type == 8 ? 8 : 1;
    Raw raw = start(0, 1).key("k", 9).number(type, 4).number((kBytes - 100) / width, 8);
    raw.bytes.resize(kBytes);
    files.push_back(std::move(raw));
  }
  Raw keys = start(0, 50'000);
  for (int i = 0; i < 50'000; ++i) keys.key(std::to_string(i), 0).number(0, 1);
  files.push_back(std::move(keys));
  Raw tensors = start(20'000, 0);
  for (uint64_t i = 0; i < 20'000; ++i) tensors.tensor(std::to_string(i), {1, 1, 1}, kF32, 32 * i);
  files.push_back(std::move(tensors));
  // Added tokens are looked for by a tree of their letters.
  GgufMetadata added = small_model();
  std::vector<std::string> tokens = **added.strings_at("tokenizer.ggml.tokens");
  std::vector<int64_t> types = **added.ints_at("tokenizer.ggml.token_type");
  for (int i = 0; i < 1000; ++i) {
    tokens.push_back(std::to_string(i * 7919 % 1000 + 1000) + std::string(1000, 'x'));
    types.push_back(4);
  }
  added.set("tokenizer.ggml.tokens", tokens);
  added.set("tokenizer.ggml.token_type", types);

  // Beyond what a child has of this process, which grows meanwhile.
  const auto own_peak_of = [](const std::function<void()>& work) {
    const long before = peak_of([] {});
    return peak_of(work) - before;
  };
  for (const Raw& file : files)
    EXPECT_LT(own_peak_of([&] { (void)parse(file.bytes); }), 64 << 10) << refusal(file.bytes);
  ASSERT_EQ(tokenizer_refusal(added), "");
  // A million letters at about 50 bytes, and what of this process a child makes its own.
  EXPECT_LT(own_peak_of([&] { (void)read_gguf_tokenizer(added); }), 80 << 10);
}

TEST(GgufBroken, Vuln21Versions) {
  for (uint32_t version : {0, 1}) EXPECT_REFUSED(start(0, 0, version), "unsupported version");
  EXPECT_EQ(refusal(start(0, 0, 2).bytes), "");
  EXPECT_EQ(refusal(start(0, 0, 3).bytes), "");
  EXPECT_REFUSED(start(0, 0, 4), "unsupported version 4 of GGUF; convert the original model");
  EXPECT_REFUSED(start(0, 0, 0x03000000), "big-endian");
}

TEST(GgufBroken, Vuln22SizesOfZero) {
  EXPECT_REFUSED(with_tensor({0}, kF32), "tensor 't': a dimension of its shape [0] is zero");
  EXPECT_REFUSED(with_tensor({8, 0, 2}, kF32), "shape [2, 0, 8] is zero");
  EXPECT_REFUSED(with_tensor({UINT64_MAX, 0, 256}, kQ4K), "is zero");
}

TEST(GgufBroken, NamesTypesItDoesNotRead) {
  EXPECT_REFUSED(with_tensor({256}, 15), "tensor 't': unsupported type Q8_K; choose a file in");
  EXPECT_REFUSED(with_tensor({256}, 36), "unsupported type IQ4_NL_4_4");
  EXPECT_REFUSED(with_tensor({256}, 254), "unsupported type 254");
  EXPECT_REFUSED(with_tensor({256}, 139), "unsupported type 139 (of ik_llama.cpp)");
  // Our own number for a type that only safetensors has.
  EXPECT_REFUSED(with_tensor({256}, 255), "unsupported type 255");
  EXPECT_REFUSED(with_tensor({256}, 0xFFFFFFFF), "unsupported type 4294967295");
}

TEST(GgufBroken, SaysWhatIsNoGguf) {
  EXPECT_EQ(refusal(""), "not a GGUF file: it has 0 bytes, fewer than 24");
  EXPECT_EQ(refusal(std::string(64, 'x')), "not a GGUF file: it does not begin with 'GGUF'");
  EXPECT_NE(refusal("tjgg" + std::string(64, '\1')).find("older than GGUF"), std::string::npos);
}

TEST(GgufBroken, RefusesWrongKeysAndValues) {
  EXPECT_REFUSED(start(0, 2).key("k", 0).number(1, 1).key("k", 0).number(1, 1),
                 "'k' is there twice");
  EXPECT_REFUSED(start(0, 1).key("", 0).number(1, 8), "key 0 ('') is no name");
  EXPECT_REFUSED(start(0, 1).key("\xFF", 0).number(1, 1), "is no name");
  EXPECT_REFUSED(start(0, 1).key("k", 7).number(2, 1), "key 'k': 2 is neither true (1) nor false");
  EXPECT_REFUSED(start(0, 1).key("k", 13).number(2, 8), "key 'k': its value has type 13");
  EXPECT_REFUSED(start(0, 1).key("k", 10).number(uint64_t(1) << 63, 8), "does not fit 63 bits");
  EXPECT_REFUSED(start(0, 1).key("\x1B[31m", 13).number(2, 8), "key '?[31m'");
  EXPECT_REFUSED(start(1, 0).tensor("", {1, 1}, kF32, 0), "tensor 0 ('') has no name");
  EXPECT_REFUSED(start(1, 0).tensor("t", {1, 1, 1, 1, 1}, kF32, 0), "5 dimensions, at most 4");
}

TEST(GgufBroken, RefusesTokenizersThatAreWrong) {
  auto with = [](const char* key, GgufValue value) {
    GgufMetadata metadata = small_model();
    metadata.set(std::string("tokenizer.ggml.") + key, std::move(value));
    return tokenizer_refusal(metadata);
  };
  auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  EXPECT_PRED2(has, with("model", "llama"), "is 'llama'; only byte-level BPE");
  EXPECT_PRED2(has, with("pre", "\x1B"), "is '?', which is not supported");
  EXPECT_PRED2(has, with("token_type", std::vector<int64_t>{1}), "has 1 entries for 259 tokens");
  EXPECT_PRED2(has, with("token_type", std::vector<int64_t>(259, 7)), "has type 7");
  EXPECT_PRED2(has, with("token_type", std::vector<int64_t>(259, -1)), "has type -1");
  EXPECT_PRED2(has, with("bos_token_id", int64_t(258)), "the tokens have ids from 0 to 257");
  EXPECT_PRED2(has, with("eos_token_id", int64_t(-1)), "the tokens have ids from 0 to 257");
  EXPECT_PRED2(has, with("eos_token_id", INT64_MAX), "the tokens have ids from 0 to 257");
  for (const char* merge : {"", " ", "he", "h ", " he"})
    EXPECT_PRED2(has, with("merges", std::vector<std::string>{merge}), "merge 0");
  EXPECT_PRED2(has, with("merges", std::vector<std::string>{"h e", "x y"}), "needs the token 'xy'");
  EXPECT_PRED2(has, with("tokens", std::vector<std::string>{}), "has 259 entries for 0 tokens");
  std::vector<std::string> tokens = **small_model().strings_at("tokenizer.ggml.tokens");
  tokens[256] = "";
  EXPECT_PRED2(has, with("tokens", tokens), "token 256 ('') is empty");
  tokens[256] = "a";
  EXPECT_PRED2(has, with("tokens", tokens), "token 'a' has two ids");
}

TEST(GgufBroken, CutAnywhereIsAnError) {
  std::string good = small_file();
  ASSERT_EQ(refusal(good), "");
  size_t end = good.size() - (64 - 36);  // the padding after the last tensor may be missing
  for (size_t size = 0; size < good.size(); ++size) {
    std::string message = refusal(good.substr(0, size));
    EXPECT_EQ(message.empty(), size >= end) << size;
    EXPECT_LT(message.size(), 300u);
  }
}

TEST(GgufBroken, FlippedBitsNeverCrashAndAlwaysSayTheSame) {
  const std::string good = small_file();
  int accepted = 0, refused = 0;
  for (size_t at = 0; at < good.size(); ++at) {
    for (int flip : {0xFF, 0x80, 1}) {
      std::string bytes = good;
      bytes[at] = char(bytes[at] ^ flip);
      std::string first = refusal(bytes);
      EXPECT_EQ(first, refusal(bytes));
      EXPECT_LT(first.size(), 400u);
      (first.empty() ? accepted : refused)++;
      if (first.empty()) (void)tokenizer_refusal(parse(bytes)->metadata);
    }
  }
  EXPECT_GT(accepted, 0);
  EXPECT_GT(refused, 0);
}

class GgufParts : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "weir_gguf_parts_" + std::to_string(getpid());
    ASSERT_TRUE(remove_all(folder_) && make_directories(folder_));
  }
  void TearDown() override { (void)remove_all(folder_); }
  std::string path(int number) const {
    return folder_ + "/m" + gguf_part_suffix(uint64_t(number), 2);
  }
  void put(int number, uint64_t says, uint64_t count, const std::string& tensor, int64_t total) {
    Raw raw = start(1, 3).key("split.no", 2).number(says, 2).key("split.count", 2).number(count, 2);
    raw.key("split.tensors.count", 5).number(uint64_t(total), 4).tensor(tensor, {8}, kF32, 0);
    raw.bytes.resize(raw.bytes.size() / 32 * 32 + 64);
    ASSERT_TRUE(write_file_atomic(path(number), raw.bytes));
  }
  std::string refusal_of_parts() const {
    Result<GgufFile> file = GgufFile::open(path(0));
    return file ? "" : file.error().message;
  }
  std::string folder_;
};

TEST_F(GgufParts, MustBeThereAndAgree) {
  put(0, 0, 2, "a", 2);
  EXPECT_EQ(refusal_of_parts(), path(1) +
                                    ": part 2 of 2 of the split model is missing; it must "
                                    "lie beside the first");
  put(1, 1, 2, "b", 2);
  EXPECT_EQ(refusal_of_parts(), "");
  put(1, 1, 2, "a", 2);
  EXPECT_EQ(refusal_of_parts(), path(1) + ": tensor 'a' is also in " + path(0));
  put(1, 0, 2, "b", 2);
  EXPECT_NE(refusal_of_parts().find("it says that it is part 1 of 2, its name says 2 of 2"),
            std::string::npos);
  put(1, 1, 3, "b", 2);
  EXPECT_NE(refusal_of_parts().find("part 2 of 3, its name says 2 of 2"), std::string::npos);
  put(1, 1, 2, "b", 2);
  put(0, 0, 2, "a", 3);
  EXPECT_NE(refusal_of_parts().find("'split.tensors.count' is 3, but its 2 parts have 2 tensors"),
            std::string::npos);
  put(0, 2, 2, "a", 2);
  EXPECT_NE(refusal_of_parts().find("key 'split.no' is 2"), std::string::npos);
  put(0, 0, 65535, "a", 2);
  EXPECT_NE(refusal_of_parts().find("key 'split.count' is 65535"), std::string::npos);
  put(0, 0, 1, "a", 2);
  EXPECT_EQ(refusal_of_parts(), "");
}

}  // namespace
}  // namespace weir
