// Writing one safetensors file byte for byte as the reference writer does, beside the target and
// renamed over it, so that a mapping of the old file keeps its bytes and a full disk leaves
// nothing.
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "base/disk_space.h"
#include "base/text.h"
#include "formats/aside_files.h"
#include "formats/safetensors.h"
#include "formats/safetensors_plan.h"

namespace weir {
namespace {

struct FreeDigest {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

class Digest {
 public:
  static Result<Digest> begin() {
    Digest digest;
    if (!digest.context_ || EVP_DigestInit_ex(digest.context_.get(), EVP_sha256(), nullptr) != 1)
      return Error{"SHA-256 is not available in libcrypto"};
    return digest;
  }
  Result<void> add(const void* data, size_t bytes) {
    if (EVP_DigestUpdate(context_.get(), data, bytes) != 1) return Error{"SHA-256 failed"};
    return {};
  }
  Result<std::string> hex() {
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    if (EVP_DigestFinal_ex(context_.get(), hash, &length) != 1) return Error{"SHA-256 failed"};
    std::string text;
    for (unsigned int i = 0; i < length; ++i) text += fmt::format("{:02x}", hash[i]);
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, FreeDigest> context_{EVP_MD_CTX_new()};
};

// Writes and hashes in pieces that stay in the cache between the two.
Result<std::string> write_hashed(AsideFiles& file, const std::vector<std::string_view>& parts) {
  Digest digest = TRY(Digest::begin());
  constexpr size_t kPiece = size_t(1) << 18;
  for (std::string_view part : parts) {
    for (size_t done = 0; done < part.size(); done += kPiece) {
      std::string_view piece = part.substr(done, kPiece);
      TRY(file.write(piece.data(), piece.size()));
      TRY(digest.add(piece.data(), piece.size()));
    }
  }
  TRY(file.end());
  return digest.hex();
}

}  // namespace

Result<std::string> write_safetensors(const std::string& path, std::vector<TensorSource> tensors,
                                      const std::map<std::string, std::string>& metadata) {
  std::sort(tensors.begin(), tensors.end(), stands_before<TensorSource>);
  std::vector<TensorPlan> plans;
  for (const TensorSource& tensor : tensors)
    plans.push_back({tensor.name, tensor.dtype, tensor.shape});
  std::vector<uint64_t> bytes = TRY_IN(path, planned_bytes(plans));
  for (size_t i = 0; i < tensors.size(); ++i)
    if (bytes[i] != tensors[i].bytes.size())
      return Error{fmt::format("{}: tensor '{}': {} bytes do not match {} of shape [{}]", path,
                               plans[i].name, tensors[i].bytes.size(), plans[i].dtype,
                               fmt::join(plans[i].shape, ", "))};
  std::string header = TRY_IN(path, safetensors_header(plans, bytes, metadata));
  uint64_t total = header.size();
  std::vector<std::string_view> parts = {header};
  for (const TensorSource& tensor : tensors) {
    parts.emplace_back(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
    total += tensor.bytes.size();
  }
  TRY(check_disk_space(path, total));

  AsideFiles file;
  std::string place = fmt::format("writing {} ({})", path, format_bytes(double(total)));
  TRY_IN(place, file.begin(path));
  std::string hash = TRY_IN(place, write_hashed(file, parts));
  TRY(file.rename_all());
  return hash;
}

}  // namespace weir
