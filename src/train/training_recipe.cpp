#include "train/training_recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/check.h"
#include "base/sha256.h"

namespace weir {
namespace {

constexpr int64_t kStepsMax = 1'000'000'000;
constexpr int kWindowsMax = 1 << 20;
constexpr int kLengthMax = 1 << 20;

// Stands in for OptionReader where a recipe is written: the same calls, in the other direction.
class FieldWriter {
 public:
  FieldWriter() = default;
  FieldWriter section(const std::string& key) {
    FieldWriter inner;
    inner.parent_ = this;
    inner.key_ = key;
    return inner;
  }
  template <class Number>
  void field(const std::string& key, const Number& value, double, double) {
    object.set(key, value);
  }
  void field(const std::string& key, bool value) { object.set(key, value); }
  void field(const std::string& key, const std::string& value) { object.set(key, value); }
  void field(const std::string& key, const Json& value) { object.set(key, value); }
  void field(const std::string& key, const std::vector<std::string>& values) {
    Json list = Json::array();
    for (const std::string& value : values) list.push(value);
    object.set(key, std::move(list));
  }
  void choice(const std::string& key, const std::string& value, const std::vector<std::string>&) {
    object.set(key, value);
  }
  Result<void> finish() {
    if (parent_) parent_->object.set(key_, object);
    return {};
  }
  Json object = Json::object();

