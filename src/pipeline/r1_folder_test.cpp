#include "pipeline/r1_folder.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/atomic_output.h"
#include "testing/training_fixture.h"

namespace weir {
namespace {

// The number of a process that has ended.
std::string dead_process() {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, nullptr, 0);
  return std::to_string(child);
}

// A kill while rollouts are written leaves step-N.jsonl.writing-PID-K.
TEST(R1Folder, F33OpeningARunRemovesWhatAKilledOneWasWriting) {
  TemporaryFolder folder;
  const std::string rollouts = folder.file("run/stages/rl/rollouts");
  ASSERT_TRUE(make_directories(rollouts));
  const std::string whole = join_path(rollouts, "step-00000004.jsonl");
  const std::string left = whole + ".writing-" + dead_process() + "-7";
  const std::string report = folder.file("run/report.html.writing-" + dead_process() + "-1");
  for (const std::string& path : {whole, left, report}) ASSERT_TRUE(write_file_atomic(path, "{}"));
  Result<R1Folder> run = R1Folder::open(folder.file("run"));
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_TRUE(file_exists(whole));
  EXPECT_FALSE(file_exists(left));
  EXPECT_FALSE(file_exists(report));
}

}  // namespace
}  // namespace weir
