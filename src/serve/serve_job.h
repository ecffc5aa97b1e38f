// One request on its way: the engine's tokens come in on the engine's thread, become text on the
// connection's, and leave in the dialect's form. Ends its sequences when the client leaves.
#pragma once
#include <memory>
#include <mutex>
#include <vector>

#include "serve/engine_thread.h"
#include "serve/http_exchange.h"
#include "serve/key_ring.h"
#include "serve/model_pool.h"
#include "serve/reply_guard.h"
#include "serve/reply_text.h"
#include "serve/reply_writer.h"
#include "serve/served_judge.h"
#include "serve/served_model.h"

namespace weir {

// An error before the reply has begun, in a dialect's form.
using ErrorWriter = HttpReply (*)(const ApiError&);

struct ServeJobSetup {
  ModelLease lease;  // of what the others refer to
  EngineThread& engine;
  const Tokenizer& tokenizer;
  PreparedRequest prepared;
  std::unique_ptr<ReplyWriter> writer;
  ErrorWriter write_error;
  bool streams = false;
  std::shared_ptr<HttpExchange> exchange;
  std::shared_ptr<ServedKey> key = nullptr;   // is charged for the tokens; null: nobody is
  std::shared_ptr<GuardDesk> desk = nullptr;  // null: no guard
  GuardedRequest guarded = {};
  ServedJudge* judge = nullptr;  // outlives the job; null: the policy has none
};

class ServeJob : public TokenReceiver, public std::enable_shared_from_this<ServeJob> {
 public:
  explicit ServeJob(ServeJobSetup setup) : setup_(std::move(setup)) {}
  // On the exchange's executor, once. Answers 429 when the queue is full.
  void start();

  void take(std::vector<Token> tokens) override;
  void fail(const std::string& error) override;

 private:
  void process();
  void charge(int64_t tokens);
  void process_token(const Token& token, std::string& out);
  void take_fit(const Token& token);
  void add(int choice, ReplyParts parts, std::string& out);
  void ask_judge(int choice);
  void take_judgement(int choice, std::optional<double> score);
  void end_when_done();
  void end_with(const ApiError& error);
  void end();
  double seconds() const;

  ServeJobSetup setup_;
  std::mutex mutex_;  // guards the next two
  std::vector<Token> inbox_;
  bool is_scheduled_ = false;

  // Of the exchange's executor.
  uint64_t job_ = 0;
  int64_t began_ns_ = 0;
  std::vector<ReplyText> texts_;
  std::vector<std::unique_ptr<ReplyGuard>> guards_;  // of each, where there is a guard
  std::vector<ReplyParts> whole_;                    // unless it streams
  ReplyUsage usage_;
  std::vector<double> fits_;  // of the scored prompts
  int fits_left_ = 0;         // that are not known; tokens of replies wait for them
  std::vector<Token> waiting_;
  int left_ = 0;       // sequences that have not ended
  int questions_ = 0;  // that a judge has not answered
  bool is_done_ = false, has_begun_ = false;
};

}  // namespace weir
