#include "engine/model_key.h"

#include <algorithm>

#include "base/json.h"
#include "base/sha256.h"
#include "kernels/quant/blocks.h"

namespace weir {
namespace {

// A few milliseconds when the weights are in memory, and at most as many reads from a disk.
constexpr size_t kPieces = 4096, kPieceBytes = 256, kWholeBytes = size_t(16) << 10;

void add_text(Sha256& sha, const std::string& text) {
  const uint64_t size = text.size();  // so that no two lists of texts are one
  sha.add(&size, sizeof size);
  sha.add(text.data(), text.size());
}

void add_part(Sha256& sha, const char* data, size_t bytes, size_t pieces) {
  if (bytes <= std::max(kWholeBytes, pieces * kPieceBytes)) return sha.add(data, bytes);
  for (size_t i = 0; i < pieces; ++i) {
    const size_t at = pieces == 1 ? bytes / 2 : (bytes - kPieceBytes) / (pieces - 1) * i;
    sha.add(data + std::min(at, bytes - kPieceBytes), kPieceBytes);
  }
}

}  // namespace

std::string model_key(const Model& model, std::span<const std::byte> probe,
                      const std::string& files) {
  Sha256 sha;
  add_text(sha, "weir rows 1");
  add_text(sha, config_json(model.config()).dump());
  size_t parts = 1;
  for (const Matrix* weight : model.weights()) parts += weight->parts.size();
  const size_t pieces = std::clamp<size_t>(kPieces / parts, 1, 16);
  const size_t stride = parts / kPieces + 1;  // of very many experts not every one is looked at
  size_t part_number = 0;
  for (const Matrix* weight : model.weights()) {
    add_text(sha, weight->name);
    const int shape[] = {int(weight->type), weight->rows, weight->cols, weight->groups};
    sha.add(shape, sizeof shape);
    const size_t count = size_t(weight->group_rows()) * size_t(weight->cols);
    const size_t bytes = type_bytes(weight->type, count);
    for (const void* part : weight->parts)
      if (part_number++ % stride == 0) add_part(sha, static_cast<const char*>(part), bytes, pieces);
  }
  sha.add(probe.data(), probe.size());
  add_text(sha, files);
  return sha.hex();
}

}  // namespace weir
