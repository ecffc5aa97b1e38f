// Rows of large tables (ops/ngram_ops.h), read from files when a pass knows which it needs: all of
// a prompt at once, many reads at a time, so that a disk is as busy as it can be and no row waits
// for a page fault of its own.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/direct_file.h"
#include "tensor/buffer.h"
#include "tensor/expert_reader.h"

namespace weir {

// Numbers of a row, at most.
constexpr int kTableColumnsMost = 8192;

class TableReader : private ExpertReader::Listener {
 public:
  // Rows one behind the other in a file.
  struct Rows {
    int file = 0;
    uint64_t offset = 0;
    size_t bytes = 0;  // of a row; 0: there are none
  };
  struct Table {
    Rows codes, scales;
  };
  struct Source {
    std::vector<std::unique_ptr<DirectFile>> files;
    std::vector<Table> tables;
  };
  explicit TableReader(Source source);
  ~TableReader() override;

  // Starts reading these rows of a table, which may repeat; those of an earlier call are forgotten.
  // One thread calls begin() and wait().
  void begin(int table, std::span<const int32_t> rows);
  // Until all of them have been read.
  void wait(int table);
  // Row `at` of those given to begin(). Null: it could not be read (failure()).
  struct Row {
    const std::byte *codes = nullptr, *scales = nullptr;
  };
  Row row(int table, size_t at) const;

  // What reading has failed with first; empty: nothing.
  std::string failure() const;
  struct Statistics {
    int64_t rows = 0;      // that passes asked for
    int64_t distinct = 0;  // of a pass
    int64_t reads = 0, bytes_read = 0;
    double wait_seconds = 0;
  };
  Statistics statistics() const;
  bool is_direct() const;

 private:
  // A read of neighbouring rows.
  struct Piece {
    int table = 0;
    bool is_scales = false;
    size_t first = 0, count = 0;  // among the distinct rows
    uint64_t begin = 0;           // in the file, a multiple of DirectFile::kBlock
    size_t bytes = 0;
  };
  struct Job {
    std::vector<int32_t> distinct;  // ascending
    std::vector<uint32_t> slot_of;  // [rows asked for]
    std::vector<std::byte> data;    // [distinct][codes, scales]
    std::vector<uint8_t> failed;    // [distinct]
    size_t left = 0;                // pieces
  };

  void piece_read(int ticket, size_t bytes, const Result<void>& result) override;
  const Rows& rows_of(const Piece& piece) const {
    const Table& table = source_.tables[size_t(piece.table)];
    return piece.is_scales ? table.scales : table.codes;
  }
  size_t row_bytes(int table) const {
    return source_.tables[size_t(table)].codes.bytes + source_.tables[size_t(table)].scales.bytes;
  }
  std::byte* slot_data(int slot);
  void add_pieces(int table, bool is_scales, std::vector<Piece>& pieces) const;
  void copy_rows(const Piece& piece, const std::byte* from);
  void start(int slot);

  Source source_;
  Buffer memory_;  // of the slots
  size_t slot_bytes_ = 0;
  std::vector<Job> jobs_;  // [tables]
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Piece> waiting_;  // the last is read next
  std::vector<Piece> reading_;  // [slots]
  std::vector<int> free_;       // slots
  std::string failure_;
  Statistics statistics_;
  std::unique_ptr<ExpertReader> reader_;  // the last: its threads use the rest
};

}  // namespace weir
