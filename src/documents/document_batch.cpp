#include "documents/document_batch.h"

#include <optional>

#include "base/file.h"
#include "base/stop_signal.h"

namespace weir {
namespace {

constexpr uint64_t kStreamedBytes = uint64_t(32) << 20;
constexpr uint64_t kWaveBytes = uint64_t(64) << 20;
constexpr size_t kWaveFiles = 256;

struct FileOutcome {
  std::vector<Document> documents;
  std::optional<Error> error;
};

}  // namespace

Result<void> read_document_files(const std::vector<std::string>& paths,
                                 const DocumentLimits& limits, ThreadPool& pool,
                                 const DocumentBatchEvents& events) {
  size_t done = 0;
  uint64_t bytes = 0;
  const auto size_of = [](const std::string& path) {
    const Result<uint64_t> size = file_size(path);
    return size ? *size : 0;  // reading it gives the error
  };
  while (done < paths.size() && !stop_requested()) {
    size_t end = done;
    uint64_t wave = 0;
    while (end < paths.size() && end - done < kWaveFiles && wave < kWaveBytes) {
      const uint64_t size = size_of(paths[end]);
      if (size > kStreamedBytes) break;
      wave += size;
      ++end;
    }
    if (end == done) {
      std::optional<Error> own;
      const Result<void> read =
          read_documents(paths[done], limits, [&](Document document) -> Result<void> {
            if (stop_requested()) return own.emplace(Error{"stopped"});
            Result<void> taken = events.on_document(std::move(document));
            if (!taken) own = taken.error();
            return taken;
          });
      if (stop_requested()) return {};
      if (own) return *own;
      if (!read && !events.on_error(paths[done], read.error())) return {};
      bytes += size_of(paths[done++]);
      if (events.on_file) events.on_file(done, bytes);
      continue;
    }
    std::vector<FileOutcome> outcomes(end - done);
    pool.parallel_for(int(outcomes.size()), [&](int i, int) {
      if (stop_requested()) return;
      FileOutcome& outcome = outcomes[size_t(i)];
      Result<void> read = read_documents(paths[done + size_t(i)], limits, [&](Document document) {
        outcome.documents.push_back(std::move(document));
        return Result<void>();
      });
      if (!read) outcome.error = std::move(read).error();
    });
    if (stop_requested()) return {};
    for (FileOutcome& outcome : outcomes) {
      for (Document& document : outcome.documents) TRY(events.on_document(std::move(document)));
      if (outcome.error && !events.on_error(paths[done], *outcome.error)) return {};
      bytes += size_of(paths[done++]);
      if (events.on_file) events.on_file(done, bytes);
    }
  }
  return {};
}

}  // namespace weir
