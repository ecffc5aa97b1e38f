#include "serve/model_pool.h"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <set>
#include <utility>

#include "base/clock.h"
#include "base/text.h"

namespace weir {
namespace {

double seconds_since(int64_t ns, int64_t now) { return double(now - ns) * 1e-9; }

ApiError stopping() {
  return {.status = 503, .message = "the server is stopping", .retry_seconds = 10};
}

}  // namespace

LoadedModel loaded_text(std::unique_ptr<ServedModel> model, int sequences_max, PassGate* gate) {
  LoadedModel loaded{.text = std::move(model)};
  loaded.engine = std::make_unique<EngineThread>(loaded.text->engine(), sequences_max, gate);
  if (!gate) return loaded;
  const ServedModel& text = *loaded.text;
  auto embedder = Embedder::over(text.open(), text.path());
  if (!embedder) {
    loaded.embedding_error = embedder.error().message;
    return loaded;
  }
  loaded.embedder = *std::move(embedder);
  loaded.embedding = std::make_unique<EmbeddingThread>(*loaded.embedder, sequences_max, gate);
  return loaded;
}

LoadedModel loaded_encoder(std::unique_ptr<Embedder> embedder, int jobs_max, PassGate* gate) {
  LoadedModel loaded;
  loaded.embedder = std::move(embedder);
  loaded.embedding = std::make_unique<EmbeddingThread>(*loaded.embedder, jobs_max, gate);
  return loaded;
}

ModelPool::ModelPool(std::vector<PooledModel> models, ModelPoolOptions options)
    : options_(std::move(options)) {
  entries_.reserve(models.size());
  for (PooledModel& model : models) entries_.push_back({.model = std::move(model)});
  thread_ = std::thread([this] { run(); });
}

Result<std::unique_ptr<ModelPool>> ModelPool::create(std::vector<PooledModel> models,
                                                     ModelPoolOptions options) {
  if (models.empty()) return Error{"a server needs at least one model"};
  std::set<std::string> names;
  for (const PooledModel& model : models)
    for (const std::string& name : model.names)
      if (!names.insert(name).second)
        return Error{"two models, or a model and an alias, have the name '" + printable(name) +
                     "'; give one of them another name"};
  return std::unique_ptr<ModelPool>(new ModelPool(std::move(models), std::move(options)));
}

ModelPool::~ModelPool() { stop(); }

void ModelPool::stop() {
  {
    std::lock_guard lock(mutex_);
    stops_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  std::deque<Waiting> waiting;
  {
    std::lock_guard lock(mutex_);
    waiting.swap(waiting_);
  }
  for (const Waiting& request : waiting) request.ready(stopping());
  for (Entry& entry : entries_) {
    if (entry.loaded.engine) entry.loaded.engine->stop();
    if (entry.loaded.embedding) entry.loaded.embedding->stop();
  }
}

ApiResult<size_t> ModelPool::choose(const std::string& name, bool wants_vectors,
                                    const Sees& sees) const {
  for (size_t i = 0; i < entries_.size(); ++i)
    for (const std::string& known : entries_[i].model.names)
      if (name == known || name == known + ":latest") return i;
  if (name.empty() || name == "deepseek-chat" || name == "deepseek-reasoner" ||
      name.starts_with("claude-")) {
    for (size_t i = 0; i < entries_.size(); ++i) {
      const Abilities& abilities = entries_[i].model.facts.abilities;
      if (wants_vectors ? abilities.embedding : abilities.writes_text) return i;
    }
    return size_t(0);
  }
  return no_model(name, sees);
}

ApiError ModelPool::no_model(const std::string& name, const Sees& sees) const {
  std::string list;
  for (const Entry& entry : entries_)
    if (!sees || sees(entry.model))
      for (const std::string& known : entry.model.names) list += (list.empty() ? "" : ", ") + known;
  return {
      .status = 404,
      .message = fmt::format("there is no model '{}'; this server has: {}", printable(name), list),
      .param = "model",
      .code = "model_not_found"};
}

ModelState ModelPool::state(size_t index) const {
  std::lock_guard lock(mutex_);
  const Entry& entry = entries_[index];
  ModelState state{.status = entry.status,
                   .requests = entry.requests,
                   .error = entry.error,
                   .loads = entry.loads};
  for (const Waiting& request : waiting_) state.waiting += request.index == index;
  if (entry.status == ModelStatus::loaded && !entry.model.stays && entry.keep_seconds >= 0)
    state.seconds_left = seconds_left(entry, monotonic_ns());
  return state;
}

// Until idleness unloads it: of a model in use, counted from now.
double ModelPool::seconds_left(const Entry& entry, int64_t now) const {
  const double idle = entry.requests > 0 ? 0 : seconds_since(entry.used_ns, now);
  return std::max(0., entry.keep_seconds - idle);
}

ModelLease ModelPool::lease_of(Entry& entry, std::optional<double> keep_seconds, bool counts) {
  if (entry.status != ModelStatus::loaded || stops_) return nullptr;
  ++entry.requests;
  if (keep_seconds) entry.keep_seconds = *keep_seconds;
  if (counts) entry.is_unwanted = false, entry.used_ns = monotonic_ns();
  return {&entry.loaded, [this, &entry, counts](LoadedModel*) { release(entry, counts); }};
}

void ModelPool::release(Entry& entry, bool counts) {
  std::lock_guard lock(mutex_);
  --entry.requests;
  if (counts) entry.used_ns = monotonic_ns();
  if (entry.requests == 0) wake_.notify_one();
}

ModelLease ModelPool::lease(size_t index, std::optional<double> keep_seconds) {
  std::lock_guard lock(mutex_);
  return lease_of(entries_[index], keep_seconds, true);
}

ModelLease ModelPool::peek(size_t index) {
  std::lock_guard lock(mutex_);
  return lease_of(entries_[index], {}, false);
}

uint64_t ModelPool::new_ticket() {
  std::lock_guard lock(mutex_);
  return next_ticket_++;
}

void ModelPool::wait(uint64_t ticket, size_t index, std::optional<double> keep_seconds,
                     Ready ready) {
  Lock lock(mutex_);
  const auto answer_now = [&](ApiResult<ModelLease> result) {
    lock.unlock();
    ready(std::move(result));
  };
  if (stops_) return answer_now(stopping());
  if (ModelLease lease = lease_of(entries_[index], keep_seconds, true))
    return answer_now(std::move(lease));
  if (int(waiting_.size()) >= options_.waiting_max)
    return answer_now(ApiError{.status = 429,
                               .message = "as many requests wait for models to be loaded as may; "
                                          "try again",
                               .code = "rate_limit_exceeded",
                               .retry_seconds = 5});
  waiting_.push_back({ticket, index, keep_seconds, std::move(ready), monotonic_ns()});
  wake_.notify_one();
}

void ModelPool::leave(uint64_t ticket) {
  Ready gone;  // destroyed without the lock
  std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(waiting_.begin(), waiting_.end(),
                   [ticket](const Waiting& request) { return request.ticket == ticket; });
  if (found == waiting_.end()) return;
  gone = std::move(found->ready);
  waiting_.erase(found);
}

Result<void> ModelPool::load_now(size_t index) {
  std::promise<Result<void>> done;
  wait(new_ticket(), index, {}, [&done](ApiResult<ModelLease> lease) {
    Result<void> result = lease ? Result<void>() : Error{lease.error().message};
    if (lease) (*lease).reset();  // this use ends before the caller's next one
    done.set_value(std::move(result));
  });
  return done.get_future().get();
}

bool ModelPool::unload(size_t index) {
  std::lock_guard lock(mutex_);
  Entry& entry = entries_[index];
  if (entry.model.stays) return false;
  if (entry.status == ModelStatus::loaded) entry.is_unwanted = true;
  wake_.notify_one();
  return true;
}

// What follows is the pool's thread. Each step returns whether it did something; then time has
// passed without the lock, and all is looked at again.
void ModelPool::run() {
  Lock lock(mutex_);
  while (!stops_) {
    if (unload_one(lock) || load_one(lock) || give_up_one(lock)) continue;
    const double seconds = seconds_to_next();
    if (seconds < 0)
      wake_.wait(lock);
    else
      wake_.wait_for(lock, std::chrono::duration<double>(std::min(seconds, 3600.)));
  }
}

bool ModelPool::may_go(const Entry& entry) const {
  return entry.status == ModelStatus::loaded && entry.requests == 0 && !entry.model.stays;
}

bool ModelPool::unload_one(Lock& lock) {
  const int64_t now = monotonic_ns();
  for (Entry& entry : entries_) {
    const bool is_over = entry.keep_seconds >= 0 && seconds_left(entry, now) <= 0;
    if (!may_go(entry) || !(entry.is_unwanted || is_over)) continue;
    unload(lock, entry);
    return true;
  }
  return false;
}

void ModelPool::unload(Lock& lock, Entry& entry) {
  entry.status = ModelStatus::unloading;
  std::optional<LoadedModel> loaded(std::exchange(entry.loaded, {}));
  lock.unlock();
  loaded.reset();
  malloc_trim(0);  // small pieces go back to the system too
  say(fmt::format("model {} is unloaded", printable(entry.model.names[0])));
  lock.lock();
  entry.status = ModelStatus::unloaded;
  entry.is_unwanted = false;
}

double ModelPool::bytes_used() const {
  double bytes = 0;
  for (const Entry& entry : entries_)
    if (entry.status != ModelStatus::unloaded) bytes += entry.model.bytes;
  return bytes;
}

// The oldest request whose model can be loaded.
bool ModelPool::load_one(Lock& lock) {
  for (size_t i = 0; i < waiting_.size(); ++i) {
    Entry& entry = entries_[waiting_[i].index];
    if (entry.status == ModelStatus::loaded) {
      answer(lock, waiting_[i].index, {});
      return true;
    }
    const double others = bytes_used();
    if (options_.bytes_max <= 0 || others + entry.model.bytes <= options_.bytes_max ||
        others == 0) {
      load(lock, entry);
      return true;
    }
    if (make_room(lock, entry)) return true;
  }
  return false;
}

// Unloads the model that was not used for the longest time, if that leads to enough room. Where
// only models that stay are in the way, waiting has no sense.
bool ModelPool::make_room(Lock& lock, Entry& entry) {
  Entry* oldest = nullptr;
  double may_be_had = options_.bytes_max - bytes_used(), in_use = 0;
  for (Entry& other : entries_) {
    if (other.status != ModelStatus::loaded || other.model.stays) continue;
    (may_go(other) ? may_be_had : in_use) += other.model.bytes;
    if (may_go(other) && (!oldest || other.used_ns < oldest->used_ns)) oldest = &other;
  }
  if (oldest && (may_be_had >= entry.model.bytes || bytes_used() == oldest->model.bytes)) {
    unload(lock, *oldest);
    return true;
  }
  if (may_be_had + in_use >= entry.model.bytes) return false;
  // Alone it may be loaded, whatever its size.
  const bool is_hopeless = std::any_of(entries_.begin(), entries_.end(), [](const Entry& other) {
    return other.status != ModelStatus::unloaded && other.model.stays;
  });
  if (is_hopeless) {
    answer(lock, index_of(entry), no_memory(entry));
    return true;
  }
  if (oldest) unload(lock, *oldest);
  return oldest != nullptr;
}

ApiError ModelPool::no_memory(const Entry& entry) const {
  std::string list;
  for (const Entry& other : entries_) {
    if (other.status == ModelStatus::unloaded) continue;
    list += fmt::format("{}{} ({}, {})", list.empty() ? "" : ", ", other.model.names[0],
                        format_bytes(other.model.bytes),
                        other.model.stays ? "kept loaded"
                                          : fmt::format("{} request{}", other.requests,
                                                        other.requests == 1 ? "" : "s"));
  }
  return {
      .status = 503,
      .message = fmt::format("the model '{}' needs {} of memory; all loaded models may have {}, "
                             "and these leave too little: {}; try again later",
                             printable(entry.model.names[0]), format_bytes(entry.model.bytes),
                             format_bytes(options_.bytes_max), list),
      .code = "unavailable",
      .retry_seconds = 10};
}

// The oldest request that waited for memory for too long.
bool ModelPool::give_up_one(Lock& lock) {
  const int64_t now = monotonic_ns();
  for (const Waiting& request : waiting_) {
    if (seconds_since(request.since_ns, now) < options_.wait_seconds) continue;
    answer(lock, request.index, no_memory(entries_[request.index]), request.since_ns);
    return true;
  }
  return false;
}

void ModelPool::load(Lock& lock, Entry& entry) {
  entry.status = ModelStatus::loading;
  lock.unlock();
  const std::string name = printable(entry.model.names[0]);
  const int64_t began = monotonic_ns();
  Result<LoadedModel> loaded = entry.model.load(&gate_);
  const double seconds = seconds_since(began, monotonic_ns());
  say(loaded ? fmt::format("model {} is loaded after {:.2f} s", name, seconds)
             : fmt::format("model {} could not be loaded: {}", name, loaded.error().message));
  lock.lock();
  const size_t index = index_of(entry);
  if (!loaded) {
    entry.status = ModelStatus::unloaded;
    entry.error = loaded.error().message;
    return answer(lock, index,
                  ApiError{.status = 500,
                           .message = fmt::format("the model '{}' could not be loaded: {}", name,
                                                  entry.error),
                           .code = "model_not_loaded"});
  }
  entry.loaded = *std::move(loaded);
  entry.status = ModelStatus::loaded;
  entry.error.clear();
  entry.used_ns = monotonic_ns();
  entry.keep_seconds = entry.model.idle_seconds > 0 ? entry.model.idle_seconds : -1;
  ++entry.loads;
  answer(lock, index, {});
}

// All that wait for this model since then. Nobody's request runs under the lock.
void ModelPool::answer(Lock& lock, size_t index, const std::optional<ApiError>& error,
                       int64_t since_ns_max) {
  std::vector<std::pair<Ready, ApiResult<ModelLease>>> ready;
  for (auto request = waiting_.begin(); request != waiting_.end();) {
    if (request->index != index || request->since_ns > since_ns_max) {
      ++request;
      continue;
    }
    ModelLease lease;
    if (!error) lease = lease_of(entries_[index], request->keep_seconds, true);
    ready.push_back(
        {std::move(request->ready), lease ? ApiResult<ModelLease>(std::move(lease))
                                          : ApiResult<ModelLease>(error ? *error : stopping())});
    request = waiting_.erase(request);
  }
  lock.unlock();
  for (auto& [call, result] : ready) call(std::move(result));
  ready.clear();
  lock.lock();
}

// Until a model has idled for long enough or a request has waited for too long; negative: nothing
// will happen by itself.
double ModelPool::seconds_to_next() const {
  const int64_t now = monotonic_ns();
  double seconds = -1;
  const auto consider = [&](double next) {
    seconds = seconds < 0 ? std::max(0., next) : std::min(seconds, std::max(0., next));
  };
  for (const Entry& entry : entries_)
    if (may_go(entry) && entry.keep_seconds >= 0) consider(seconds_left(entry, now));
  for (const Waiting& request : waiting_)
    consider(options_.wait_seconds - seconds_since(request.since_ns, now));
  return seconds;
}

void ModelPool::say(const std::string& line) const {
  if (options_.log) options_.log(line);
}

}  // namespace weir
