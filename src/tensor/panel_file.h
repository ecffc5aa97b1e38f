// All panels of a model as a file, written once and mapped by every later process. Read as
// untrusted: a file that is damaged, cut off or of other weights is never used.
//
// Little-endian:
//   0    8  "weirpnls"
//   8    4  version, 1
//   12   4  matrices
//   16   8  bytes of the file
//   24   64 key, SHA-256 in lower-case hex: of the weights and of how they are repacked
//   88   8  checksum (base/checksum.h) of bytes [0, 88)
//   96      zeros up to 4096, where the panels of the first matrix begin, group by group; those of
//           every other begin at the next multiple of 64
//   then, at a multiple of 64, 8 bytes for each panel of all matrices, its checksum; then 8 bytes,
//   the checksum of those checksums
//
// The checksum of a panel is looked at when the panel is first read: a file of many GB opens at
// once.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "tensor/panels.h"

namespace weir {

class Progress;
class ThreadPool;

// Of one matrix: how many panels, and the bytes of each.
struct PanelShape {
  size_t count, bytes;
};

// Where things lie in a file of these shapes.
struct PanelFileLayout {
  explicit PanelFileLayout(std::span<const PanelShape> shapes);
  std::vector<size_t> offsets;             // of each matrix
  std::vector<size_t> first;               // panel of each matrix, among all
  size_t panels = 0, sums = 0, bytes = 0;  // number; offset of the checksums; of the file
};

// Whether the bytes are such a file, without the panels themselves. The error says what is wrong
// but not where the bytes are from.
Result<void> check_panel_file(std::span<const std::byte> bytes, const PanelFileLayout& layout,
                              size_t matrices, const std::string& key);

class PanelFile {
 public:
  // An error where there is no such file or check_panel_file says no.
  static Result<std::unique_ptr<PanelFile>> open(const std::string& path, const std::string& key,
                                                 std::span<const PanelShape> shapes);
  // The panels of a matrix; valid while this lives.
  StoredPanels of(size_t matrix);
  // When a panel was found damaged: removes the file, so that the next process writes another, and
  // prints a line, once.
  void report_damage();

 private:
  PanelFile(MappedFile file, PanelFileLayout layout)
      : file_(std::move(file)), layout_(std::move(layout)) {}
  MappedFile file_;
  const PanelFileLayout layout_;
  std::atomic<bool> is_damaged_{false};
  bool is_reported_ = false;
};

std::vector<PanelShape> shapes_of(std::span<const Matrix* const> matrices);

// Repacks the matrices, which have blocks, to `path`: aside, then renamed. An error where the disk
// has no room. `progress`: in MB.
Result<void> write_panel_file(const std::string& path, const std::string& key,
                              std::span<const Matrix* const> matrices, ThreadPool& pool,
                              Progress& progress);

}  // namespace weir
