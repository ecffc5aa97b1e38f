#include "adapt/adapt_folder.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/atomic_output.h"
#include "base/text.h"

namespace weir {
namespace {

constexpr const char* kState = "adapt.json";
constexpr const char* kLock = ".lock";
constexpr int kVersion = 1;

Result<void> check_folder(const std::string& path) {
  if (!file_exists(path)) return {};
  const std::vector<std::string> names = TRY(list_directory(path));
  const bool is_free = std::all_of(names.begin(), names.end(),
                                   [](const std::string& name) { return name == kLock; });
  if (is_free || file_exists(join_path(path, kState))) return {};
  return Error{path + ": holds other files than those of weir adapt; name a new folder with --out"};
}

Result<void> check_identity(const std::string& path, const Json& state, const Json& identity) {
  const Json* asked = TRY(state.at("asked"));
  for (const auto& [name, value] : identity.members()) {
    const Json* before = asked->find(name);
    if (!before || before->dump() != value.dump())
      return Error{
          fmt::format("{} was made with another {}: {} instead of {}; give the same, or a "
                      "new folder with --out",
                      path, name, before ? printable(before->dump(), 200) : "none",
                      printable(value.dump(), 200))};
  }
  return {};
}

}  // namespace

Result<AdaptFolder> AdaptFolder::open(const std::string& path, const Json& identity) {
  TRY(check_folder(path));
  TRY(make_directories(path));
  FileLock lock = TRY(FileLock::acquire(join_path(path, kLock)));
  TRY(remove_stale_asides(path));
  const std::string file = join_path(path, kState);
  if (file_exists(file)) {
    Json state = TRY(read_json_file(file));
    TRY_IN(file, check_identity(path, state, identity));
    return AdaptFolder(path, std::move(lock), std::move(state));
  }
  Json state = Json::object();
  state.set("version", int64_t(kVersion));
  state.set("asked", identity);
  state.set("facts", Json::object());
  state.set("stages", Json::object());
  TRY(write_file_atomic(file, state.dump()));
  return AdaptFolder(path, std::move(lock), std::move(state));
}

const Json* AdaptFolder::result(const std::string& stage) const {
  const Json* stages = state_.find("stages");
  return stages ? stages->find(stage) : nullptr;
}

const Json* AdaptFolder::fact(const std::string& name) const {
  const Json* facts = state_.find("facts");
  return facts ? facts->find(name) : nullptr;
}

Result<void> AdaptFolder::set(const std::string& section, const std::string& name, Json value) {
  Json part = *TRY(state_.at(section));
  part.set(name, std::move(value));
  state_.set(section, std::move(part));
  return write_file_atomic(file(kState), state_.dump());
}

Result<void> AdaptFolder::finish(const std::string& stage, Json result) {
  return set("stages", stage, std::move(result));
}

Result<void> AdaptFolder::set_fact(const std::string& name, Json value) {
  return set("facts", name, std::move(value));
}

Result<std::vector<Json>> lines_if_any(const std::string& path) {
  return file_exists(path) ? read_json_lines(path) : std::vector<Json>();
}

}  // namespace weir
