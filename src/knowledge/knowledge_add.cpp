#include "knowledge/knowledge_add.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "base/file.h"
#include "base/sha256.h"
#include "knowledge/vector_index.h"

namespace weir {
namespace {

constexpr size_t kFilesAtOnce = 32;
constexpr size_t kEmbeddedAtOnce = 64;
// A larger file is not held whole: its documents enter as they are read.
constexpr uint64_t kPreparedBytesMax = uint64_t(32) << 20;

struct PreparedFile {
  StoredFile stored;  // id: of the file it replaces
  uint64_t bytes = 0;
  bool is_same = false, is_streamed = false;
  std::vector<PreparedDocument> documents;
  std::vector<std::string> notes;
  std::optional<Error> error;
};

void keep_notes(const Document& document, std::vector<std::string>& notes) {
  for (const std::string& note : document.notes)
    notes.push_back(note.starts_with(document.name) ? note : document.name + ": " + note);
}

// Reads what has to be read; called on any thread.
Result<void> prepare_file(PreparedFile& file, const AddOptions& options) {
  file.bytes = TRY(file_size(file.stored.path));
  const std::string hash = TRY(sha256_file(file.stored.path));
  file.is_same =
      file.stored.id > 0 && hash == file.stored.hash && file.stored.labels == options.labels;
  file.stored.hash = hash;
  file.stored.labels = options.labels;
  file.is_streamed = file.bytes > kPreparedBytesMax;
  if (file.is_same || file.is_streamed) return {};
  return options.reader(file.stored.path, options.limits, [&](Document document) -> Result<void> {
    if (options.is_stopped && options.is_stopped()) return Error{"stopped"};
    keep_notes(document, file.notes);
    file.documents.push_back(prepare_document(document, options.chunks));
    return {};
  });
}

Result<void> store_file(const KnowledgeBase& base, PreparedFile& file, const AddOptions& options) {
  if (file.stored.id > 0) TRY(base.remove_file(file.stored.id));
  const int64_t id = TRY(base.add_file(file.stored));
  for (const PreparedDocument& document : file.documents)
    TRY(base.add_document(id, options.labels, document));
  if (!file.is_streamed) return {};
  return options.reader(file.stored.path, options.limits, [&](Document document) -> Result<void> {
    if (options.is_stopped && options.is_stopped()) return Error{"stopped"};
    keep_notes(document, file.notes);
    return base.add_document(id, options.labels, prepare_document(document, options.chunks));
  });
}

class Adder {
 public:
  Adder(const KnowledgeBase& base, const AddOptions& options, ThreadPool& pool)
      : base_(base), options_(options), pool_(pool) {}

  bool is_stopped() {
    if (options_.is_stopped && options_.is_stopped()) report.is_stopped = true;
    return report.is_stopped;
  }

  Result<void> add(std::span<const std::string> paths) {
    std::vector<PreparedFile> files(paths.size());
    for (size_t i = 0; i < paths.size(); ++i) {
      files[i].stored.path = paths[i];
      if (auto stored = TRY(base_.file(paths[i]))) files[i].stored = *stored;
    }
    pool_.parallel_for(int(files.size()), [&](int i, int) {
      auto done = prepare_file(files[size_t(i)], options_);
      if (!done) files[size_t(i)].error = std::move(done).error();
    });
    if (is_stopped()) return {};  // what was read in part is read again
    Transaction transaction = TRY(Transaction::begin(base_.database()));
    for (PreparedFile& file : files) TRY(store(file));
    return transaction.commit();
  }

  AddReport report;

 private:
  Result<void> store(PreparedFile& file) {
    if (!file.error && !file.is_same && !is_stopped()) {
      // A file that fails in its middle leaves what was there.
      TRY(base_.database().execute("SAVEPOINT file"));
      const bool replaces = file.stored.id > 0;
      auto stored = store_file(base_, file, options_);
      if (stored) {
        ++(replaces ? report.replaced : report.added);
        report.bytes += file.bytes;
      } else {
        TRY(base_.database().execute("ROLLBACK TO file"));
        file.error = std::move(stored).error();
      }
      TRY(base_.database().execute("RELEASE file"));
    }
    if (is_stopped() && file.error) return {};
    if (file.error) file.notes.push_back(file.error->message);
    report.unchanged += file.is_same;
    report.notes.insert(report.notes.end(), file.notes.begin(), file.notes.end());
    return {};
  }

