#include "base/stop_signal.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

namespace weir {
namespace {

// Runs in a child, so that the flag of this process stays down. Returns the wait status.
int status_of_child(void (*body)()) {
  pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

TEST(StopSignals, TheFirstAsksAndTheSecondEnds) {
  for (int number : {SIGINT, SIGTERM}) {
    static int current;
    current = number;
    int first = status_of_child([] {
      catch_stop_signals();
      if (stop_requested()) _exit(1);
      raise(current);
      if (!stop_requested()) _exit(2);
    });
    EXPECT_TRUE(WIFEXITED(first) && WEXITSTATUS(first) == 0) << strsignal(number);
    int second = status_of_child([] {
      catch_stop_signals();
      raise(SIGTERM);
      raise(current);
      _exit(3);
    });
    EXPECT_TRUE(WIFSIGNALED(second) && WTERMSIG(second) == number) << strsignal(number);
  }
  EXPECT_FALSE(stop_requested());
}

}  // namespace
}  // namespace weir
