// `weir documents`: what is read from files that people keep, as Markdown or as JSON lines.
#include <fmt/format.h>

#include <cstdio>

#include "base/file.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/stop_signal.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/document_paths.h"
#include "cli/shared_options.h"
#include "documents/document_batch.h"

namespace weir {
namespace {

struct DocumentsCommand {
  std::vector<std::string> paths;
  bool json = false;
  bool stats = false;
  int threads = 0;
};

using Kind = DocumentBlock::Kind;

const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::heading:
      return "heading";
    case Kind::paragraph:
      return "paragraph";
    case Kind::list_item:
      return "list_item";
    case Kind::table:
      return "table";
    case Kind::code:
      return "code";
  }
  return "";
}

Json json_of(const Document& document) {
  Json json = Json::object();
  json.set("name", document.name);
  json.set("title", document.title);
  json.set("language", document.language);
  Json blocks = Json::array();
  for (const DocumentBlock& block : document.blocks) {
    Json entry = Json::object();
    entry.set("kind", kind_name(block.kind));
    if (block.kind == Kind::heading || block.kind == Kind::list_item)
      entry.set("level", block.level);
    if (block.page > 0) entry.set("page", block.page);
    entry.set("text", block.text);
    blocks.push(std::move(entry));
  }
  json.set("blocks", std::move(blocks));
  Json notes = Json::array();
  for (const std::string& note : document.notes) notes.push(note);
  json.set("notes", std::move(notes));
  return json;
}

std::string markdown_table(const std::string& text) {
  std::string out;
  for (const std::string& row : split(text, '\n')) {
    const bool is_head = out.empty();
    out += "| " + row + " |\n";
    if (!is_head) continue;
    out += "| ---";
    for (size_t at = row.find(" | "); at != row.npos; at = row.find(" | ", at + 3)) out += " | ---";
    out += " |\n";
  }
  return out;
}

std::string markdown_of(const Document& document) {
  std::string out = "<!-- " + printable(document.name, 1000) + " -->\n\n";
  int page = 0;
  const DocumentBlock* last = nullptr;
  for (const DocumentBlock& block : document.blocks) {
    if (last && !(last->kind == Kind::list_item && block.kind == Kind::list_item)) out += "\n";
    if (block.page > page) out += fmt::format("<!-- page {} -->\n\n", block.page);
    page = block.page;
    switch (block.kind) {
      case Kind::heading:
        out += std::string(size_t(block.level), '#') + " " + block.text + "\n";
        break;
      case Kind::paragraph:
        out += block.text + "\n";
        break;
      case Kind::list_item:
        out += std::string(size_t(block.level) * 2, ' ') + "- " + block.text + "\n";
        break;
      case Kind::table:
        out += markdown_table(block.text);
        break;
      case Kind::code:
        out += "```\n" + block.text + "\n```\n";
        break;
    }
    last = &block;
  }
  return out;
}

struct DocumentCounts {
  size_t documents = 0, blocks = 0, bytes = 0, failed = 0;
  int pages = 0;
};

Result<Ending> documents(const DocumentsCommand& command) {
  const std::vector<std::string> paths = TRY(find_documents(command.paths));
  catch_stop_signals();
  ThreadPool pool(command.threads);
  DocumentCounts counts;
  Progress progress("documents", double(paths.size()), "files");
  const bool shows_progress = command.stats;
  DocumentBatchEvents events;
  events.on_document = [&](const Document& document) -> Result<void> {
    ++counts.documents;
    counts.blocks += document.blocks.size();
    for (const DocumentBlock& block : document.blocks) counts.bytes += block.text.size();
    if (!document.blocks.empty()) counts.pages += document.blocks.back().page;
    for (const std::string& note : document.notes)
      fmt::print(stderr, "{}: {}\n", printable(document.name, 1000), printable(note, 1000));
    if (command.stats) return {};
    fmt::print("{}\n", command.json ? json_of(document).dump() : markdown_of(document));
    if (ferror(stdout)) return Error{"standard output cannot be written"};
    return {};
  };
  events.on_error = [&](const std::string&, const Error& error) {
    ++counts.failed;
    fmt::print(stderr, "weir documents: {}\n", error.message);
    return true;
  };
  events.on_file = [&](size_t files, uint64_t) {
    if (shows_progress) progress.update(double(files));
  };
  TRY(read_document_files(paths, DocumentLimits(), pool, events));
  if (command.stats) {
    progress.finish();
    fmt::print("{} documents from {} files: {} blocks, {} of text{}\n", counts.documents,
               paths.size(), counts.blocks, format_bytes(double(counts.bytes)),
               counts.pages > 0 ? fmt::format(", {} pages", counts.pages) : "");
  }
  if (stop_requested()) return Ending::interrupted;
  if (counts.failed > 0)
    return Error{fmt::format("{} of {} files could not be read", counts.failed, paths.size())};
  return Ending::done;
}

}  // namespace

void add_documents(CommandGroup& commands) {
  auto [c, o] = commands.add("documents", "show the text and structure of files", documents);
  c.argument("FILES", o.paths, kDocumentPathsHelp).required();
  c.flag("--json", o.json, "print a JSON line per document instead of Markdown");
  c.flag("--stats", o.stats, "print counts alone");
  add_threads(c, o.threads);
}

}  // namespace weir
