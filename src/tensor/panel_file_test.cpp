#include "tensor/panel_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <vector>

#include "base/atomic_output.h"
#include "base/progress.h"
#include "base/sha256.h"
#include "base/thread_pool.h"
#include "tensor/panel_set.h"
#include "testing/stored_support.h"

namespace weir {
namespace {

using testing::StoredWeight;

struct PanelFileTest : ::testing::Test {
  std::string folder = ::testing::TempDir() + "panel_file_XXXXXX", path;
  const std::string key = sha256_hex("weights");
  StoredWeight a{WeightType::q5_k, 3, 40, 256};  // its panels end at no multiple of 64
  StoredWeight b{WeightType::q8_0, 1, 70, 96};
  std::vector<Matrix*> matrices = {&a.weight, &b.weight};
  std::vector<const Matrix*> sources = {&a.weight, &b.weight};
  std::vector<PanelShape> shapes;

  void SetUp() override {
    if (!kernels().repack_panel) GTEST_SKIP() << "this processor's products read no panels";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    path = folder + "/x.panels";
    shapes = shapes_of(sources);
    ThreadPool pool(2);
    Progress progress("test", 1, "MB");
    ASSERT_TRUE(write_panel_file(path, key, sources, pool, progress));
  }
  void TearDown() override { (void)remove_all(folder); }

  std::string error() const {
    const auto file = PanelFile::open(path, key, shapes);
    return file ? "" : file.error().message;
  }
  void rewrite(const std::string& bytes) const { ASSERT_TRUE(write_file_atomic(path, bytes)); }
};

TEST_F(PanelFileTest, HoldsWhatRepackingGives) {
  EXPECT_EQ(shapes[0].count, 9u);
  EXPECT_EQ(shapes[1].count, 5u);
  auto file = PanelFile::open(path, key, shapes);
  ASSERT_TRUE(file) << file.error().message;
  for (size_t m = 0; m < 2; ++m)
    for (size_t i = 0; i < shapes[m].count; ++i) {
      std::vector<uint8_t> expected(shapes[m].bytes);
      Panels::repack(*sources[m], i, expected.data());
      const uint8_t* panel = (*file)->of(m).data + i * shapes[m].bytes;
      EXPECT_EQ(std::memcmp(panel, expected.data(), expected.size()), 0) << m << " " << i;
    }
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    EXPECT_EQ(entry.path(), path);  // nothing is left aside
}

TEST_F(PanelFileTest, RefusesDamageInHeaderAndChecksumsOtherSizesAndOtherWeights) {
  const std::string good = *read_file(path);
  const PanelFileLayout layout(shapes);
  ASSERT_EQ(good.size(), layout.bytes);
  const auto refuses = [&](std::string bytes) {
    rewrite(bytes);
    return error().starts_with(path + ": ");
  };
  for (size_t at = 0; at < 96; ++at) {
    std::string bad = good;
    bad[at] = char(bad[at] ^ 4);
    EXPECT_TRUE(refuses(bad)) << at;
  }
  for (size_t at = layout.sums; at < layout.bytes; ++at) {
    std::string bad = good;
    bad[at] = char(bad[at] ^ 4);
    EXPECT_TRUE(refuses(bad)) << at;
  }
  for (size_t size :
       {size_t(0), size_t(7), size_t(4095), size_t(4096), layout.sums, good.size() - 1})
    EXPECT_TRUE(refuses(good.substr(0, size))) << size;
  EXPECT_TRUE(refuses(good + "x"));
  rewrite(good);
  EXPECT_EQ(error(), "");
  EXPECT_FALSE(PanelFile::open(path, sha256_hex("others"), shapes));
  std::vector<PanelShape> others = shapes;
  ++others[1].count;
  EXPECT_FALSE(PanelFile::open(path, key, others));
  EXPECT_FALSE(PanelFile::open(folder + "/absent", key, shapes));
}

TEST_F(PanelFileTest, ADamagedPanelIsNotUsedAndTheFileIsRemoved) {
  std::string bytes = *read_file(path);
  const PanelFileLayout layout(shapes);
  bytes[layout.offsets[0] + 4 * shapes[0].bytes + 17] ^= 1;  // panel 1 of group 1
  rewrite(bytes);
  auto file = PanelFile::open(path, key, shapes);
  ASSERT_TRUE(file) << file.error().message;
  PanelSet set(matrices, false);
  set.use(*std::move(file));
  const auto is_right = [&](int group, int index) {
    const uint8_t* panel = a.weight.panels->get(group, index);
    std::vector<uint8_t> expected(shapes[0].bytes);
    Panels::repack(a.weight, size_t(group) * 3 + size_t(index), expected.data());
    return panel && std::memcmp(panel, expected.data(), expected.size()) == 0;
  };
  set.begin_pass(1, 1);
  for (int round = 0; round < 2; ++round)
    for (int g = 0; g < 3; ++g)
      for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(is_right(g, i), g != 1 || i != 1);
        EXPECT_EQ(a.weight.panels->get(g, i) == nullptr, g == 1 && i == 1);
      }
  ::testing::internal::CaptureStderr();
  set.begin_pass(1, 1);
  set.begin_pass(1, 1);
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
  EXPECT_NE(said.find(path + ": is damaged"), std::string::npos) << said;
  EXPECT_FALSE(file_exists(path));

  // Where memory has room, it is made again.
  rewrite(bytes);
  PanelSet roomy(matrices, true);
  roomy.use(*PanelFile::open(path, key, shapes));
  roomy.begin_pass(1, 1);
  EXPECT_TRUE(is_right(1, 1));
  EXPECT_TRUE(is_right(1, 1));
  EXPECT_TRUE(is_right(1, 2));
}

TEST_F(PanelFileTest, AFailedWriteLeavesTheFileThatWasThere) {
  ThreadPool pool(1);
  Progress progress("test", 1, "MB");
  EXPECT_FALSE(write_panel_file(folder + "/absent/x.panels", key, sources, pool, progress));
  EXPECT_EQ(error(), "");
}

}  // namespace
}  // namespace weir
