// The two kinds of models behind an Embedder.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "embed/embedder.h"
#include "tensor/run.h"

namespace weir {

class Embedder::Source {
 public:
  virtual ~Source() = default;
  virtual int width() const = 0;
  virtual int positions_max() const = 0;
  virtual int vocabulary() const = 0;                  // tokens that the model has rows for
  virtual const std::vector<int>& before() const = 0;  // around a text
  virtual const std::vector<int>& after() const = 0;
  virtual Result<std::vector<int>> encode(std::string_view text) const = 0;  // nothing around it
  virtual Tensor forward(Run& run) const = 0;  // [tokens, width]; also dry
  virtual std::string failure() const { return ""; }
  virtual ThreadPool& pool() = 0;
};

Result<std::unique_ptr<Embedder::Source>> open_source(const std::string& path,
                                                      const EmbedderOptions& options);
// The model outlives it.
std::unique_ptr<Embedder::Source> source_over(const OpenModel& open);

}  // namespace weir
