// `weir corpus`: what training would read from files and folders, as text. With --out one JSON line
// per document, {"text": ..., "source": ...}, which `weir train` reads back as the same documents.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "base/atomic_output.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/shared_options.h"
#include "corpus/corpus.h"

namespace weir {
namespace {

struct CorpusCommand {
  std::vector<std::string> paths;  // files, folders, patterns
  std::string out;                 // JSONL file; empty: only look
  bool stats = false;              // sizes, the longest documents; also without `out`
  std::string field = "text";      // the key that holds the document in JSONL input
  bool skip_bad_lines = false;
  int threads = 0;  // 0: all cores
};

constexpr size_t kWriteBytes = size_t(1) << 20;
constexpr size_t kLongestShown = 5;

// A file at `path` is kept until all is written.
Result<void> write_jsonl(const Corpus& corpus, const std::string& path) {
  AtomicFiles file;
  TRY(file.begin(path));
  std::string lines;
  for (size_t i = 0; i < corpus.documents.size(); ++i) {
    Json line = Json::object();
    line.set("text", corpus.documents[i]);
    line.set("source", corpus.sources[i]);
    lines += line.dump() + "\n";
    if (lines.size() < kWriteBytes) continue;
    TRY(file.write(lines.data(), lines.size()));
    lines.clear();
  }
  TRY(file.write(lines.data(), lines.size()));
  TRY(file.end());
  return file.rename_all();
}

// "manual.html" counts as .html, "data.jsonl:17" as .jsonl.
std::string kind_of(const std::string& source) {
  std::string name = base_name(source);
  if (const size_t colon = name.rfind(':'); colon != std::string::npos) name.resize(colon);
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  const size_t dot = name.rfind('.');
  return dot == std::string::npos ? "other" : name.substr(dot);
}

void print_stats(const Corpus& corpus) {
  std::vector<size_t> order(corpus.documents.size());
  std::iota(order.begin(), order.end(), size_t(0));
  auto size = [&](size_t i) { return corpus.documents[i].size(); };
  std::ranges::sort(order, {}, size);
  auto at = [&](double part) {
    return format_bytes(double(size(order[size_t(part * double(order.size() - 1))])));
  };
  fmt::print("per document  median {}, 90 % up to {}, shortest {}, longest {}\n", at(0.5), at(0.9),
             at(0), at(1));

  std::map<std::string, std::pair<size_t, size_t>> kinds;  // documents, bytes
  for (size_t i = 0; i < corpus.documents.size(); ++i) {
    auto& [documents, bytes] = kinds[kind_of(corpus.sources[i])];
    ++documents;
    bytes += size(i);
  }
  for (const auto& [kind, count] : kinds)
    fmt::print("{:<13} {} documents, {}\n", kind, count.first, format_bytes(double(count.second)));
  fmt::print("longest\n");
  for (size_t i = 0; i < std::min(kLongestShown, order.size()); ++i) {
    const size_t document = order[order.size() - 1 - i];
    fmt::print("  {:>10}  {}\n", format_bytes(double(size(document))), corpus.sources[document]);
  }
}

// Prints one line, or with stats a small table, to stdout.
Result<void> corpus(const CorpusCommand& command) {
  if (command.out.empty() && !command.stats)
    return Error{"nothing to do: give --out FILE.jsonl, --stats, or both"};
  ThreadPool pool(command.threads);
  const int64_t begin = monotonic_ns();
  CorpusOptions options;
  options.paths = command.paths;
  options.jsonl_field = command.field;
  options.skip_bad_lines = command.skip_bad_lines;
  const Corpus read = TRY(read_corpus(options, &pool));
  const double seconds = double(monotonic_ns() - begin) * 1e-9;
  fmt::print(
      "{} documents, {} of text from {} files in {}{}\n", read.documents.size(),
      format_bytes(double(read.bytes)), read.files, format_seconds(seconds),
      read.skipped_lines > 0 ? fmt::format(", {} bad lines skipped", read.skipped_lines) : "");
  if (command.stats) {
    print_stats(read);
    fmt::print("sha256        {}\n", read.sha256);
  }
  if (!command.out.empty()) {
    TRY(write_jsonl(read, command.out));
    fmt::print("written to {}\n", command.out);
  }
  return {};
}

}  // namespace

void add_corpus(CommandGroup& commands) {
  auto [c, o] = commands.add("corpus", "show the text that training would read", corpus);
  c.option("--out", o.out, "FILE", "write the documents as JSONL");
  c.flag("--stats", o.stats, "print sizes and the longest documents");
  add_texts(c, o.paths, o.field, o.skip_bad_lines);
  add_threads(c, o.threads);
}

}  // namespace weir
