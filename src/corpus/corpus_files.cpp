#include "corpus/corpus_files.h"

#include <glob.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/ascii.h"
#include "base/file.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr size_t kFilesMax = 4'000'000;
constexpr int kFolderDepthMax = 64;

// By the ending of the name; nothing when it is not one we know.
std::optional<CorpusFile> classify(const std::string& path) {
  std::string name = lower_case(base_name(path));
  CorpusFile file{.path = path};
  if (name.ends_with(".gz")) {
    file.gzip = true;
    name.resize(name.size() - 3);
  }
  if (name.ends_with(".jsonl") || name.ends_with(".ndjson")) {
    file.kind = FileKind::jsonl;
  } else if (name.ends_with(".html") || name.ends_with(".htm") || name.ends_with(".xhtml")) {
    file.kind = FileKind::html;
  } else if (!name.ends_with(".txt") && !name.ends_with(".md")) {
    return std::nullopt;
  }
  return file;
}

class Finder {
 public:
  Result<void> add_path(const std::string& path) {
    if (file_exists(path)) return add(path, /*named=*/true, 0);
    if (path.find_first_of("*?[{") == std::string::npos)
      return Error{path + ": no such file or folder"};
    std::vector<std::string> matches = TRY(expand(path));
    for (const std::string& match : matches) TRY(add(match, /*named=*/true, 0));
    return {};
  }

  std::vector<CorpusFile> files;

 private:
  // Sorted by bytes: glob(3) would follow the locale.
  static Result<std::vector<std::string>> expand(const std::string& pattern) {
    glob_t found{};
    int status = glob(pattern.c_str(), GLOB_BRACE | GLOB_NOSORT, nullptr, &found);
    std::vector<std::string> matches;
    if (status == 0) matches.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    globfree(&found);
    if (status == GLOB_NOMATCH || (status == 0 && matches.empty()))
      return Error{pattern + ": no file matches this pattern"};
    if (status != 0) return Error{pattern + ": the pattern cannot be searched"};
    std::ranges::sort(matches);
    return matches;
  }

  // `named`: given by the user rather than met in a folder, so that any name counts as text.
  Result<void> add(const std::string& path, bool named, int depth) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
      if (!named) return {};  // a dangling link in a folder
      return Error{path + ": " + std::strerror(errno)};
    }
    bool folder = S_ISDIR(status.st_mode);
    std::optional<CorpusFile> file;
    if (!folder) {
      file = classify(path);
      if (!file && !named) return {};
      if (!S_ISREG(status.st_mode)) return Error{path + ": neither a file nor a folder"};
      if (!file && lower_case(path).ends_with(".json"))
        return Error{path + ": a JSON file is no corpus; give JSONL, one object per line (.jsonl)"};
    }
    // A link may lead to a file or folder seen before, even to a folder above.
    if (!seen_.insert({status.st_dev, status.st_ino}).second) return {};
    if (folder) return add_folder(path, depth);
    if (!file) file = CorpusFile{.path = path, .gzip = lower_case(path).ends_with(".gz")};
    file->bytes = uint64_t(status.st_size);
    if (files.size() == kFilesMax)
      return Error{path + ": more than " + std::to_string(kFilesMax) +
                   " files; put documents together as JSONL"};
    files.push_back(std::move(*file));
    return {};
  }

  Result<void> add_folder(const std::string& path, int depth) {
    if (depth == kFolderDepthMax) return Error{path + ": folders nested too deeply"};
    std::vector<std::string> names = TRY(list_directory(path));
    for (const std::string& name : names)
      if (!name.starts_with('.')) TRY(add(join_path(path, name), /*named=*/false, depth + 1));
    return {};
  }

  std::set<std::pair<dev_t, ino_t>> seen_;
};

Result<std::string> read_gzip(const std::string& path, size_t bytes_max) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (!file) return Error{path + ": cannot be opened: " + std::strerror(errno)};
  std::string bytes;
  constexpr size_t kStep = size_t(1) << 20;
  std::string problem;
  for (;;) {
    size_t used = bytes.size();
    if (used > bytes_max) {
      problem = "unpacks to more than " + format_bytes(double(bytes_max));
      break;
    }
    bytes.resize(used + kStep);
    int read = gzread(file, bytes.data() + used, unsigned(kStep));
    bytes.resize(used + size_t(std::max(read, 0)));
    if (read == int(kStep)) continue;
    int status = Z_OK;
    const char* message = gzerror(file, &status);  // Z_BUF_ERROR: the file ends too early
    if (status != Z_OK) problem = "damaged gzip file: " + std::string(message);
    break;
  }
  gzclose(file);
  if (!problem.empty()) return Error{path + ": " + problem};
  return bytes;
}

}  // namespace

Result<std::vector<CorpusFile>> find_corpus_files(const std::vector<std::string>& paths) {
  Finder finder;
  for (const std::string& path : paths) TRY(finder.add_path(path));
  return std::move(finder.files);
}

Result<std::string> read_corpus_file(const CorpusFile& file, size_t bytes_max) {
  return file.gzip ? read_gzip(file.path, bytes_max) : read_file(file.path, bytes_max);
}

}  // namespace weir
