// `weir adapt`: from documents and a model to a bot, in stages that go on where they were stopped.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"

namespace weir {

struct AdaptOptions {
  std::string base;                         // a model with a chat template
  std::vector<std::string> files, folders;  // documents, as add_to_base() takes them
  std::string out;
  std::string name;       // of the bot
  std::string questions;  // a file of hand-written questions for the evaluation; "": none
  double minutes = 48;    // of all stages together
  int threads = 0;
  int64_t seed = 1;
  int sentences = 3;  // asked about in a chunk, at most
  int sources = 6;    // chunks shown with a question, cut down to their passages
  int searched = 10;  // chunks whose passages compete
  int rank = 16;      // of the adapter
  double epochs = 3;  // over the questions, at most
  double lr = 2e-4;
  int evaluated = 60;  // made questions that are asked at the end, at most
  // Of made questions whose document is hidden, how many may be answered; 0: the threshold that
  // hand-written questions gave (knowledge/answerability.h).
  double error_rate = 0;
};

struct AdaptSummary {
  bool is_stopped = false;  // everything is saved
  std::string table = {};   // the evaluation, as text
};

// Progress goes to stderr.
Result<AdaptSummary> run_adapt(const AdaptOptions& options, ThreadPool& pool);

}  // namespace weir