  const KnowledgeBase& base_;
  const AddOptions& options_;
  ThreadPool& pool_;
};

Result<int> remove_missing(const KnowledgeBase& base, const std::vector<std::string>& files,
                           const std::vector<std::string>& folders) {
  const std::unordered_set<std::string> present(files.begin(), files.end());
  int removed = 0;
  for (const StoredFile& file : TRY(base.files())) {
    const bool is_inside = std::ranges::any_of(
        folders, [&](const std::string& folder) { return file.path.starts_with(folder + "/"); });
    if (!is_inside || present.contains(file.path)) continue;
    TRY(base.remove_file(file.id));
    ++removed;
  }
  return removed;
}

}  // namespace

Result<AddReport> add_to_base(const KnowledgeBase& base, const std::vector<std::string>& files,
                              const std::vector<std::string>& folders, const AddOptions& options,
                              ThreadPool& pool) {
  Adder adder(base, options, pool);
  const std::span<const std::string> all = files;
  for (size_t at = 0; at < all.size() && !adder.is_stopped(); at += kFilesAtOnce) {
    TRY(adder.add(all.subspan(at, std::min(kFilesAtOnce, all.size() - at))));
    if (options.progress)
      options.progress("files", double(std::min(at + kFilesAtOnce, all.size())),
                       double(all.size()));
  }
  if (adder.is_stopped()) return adder.report;
  Transaction transaction = TRY(Transaction::begin(base.database()));
  adder.report.removed = TRY(remove_missing(base, files, folders));
  TRY(base.remove_boilerplate());
  TRY(base.database().execute("INSERT INTO words(words, rank) VALUES('merge', 500)"));
  TRY(transaction.commit());
  return adder.report;
}

Result<bool> embed_base(const KnowledgeBase& base, const std::string& model, int width,
                        const TextEmbedder& embed, const AddOptions& options) {
  const std::string known = TRY(base.fact("embedding"));
  if (!known.empty() && known != model)
    return Error{fmt::format(
        "{}: its vectors are of the model {}; give that one, or replace them with --embed-again",
        base.path(), known)};
  std::vector<int64_t> chunks;
  Statement missing = TRY(base.database().prepare(
      "SELECT id FROM chunks WHERE copy_of IS NULL AND id NOT IN (SELECT chunk FROM vectors)"));
  while (TRY(missing.step())) chunks.push_back(missing.integer(0));
  TRY(base.set_fact("embedding", model));
  Statement find = TRY(base.database().prepare(
      "SELECT d.title, c.heading, c.text FROM chunks c JOIN documents d ON d.id = c.document "
      "WHERE c.id = ?"));
  Statement add = TRY(base.database().prepare("INSERT OR REPLACE INTO vectors VALUES(?, ?, ?)"));
  for (size_t at = 0; at < chunks.size(); at += kEmbeddedAtOnce) {
    if (options.is_stopped && options.is_stopped()) return false;
    const size_t count = std::min(kEmbeddedAtOnce, chunks.size() - at);
    std::vector<std::string> texts;
    for (size_t i = 0; i < count; ++i) {
      find.bind(chunks[at + i]);
      if (!TRY(find.step())) return Error{base.path() + ": changed meanwhile; run this again"};
      const std::string heading = find.text(1);
      texts.push_back((heading.empty() ? find.text(0) : heading) + "\n" + find.text(2));
    }
    const auto vectors = TRY(embed(texts));
    Transaction transaction = TRY(Transaction::begin(base.database()));
    for (size_t i = 0; i < count; ++i) {
      if (vectors[i].size() != size_t(width))
        return Error{
            fmt::format("{} gave a vector of {} numbers, not {}", model, vectors[i].size(), width)};
      const ByteVector bytes = to_bytes(vectors[i]);
      TRY(add.bind(chunks[at + i], double(bytes.scale),
                   std::as_bytes(std::span<const int8_t>(bytes.codes)))
              .run());
    }
    TRY(transaction.commit());
    if (options.progress) options.progress("chunks", double(at + count), double(chunks.size()));
  }
  return true;
}

}  // namespace weir
