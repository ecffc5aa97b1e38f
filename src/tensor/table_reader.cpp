#include "tensor/table_reader.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/clock.h"
#include "base/div_up.h"

namespace weir {
namespace {

constexpr size_t kFileBlock = DirectFile::kBlock;
// Small reads all over a file: a disk takes many at a time.
constexpr int kTableReaders = 16, kSlots = 4 * kTableReaders;
constexpr size_t kTogetherBytes = size_t(64) << 10;  // of neighbouring rows, read at once

}  // namespace

TableReader::TableReader(Source source)
    : source_(std::move(source)), jobs_(source_.tables.size()), reading_(kSlots) {
  size_t widest = 0;
  for (const Table& table : source_.tables)
    widest = std::max({widest, table.codes.bytes, table.scales.bytes});
  slot_bytes_ = kTogetherBytes + round_up(widest, kFileBlock) + 2 * kFileBlock;
  memory_ = Buffer(kSlots * slot_bytes_);
  for (int slot = 0; slot < kSlots; ++slot) free_.push_back(slot);
  reader_.reset(new ExpertReader(kTableReaders, *this));  // the base is private
}

TableReader::~TableReader() = default;

std::byte* TableReader::slot_data(int slot) {
  return reinterpret_cast<std::byte*>(memory_.data()) + size_t(slot) * slot_bytes_;
}

std::string TableReader::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

TableReader::Statistics TableReader::statistics() const {
  const std::lock_guard lock(mutex_);
  return statistics_;
}

bool TableReader::is_direct() const {
  return std::all_of(source_.files.begin(), source_.files.end(),
                     [](const auto& file) { return file->is_direct(); });
}

// Rows whose blocks touch are read together.
void TableReader::add_pieces(int table, bool is_scales, std::vector<Piece>& pieces) const {
  const Rows& rows =
      is_scales ? source_.tables[size_t(table)].scales : source_.tables[size_t(table)].codes;
  if (rows.bytes == 0) return;
  const Job& job = jobs_[size_t(table)];
  const size_t before = pieces.size();
  for (size_t i = 0; i < job.distinct.size(); ++i) {
    const uint64_t begin = rows.offset + uint64_t(job.distinct[i]) * rows.bytes;
    const uint64_t end = begin + rows.bytes;
    if (pieces.size() > before) {
      Piece& last = pieces.back();
      if (begin <= round_up(last.begin + last.bytes, uint64_t(kFileBlock)) &&
          end - last.begin <= kTogetherBytes) {
        last.bytes = size_t(end - last.begin);
        ++last.count;
        continue;
      }
    }
    const uint64_t aligned = begin / kFileBlock * kFileBlock;
    pieces.push_back({table, is_scales, i, 1, aligned, size_t(end - aligned)});
  }
}

void TableReader::begin(int table, std::span<const int32_t> rows) {
  wait(table);
  Job& job = jobs_[size_t(table)];
  job.distinct.assign(rows.begin(), rows.end());
  std::sort(job.distinct.begin(), job.distinct.end());
  job.distinct.erase(std::unique(job.distinct.begin(), job.distinct.end()), job.distinct.end());
  job.slot_of.clear();
  for (int32_t row : rows)
    job.slot_of.push_back(uint32_t(std::lower_bound(job.distinct.begin(), job.distinct.end(), row) -
                                   job.distinct.begin()));
  job.data.resize(job.distinct.size() * row_bytes(table));
  job.failed.assign(job.distinct.size(), 0);
  std::vector<Piece> pieces;
  add_pieces(table, false, pieces);
  add_pieces(table, true, pieces);
  const std::lock_guard lock(mutex_);
  job.left = pieces.size();
  statistics_.rows += int64_t(rows.size());
  statistics_.distinct += int64_t(job.distinct.size());
  // Those of tables that are asked for earlier stay in front.
  std::reverse(pieces.begin(), pieces.end());
  waiting_.insert(waiting_.begin(), pieces.begin(), pieces.end());
  while (!free_.empty() && !waiting_.empty()) {
    const int slot = free_.back();
    free_.pop_back();
    start(slot);
  }
}

// The next piece, into this slot.
void TableReader::start(int slot) {
  const Piece piece = waiting_.back();
  waiting_.pop_back();
  reading_[size_t(slot)] = piece;
  reader_->add({{source_.files[size_t(rows_of(piece).file)].get(), piece.begin, piece.bytes,
                 slot_data(slot), slot}},
               true);
}

void TableReader::copy_rows(const Piece& piece, const std::byte* from) {
  const Rows& rows = rows_of(piece);
  const size_t stride = row_bytes(piece.table);
  const size_t within = piece.is_scales ? source_.tables[size_t(piece.table)].codes.bytes : 0;
  Job& job = jobs_[size_t(piece.table)];
  for (size_t i = piece.first; i < piece.first + piece.count; ++i)
    std::memcpy(job.data.data() + i * stride + within,
                from + (rows.offset + uint64_t(job.distinct[i]) * rows.bytes - piece.begin),
                rows.bytes);
}

void TableReader::piece_read(int ticket, size_t bytes, const Result<void>& result) {
  const Piece piece = reading_[size_t(ticket)];  // the slot is this thread's
  if (result) copy_rows(piece, slot_data(ticket));
  const std::lock_guard lock(mutex_);
  ++statistics_.reads;
  statistics_.bytes_read += int64_t(bytes);
  Job& job = jobs_[size_t(piece.table)];
  if (!result) {
    if (failure_.empty()) failure_ = result.error().message;
    std::fill_n(job.failed.begin() + ptrdiff_t(piece.first), piece.count, uint8_t(1));
  }
  if (--job.left == 0) arrived_.notify_all();
  if (waiting_.empty())
    free_.push_back(ticket);
  else
    start(ticket);
}

void TableReader::wait(int table) {
  std::unique_lock lock(mutex_);
  Job& job = jobs_[size_t(table)];
  if (job.left == 0) return;
  const int64_t began = monotonic_ns();
  arrived_.wait(lock, [&] { return job.left == 0; });
  statistics_.wait_seconds += double(monotonic_ns() - began) * 1e-9;
}

TableReader::Row TableReader::row(int table, size_t at) const {
  const Job& job = jobs_[size_t(table)];
  const size_t slot = job.slot_of[at];
  if (job.failed[slot]) return {};
  const std::byte* codes = job.data.data() + slot * row_bytes(table);
  const Rows& scales = source_.tables[size_t(table)].scales;
  return {codes, scales.bytes > 0 ? codes + source_.tables[size_t(table)].codes.bytes : nullptr};
}

}  // namespace weir
