// Parameters as stored: [rows = outputs][cols = inputs], row-major. f32 ones have packed panels
// that the matrix kernels walk, and only they can be trained; other types are used as their file
// has them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "tensor/buffer.h"

namespace weir {

class ThreadPool;

// Several equal matrices (the experts of a layer) are one Weight with `groups` row ranges, each
// packed on its own. A plain matrix has one group. A vector (norm gain, bias) has rows == 1.
struct Weight {
  std::string name;  // HuggingFace tensor name; for groups a pattern with "{}" where the index goes
  WeightType type = WeightType::f32;
  int rows = 0, cols = 0, groups = 1;
  void* data = nullptr;       // f32, owned by the model
  float* grad = nullptr;      // same layout; null when frozen
  bool decays = true;         // weight decay applies (matrices; not norms, biases)
  bool is_embedding = false;  // looked up by row; never multiplied unless the head is tied to it

  // Of a frozen weight in a mapped file: where the rows of each group are, and under f8_e4m3 their
  // scales [ceil(group rows / 128)][ceil(cols / 128)]. `data` is null then.
  std::vector<const void*> stored;
  std::vector<const float*> scales;
  // Whether products walk packed panels, which f32 alone has; a stored f32 weight that is too large
  // to be copied goes without.
  bool has_panels = true;

  float* f32() const { return static_cast<float*>(data); }
  size_t count() const { return size_t(rows) * size_t(cols); }
  int group_rows() const { return rows / groups; }
  bool uses_panels() const { return has_panels && type == WeightType::f32; }
  // Group g of an f32 weight.
  const float* group_f32(int g) const;
  // Row r of all, as f32: `scratch` [cols] is filled, or left alone where the row is f32 already.
  const float* row(int r, float* scratch) const;

  // Panels of f32 weights for x W^T (`forward`) and dy W (`backward`), made on first use after a
  // change and kept until changed() is called. Group g begins at g * group_panel_floats().
  const float* forward_panels(ThreadPool& pool) const;
  const float* backward_panels(ThreadPool& pool) const;
  size_t forward_group_elements() const;
  size_t backward_group_elements() const;
  // To be called after every write to data.
  void changed() const {
    forward_.fresh = false;
    backward_.fresh = false;
  }
  void drop_panels() const {
    forward_ = {};
    backward_ = {};
  }
  // Bytes held in panels now.
  size_t panel_bytes() const { return forward_.buffer.size() + backward_.buffer.size(); }

 private:
  struct Panels {
    Buffer buffer;
    bool fresh = false;
  };
  mutable Panels forward_, backward_;
};

}  // namespace weir
