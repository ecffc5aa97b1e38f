// Parameters as stored: [rows = outputs][cols = inputs], row-major, f32 or bf16, with the packed
// panels that the matrix kernels walk. Only f32 weights can be trained.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "kernels/kernels.h"
#include "tensor/buffer.h"

namespace weir {

enum class WeightType : uint8_t { f32, bf16 };
size_t type_bytes(WeightType type);
const char* type_name(WeightType type);

class ThreadPool;

// Several equal matrices (the experts of a layer) are one Weight with `groups` row ranges, each
// packed on its own. A plain matrix has one group. A vector (norm gain, bias) has rows == 1.
struct Weight {
  std::string name;  // HuggingFace tensor name; for groups a pattern with "{}" where the index goes
  WeightType type = WeightType::f32;
  int rows = 0, cols = 0, groups = 1;
  void* data = nullptr;       // owned by the weight store or a mapped file
  float* grad = nullptr;      // same layout; null when frozen
  bool decays = true;         // weight decay applies (matrices; not norms, biases)
  bool is_embedding = false;  // looked up by row; never multiplied unless the head is tied to it

  float* f32() const { return static_cast<float*>(data); }
  const uint16_t* bf16() const { return static_cast<const uint16_t*>(data); }
  size_t count() const { return size_t(rows) * size_t(cols); }
  int group_rows() const { return rows / groups; }

  // Panels for x W^T (`forward`) and dy W (`backward`, f32 only), made on first use after a change
  // and kept until changed() is called. Group g begins at g * group_panel_floats().
  const void* forward_panels(ThreadPool& pool) const;
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
