#include "report/report_data.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace weir {
namespace {

std::vector<double> numbers(const Json& array) {
  std::vector<double> values;
  for (const Json& value : array.items())
    values.push_back(value.is_null() ? NAN : *value.as_double());
  return values;
}

Json columns_of(size_t lines, const std::function<double(size_t)>& value, size_t points_max) {
  return columns_json(lines,
                      {{"step", [](size_t line) { return double(line + 1); }}, {"value", value}},
                      points_max);
}

TEST(ReportColumns, KeepEveryLineWhereThereAreFew) {
  const Json columns = columns_of(
      4, [](size_t line) { return line == 2 ? NAN : 0.1234567 * double(line); }, 4);
  EXPECT_EQ(columns.dump(), R"({"step":[1,2,3,4],"value":[0,0.12346,null,0.37037]})");
  const Json nothing = columns_of(
      4, [](size_t) { return INFINITY; }, 4);
  EXPECT_EQ(nothing.find("value"), nullptr) << "nobody measured it";
  EXPECT_EQ(columns_json(0, {{"step", nullptr}}, 4).dump(), "{}");
}

TEST(ReportColumns, ThinToMeansAndKeepTheEnds) {
  const Json columns = columns_of(
      1000, [](size_t line) { return double(line % 2); }, 100);
  const std::vector<double> steps = numbers(*columns.find("step"));
  const std::vector<double> values = numbers(*columns.find("value"));
  ASSERT_EQ(steps.size(), values.size());
  EXPECT_GE(steps.size(), 100u);
  EXPECT_LE(steps.size(), 125u);
  EXPECT_EQ(steps.front(), 1);
  EXPECT_EQ(steps[1], 2) << "the first points stay as they are, for a logarithmic axis";
  EXPECT_EQ(steps.back(), 1000);
  EXPECT_EQ(values.back(), 1) << "a value, not a mean";
  EXPECT_NEAR(values[60], 0.5, 1e-9);
  EXPECT_TRUE(std::is_sorted(steps.begin(), steps.end()));
}

TEST(ReportColumns, AMeanPassesOverWhatIsMissing) {
  const Json columns = columns_of(
      1000, [](size_t line) { return line % 10 == 0 ? 7 : NAN; }, 10);
  for (double value : numbers(*columns.find("value")))
    EXPECT_TRUE(std::isnan(value) || value == 7) << value;
}

struct Loads {
  std::vector<ExpertLoad> loads;
  std::vector<LoadLine> lines() const {
    std::vector<LoadLine> all;
    for (size_t i = 0; i < loads.size(); ++i) all.push_back({double(i + 1), &loads[i]});
    return all;
  }
};

TEST(ReportExperts, AreInFairShares) {
  const Loads run{std::vector<ExpertLoad>(40, {{0.7, 0.2, 0.08, 0.02}, {2, 2, 2, 2}})};
  std::vector<size_t> shape;
  const Json experts = experts_json(run.lines(), 10, shape);
  EXPECT_EQ(shape, (std::vector<size_t>{4, 4}));
  EXPECT_EQ(numbers(*experts.find("step")).front(), 2.5);
  EXPECT_EQ(numbers(*experts.find("step")).size(), 10u);
  const Json& first = experts.find("layers")->items()[0];
  const Json& second = experts.find("layers")->items()[1];
  EXPECT_EQ(first.find("rows")->dump(), R"(["7777777777","3333333333","1111111111","0000000000"])");
  EXPECT_DOUBLE_EQ(numbers(*first.find("busiest"))[3], 2.8);
  EXPECT_DOUBLE_EQ(*first.double_at("least"), 0.08);
  EXPECT_DOUBLE_EQ(*first.double_at("most"), 2.8);
  EXPECT_EQ(*first.int_at("idle"), 1);
  EXPECT_EQ(second.find("rows")->items()[0].text(), "4444444444");
  EXPECT_EQ(*second.int_at("idle"), 0);
}

TEST(ReportExperts, ShowTwelveLayersOfMany) {
  const Loads run{{ExpertLoad(40, {1, 3})}};
  std::vector<size_t> shape;
  const Json experts = experts_json(run.lines(), 10, shape);
  EXPECT_EQ(*experts.int_at("of"), 40);
  const std::vector<Json>& layers = experts.find("layers")->items();
  ASSERT_EQ(layers.size(), 12u);
  EXPECT_EQ(*layers.front().int_at("layer"), 0);
  EXPECT_EQ(*layers.back().int_at("layer"), 39);
}

TEST(ReportExperts, PassOverLinesOfAnotherShapeAndWhatIsNoLoad) {
  Loads run{{{{0.5, 0.5}}, {{1}}, {{0.1, 0.2, 0.7}}, {{NAN, 1, 1}}, {{-1, 1, 1}}, {{}}, {}}};
  std::vector<size_t> shape;
  const Json experts = experts_json(run.lines(), 10, shape);
  EXPECT_EQ(shape, std::vector<size_t>{3});
  EXPECT_EQ(experts.find("step")->dump(), "[3]");
  std::vector<size_t> other = {2, 2};
  EXPECT_TRUE(experts_json(run.lines(), 10, other).is_null());
  EXPECT_TRUE(experts_json({}, 10, other).is_null());
}

}  // namespace
}  // namespace weir
