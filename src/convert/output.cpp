// Where a conversion may write, and folders that appear whole or not at all.
#include <fmt/format.h>

#include <filesystem>
#include <string_view>
#include <utility>

#include "base/aside.h"
#include "base/file.h"
#include "convert/convert.h"
#include "formats/aside_files.h"
#include "formats/gguf.h"

namespace weir {
namespace {

constexpr std::string_view kGguf = ".gguf";

// "NAME-00002-of-00007.gguf" of NAME.
bool is_part_of(std::string_view file, std::string_view name) {
  if (!file.starts_with(name) || !file.ends_with(kGguf)) return false;
  file.remove_prefix(name.size());
  file.remove_suffix(kGguf.size());
  const auto is_number = [](std::string_view text) {
    return text.size() == 5 && text.find_first_not_of("0123456789") == text.npos;
  };
  return file.size() == 15 && file[0] == '-' && is_number(file.substr(1, 5)) &&
         file.substr(6, 4) == "-of-" && is_number(file.substr(10));
}

}  // namespace

std::string plain_path(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

bool is_same_place(const std::string& a, const std::string& b) {
  std::error_code error;
  return std::filesystem::equivalent(a, b, error) && !error;
}

Result<void> check_output(const std::string& path, bool overwrites, bool is_split) {
  if (is_split && has_gguf_name(path)) {
    const std::filesystem::path place(path);
    const std::string folder = place.parent_path().empty() ? "." : place.parent_path().string();
    const std::string name = place.stem().string();
    const auto entries = list_directory(folder);
    for (const std::string& entry : entries ? *entries : std::vector<std::string>())
      if (is_part_of(entry, name))
        return Error{
            fmt::format("{}: is there already, a part of a split model of this name; "
                        "remove its parts or give another name",
                        join_path(folder, entry))};
  }
  if (!file_exists(path) && !is_directory(path)) return {};
  if (!has_gguf_name(path)) return Error{path + ": exists already; give a folder that does not"};
  if (overwrites && !is_directory(path)) return {};
  return Error{path + ": exists already; give --overwrite or another name"};
}

Result<AsideFolder> AsideFolder::create(const std::string& target) {
  TRY(remove_stale_asides_of(target));
  const std::string path = aside_name(target);
  if (is_directory(path) || file_exists(path))
    return Error{path + ": is in the way; remove it, no program is writing it"};
  auto made = make_directories(path);
  if (!made) return named_as(made.error(), path, target);
  return AsideFolder(target, path);
}

Error AsideFolder::named(Error error) const {
  return path_.empty() ? error : named_as(std::move(error), path_, target_);
}

AsideFolder::AsideFolder(AsideFolder&& other) noexcept
    : target_(std::move(other.target_)), path_(std::exchange(other.path_, {})) {}

AsideFolder::~AsideFolder() {
  if (!path_.empty()) (void)remove_all(path_);
}

Result<void> AsideFolder::finish() {
  auto renamed = rename_path(path_, target_);
  if (!renamed) return named(renamed.error());
  path_.clear();
  return {};
}

}  // namespace weir
