#include "tensor/panel_file.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "base/atomic_output.h"
#include "base/checksum.h"
#include "base/disk_space.h"
#include "base/div_up.h"
#include "base/progress.h"
#include "base/thread_pool.h"

namespace weir {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic = "weirpnls";
constexpr uint32_t kVersion = 1;
constexpr size_t kHeader = 4096, kKey = 24, kKeyText = 64, kHeaderSum = 88, kAlignment = 64;
// What is repacked before it is written: enough for all threads.
constexpr size_t kChunk = size_t(8) << 20;

template <class T>
T get(std::span<const std::byte> bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

using Header = std::array<std::byte, kHeader>;

Header header_of(const PanelFileLayout& layout, size_t matrices, const std::string& key) {
  Header header = {};
  const auto set = [&](size_t at, const auto& value) {
    std::memcpy(header.data() + at, &value, sizeof value);
  };
  std::memcpy(header.data(), kMagic.data(), kMagic.size());
  set(8, kVersion);
  set(12, uint32_t(matrices));
  set(16, uint64_t(layout.bytes));
  std::memcpy(header.data() + kKey, key.data(), std::min(key.size(), kKeyText));
  set(kHeaderSum, checksum(std::span(header).first(kHeaderSum)));
  return header;
}

// Repacks and writes; the checksums come last.
class PanelFileWriter {
 public:
  PanelFileWriter(AtomicFiles& out, ThreadPool& pool, Progress& progress)
      : out_(out), pool_(pool), progress_(progress) {}

  Result<void> write(const void* data, size_t bytes) {
    TRY(out_.write(data, bytes));
    written_ += bytes;
    progress_.update(double(written_) / 1e6);
    return {};
  }
  Result<void> fill_to(size_t offset) {
    const std::vector<std::byte> zeros(offset - written_);
    return write(zeros.data(), zeros.size());
  }
  Result<void> write_panels(const Matrix& matrix, PanelShape shape) {
    const size_t at_once = std::max<size_t>(kChunk / shape.bytes, 1);
    for (size_t begin = 0; begin < shape.count; begin += at_once) {
      const size_t count = std::min(at_once, shape.count - begin), first = sums_.size();
      chunk_.resize(count * shape.bytes);
      sums_.resize(first + count);
      pool_.parallel_for(int(count), [&](int i, int) {
        uint8_t* panel = chunk_.data() + size_t(i) * shape.bytes;
        Panels::repack(matrix, begin + size_t(i), panel);
        sums_[first + size_t(i)] = checksum(std::as_bytes(std::span(panel, shape.bytes)));
      });
      TRY(write(chunk_.data(), chunk_.size()));
    }
    return {};
  }
  Result<void> write_sums() {
    sums_.push_back(checksum(std::as_bytes(std::span(sums_))));
    return write(sums_.data(), sums_.size() * sizeof sums_[0]);
  }

 private:
  AtomicFiles& out_;
  ThreadPool& pool_;
  Progress& progress_;
  std::vector<uint8_t> chunk_;
  std::vector<uint64_t> sums_;
  size_t written_ = 0;
};

}  // namespace

PanelFileLayout::PanelFileLayout(std::span<const PanelShape> shapes) {
  size_t at = kHeader;
  for (const PanelShape& shape : shapes) {
    offsets.push_back(at);
    first.push_back(panels);
    at = round_up(at + shape.count * shape.bytes, kAlignment);
    panels += shape.count;
  }
  sums = at;
  bytes = sums + (panels + 1) * sizeof(uint64_t);
}

Result<void> check_panel_file(std::span<const std::byte> bytes, const PanelFileLayout& layout,
                              size_t matrices, const std::string& key) {
  if (bytes.size() < kHeader) return Error{"ends inside its header"};
  if (std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0)
    return Error{"does not hold repacked weights"};
  if (get<uint32_t>(bytes, 8) != kVersion)
    return Error{"has version " + std::to_string(get<uint32_t>(bytes, 8)) +
                 ", which this program does not read"};
  if (get<uint64_t>(bytes, kHeaderSum) != checksum(bytes.first(kHeaderSum)))
    return Error{"is damaged: its header has another checksum than it names"};
  const Header expected = header_of(layout, matrices, key);
  if (std::memcmp(bytes.data() + kKey, expected.data() + kKey, kKeyText) != 0 ||
      get<uint32_t>(bytes, 12) != matrices)
    return Error{"is of other weights"};
  if (bytes.size() != layout.bytes || get<uint64_t>(bytes, 16) != layout.bytes)
    return Error{"is damaged: it has " + std::to_string(bytes.size()) + " bytes of " +
                 std::to_string(layout.bytes)};
  const auto sums = bytes.subspan(layout.sums, layout.panels * sizeof(uint64_t));
  if (get<uint64_t>(bytes, layout.sums + sums.size()) != checksum(sums))
    return Error{"is damaged: its table of checksums has another checksum than it names"};
  return {};
}

Result<std::unique_ptr<PanelFile>> PanelFile::open(const std::string& path, const std::string& key,
                                                   std::span<const PanelShape> shapes) {
  PanelFileLayout layout(shapes);
  MappedFile file = TRY(MappedFile::open(path));
  TRY_IN(path, check_panel_file(file.bytes(), layout, shapes.size(), key));
  return std::unique_ptr<PanelFile>(new PanelFile(std::move(file), std::move(layout)));
}

StoredPanels PanelFile::of(size_t matrix) {
  const std::byte* data = file_.bytes().data();
  return {reinterpret_cast<const uint8_t*>(data + layout_.offsets[matrix]),
          reinterpret_cast<const uint64_t*>(data + layout_.sums) + layout_.first[matrix],
          &is_damaged_};
}

void PanelFile::report_damage() {
  if (is_reported_ || !is_damaged_) return;
  is_reported_ = true;
  ::unlink(file_.path().c_str());
  fprintf(stderr, "note: %s: is damaged; what is damaged is not used, and the file is removed\n",
          file_.path().c_str());
}

std::vector<PanelShape> shapes_of(std::span<const Matrix* const> matrices) {
  std::vector<PanelShape> shapes;
  for (const Matrix* matrix : matrices) {
    const size_t bytes = panel_bytes(matrix->type, matrix->cols);
    shapes.push_back({Panels::bytes_of(*matrix) / bytes, bytes});
  }
  return shapes;
}

Result<void> write_panel_file(const std::string& path, const std::string& key,
                              std::span<const Matrix* const> matrices, ThreadPool& pool,
                              Progress& progress) {
  const std::vector<PanelShape> shapes = shapes_of(matrices);
  const PanelFileLayout layout(shapes);
  TRY(remove_stale_asides_of(path));
  TRY(check_disk_space(path, layout.bytes));
  AtomicFiles files;
  TRY(files.begin(path, layout.bytes));
  PanelFileWriter writer(files, pool, progress);
  const Header header = header_of(layout, matrices.size(), key);
  TRY(writer.write(header.data(), header.size()));
  for (size_t i = 0; i < matrices.size(); ++i) {
    TRY(writer.fill_to(layout.offsets[i]));
    TRY(writer.write_panels(*matrices[i], shapes[i]));
  }
  TRY(writer.fill_to(layout.sums));
  TRY(writer.write_sums());
  TRY(files.end());
  return files.rename_all();
}

}  // namespace weir
