// The knowledge bases that a server answers from, and what it keeps of people's verdicts. Any
// thread.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "knowledge/answer.h"

namespace weir {

struct KnowledgeShelfEntry {
  std::string name, path;
  std::string model = {};  // that answers, by a name of the server; "": the server's first
  int sources = 4;         // chunks shown with a question
  int searched = 0;        // AskOptions::searched
  Quotes quotes = Quotes::none;
};

class ServedBase {
 public:
  using QuestionVector = std::function<Result<std::vector<float>>(const std::string& question)>;
  // Whoever asks sees documents without labels, and those with one of `labels` or of the request's
  // own. `vector`: of a question for this base; may be empty. An error for a base that can not be
  // read, or was calibrated with a model's judgement, which a server does not ask for.
  static Result<std::unique_ptr<ServedBase>> open(KnowledgeShelfEntry entry,
                                                  const std::vector<std::string>& labels,
                                                  QuestionVector vector = {});

  const KnowledgeShelfEntry& entry() const { return entry_; }
  const AskOptions& options() const { return options_; }
  // Documents by their names: the paths that they were added with are the server's business.
  Result<std::vector<FoundChunk>> search(const std::string& question, int count,
                                         const std::vector<std::string>& labels = {});
  // Sources, score and, where these do not suffice, the refusal; without a reply.
  Result<Answer> begin(const std::string& question, const std::vector<std::string>& labels = {});
  // Keeps a question that got no answer, for `weir knowledge faq`.
  void note_refusal(const std::string& question, const Answer& answer);
  // Appends a line to PATH.feedback.jsonl, up to 64 MiB in all.
  Result<void> note_verdict(const std::string& line);

 private:
  ServedBase(KnowledgeShelfEntry entry, AskOptions options, std::unique_ptr<ThreadPool> pool,
             KnowledgeSearch search, QuestionVector vector)
      : entry_(std::move(entry)),
        options_(std::move(options)),
        pool_(std::move(pool)),
        search_(std::move(search)),
        vector_(std::move(vector)) {}
  Result<SearchOptions> search_options(const std::string& question, int count,
                                       const std::vector<std::string>& labels) const;
  const KnowledgeShelfEntry entry_;
  const AskOptions options_;
  const std::unique_ptr<ThreadPool> pool_;
  std::mutex mutex_;  // of the search, the vectors and the file
  KnowledgeSearch search_;
  const QuestionVector vector_;
};

struct KnowledgeShelf {
  std::vector<std::shared_ptr<ServedBase>> bases = {};
  std::string bot = {};  // JSON for the page of a bot; "": the server is no bot
  // Null: there is none of that name.
  ServedBase* find(const std::string& name) const;
};

}  // namespace weir
