// Writing one safetensors file byte for byte as the reference writer does, beside the target and
// renamed over it, so that a mapping of the old file keeps its bytes and a full disk leaves
// nothing.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/atomic_output.h"
#include "base/disk_space.h"
#include "base/sha256.h"
#include "base/text.h"
#include "formats/safetensors.h"
#include "formats/safetensors_plan.h"

namespace weir {
namespace {

// Writes and hashes in pieces that stay in the cache between the two.
Result<std::string> write_hashed(AtomicFiles& file, const std::vector<std::string_view>& parts) {
  Sha256 sum;
  constexpr size_t kPiece = size_t(1) << 18;
  for (std::string_view part : parts) {
    for (size_t done = 0; done < part.size(); done += kPiece) {
      std::string_view piece = part.substr(done, kPiece);
      TRY(file.write(piece.data(), piece.size()));
      sum.add(piece.data(), piece.size());
    }
  }
  TRY(file.end());
  return sum.hex();
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

  AtomicFiles file;
  std::string place = fmt::format("writing {} ({})", path, format_bytes(double(total)));
  TRY_IN(place, file.begin(path));
  std::string hash = TRY_IN(place, write_hashed(file, parts));
  TRY(file.rename_all());
  return hash;
}

}  // namespace weir