 private:
  FieldWriter* parent_ = nullptr;
  std::string key_;
};

template <class Visitor>
Result<void> visit_data(Visitor& in, TrainRecipe& r) {
  auto tokenizer = in.section("tokenizer");
  tokenizer.field("path", r.tokenizer.path);
  tokenizer.choice("kind", r.tokenizer.kind, {"bpe", "char"});
  tokenizer.field("vocab_size", r.tokenizer.vocab_size, 257, 1 << 20);
  tokenizer.field("pattern", r.tokenizer.pattern);
  tokenizer.field("isolate_digits", r.tokenizer.isolate_digits);
  tokenizer.field("chat_tokens", r.tokenizer.chat_tokens);
  TRY(tokenizer.finish());

  auto data = in.section("data");
  data.field("paths", r.data.paths);
  data.field("jsonl_field", r.data.jsonl_field);
  data.field("skip_bad_lines", r.data.skip_bad_lines);
  data.choice("packing", r.data.packing, {"documents", "windows"});
  data.field("sequence_length", r.data.sequence_length, 2, kLengthMax);
  data.field("validation_fraction", r.data.validation_fraction, 0.0, 0.9);
  data.field("end_of_document", r.data.end_of_document);
  TRY(data.finish());

  auto batch = in.section("batch");
  batch.field("windows", r.batch.windows, 1, kWindowsMax);
  batch.field("micro_windows", r.batch.micro_windows, 0, kWindowsMax);
  return batch.finish();
}

template <class Visitor>
Result<void> visit_learning(Visitor& in, TrainRecipe& r) {
  auto optimizer = in.section("optimizer");
  optimizer.choice("name", r.optimizer.name, {"adamw", "muon"});
  optimizer.field("lr", r.optimizer.lr, 0.0, 10.0);
  optimizer.field("beta1", r.optimizer.beta1, 0.0, 0.9999999);
  optimizer.field("beta2", r.optimizer.beta2, 0.0, 0.9999999);
  optimizer.field("epsilon", r.optimizer.epsilon, 1e-20, 1.0);
  optimizer.field("weight_decay", r.optimizer.weight_decay, 0.0, 100.0);
  optimizer.field("clip", r.optimizer.clip, 0.0, 1e9);
  optimizer.field("momentum", r.optimizer.momentum, 0.0, 0.9999999);
  TRY(optimizer.finish());

  auto schedule = in.section("schedule");
  schedule.choice("name", r.schedule.name, {"cosine", "wsd", "constant"});
  schedule.field("warmup_steps", r.schedule.warmup_steps, 0, kStepsMax);
  schedule.field("final_ratio", r.schedule.final_ratio, 0.0, 1.0);
  schedule.field("decay_fraction", r.schedule.decay_fraction, 0.0, 1.0);
  TRY(schedule.finish());

  auto moe = in.section("moe");
  moe.field("bias_speed", r.moe.bias_speed, 0.0, 1.0);
  moe.field("bias_freeze_at", r.moe.bias_freeze_at, 0.0, 1.0);
  moe.field("balance_weight", r.moe.balance_weight, 0.0, 10.0);
  TRY(moe.finish());

  auto mtp = in.section("mtp");
  mtp.field("weight", r.mtp.weight, 0.0, 10.0);
  mtp.field("final_weight", r.mtp.final_weight, 0.0, 10.0);
  mtp.field("switch_at", r.mtp.switch_at, 0.0, 1.0);
  return mtp.finish();
}

template <class Visitor>
Result<void> visit(Visitor& in, TrainRecipe& r) {
  in.field("run", r.run);
  in.field("steps", r.steps, 1, kStepsMax);
  in.field("seed", r.seed, 0, int64_t(1) << 53);
  in.field("threads", r.threads, 0, 1024);
  in.field("log_every", r.log_every, 1, kStepsMax);
  in.field("evaluate_every", r.evaluate_every, 1, kStepsMax);
  in.field("checkpoint_every", r.checkpoint_every, 1, kStepsMax);
  in.field("keep_checkpoints", r.keep_checkpoints, 1, 1'000'000);
  in.field("recompute", r.recompute);
  in.field("loss_limit_factor", r.loss_limit_factor, 0.0, 1e9);
  in.field("model", r.model);
  TRY(visit_data(in, r));
  TRY(visit_learning(in, r));
  auto evaluation = in.section("evaluation");
  evaluation.field("windows", r.evaluation.windows, 1, kWindowsMax);
  TRY(evaluation.finish());
  auto samples = in.section("samples");
  samples.field("prompts", r.samples.prompts);
  samples.field("tokens", r.samples.tokens, 1, 1 << 16);
  samples.field("temperature", r.samples.temperature, 0.0, 10.0);
  TRY(samples.finish());
  return in.finish();
}

// What one field alone can not say.
Result<void> check_together(const Recipe& recipe, const TrainRecipe& r) {
  OptionReader in(recipe);
  if (r.run.empty()) return in.error("run", "must name the folder that the run is kept in");
  if (!(r.model.is_string() || r.model.is_object()))
    return in.error("model", "must be a model's name, a path to a config.json, or its keys");
  OptionReader data = in.section("data");
  if (r.data.paths.empty()) return data.error("paths", "must name at least one file or folder");
  if (r.batch.windows % r.micro_windows() != 0)
    return in.section("batch").error(
        "micro_windows",
        fmt::format("{} must divide 'windows' {}", r.batch.micro_windows, r.batch.windows));
  if (int64_t(r.micro_windows()) * r.data.sequence_length > (int64_t(1) << 30))
    return in.section("batch").error("micro_windows",
                                     "times 'data.sequence_length' exceeds 2^30 tokens");
  // A warm-up as long as the run never reaches lr: almost always a forgotten key.
  if (r.schedule.warmup_steps > 0 && r.schedule.warmup_steps >= r.steps)
    return in.section("schedule")
        .error("warmup_steps",
               fmt::format("{} must be below 'steps' {}", r.schedule.warmup_steps, r.steps));
  return {};
}

bool is_plain_key(const std::string& key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

void append_yaml(const Json& object, int depth, std::string& out) {
  for (const auto& [key, value] : object.members()) {
    out.append(size_t(depth) * 2, ' ');
    out += (is_plain_key(key) ? key : Json(key).dump()) + ":";
    if (value.is_object() && value.size() > 0) {
      out += "\n";
      append_yaml(value, depth + 1, out);
    } else {
      out += " " + value.dump() + "\n";  // JSON scalars and lists are YAML
    }
  }
}

using Flat = std::map<std::string, std::string>;

void flatten(const Json& object, const std::string& prefix, Flat& out) {
  for (const auto& [key, value] : object.members()) {
    if (value.is_object())
      flatten(value, prefix + key + ".", out);
    else
      out[prefix + key] = value.dump();
  }
}

bool only_watches(const std::string& key) {
  static const std::vector<std::string> kKeys = {"run",
                                                 "steps",
                                                 "threads",
                                                 "log_every",
                                                 "evaluate_every",
                                                 "recompute",
                                                 "checkpoint_every",
                                                 "keep_checkpoints",
                                                 "loss_limit_factor",
                                                 "data.paths",
                                                 "data.jsonl_field",
                                                 "data.skip_bad_lines",
                                                 "tokenizer.path"};
  return std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end() ||
         key.starts_with("evaluation.") || key.starts_with("samples.");
}

Flat deciding(const Json& resolved) {
  Flat flat;
  flatten(resolved, "", flat);
  std::erase_if(flat, [](const auto& entry) { return only_watches(entry.first); });
  return flat;
}

}  // namespace

Result<TrainRecipe> read_train_recipe(const Recipe& recipe) {
  if (recipe.root.find("stages"))
    return Error{recipe.path + ": this is a recipe of weir r1: it has 'stages'; use weir r1 " +
                 recipe.path};
  TrainRecipe r;
  OptionReader in(recipe);
  TRY(visit(in, r));
  TRY(check_together(recipe, r));
  return r;
}

Json recipe_json(const TrainRecipe& recipe) {
  TrainRecipe copy = recipe;
  FieldWriter out;
  Result<void> written = visit(out, copy);
  CHECK(written.has_value());
  return std::move(out.object);
}

std::string recipe_yaml(const Json& resolved) {
  std::string out;
  append_yaml(resolved, 0, out);
  return out;
}

std::vector<std::string> changed_keys(const Json& then, const Json& now) {
  Flat a = deciding(then), b = deciding(now);
  std::vector<std::string> changed;
  for (const auto& [key, value] : a)
    if (auto other = b.find(key); other == b.end() || other->second != value)
      changed.push_back(key);
  for (const auto& [key, value] : b)
    if (!a.count(key)) changed.push_back(key);
  return changed;
}

std::string recipe_sha256(const Json& resolved) {
  std::string text;
  for (const auto& [key, value] : deciding(resolved)) text += key + "=" + value + "\n";
  return sha256_hex(text);
}

}  // namespace weir
