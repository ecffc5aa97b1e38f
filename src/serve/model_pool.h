// The models of one server: known at its start, loaded when a request needs one, unloaded after
// idling or when another one needs the memory.
//
// A lease keeps a model in memory while a request uses it; a model is never unloaded under a lease.
// One thread loads and unloads, one model at a time, so that each sees the memory that the others
// left. Requests for a model that is not there wait in one bounded queue; requests for the others
// go on meanwhile.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "serve/api_error.h"
#include "serve/embedding_thread.h"
#include "serve/engine_thread.h"
#include "serve/model_facts.h"
#include "serve/pass_gate.h"
#include "serve/served_model.h"

namespace weir {

// A model in memory. One that makes text has the first two; the threads end before the model.
struct LoadedModel {
  std::unique_ptr<ServedModel> text = {};
  std::unique_ptr<EngineThread> engine = {};
  // Of an encoder, and of a model that makes text if engine and embedder share a gate; else null.
  std::unique_ptr<Embedder> embedder = {};
  std::unique_ptr<EmbeddingThread> embedding = {};
  std::string embedding_error = {};  // why a model that makes text has no embedder
};

LoadedModel loaded_text(std::unique_ptr<ServedModel> model, int sequences_max, PassGate* gate);
LoadedModel loaded_encoder(std::unique_ptr<Embedder> embedder, int jobs_max, PassGate* gate);

// Keeps the model loaded. The pool outlives it.
using ModelLease = std::shared_ptr<LoadedModel>;

struct PooledModel {
  std::vector<std::string> names = {};  // the name, then its aliases
  ModelFacts facts = {};
  double bytes = 0;         // of memory when it is loaded, its KV cache included
  double idle_seconds = 0;  // unloaded after so long without a request; 0: never
  bool stays = false;       // never unloaded, once it is loaded
  // Called by the pool's thread. `gate`: for whatever runs passes.
  std::function<Result<LoadedModel>(PassGate* gate)> load = {};
};

struct ModelPoolOptions {
  double bytes_max = 0;      // of all loaded models together; 0: no limit
  int waiting_max = 64;      // requests that wait for models
  double wait_seconds = 60;  // of a request, until there is memory for its model
  std::function<void(const std::string&)> log = {};  // a line for each load and unload
};

enum class ModelStatus { unloaded, loading, loaded, unloading };

struct ModelState {
  ModelStatus status = ModelStatus::unloaded;
  int requests = 0, waiting = 0;            // that use it; that wait for it
  std::optional<double> seconds_left = {};  // until idleness unloads it; nothing: it does not
  std::string error = {};                   // of the last attempt to load it; "": it was loaded
  int64_t loads = 0;
};

class ModelPool {
 public:
  // Fails for names that are given twice. The first model is the one of requests that name none.
  static Result<std::unique_ptr<ModelPool>> create(std::vector<PooledModel> models,
                                                   ModelPoolOptions options);
  ~ModelPool();  // after the last lease

  size_t size() const { return entries_.size(); }
  const PooledModel& model(size_t index) const { return entries_[index].model; }
  ModelState state(size_t index) const;

  // The model of a request: by name or alias (":latest" may follow), the first for "" and for the
  // names of DeepSeek's and Anthropic's own models: the first that makes text, or, with
  // `wants_vectors`, the first made for embeddings. 404 with the list of names.
  // `sees`: which models the list may name; null: all.
  using Sees = std::function<bool(const PooledModel&)>;
  ApiResult<size_t> choose(const std::string& name, bool wants_vectors = false,
                           const Sees& sees = {}) const;
  ApiError no_model(const std::string& name, const Sees& sees = {}) const;  // that 404

  // `keep_seconds`: from this request on, how long the model stays after its last one; negative:
  // for good. Nothing: no change. Null: the model is not loaded.
  ModelLease lease(size_t index, std::optional<double> keep_seconds = {});
  // Without counting as a use.
  ModelLease peek(size_t index);

  // Loads the model and calls `ready` once, on the pool's thread or at once on this one; the error
  // is 429, 500 or 503.
  using Ready = std::function<void(ApiResult<ModelLease>)>;
  void wait(uint64_t ticket, size_t index, std::optional<double> keep_seconds, Ready ready);
  uint64_t new_ticket();
  // Whoever waits with this ticket has left: `ready` is not called any more.
  void leave(uint64_t ticket);
  // Waits until the model is loaded.
  Result<void> load_now(size_t index);
  // As soon as no request uses it. False: it stays.
  bool unload(size_t index);

  // Ends all replies and waiting requests, and loads nothing any more.
  void stop();

 private:
  struct Entry {
    PooledModel model;
    ModelStatus status = ModelStatus::unloaded;
    LoadedModel loaded = {};
    int requests = 0;
    int64_t used_ns = 0;
    double keep_seconds = -1;  // negative: for good
    bool is_unwanted = false;
    std::string error = {};
    int64_t loads = 0;
  };
  struct Waiting {
    uint64_t ticket;
    size_t index;
    std::optional<double> keep_seconds;
    Ready ready;
    int64_t since_ns;
  };
  using Lock = std::unique_lock<std::mutex>;

  ModelPool(std::vector<PooledModel> models, ModelPoolOptions options);
  ModelLease lease_of(Entry& entry, std::optional<double> keep_seconds, bool counts);
  void release(Entry& entry, bool counts);
  double seconds_left(const Entry& entry, int64_t now) const;
  bool may_go(const Entry& entry) const;
  double bytes_used() const;
  ApiError no_memory(const Entry& entry) const;

  void run();
  bool unload_one(Lock& lock);
  bool load_one(Lock& lock);
  bool make_room(Lock& lock, Entry& entry);
  bool give_up_one(Lock& lock);
  void load(Lock& lock, Entry& entry);
  void unload(Lock& lock, Entry& entry);
  void answer(Lock& lock, size_t index, const std::optional<ApiError>& error,
              int64_t since_ns_max = INT64_MAX);
  size_t index_of(const Entry& entry) const { return size_t(&entry - entries_.data()); }
  double seconds_to_next() const;
  void say(const std::string& line) const;

  const ModelPoolOptions options_;
  PassGate gate_;
  mutable std::mutex mutex_;  // guards what follows; the models themselves do not change
  std::condition_variable wake_;
  std::vector<Entry> entries_;   // as many as at the start, each in its place
  std::deque<Waiting> waiting_;  // the oldest first
  uint64_t next_ticket_ = 1;
  bool stops_ = false;
  std::thread thread_;
};

}  // namespace weir
