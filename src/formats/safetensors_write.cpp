// Writing a safetensors file byte for byte as the reference writer does, beside the target and
// renamed over it, so that a mapping of the old file keeps its bytes and a full disk leaves
// nothing.
#include <fmt/format.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "base/json.h"
#include "base/text.h"
#include "formats/safetensors.h"
#include "formats/safetensors_header.h"

namespace weir {
namespace {

// The reference's order of types; the writer places the last first.
constexpr const char* kDtypeOrder[] = {
    "BOOL",    "F4",          "F6_E2M3",     "F6_E3M2", "U8",  "I8",  "F8_E5M2", "F8_E4M3",
    "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "I16",     "U16", "F16", "BF16",    "I32",
    "U32",     "F32",         "C64",         "F64",     "I64", "U64"};

int dtype_rank(const std::string& dtype) {
  return int(std::find(std::begin(kDtypeOrder), std::end(kDtypeOrder), dtype) - kDtypeOrder);
}

// Refuses what the reader would refuse.
Result<void> check_sources(const std::vector<TensorSource>& tensors) {
  if (tensors.size() > kTensorsMax) return Error{fmt::format("more than {} tensors", kTensorsMax)};
  const std::string* previous = nullptr;
  std::vector<const std::string*> names;
  for (const TensorSource& tensor : tensors) {
    if (tensor.name == "__metadata__" || tensor.name.size() > kTensorNameMax ||
        first_invalid_utf8(tensor.name) != std::string_view::npos)
      return Error{fmt::format("'{}' can not be a tensor's name", tensor.name.substr(0, 80))};
    if (tensor.shape.size() > kTensorRankMax)
      return Error{
          fmt::format("tensor '{}': more than {} dimensions", tensor.name, kTensorRankMax)};
    uint64_t bits = uint64_t(dtype_bits(tensor.dtype));
    bool fits = bits > 0;
    for (uint64_t dimension : tensor.shape)
      fits = fits && !__builtin_mul_overflow(bits, dimension, &bits);
    if (!fits || bits % 8 != 0 || bits / 8 != tensor.bytes.size())
      return Error{fmt::format("tensor '{}': {} bytes do not match {} of shape [{}]", tensor.name,
                               tensor.bytes.size(), tensor.dtype, fmt::join(tensor.shape, ", "))};
    names.push_back(&tensor.name);
  }
  std::sort(names.begin(), names.end(),
            [](const std::string* a, const std::string* b) { return *a < *b; });
  for (const std::string* name : names) {
    if (previous && *previous == *name)
      return Error{fmt::format("tensor '{}' is there twice", *name)};
    previous = name;
  }
  return {};
}

std::string quoted(const std::string& text) { return Json(text).dump(); }

// The length, the JSON and spaces up to a multiple of 8.
Result<std::string> header_bytes(const std::vector<TensorSource>& tensors,
                                 const std::map<std::string, std::string>& metadata) {
  std::string text = "{", separator;
  if (!metadata.empty()) {
    text += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) {
      text += fmt::format("{}{}:{}", separator, quoted(key), quoted(value));
      separator = ",";
    }
    text += "}";
  }
  uint64_t offset = 0;
  for (const TensorSource& tensor : tensors) {
    text += fmt::format("{}{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}}",
                        separator, quoted(tensor.name), tensor.dtype, fmt::join(tensor.shape, ","),
                        offset, offset + tensor.bytes.size());
    separator = ",";
    offset += tensor.bytes.size();
  }
  text += "}";
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > 100'000'000) return Error{"the header would be larger than 100 MB"};
  std::string length(8, '\0');
  for (size_t i = 0; i < 8; ++i) length[i] = char(text.size() >> (8 * i));
  return length + text;
}

struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// Writes and hashes in pieces that stay in the cache between the two.
class HashingWriter {
 public:
  static Result<HashingWriter> create(const std::string& path) {
    FileWriter file = TRY(FileWriter::create(path));
    std::unique_ptr<EVP_MD_CTX, FreeDigest> digest(EVP_MD_CTX_new());
    if (!digest || EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr) != 1)
      return Error{"SHA-256 is not available in libcrypto"};
    return HashingWriter(std::move(file), std::move(digest));
  }
  Result<void> write(const void* data, size_t bytes) {
    constexpr size_t kPiece = size_t(1) << 18;
    for (size_t done = 0; done < bytes; done += kPiece) {
      const char* piece = static_cast<const char*>(data) + done;
      size_t count = std::min(kPiece, bytes - done);
      TRY(file_.write(piece, count));
      if (EVP_DigestUpdate(digest_.get(), piece, count) != 1) return Error{"SHA-256 failed"};
    }
    return {};
  }
  Result<std::string> close() {
    TRY(file_.close());
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    if (EVP_DigestFinal_ex(digest_.get(), hash, &length) != 1) return Error{"SHA-256 failed"};
    std::string hex;
    for (unsigned int i = 0; i < length; ++i) hex += fmt::format("{:02x}", hash[i]);
    return hex;
  }

 private:
  HashingWriter(FileWriter file, std::unique_ptr<EVP_MD_CTX, FreeDigest> digest)
      : file_(std::move(file)), digest_(std::move(digest)) {}
  FileWriter file_;
  std::unique_ptr<EVP_MD_CTX, FreeDigest> digest_;
};

Result<std::string> write_aside(const std::string& path, const std::string& header,
                                const std::vector<TensorSource>& tensors) {
  HashingWriter out = TRY(HashingWriter::create(path));
  TRY(out.write(header.data(), header.size()));
  for (const TensorSource& tensor : tensors)
    TRY(out.write(tensor.bytes.data(), tensor.bytes.size()));
  return out.close();
}

}  // namespace

Result<std::string> write_safetensors(const std::string& path, std::vector<TensorSource> tensors,
                                      const std::map<std::string, std::string>& metadata) {
  TRY_IN(path, check_sources(tensors));
  std::sort(tensors.begin(), tensors.end(), [](const TensorSource& a, const TensorSource& b) {
    int left = dtype_rank(a.dtype), right = dtype_rank(b.dtype);
    return left != right ? left > right : a.name < b.name;
  });
  std::string header = TRY_IN(path, header_bytes(tensors, metadata));
  uint64_t total = header.size();
  for (const TensorSource& tensor : tensors) total += tensor.bytes.size();

  std::string aside = fmt::format("{}.writing-{}", path, getpid());
  auto hash = write_aside(aside, header, tensors);
  if (!hash)
    return std::move(hash).error().within(
        fmt::format("writing {} ({})", path, format_bytes(double(total))));
  if (auto renamed = rename_path(aside, path); !renamed) {
    (void)remove_all(aside);  // the rename's error is the one to report
    return std::move(renamed).error();
  }
  return *std::move(hash);
}

}  // namespace weir
