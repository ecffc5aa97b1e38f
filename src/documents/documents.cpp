// The format of a file by its name, and what is read whole.
#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "base/file.h"
#include "base/text.h"
#include "documents/html_blocks.h"
#include "documents/markdown.h"
#include "documents/readers.h"
#include "documents/text_encoding.h"

namespace weir {
namespace {

constexpr size_t kFilesMax = 4'000'000;
constexpr int kFolderDepthMax = 64;

enum class Format {
  none,
  text,
  markdown,
  html,
  pdf,
  docx,
  pptx,
  xlsx,
  open_document,
  epub,
  csv,
  jsonl,
  json,
  mail,
  mbox,
};

struct Ending {
  std::string_view ending;
  Format format;
};
constexpr Ending kEndings[] = {
    {".txt", Format::text},          {".text", Format::text},
    {".md", Format::markdown},       {".markdown", Format::markdown},
    {".html", Format::html},         {".htm", Format::html},
    {".xhtml", Format::html},        {".pdf", Format::pdf},
    {".docx", Format::docx},         {".docm", Format::docx},
    {".pptx", Format::pptx},         {".xlsx", Format::xlsx},
    {".xlsm", Format::xlsx},         {".odt", Format::open_document},
    {".odp", Format::open_document}, {".ods", Format::open_document},
    {".epub", Format::epub},         {".csv", Format::csv},
    {".tsv", Format::csv},           {".jsonl", Format::jsonl},
    {".ndjson", Format::jsonl},      {".json", Format::json},
    {".eml", Format::mail},          {".mbox", Format::mbox},
};

Format format_of(const std::string& path) {
  std::string name = base_name(path);
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  for (const Ending& known : kEndings)
    if (name.size() > known.ending.size() && name.ends_with(known.ending)) return known.format;
  return Format::none;
}

Result<void> add_text(std::string_view bytes, bool is_markdown, DocumentBuilder& document) {
  const DecodedText decoded = TRY(decode_text(bytes));
  if (decoded.replaced > 0)
    document.note(std::to_string(decoded.replaced) + " bytes are no characters of " +
                  decoded.encoding);
  if (is_markdown) return add_markdown(decoded.text, document);
  add_plain_text(decoded.text, document);
  return {};
}

Result<void> add_bytes(Format format, std::string bytes, const DocumentLimits& limits,
                       DocumentBuilder& document) {
  switch (format) {
    case Format::text:
    case Format::csv:
      return add_text(bytes, false, document);
    case Format::markdown:
      return add_text(bytes, true, document);
    case Format::html:
      return add_html_bytes(bytes, "", document);
    case Format::pdf:
      return add_pdf(std::move(bytes), limits, document);
    case Format::docx:
      return add_docx(bytes, limits, document);
    case Format::pptx:
      return add_pptx(bytes, limits, document);
    case Format::xlsx:
      return add_xlsx(bytes, limits, document);
    case Format::open_document:
      return add_open_document(bytes, limits, document);
    case Format::epub:
      return add_epub(bytes, limits, document);
    case Format::mail:
      return add_mail(bytes, limits, document);
    case Format::json: {
      const DocumentSink sink = [&](Document part) -> Result<void> {
        document.append(part);
        return {};
      };
      return read_json(document.document().name, bytes, limits, sink);
    }
    case Format::jsonl:
    case Format::mbox:
    case Format::none:
      break;
  }
  return Error{"its format is read from files only"};
}

// With the endings that are known.
Error unknown_format() {
  std::string endings;
  for (const Ending& known : kEndings) endings += " " + std::string(known.ending);
  return Error{"the format is told by the ending of the name, which is none of" + endings};
}

class Walker {
 public:
  Result<void> add_folder(const std::string& folder, int depth) {
    if (depth > kFolderDepthMax) return Error{folder + ": folders nested too deeply"};
    const std::vector<std::string> names = TRY(list_directory(folder));
    for (const std::string& name : names) {
      if (name.starts_with('.')) continue;
      const std::string path = join_path(folder, name);
      struct stat status {};
      if (lstat(path.c_str(), &status) != 0) continue;
      const bool is_link = S_ISLNK(status.st_mode);
      if (is_link && stat(path.c_str(), &status) != 0) continue;
      if (S_ISDIR(status.st_mode)) {
        if (!is_link) TRY(add_folder(path, depth + 1));
      } else if (S_ISREG(status.st_mode) && is_document_path(path)) {
        if (paths.size() == kFilesMax)
          return Error{folder + ": more than " + std::to_string(kFilesMax) +
                       " documents; put them together as JSON lines"};
        paths.push_back(path);
      }
    }
    return {};
  }

  std::vector<std::string> paths;
};

}  // namespace

bool is_document_path(const std::string& path) { return format_of(path) != Format::none; }

Result<std::vector<std::string>> list_documents(const std::string& folder) {
  Walker walker;
  TRY(walker.add_folder(folder, 0));
  return std::move(walker.paths);
}

Result<Document> read_document_bytes(const std::string& name, std::string bytes,
                                     const DocumentLimits& limits) {
  DocumentBuilder document(name);
  TRY(add_bytes(format_of(name), std::move(bytes), limits, document));
  return document.finish();
}

Result<void> read_documents(const std::string& path, const DocumentLimits& limits,
                            const std::function<Result<void>(Document)>& sink) {
  // What `sink` returns is not an error of the file.
  std::optional<Error> own;
  const DocumentSink take = [&](Document document) -> Result<void> {
    Result<void> taken = sink(std::move(document));
    if (!taken) own = taken.error();
    return taken;
  };
  const auto read = [&]() -> Result<void> {
    const Format format = format_of(path);
    switch (format) {
      case Format::none:
        return unknown_format();
      case Format::csv:
        return read_csv(path, limits, take);
      case Format::jsonl:
        return read_jsonl(path, limits, take);
      case Format::mbox:
        return read_mbox(path, limits, take);
      default:
        break;
    }
    const uint64_t size = TRY(file_size(path));
    if (size > limits.memory_bytes)
      return Error{"has " + format_bytes(double(size)) + "; the limit is " +
                   format_bytes(double(limits.memory_bytes)) + ", split the file"};
    std::string bytes = TRY(read_file(path, size_t(limits.memory_bytes)));
    if (format == Format::json) return read_json(path, bytes, limits, take);
    DocumentBuilder document(path);
    TRY(add_bytes(format, std::move(bytes), limits, document));
    return take(document.finish());
  };
  Result<void> result = read();
  if (result) return {};
  if (own) return *own;
  if (result.error().message.starts_with(path)) return result;
  return std::move(result).error().within(path);
}

}  // namespace weir
