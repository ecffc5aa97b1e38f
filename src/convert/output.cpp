// Where a conversion may write.
#include <fmt/format.h>

#include <filesystem>
#include <string_view>

#include "base/file.h"
#include "convert/convert.h"
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

}  // namespace weir
