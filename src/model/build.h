// Makes the weights of a model under their HuggingFace names and wires the layers to them.
#pragma once
#include <string>

#include "model/model.h"

namespace weir {

class ModelBuilder {
 public:
  // Where the numbers of matrices will be; vectors are always allocated.
  enum class Storage { trainable, frozen, elsewhere };
  ModelBuilder(Model& model, Storage storage) : model_(model), storage_(storage) {}
  void build();

 private:
  Weight* add(const std::string& name, int rows, int cols, int groups = 1, bool decays = true);
  const Weight* matrix(const std::string& name, int rows, int cols) {
    return add(name, rows, cols);
  }
  // No part of the gradient: among the model's buffers.
  Weight* frozen(const std::string& name, int rows, int cols);
  Norm norm(const std::string& name, int width, double epsilon);
  Gqa gqa(const std::string& prefix, int layer);
  Indexer indexer(const std::string& prefix, int layer);
  Mla mla(const std::string& prefix, int layer);
  Mlp mlp(const std::string& prefix, int width);
  Moe moe(const std::string& prefix, int layer);
  Block block(int layer, bool is_moe);
  MtpModule mtp(int index);
  void rope();
  void allocate_gradients();

  Model& model_;
  Storage storage_;
};

}  // namespace weir
