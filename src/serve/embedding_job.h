// One request for vectors on its way. Ends its texts when the client leaves.
#pragma once
#include <memory>
#include <vector>

#include "serve/embedding_request.h"
#include "serve/key_ring.h"
#include "serve/model_pool.h"
#include "serve/serve_job.h"

namespace weir {

struct EmbeddingJobSetup {
  ModelLease lease;  // with an embedder
  std::string model;
  EmbeddingRequest request;
  std::vector<std::vector<int>> tokens;
  ErrorWriter write_error;
  std::shared_ptr<HttpExchange> exchange;
  std::shared_ptr<ServedKey> key = nullptr;  // is charged for the tokens; null: nobody is
};

class EmbeddingJob : public std::enable_shared_from_this<EmbeddingJob> {
 public:
  explicit EmbeddingJob(EmbeddingJobSetup setup) : setup_(std::move(setup)) {}
  // On the exchange's executor, once. Answers 429 when the queue is full.
  void start();

 private:
  void finish(Result<std::vector<std::vector<float>>> vectors);

  EmbeddingJobSetup setup_;
  int64_t tokens_ = 0, began_ns_ = 0;
};

}  // namespace weir
