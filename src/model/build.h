// Makes the weights of a model under their HuggingFace names and wires the layers to them.
#pragma once
#include <string>

#include "model/model.h"

namespace weir {

class ModelBuilder {
 public:
  // Where the numbers of matrices will be. Elsewhere: in mapped files, which Model::bind finds.
  // Nowhere: shapes alone, without rope tables, for a dry run.
  enum class Storage { trainable, frozen, elsewhere, nowhere };
  ModelBuilder(Model& model, Storage storage) : model_(model), storage_(storage) {}
  void build();
  // A model whose matrices have no numbers yet: whoever asks for it sets their parts.
  static std::unique_ptr<Model> unbound(const ModelConfig& config);

 private:
  // `vector`: a gain or a bias, which does not decay. `frozen`: no part of the gradient, among the
  // model's buffers.
  enum class Kind { matrix, vector, frozen };
  Matrix* add(const std::string& name, int rows, int cols, int groups, Kind kind);
  // A projection, or those of all experts.
  Linear linear(const std::string& name, int rows, int cols, int groups = 1);
  const Matrix* vector(const std::string& name, int width);
  Linear frozen_linear(const std::string& name, int rows, int cols);
  Matrix* frozen_vector(const std::string& name, int width);
  Norm norm(const std::string& name, int width, double epsilon);
  Gqa gqa(const std::string& prefix, int layer);
  Indexer indexer(const std::string& prefix, int layer);
  Mla mla(const std::string& prefix, int layer);
  Engram engram(const std::string& prefix, int layer);
  // build_compressed.cpp
  StreamSite stream_site(const std::string& prefix, bool reads_only);
  Compressor compressor(const std::string& prefix, int layer, int width, bool is_index);
  EntryIndexer entry_indexer(const std::string& prefix, int layer);
  WindowAttention window_attention(const std::string& prefix, int layer);
  const Matrix* hash_table(const std::string& prefix, int layer);
  Mlp mlp(const std::string& prefix, int width);
  Moe moe(const std::string& prefix, int layer);
  Block block(int layer, bool is_moe);
  MtpModule mtp(int index);
  Dspark dspark();
  void rope();

  Model& model_;
  Storage storage_;
  bool is_frozen_part_ = false;  // linear() and vector() make buffers
  std::vector<Matrix*> frozen_;
};

}  // namespace weir
