// See the header.
#include "tokenizer/piece_counts.h"

#include <optional>

#include "base/thread_pool.h"
#include "text/unicode.h"

namespace weir {
namespace {

constexpr size_t kCountedBytesMax = 4 << 10;
constexpr int64_t kReportBytes = 16 << 20;

void add_parts(std::string_view piece, PieceCounts& counts) {
  while (piece.size() > kCountedBytesMax) {
    counts.add(piece.substr(0, kCountedBytesMax), 1);
    piece.remove_prefix(kCountedBytesMax);
  }
  counts.add(piece, 1);
}

Result<void> add_text(std::string_view text, const PreTokenizer& pre_tokenizer,
                      SplitScratch& scratch, PieceCounts& counts) {
  while (!text.empty()) {
    size_t valid = valid_utf8_prefix(text);
    TRY(pre_tokenizer.split(text.substr(0, valid), scratch));
    for (std::string_view piece : scratch.pieces) add_parts(piece, counts);
    text.remove_prefix(valid);
    if (text.empty()) break;
    size_t invalid = size_t(decode_utf8(text, 0).bytes);
    counts.add(text.substr(0, invalid), 1);
    text.remove_prefix(invalid);
  }
  return {};
}

}  // namespace

void PieceCounts::add(std::string_view piece, int64_t times) {
  size_t number = size_t(pieces.insert(piece));
  if (number == counts.size()) counts.push_back(0);
  counts[number] += times;
}

Result<PieceCounts> count_pieces(std::span<const std::string_view> documents,
                                 const PreTokenizer& pre_tokenizer, bool nfc, ThreadPool& pool,
                                 const TrainProgress& progress) {
  std::vector<TextPart> parts = cut_documents(documents, pre_tokenizer);
  std::vector<PieceCounts> of_thread(size_t(pool.threads()));
  std::vector<SplitScratch> scratches(of_thread.size());
  std::vector<std::optional<Error>> errors(parts.size());
  int64_t total = 0, done = 0;
  for (const TextPart& part : parts) total += int64_t(part.text.size());
  for (size_t begin = 0; begin < parts.size();) {
    size_t end = begin;
    int64_t bytes = 0;
    while (end < parts.size() && bytes < kReportBytes) bytes += int64_t(parts[end++].text.size());
    pool.parallel_for(int(end - begin), [&](int i, int thread) {
      std::string_view text = parts[begin + size_t(i)].text;
      std::string normal;
      if (nfc) text = normal = normalize_nfc(text);
      PieceCounts& counts = of_thread[size_t(thread)];
      Result<void> added = add_text(text, pre_tokenizer, scratches[size_t(thread)], counts);
      if (!added) errors[begin + size_t(i)] = std::move(added).error();
    });
    begin = end;
    done += bytes;
    if (progress) progress("count words", done, total);
  }
  for (std::optional<Error>& error : errors) {
    if (error) return std::move(*error);
  }
  for (size_t t = 1; t < of_thread.size(); ++t) {
    for (size_t i = 0; i < of_thread[t].counts.size(); ++i) {
      of_thread[0].add(of_thread[t].pieces[int(i)], of_thread[t].counts[i]);
    }
    of_thread[t] = {};
  }
  return std::move(of_thread[0]);
}

}  // namespace weir
