// Precision and recall of the detectors on sentences whose numbers were made apart from them
// (testing/personal_records.h).
#include <gtest/gtest.h>

#include <map>

#include "guard/detectors.h"
#include "testing/personal_records.h"

namespace weir {
namespace {

struct Counts {
  int right = 0, wrong = 0, missed = 0;
};

TEST(PersonalData, IsFoundInFiveThousandSentencesAndNothingElseIs) {
  std::map<std::string, Counts> by_kind;
  Counts all;
  std::string examples;
  for (uint64_t number = 0; number < 5000; ++number) {
    const personal::Record record = personal::record(number);
    std::vector<DetectorMatch> matches;
    detect(record.text, 0, true, matches);
    std::vector<bool> is_used(record.items.size());
    for (const DetectorMatch& match : matches) {
      const std::string& kind = detector_names()[size_t(match.kind)];
      bool is_right = false;
      for (size_t i = 0; i < record.items.size(); ++i) {
        const personal::Item& item = record.items[i];
        if (is_used[i] || item.kind != kind || match.begin > item.begin + 1 ||
            match.end != item.end)
          continue;
        is_used[i] = is_right = true;
        break;
      }
      ++(is_right ? all.right : all.wrong);
      ++(is_right ? by_kind[kind].right : by_kind[kind].wrong);
      if (!is_right)
        examples += "wrong " + kind + " in: " + record.text + " at " +
                    record.text.substr(match.begin, match.end - match.begin) + "\n";
    }
    for (size_t i = 0; i < is_used.size(); ++i) {
      if (is_used[i]) continue;
      ++all.missed;
      ++by_kind[record.items[i].kind].missed;
      examples += "missed " + record.items[i].kind + " in: " + record.text + "\n";
    }
  }
  for (const auto& [kind, counts] : by_kind)
    RecordProperty(kind, std::to_string(counts.right) + " right, " + std::to_string(counts.wrong) +
                             " wrong, " + std::to_string(counts.missed) + " missed");
  EXPECT_GT(all.right, 4000);
  const double precision = all.right / double(all.right + all.wrong);
  const double recall = all.right / double(all.right + all.missed);
  EXPECT_GE(precision, 0.99) << examples.substr(0, 4000);
  EXPECT_GE(recall, 0.99) << examples.substr(0, 4000);
}

}  // namespace
}  // namespace weir
