// Tables of n-grams (Engram): the rows of a pass, and tables that are read from their files instead
// of through page faults. docs/larger-than-memory.md has the measurements.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "checkpoint/checkpoint.h"
#include "config/engram.h"
#include "model/expert_plan.h"
#include "model/file_places.h"
#include "model/model.h"
#include "tensor/table_reader.h"

namespace weir {

static_assert(kEngramColumnsMost <= kTableColumnsMost);
namespace {

// Smaller tables are in memory soon, whoever reads them.
constexpr double kMappedBytes = double(64 << 20);
constexpr size_t kScaleColumns = 32;  // of a row, that share a byte of scale

}  // namespace

void Model::set_token_classes(std::span<const int> of_token) {
  if (!token_classes_) return;
  float* classes = token_classes_->parameter->data;
  const size_t pad = size_t(config_.engram_pad_token_id);
  for (size_t i = 0; i < token_classes_->count(); ++i)
    classes[i] = float(of_token[i < of_token.size() ? i : pad]);
}

NgramRows Model::read_ngrams(Run& run) const {
  if (ngram_hashes_.empty()) return {};
  const Zone zone("engram.rows");
  NgramClasses of;
  of.reach = config_.engram_max_ngram_size;
  of.pad = config_.engram_pad_token_id;
  if (token_classes_ && !run.pool.is_dry()) {
    of.of_token = token_classes_->f32();
    of.pad = int(of.of_token[of.pad]);
  }
  const int32_t* classes = ngram_classes(run, of);
  const size_t step = size_t(run.batch.size()) * size_t(engram_columns(config_));
  int32_t* rows = run.arena.array<int32_t>(ngram_hashes_.size() * step);
  for (size_t i = 0; i < ngram_hashes_.size(); ++i) {
    ngram_rows(run, classes, ngram_hashes_[i], rows + i * step);
    if (table_reader_)
      run.pool.run_here([&] { table_reader_->begin(int(i), {rows + i * step, step}); });
  }
  return {rows, step};
}

std::string Model::failure() const {
  const std::string failed = expert_cache_ ? expert_cache_->failure() : "";
  return failed.empty() && table_reader_ ? table_reader_->failure() : failed;
}

// Of the tables as they are stored, scales included.
double Model::table_bytes() const {
  double bytes = 0;
  for (const Block& block : blocks_)
    if (const Matrix* table = block.engram.table.matrix) {
      bytes += double(type_bytes(table->type, table->count()));
      if (row_scales_.contains(table)) bytes += double(table->count() / kScaleColumns);
    }
  return bytes;
}

Result<void> Model::stream_tables(const Checkpoint& checkpoint, const ExpertMemory& memory,
                                  double available) {
  for (Block& block : blocks_)
    if (const auto scales = row_scales_.find(block.engram.table.matrix);
        scales != row_scales_.end())
      block.engram.table.row_scales = scales->second;
  const double tables = table_bytes();
  double weights = tables;
  for (const Matrix* weight : weights_)
    if (!is_engram_table(weight->name))
      weights += double(type_bytes(weight->type, weight->count()));
  const bool fits = available <= 0 || weights <= kMappedShareMax * available;
  const bool keeps = fits && memory.bytes <= 0;  // in the page cache
  if (tables == 0 || (keeps && tables < kMappedBytes)) return {};
  FilePlaces places(memory.wants_direct, keeps);
  TableReader::Source source;
  for (const Block& block : blocks_) {
    const NgramTable& table = block.engram.table;
    if (!table) continue;
    const Matrix& m = *table.matrix;
    // Scales of squares are of several rows.
    if (!m.is_mapped || (!m.scales.empty() && !table.row_scales)) return {};
    const size_t row = type_bytes(m.type, size_t(m.cols)), rows = size_t(m.rows);
    const auto codes = TRY(places.find(m.parts[0], row * rows));
    if (!codes) return {};
    TableReader::Table& own = source.tables.emplace_back();
    own.codes = {codes->file, codes->offset, row};
    if (!table.row_scales) continue;
    const size_t scales = size_t(m.cols) / kScaleColumns;
    const auto found = TRY(places.find(table.row_scales, scales * rows));
    if (!found) return {};
    own.scales = {found->file, found->offset, scales};
  }
  source.files = places.take_files();
  table_reader_ = std::make_unique<TableReader>(std::move(source));
  for (Block& block : blocks_)
    if (block.engram.table) block.engram.table.reader = table_reader_.get();
  if (keeps) return {};
  streaming_note_ = fmt::format(
      "{}: rows of the tables of n-grams ({}) are read from the file as they are needed{}",
      checkpoint.path(), format_bytes(tables),
      table_reader_->is_direct() ? "" : " (without direct I/O, which it has not)");
  return {};
}

}  // namespace weir
