// The knowledge bases that a server answers from, by name. Any thread may ask; a base answers one
// search at a time.
#pragma once
#include <ctime>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "knowledge/answer.h"

namespace weir {

class KnowledgeBases {
 public:
  using QuestionVector = std::function<Result<std::vector<float>>(const std::string& question)>;
  // Whoever asks sees documents without labels, and those with one of `labels`. `vector`: of a
  // question for this base; may be empty. An error for a base that was calibrated with a model's
  // judgement, which the server does not ask for.
  Result<void> add(const std::string& name, const std::string& path,
                   const std::vector<std::string>& labels, QuestionVector vector);
  bool is_empty() const { return bases_.empty(); }
  bool has(const std::string& name) const { return bases_.contains(name); }

  Result<std::vector<FoundChunk>> search(const std::string& name, const std::string& question,
                                         int count);
  // The sources of an answer, its score, and its refusal if they are not enough.
  Result<Answer> find_sources(const std::string& name, const std::string& question);
  // For a person to answer.
  void note(const std::string& name, const std::string& question, Refusal refusal);

 private:
  struct Base {
    std::string path;
    std::vector<std::string> labels;
    QuestionVector vector;
    std::mutex mutex;  // guards the rest
    std::unique_ptr<ThreadPool> pool = {};
    std::unique_ptr<KnowledgeSearch> search = {};
    Calibration calibration = {};
  };
  Result<std::vector<FoundChunk>> search_in(Base& base, const std::string& question, int count);

  std::map<std::string, std::unique_ptr<Base>> bases_;
};

}  // namespace weir
