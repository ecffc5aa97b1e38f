#include "base/topology.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace weir {
namespace {

// A tree of files as the kernel shows them.
class TopologyTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "weir-topology-XXXXXX";
    ASSERT_NE(mkdtemp(root_.data()), nullptr);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    const std::filesystem::path full = root_ + path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << text << '\n';
  }
  void cpu(int id, const std::string& file, const std::string& text) const {
    write("/sys/devices/system/cpu/cpu" + std::to_string(id) + "/" + file, text);
  }
  Topology read(std::vector<int> allowed) const { return read_topology(root_, std::move(allowed)); }

  // Two sockets of four cores with two threads each: 0-3 and 4-7, their siblings 8-11 and 12-15.
  void make_server() const {
    for (int id = 0; id < 16; ++id) {
      const int core = id % 8, package = core / 4;
      cpu(id, "topology/core_cpus_list", std::to_string(core) + "," + std::to_string(core + 8));
      cpu(id, "topology/physical_package_id", std::to_string(package));
      cpu(id, "cache/index0/level", "1");
      cpu(id, "cache/index0/size", "32K");
      cpu(id, "cache/index0/shared_cpu_list", std::to_string(id));
      cpu(id, "cache/index3/level", "3");
      cpu(id, "cache/index3/size", "32768K");
      cpu(id, "cache/index3/shared_cpu_list", package == 0 ? "0-3,8-11" : "4-7,12-15");
    }
    write("/sys/devices/system/node/online", "0-1");
    write("/sys/devices/system/node/node0/cpulist", "0-3,8-11");
    write("/sys/devices/system/node/node1/cpulist", "4-7,12-15");
  }

  std::string root_;
};

std::vector<int> up_to(int count) {
  std::vector<int> all(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) all[size_t(i)] = i;
  return all;
}

TEST_F(TopologyTest, CountsSocketsNodesAndSiblings) {
  make_server();
  const Topology t = read(up_to(16));
  EXPECT_EQ(t.cpus.size(), 16u);
  EXPECT_EQ(t.cores(), 8);
  EXPECT_EQ(t.fast_cores(), 8);
  EXPECT_EQ(t.packages(), 2);
  EXPECT_EQ(t.nodes(), 2);
  EXPECT_EQ(t.cache_bytes, size_t(64) << 20);
  EXPECT_EQ(default_threads(t), 8);
  // Node by node, then the siblings.
  EXPECT_EQ(pinning_order(t), up_to(16));
}

TEST_F(TopologyTest, CountsOnlyWhatTheAffinityMaskAllows) {
  make_server();
  EXPECT_EQ(default_threads(read({1, 2, 9})), 2);  // 1 and 9 are one core
  EXPECT_EQ(read({1, 2, 9}).cache_bytes, size_t(32) << 20);
  EXPECT_EQ(read({4, 5}).nodes(), 1);
  EXPECT_EQ(pinning_order(read({9, 1, 2})), (std::vector<int>{1, 2, 9}));
}

TEST_F(TopologyTest, ASingleCoreHasAThreadForEachSibling) {
  make_server();
  EXPECT_EQ(default_threads(read({3, 11})), 2);
  EXPECT_EQ(default_threads(read({3})), 1);
}

// Two performance cores with two threads each, four efficient ones: an Alder Lake.
TEST_F(TopologyTest, SlowCoresOfHybridProcessorsDoNotCount) {
  for (int id = 0; id < 8; ++id)
    cpu(id, "topology/thread_siblings_list",
        id < 4 ? std::to_string(id / 2 * 2) + "-" + std::to_string(id / 2 * 2 + 1)
               : std::to_string(id));
  write("/sys/devices/cpu_core/cpus", "0-3");
  write("/sys/devices/cpu_atom/cpus", "4-7");
  const Topology t = read(up_to(8));
  EXPECT_EQ(t.cores(), 6);
  EXPECT_EQ(t.fast_cores(), 2);
  EXPECT_EQ(default_threads(t), 2);
  EXPECT_EQ(pinning_order(t), (std::vector<int>{0, 2, 1, 3, 4, 5, 6, 7}));
  EXPECT_EQ(default_threads(read({4, 5, 6})), 3);  // alike, so none is slow
}

// A phone: one large core, three middle ones, four little ones.
TEST_F(TopologyTest, SlowCoresByCapacity) {
  const int capacities[] = {250, 250, 250, 250, 760, 760, 760, 1024};
  for (int id = 0; id < 8; ++id) cpu(id, "cpu_capacity", std::to_string(capacities[id]));
  const Topology t = read(up_to(8));
  EXPECT_EQ(default_threads(t), 4);
  EXPECT_EQ(pinning_order(t), (std::vector<int>{4, 5, 6, 7, 0, 1, 2, 3}));
  EXPECT_EQ(default_threads(read({0, 1})), 2);
}

TEST_F(TopologyTest, WithoutAnyFileAllCoresAreAlike) {
  const Topology t = read({0, 1, 5});
  EXPECT_EQ(t.cores(), 3);
  EXPECT_EQ(t.packages(), 1);
  EXPECT_EQ(t.cache_bytes, 0u);
  EXPECT_EQ(default_threads(t), 3);
}

TEST_F(TopologyTest, TheLeastQuotaAroundTheProcessCounts) {
  write("/proc/self/cgroup", "0::/a/b");
  write("/sys/fs/cgroup/a/b/cpu.max", "max 100000");
  EXPECT_EQ(default_threads(read(up_to(8))), 8);
  write("/sys/fs/cgroup/a/cpu.max", "250000 100000");
  EXPECT_DOUBLE_EQ(read(up_to(8)).quota, 2.5);
  EXPECT_EQ(default_threads(read(up_to(8))), 3);
  write("/sys/fs/cgroup/cpu.max", "50000 100000");
  EXPECT_EQ(default_threads(read(up_to(8))), 1);
}

TEST_F(TopologyTest, QuotaOfTheFirstVersion) {
  write("/proc/self/cgroup", "4:memory:/x\n3:cpu,cpuacct:/docker/7\n0::/");
  write("/sys/fs/cgroup/cpu/docker/7/cpu.cfs_quota_us", "200000");
  write("/sys/fs/cgroup/cpu/docker/7/cpu.cfs_period_us", "100000");
  write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1");
  write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
  EXPECT_DOUBLE_EQ(read(up_to(8)).quota, 2);
}

TEST_F(TopologyTest, DamagedFilesCountAsMissing) {
  write("/proc/self/cgroup", "nonsense\n0::\n::::\n3:cpu");
  write("/sys/fs/cgroup/cpu.max", "many few");
  write("/sys/devices/cpu_atom/cpus", "1-99999999999,x");
  write("/sys/devices/system/node/online", "1-0");
  cpu(0, "topology/core_cpus_list", "-");
  cpu(0, "topology/physical_package_id", "-7");
  cpu(0, "cache/index0/level", "3");
  cpu(0, "cache/index0/size", "K");
  const Topology t = read({0, 1});
  EXPECT_EQ(default_threads(t), 2);
  EXPECT_EQ(t.cpus[0].package, 0);
  EXPECT_EQ(t.cache_bytes, 0u);
}

TEST(Topology, KnowsThisProcess) {
  cpu_set_t set;
  ASSERT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
  const Topology t = read_topology();
  EXPECT_EQ(int(t.cpus.size()), CPU_COUNT(&set));
  EXPECT_GE(default_threads(t), 1);
  EXPECT_LE(default_threads(t), CPU_COUNT(&set));
}

}  // namespace
}  // namespace weir
