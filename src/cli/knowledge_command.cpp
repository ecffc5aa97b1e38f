// `weir knowledge`: documents in a file that answers come from (docs/knowledge.md).
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <optional>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/stop_signal.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/document_paths.h"
#include "cli/knowledge_commands.h"
#include "cli/knowledge_model.h"
#include "cli/knowledge_place.h"
#include "cli/model_offers.h"
#include "cli/shared_options.h"
#include "knowledge/answer.h"
#include "knowledge/knowledge_add.h"
#include "knowledge/knowledge_search.h"

namespace weir {
namespace {

constexpr size_t kNotesShown = 20;

struct KnowledgeAddOptions {
  std::string name;
  std::vector<std::string> paths;
  std::vector<std::string> labels;
  int chunk_tokens = ChunkOptions{}.tokens;
  std::string embedding;  // a model; "": the one that the base has vectors of, if any
  bool embeds_again = false;
  int threads = 0;
};

struct KnowledgeListOptions {
  std::string name;  // "": the bases
};

struct KnowledgeRemoveOptions {
  std::string name;
  std::vector<std::string> paths;
  bool all = false;
};

struct KnowledgeSearchOptions {
  std::string name, question;
  int count = 5;
  std::vector<std::string> labels;
  bool words_alone = false, json = false;
  std::string rerank;  // a model
};

struct KnowledgeCheckOptions {
  std::string name;
};

void print_notes(const std::vector<std::string>& notes) {
  for (size_t i = 0; i < std::min(kNotesShown, notes.size()); ++i)
    fmt::print(stderr, "note: {}\n", printable(notes[i], 400));
  if (notes.size() > kNotesShown)
    fmt::print(stderr, "note: and {} more\n", notes.size() - kNotesShown);
}

Result<void> print_counts(const KnowledgeBase& base) {
  const BaseCounts counts = TRY(base.counts());
  fmt::print("{}: {} files, {} documents, {} chunks", base.path(), counts.files, counts.documents,
             counts.chunks);
  if (counts.copies) fmt::print(", {} copies", counts.copies);
  if (counts.boilerplate_lines) fmt::print(", {} boilerplate lines", counts.boilerplate_lines);
  if (counts.vectors) fmt::print(", {} vectors", counts.vectors);
  fmt::print("\n");
  return {};
}

// Gives vectors to the chunks that have none. False: stopped.
Result<bool> embed_chunks(const KnowledgeBase& base, const KnowledgeAddOptions& options,
                          AddOptions& add) {
  std::string model = TRY(base.fact("embedding"));
  if (!options.embedding.empty()) {
    TRY(check_model_exists(options.embedding));
    const std::string wanted = TRY(whole_path(options.embedding));
    if (options.embeds_again) {
      Transaction transaction = TRY(Transaction::begin(base.database()));
      TRY(base.database().execute(
          "DELETE FROM vectors; DELETE FROM facts WHERE key = 'embedding'"));
      TRY(transaction.commit());
    }
    model = wanted;
  }
  if (model.empty()) return true;
  const auto embedder = TRY(Embedder::open(model, {.threads = options.threads}));
  if (!embedder->note().empty()) fmt::print(stderr, "note: {}: {}\n", model, embedder->note());
  std::optional<Progress> progress;
  add.progress = [&](const char*, double done, double total) {
    if (!progress) progress.emplace("embedding", total, "chunks");
    progress->update(done);
  };
  return embed_base(base, model, embedder->width(), document_embedder(*embedder), add);
}

Result<Ending> knowledge_add(const KnowledgeAddOptions& options) {
  const std::string path = TRY(knowledge_place(options.name));
  const DocumentFiles found = TRY(find_document_files(options.paths));
  AddOptions add;
  add.labels = TRY(labels_text(options.labels));
  add.chunks.tokens = options.chunk_tokens;
  add.chunks.tokens_min = options.chunk_tokens / 5;
  add.reader = read_documents;
  add.is_stopped = stop_requested;
  const KnowledgeBase base = TRY(KnowledgeBase::open(path, Database::Access::create));
  catch_stop_signals();
  ThreadPool pool(options.threads);
  const int64_t begin = monotonic_ns();
  AddReport report;
  {
    Progress progress("reading", double(found.files.size()), "files");
    add.progress = [&](const char*, double done, double) { progress.update(done); };
    report = TRY(add_to_base(base, found.files, found.folders, add, pool));
  }
  print_notes(report.notes);
  const double seconds = double(monotonic_ns() - begin) * 1e-9;
  fmt::print("{} files added, {} replaced, {} unchanged, {} removed ({} in {})\n", report.added,
             report.replaced, report.unchanged, report.removed, format_bytes(double(report.bytes)),
             format_seconds(seconds));
  const bool is_whole = !report.is_stopped && TRY(embed_chunks(base, options, add));
  TRY(print_counts(base));
  if (!is_whole) {
    fmt::print(stderr, "stopped; the same command goes on with what is left\n");
    return Ending::interrupted;
  }
  return Ending::done;
}

Result<void> list_bases() {
  const std::string folder = TRY(knowledge_folder());
  int shown = 0;
  for (const std::string& name : TRY(list_directory(folder))) {
    if (!name.ends_with(".db")) continue;
    const auto base = KnowledgeBase::open(join_path(folder, name), Database::Access::read);
    if (base)
      TRY(print_counts(*base));
    else
      fmt::print("{}\n", base.error().message);
    ++shown;
  }
  if (shown == 0)
    fmt::print(stderr,
               "there is no knowledge base; make one with: weir knowledge add NAME FILES\n");
  return {};
}

Result<void> knowledge_list(const KnowledgeListOptions& options) {
  if (options.name.empty()) return list_bases();
  const KnowledgeBase base = TRY(open_named_base(options.name, Database::Access::read));
  TRY(print_counts(base));
  Statement all = TRY(base.database().prepare(
      "SELECT d.name, d.title, d.labels, count(c.id) FROM documents d LEFT JOIN chunks c ON "
      "c.document = d.id GROUP BY d.id ORDER BY d.name"));
  while (TRY(all.step())) {
    fmt::print("{}  {}  {} chunks", printable(all.text(0), 400), printable(all.text(1), 200),
               all.integer(3));
    const std::string labels = all.text(2);
    if (!labels.empty()) fmt::print("  labels {}", labels.substr(1, labels.size() - 2));
    fmt::print("\n");
  }
  return {};
}

Result<void> knowledge_remove(const KnowledgeRemoveOptions& options) {
  const std::string path = TRY(knowledge_place(options.name));
  const KnowledgeBase base = TRY(KnowledgeBase::open(path, Database::Access::write));
  if (options.paths.empty() && !options.all)
    return Error{"name the files or folders to remove, or give --all for every one"};
  Transaction transaction = TRY(Transaction::begin(base.database()));
  int removed = 0;
  std::vector<bool> is_used(options.paths.size(), false);
  for (const StoredFile& file : TRY(base.files())) {
    bool is_named = options.all;
    for (size_t i = 0; i < options.paths.size(); ++i) {
      // What is removed may be gone from the disk already.
      const std::string place =
          std::filesystem::weakly_canonical(std::filesystem::absolute(options.paths[i])).string();
      if (file.path != place && !file.path.starts_with(place + "/")) continue;
      is_named = is_used[i] = true;
    }
    if (!is_named) continue;
    TRY(base.remove_file(file.id));
    ++removed;
  }
  for (size_t i = 0; i < is_used.size(); ++i)
    if (!is_used[i])
      return Error{
          fmt::format("{}: the base has no file of this path; nothing was removed (see "
                      "weir knowledge list)",
                      printable(options.paths[i], 400))};
  TRY(transaction.commit());
  fmt::print("{} files removed\n", removed);
  return print_counts(base);
}

Result<void> knowledge_check(const KnowledgeCheckOptions& options) {
  const KnowledgeBase base = TRY(open_named_base(options.name, Database::Access::read));
  const std::vector<std::string> wrong = TRY(base.check());
  for (const std::string& what : wrong) fmt::print("{}\n", printable(what, 400));
  if (!wrong.empty())
    return Error{base.path() +
                 ": is damaged; restore a copy, or remove the file and add the "
                 "documents again"};
  TRY(print_counts(base));
  fmt::print("no damage found\n");
  return {};
}

void print_found(const std::vector<FoundChunk>& found) {
  for (size_t i = 0; i < found.size(); ++i) {
    const FoundChunk& chunk = found[i];
    fmt::print("{}. {}{}\n   {}\n", i + 1, printable(chunk.document, 400),
               chunk.page > 0 ? fmt::format(", page {}", chunk.page) : "",
               printable(chunk.heading.empty() ? chunk.title : chunk.heading, 300));
    for (const std::string& line : split(chunk.text, '\n'))
      if (!trim(line).empty()) fmt::print("   | {}\n", printable(line, 500));
  }
}

Result<void> knowledge_search(const KnowledgeSearchOptions& options) {
  ThreadPool pool;
  KnowledgeSearch search = TRY(open_named_search(options.name, pool));
  SearchOptions how;
  how.count = options.count;
  if (!options.labels.empty()) how.labels = options.labels;
  if (!options.words_alone) {
    QuestionEmbedder embedder = TRY(QuestionEmbedder::open(search.base(), 0));
    how.vector = TRY(embedder.embed(options.question));
  }
  std::unique_ptr<AnswerModel> model;
  if (!options.rerank.empty()) {
    model = TRY(AnswerModel::open(options.rerank, {}));
    how.rerank = [&](std::string_view question, std::span<const FoundChunk> chunks) {
      return model->fit(question, chunks);
    };
  }
  const std::vector<FoundChunk> found = TRY(search.search(options.question, how));
  if (options.json) {
    Json list = Json::array();
    for (const FoundChunk& chunk : found) list.push(found_json(chunk));
    fmt::print("{}\n", list.dump());
  } else if (found.empty()) {
    fmt::print("nothing was found\n");
  } else {
    print_found(found);
  }
  return {};
}

}  // namespace

void add_knowledge(CommandGroup& commands) {
  CommandGroup group = commands.group("knowledge", "answer from documents, with sources");
  constexpr const char* kNameHelp = "a base in weir's state folder, or the path of a .db file";

  auto [add, added] = group.add("add", "add documents, or bring them up to date", knowledge_add);
  add.argument("NAME", added.name, kNameHelp).required();
  add.argument("FILES", added.paths, "files, and folders, whose missing files leave the base")
      .required();
  add.option("--label", added.labels, "LABEL",
             "who may see these documents (repeatable) [everyone]")
      .repeatable();
  add.count("--chunk-tokens", added.chunk_tokens, 64, 4096, "size of a chunk in tokens, about");
  add.option("--embedding", added.embedding, "MODEL",
             "also search by meaning, with this model's vectors [that of the base, if any]");
  add.flag("--embed-again", added.embeds_again, "replace the vectors that are there");
  add_threads(add, added.threads);

  auto [list, listed] = group.add("list", "the bases, or the documents of one", knowledge_list);
  list.argument("NAME", listed.name, kNameHelp);

  auto [remove, removed] =
      group.add("remove", "remove documents from a base", knowledge_remove, Writes::files);
  remove.argument("NAME", removed.name, kNameHelp).required();
  remove.argument("FILES", removed.paths, "files and folders as they were added");
  remove.flag("--all", removed.all, "every document");

  auto [search, searched] = group.add("search", "the chunks that fit a question", knowledge_search);
  search.argument("NAME", searched.name, kNameHelp).required();
  search.argument("QUESTION", searched.question, "words or a sentence").required();
  search.count("--count", searched.count, 1, 100, "how many chunks to show");
  search
      .option("--label", searched.labels, "LABEL",
              "search what this label may see (repeatable) [all documents]")
      .repeatable();
  search.flag("--words", searched.words_alone, "search by words alone, without the vectors");
  search.option("--rerank", searched.rerank, "MODEL", kRerankHelp);
  search.flag("--json", searched.json, "print one JSON array");

  auto [check, checked] = group.add("check", "look for damage in a base", knowledge_check);
  check.argument("NAME", checked.name, kNameHelp).required();

  add_knowledge_questions(group);
}

}  // namespace weir
