#include "stages/kept_scores.h"

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/json.h"

namespace weir {
namespace {

constexpr int kFileMax = 1 << 30;  // bytes

// {"identity": "...", "scores": {"name": -12.5, ...}}
bool read_into(const std::string& path, const std::string& identity,
               std::map<std::string, double>& scores) {
  Result<Json> json = read_json_file(path, {.bytes = size_t(kFileMax)});
  if (!json || json->text_at("identity") != identity) return false;
  const Json* all = json->find("scores");
  if (!all) return false;
  for (const auto& [name, score] : all->members()) {
    Result<double> value = score.as_double();
    if (!value) return false;
    scores[name] = *value;
  }
  return true;
}

}  // namespace

KeptScores KeptScores::open(const std::string& path, const std::string& identity) {
  KeptScores kept;
  kept.path_ = path;
  kept.identity_ = identity;
  if (!path.empty() && file_exists(path) && !read_into(path, identity, kept.scores_))
    kept.scores_.clear();
  return kept;
}

const double* KeptScores::find(const std::string& name) const {
  auto found = scores_.find(name);
  return found == scores_.end() ? nullptr : &found->second;
}

Result<void> KeptScores::save() const {
  if (path_.empty()) return {};
  Json all = Json::object(), json = Json::object();
  all.members().reserve(scores_.size());
  for (const auto& [name, score] : scores_) all.members().emplace_back(name, Json(score));
  json.set("identity", identity_);
  json.set("scores", std::move(all));
  return write_file_atomic(path_, json.dump() + "\n");
}

}  // namespace weir
