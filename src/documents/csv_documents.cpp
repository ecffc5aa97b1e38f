// CSV and TSV files of any size as documents of some hundred rows, each with the head.
#include "base/file.h"
#include "base/text.h"
#include "documents/csv.h"
#include "documents/readers.h"
#include "documents/text_stream.h"

namespace weir {
namespace {

constexpr size_t kDocumentBytesMax = size_t(256) << 10;

class TableCutter {
 public:
  TableCutter(const std::string& path, int rows_max, const DocumentSink& sink)
      : path_(path), rows_max_(size_t(std::max(rows_max, 1))), sink_(sink) {}

  Result<void> take(CsvRow row) {
    if (head_.empty()) {
      columns_ = row.size();
      if (is_csv_head(row)) {
        head_ = std::move(row);
        return {};
      }
      for (size_t i = 0; i < row.size(); ++i) head_.push_back("column " + std::to_string(i + 1));
    }
    if (rows_.size() == rows_max_ || bytes_ > kDocumentBytesMax) TRY(emit(false));
    irregular_ += row.size() != columns_;
    for (const std::string& cell : row) bytes_ += cell.size();
    rows_.push_back(std::move(row));
    return {};
  }

  Result<void> finish(uint64_t replaced, const std::string& encoding) {
    replaced_ = replaced;
    encoding_ = encoding;
    if (rows_.empty() && (emitted_ > 0 || head_.empty())) return {};
    return emit(true);
  }

 private:
  Result<void> emit(bool is_last) {
    // The head does not count: data row 1 is the first under it.
    const size_t first = emitted_ + 1;
    emitted_ += rows_.size();
    const bool is_whole = is_last && first == 1;
    DocumentBuilder document(is_whole ? path_
                                      : path_ + "#rows " + std::to_string(first) + "-" +
                                            std::to_string(emitted_));
    document.set_title(base_name(path_));
    rows_.insert(rows_.begin(), head_);
    document.table(rows_);
    if (irregular_ > 0)
      document.note(std::to_string(irregular_) + " rows have more or fewer cells than the head");
    if (is_last && replaced_ > 0)
      document.note(std::to_string(replaced_) + " bytes of the file are no characters of " +
                    encoding_);
    rows_.clear();
    bytes_ = irregular_ = 0;
    return sink_(document.finish());
  }

  const std::string& path_;
  const size_t rows_max_;
  const DocumentSink& sink_;
  CsvRow head_;
  std::vector<CsvRow> rows_;
  size_t columns_ = 0, bytes_ = 0, irregular_ = 0, emitted_ = 0;
  uint64_t replaced_ = 0;
  std::string encoding_;
};

}  // namespace

Result<void> read_csv(const std::string& path, const DocumentLimits& limits,
                      const DocumentSink& sink) {
  TextStream stream = TRY(TextStream::open(path, limits.file_bytes));
  std::string piece;
  if (!TRY(stream.read(piece))) return {};
  TableCutter cutter(path, limits.rows_per_document, sink);
  CsvParser parser(detect_csv_separator(piece),
                   [&](CsvRow row) { return cutter.take(std::move(row)); });
  do {
    TRY(parser.add(piece));
    piece.clear();
  } while (TRY(stream.read(piece)));
  TRY(parser.finish());
  return cutter.finish(stream.replaced(), stream.encoding());
}

}  // namespace weir
