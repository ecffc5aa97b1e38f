// For tests: walks every call of a durable write, lets it fail, cut short or be the last before the
// power is cut, and checks that the old content or all of the new is there.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "base/result.h"
#include "testing/file_faults.h"

namespace weir::faults {

struct DurableWrite {
  std::function<void()> prepare;        // an empty folder, then the old content
  std::function<Result<void>()> write;  // the new content over the old
  // "old", "new", or what is wrong with what is there.
  std::function<std::string()> content;
};

// Files that are being written are beside their target under such names.
inline int asides_below(const std::string& folder) {
  int count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    count += name.find(".writing-") != name.npos;
  }
  return count;
}

inline void expect_whole(const DurableWrite& w, const std::string& when) {
  const std::string content = w.content();
  EXPECT_TRUE(content == "old" || content == "new") << when << ": " << content;
}

inline void walk(const std::string& folder, const DurableWrite& w, bool has_links = true) {
  const auto prepare = [&] {
    Disk disk(folder, {});
    w.prepare();
  };
  prepare();
  ASSERT_EQ(w.content(), "old");
  std::vector<std::string> calls;
  {
    Disk disk(folder, {.has_links = has_links});
    const Result<void> written = w.write();
    ASSERT_TRUE(written) << written.error().message;
    calls = disk.calls();
    disk.settle(true);
  }
  EXPECT_EQ(w.content(), "new") << "written without an error, and lost when the power was cut";
  for (const char* name : {"rename", "fsync folder"})
    EXPECT_NE(std::find(calls.begin(), calls.end(), name), calls.end()) << name;

  for (int i = 0; i < int(calls.size()); ++i) {
    const std::string& call = calls[size_t(i)];
    for (int error : {EIO, ENOSPC}) {
      const std::string when =
          "call " + std::to_string(i) + " (" + call + ") fails with " + std::to_string(error);
      prepare();
      Result<void> written;
      {
        Disk disk(folder, {.fail_at = i, .error = error, .has_links = has_links});
        written = w.write();
      }
      // Without a hard link a copy is made.
      EXPECT_TRUE(!written || call == "link") << when;
      EXPECT_TRUE(written || !written.error().message.empty()) << when;
      expect_whole(w, when);
      EXPECT_EQ(asides_below(folder), 0) << when;
    }
    if (call == "write") {
      prepare();
      {
        Disk disk(folder, {.fail_at = i, .is_short = true, .has_links = has_links});
        const Result<void> written = w.write();
        EXPECT_TRUE(written) << "a short write is gone on with: " << written.error().message;
      }
      EXPECT_EQ(w.content(), "new") << "call " << i << " wrote half its bytes";
    }
    for (bool loses_names : {false, true}) {
      const std::string when = "power cut at call " + std::to_string(i) + " (" + call +
                               "), names lost: " + std::to_string(loses_names);
      prepare();
      Disk disk(folder, {.fail_at = i, .cuts_power = true, .has_links = has_links});
      EXPECT_FALSE(w.write()) << when;
      disk.settle(loses_names);
      expect_whole(w, when);
    }
  }
}

}  // namespace weir::faults
