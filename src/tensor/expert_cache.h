// Experts of a model larger than memory: those in use and the most likely next ones are kept in
// slots of memory, the others are read from the file when a router has chosen them.
#pragma once
#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/direct_file.h"
#include "tensor/buffer.h"
#include "tensor/expert_reader.h"
#include "tensor/expert_use.h"

namespace weir {

class ExpertCache : private ExpertReader::Listener {
 public:
  static constexpr int kMatrices = 3;  // gate, up, down: read, kept and given up together
  // The rows of a matrix of one expert, as its file has them.
  struct Part {
    int file = 0;
    uint64_t offset = 0;
    size_t bytes = 0;
  };
  using Expert = std::array<Part, kMatrices>;
  struct Source {
    std::vector<std::unique_ptr<DirectFile>> files;
    std::vector<std::vector<Expert>> layers;  // each with equally many experts
    int chosen = 1;                           // experts of a row
  };
  // Memory of the largest expert, with the room that aligned reads take.
  static size_t slot_bytes(const std::vector<std::vector<Expert>>& layers);

  // As many slots as `bytes` hold, at least one and at most one for each expert.
  ExpertCache(Source source, size_t bytes);
  ~ExpertCache() override;

  // An expert in memory. Null rows: it could not be read (failure()).
  struct Ready {
    int expert = 0;
    std::array<const std::byte*, kMatrices> rows = {};
  };
  // What one pass does at one layer. No two visits at a time.
  class Visit {
   public:
    explicit Visit(ExpertCache& cache) : cache_(&cache) {}
    ~Visit();
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    // Starts reading the chosen experts that are not there. `begin` [experts + 1]: as in Routing.
    void begin(int layer, int rows, std::span<const int> begin);
    // Chosen experts that are in memory and have not been given yet, waiting for at least one;
    // empty when there is none left. They stay until the next call.
    std::span<const Ready> next();

   private:
    ExpertCache* cache_;
    int layer_ = -1;
    std::vector<int> missing_;  // experts that have no slot yet
    std::vector<int> held_;     // slots that are read, or that were and have not been given
    std::vector<int> given_;
    std::vector<Ready> ready_;
    friend class ExpertCache;
  };

  // Starts reading experts that the next visit of `layer` may want, where that costs none which
  // would be wanted sooner.
  void look_ahead(int layer, std::span<const int> experts);

  // What reading has failed with first; empty: nothing.
  std::string failure() const;

  struct Statistics {
    int64_t chosen = 0;        // experts that visits asked for
    int64_t found = 0;         // of them in memory at once
    int64_t early = 0;         // of them read or being read because of look_ahead()
    int64_t looked_ahead = 0;  // experts read because of it
    int64_t bytes_read = 0;
    double wait_seconds = 0;  // that visits waited for reads
  };
  Statistics statistics() const;
  int slots() const { return int(slots_.size()); }
  int experts() const;  // of all layers
  bool is_direct() const;
  size_t bytes() const { return memory_.size(); }

 private:
  enum class State : uint8_t { empty, reading, ready, failed };
  struct Slot {
    int layer = -1, expert = -1;
    State state = State::empty;
    int pieces = 0;  // still to be read
    int pins = 0;    // who needs it to stay
  };

  void piece_read(int ticket, size_t bytes, const Result<void>& result) override;
  int victim(double least) const;
  bool start(int layer, int expert, double least, bool is_urgent);
  void start_missing(Visit& visit);
  void unpin(std::vector<int>& slots);
  const std::byte* part(int slot, int matrix) const;
  int& slot_of(int layer, int expert) { return slot_of_[size_t(layer)][size_t(expert)]; }

  Source source_;
  Buffer memory_;
  size_t slot_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<Slot> slots_;
  std::vector<std::vector<int>> slot_of_;   // [layer][expert]; -1: none
  std::vector<std::vector<int>> promised_;  // slots that look_ahead() pinned, by layer
  ExpertUse use_;
  std::string failure_;
  Statistics statistics_;
  std::unique_ptr<ExpertReader> reader_;  // the last: its threads use the rest
};

}  // namespace weir
