// For tests: small models on disk, their logits, and folders that disappear.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "base/file.h"
#include "convert/convert.h"
#include "convert/make_random.h"
#include "model/model.h"
#include "tensor/run.h"

namespace weir {

inline std::string golden_model(const std::string& family) {
  return std::string(WEIR_SOURCE_DIR) + "/src/model/testdata/" + family;
}

// Keeps what it hears; stops after some pieces if told to.
struct Reports : ConvertListener {
  std::vector<TensorReport> reports;
  int pieces_left = 1 << 30;
  bool on_bytes(uint64_t, const std::string&) override { return --pieces_left > 0; }
  void on_tensor(const TensorReport& report) override { reports.push_back(report); }
};

class ConvertTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(make_directories(folder_)); }
  void TearDown() override { (void)remove_all(folder_); }
  std::string path(const std::string& name) const { return join_path(folder_, name); }

  Result<ConvertResult> convert_to(const std::string& from, const std::string& to,
                                   const std::string& type = "", uint64_t split_bytes = 0) {
    ConvertRequest request;
    request.from = from;
    request.to = to;
    request.type = type;
    request.split_bytes = split_bytes;
    return run(request);
  }
  Result<ConvertResult> run(const ConvertRequest& request) {
    listener_.reports.clear();
    return convert(request, pool_, listener_);
  }
  Result<ConvertResult> random_to(const std::string& like, const std::string& to,
                                  const std::string& type) {
    RandomModelRequest request;
    request.like = like;
    request.to = to;
    request.type = type;
    return make_random(request, pool_, listener_);
  }

  // Of the tokens 1 to `count`, in one pass.
  std::vector<float> logits(const std::string& model_path, int count = 24) {
    auto model = load_model(model_path, false);
    EXPECT_TRUE(model) << (model ? "" : model.error().message);
    if (!model) return {};
    (*model)->pack(pool_);
    std::vector<int> tokens(static_cast<size_t>(count)), positions(tokens.size()),
        sequences(tokens.size(), 0);
    std::iota(tokens.begin(), tokens.end(), 1);
    std::iota(positions.begin(), positions.end(), 0);
    Arena arena(size_t(1) << 30);
    Batch batch(tokens, positions, sequences);
    weir::Run pass{arena, pool_, batch};
    const Tensor rows = (*model)->logits(pass, (*model)->forward(pass));
    return std::vector<float>(rows.data, rows.data + size_t(rows.rows) * size_t(rows.cols));
  }

  ThreadPool pool_{2};
  Reports listener_;
  std::string folder_ = ::testing::TempDir() + "weir_convert_" + std::to_string(getpid());
};

// The largest difference as a share of the largest number.
inline double difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size() || a.empty()) return 1e9;
  double largest = 0, apart = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, double(std::fabs(a[i])));
    apart = std::max(apart, double(std::fabs(a[i] - b[i])));
  }
  return apart / largest;
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && !a.empty() &&
         std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace weir
