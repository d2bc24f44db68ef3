#include "studies/kept_results.hpp"

#include "members.hpp"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

using testing::HasSubstr;

constexpr double infinity = std::numeric_limits<double>::infinity();

void read_back(const Record& record, StudyOutcome& x) {
  x = outcome_from(record);
}
void read_back(const Record& record, SolvedSpectrum& x) {
  x = solved_from(record);
}
void read_back(const Record& record, KernelMoment& x) {
  x = moment_from(record);
}
void read_back(const Record& record, FrozenCurve& x) {
  x = frozen_curve_from(record);
}
void read_back(const Record& record, ReachRun& x) {
  x = reach_run_from(record);
}
void read_back(const Record& record, AssemblyReport& x) {
  x = assembly_report_from(record);
}
void read_back(const Record& record, LawPoint& x) {
  x = law_point_from(record);
}

template <class T>
T filled(std::int64_t start = 0) {
  T value{};
  Filler(start).fill(value);
  return value;
}

template <class T>
T round_trip(const T& value) {
  T again{};
  read_back(to_record(value), again);
  return again;
}

template <class T>
class KeptResults : public testing::Test {};
using Kept = testing::Types<StudyOutcome, SolvedSpectrum, AssemblyReport, KernelMoment, FrozenCurve,
                            ReachRun, LawPoint>;
TYPED_TEST_SUITE(KeptResults, Kept);

TYPED_TEST(KeptResults, EveryFieldComesBack) {
  // Three starts: every list has one, two and three elements.
  for (std::int64_t start = 0; start < 3; ++start) {
    TypeParam value = filled<TypeParam>(start), fresh{}, again = round_trip(value);
    ASSERT_FALSE(same(value, fresh)) << "nothing was filled";
    EXPECT_TRUE(same(again, value)) << start;
    EXPECT_EQ(to_record(again), to_record(value));
  }
}

TYPED_TEST(KeptResults, EmptyOnesComeBack) {
  TypeParam fresh{}, again = filled<TypeParam>();
  read_back(to_record(fresh), again);
  EXPECT_TRUE(same(again, fresh));
}

TYPED_TEST(KeptResults, ALostMemberWouldBeSeen) {
  // Each member as in a fresh struct, all others filled.
  const auto lost = []<std::size_t I>(std::integral_constant<std::size_t, I>) {
    TypeParam value = filled<TypeParam>(), other = filled<TypeParam>(), fresh{};
    std::get<I>(members(other)) = std::move(std::get<I>(members(fresh)));
    EXPECT_FALSE(same(other, value)) << "member " << I;
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (lost(std::integral_constant<std::size_t, I>()), ...);
  }
  (std::make_index_sequence<std::tuple_size_v<decltype(members(std::declval<TypeParam&>()))>>());
}

template <class T>
void expect_refused(const Record& record, const std::string& name) {
  try {
    T value{};
    read_back(record, value);
    ADD_FAILURE() << name << " was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::input);
    EXPECT_THAT(error.what(), HasSubstr("'" + name + "'"));
  }
}

TYPED_TEST(KeptResults, EveryPlantedArrayIsRefused) {
  const Record whole = to_record(filled<TypeParam>());
  for (const auto& [name, array] : whole.values) {
    Record missing = whole, shorter = whole, longer = whole, other = whole, unknown = whole;
    missing.values.erase(name);
    std::visit([](auto& values) { values.pop_back(); }, shorter.values[name]);
    std::visit([](auto& values) { values.push_back(values.back()); }, longer.values[name]);
    other.values[name] = std::vector<float>{1.0F};
    unknown.values[name + ".stranger"] = array;
    expect_refused<TypeParam>(missing, name);
    expect_refused<TypeParam>(shorter, name);
    expect_refused<TypeParam>(longer, name);
    expect_refused<TypeParam>(other, name);
    expect_refused<TypeParam>(unknown, name + ".stranger");
  }
}

TEST(KeptNumbers, KeepTheirBits) {
  LawPoint point;
  point.eigenvalue = {std::bit_cast<double>(std::uint64_t{0x7FF8'0000'0000'BEEF}),
                      -std::nan(""),
                      infinity,
                      -infinity,
                      -0.0,
                      std::numeric_limits<double>::denorm_min(),
                      std::numeric_limits<double>::max(),
                      0.1};
  LawPoint again = round_trip(point);
  EXPECT_TRUE(same(again, point));
  EXPECT_TRUE(std::signbit(again.eigenvalue[4]));

  StudyOutcome outcome;
  outcome.block = std::numeric_limits<std::int64_t>::min();
  outcome.grid = {std::numeric_limits<int>::max(), std::numeric_limits<int>::min()};
  outcome.matrix_bytes = std::nan("");
  outcome.lines = {"", "α = 1.5, ∇L → 0", ""};
  StudyOutcome found = round_trip(outcome);
  EXPECT_TRUE(same(found, outcome));
}

TEST(KeptNumbers, WhatAFieldCannotHoldIsRefused) {
  const auto planted = [](const std::string& name, std::int64_t value) {
    Record record = to_record(filled<StudyOutcome>());
    std::get<std::vector<std::int64_t>>(record.values.at(name)).front() = value;
    expect_refused<StudyOutcome>(record, name);
  };
  planted("certificate", 3);
  planted("certificate", -1);
  planted("diverged", 2);
  planted("grid.nprow", std::int64_t{1} << 40);
  planted("verdicts-count", -1);

  Record states = to_record(filled<SolvedSpectrum>());
  std::get<std::vector<std::int64_t>>(states.values.at("spectrum.state")).back() = 3;
  expect_refused<SolvedSpectrum>(states, "spectrum.state");
  Record grams = to_record(filled<SolvedSpectrum>());
  std::get<std::vector<std::int64_t>>(grams.values.at("gram-count")).front() = 2;
  expect_refused<SolvedSpectrum>(grams, "gram-count");
}

TEST(KeptNumbers, ACountBeyondTheValuesIsRefusedBeforeItIsBelieved) {
  Record record = to_record(filled<ReachRun>());
  std::get<std::vector<std::int64_t>>(record.values.at("losses-count")).front() =
      std::numeric_limits<std::int64_t>::max() / 2;
  expect_refused<ReachRun>(record, "losses");
  record = to_record(filled<ReachRun>());
  std::get<std::vector<std::int64_t>>(record.values.at("moments-count")).front() =
      std::numeric_limits<std::int64_t>::max();
  EXPECT_THROW(reach_run_from(record), Error);
}

TEST(KeptReach, ARunAfterKeepDepthsGoesOnAlike) {
  ReachRun run;
  run.moments.resize(2);
  for (std::size_t i = 0; i < run.moments.size(); ++i) {
    KernelMoment& m = run.moments[i];
    m.step = static_cast<std::int64_t>(4 * i);
    m.compute = 8.0 * static_cast<double>(i + 1);
    m.loss = 1.0 / static_cast<double>(i + 1);
    m.eigenvalue = {4.0, 2.0, 1.0};
    m.error_bound = {1e-3, 1e-3, 1e-3};
    m.state = {1, 1, 1};
    m.projection = {0.1, 0.2 * static_cast<double>(i), 0.7};
  }
  run.keep_depths(0.1);
  ReachRun again = round_trip(run);
  EXPECT_TRUE(same(again, run));
  EXPECT_EQ(reach_sentence(again, 0.1), reach_sentence(run, 0.1));
  EXPECT_TRUE(again.moments.front().eigenvalue.empty());
  EXPECT_TRUE(std::isnan(again.best_loss));
}

TEST(KeptSpectrum, WhatFollowsFromItIsTheSame) {
  const SolvedSpectrum solved = filled<SolvedSpectrum>();
  const SolvedSpectrum again = round_trip(solved);
  EXPECT_EQ(again.spectrum.floor(), solved.spectrum.floor());
  EXPECT_EQ(again.spectrum.certificate.summary(), solved.spectrum.certificate.summary());
  EXPECT_EQ(again.spectrum.terms.bound(0), solved.spectrum.terms.bound(0));
  ASSERT_TRUE(again.gram);
  EXPECT_FALSE(round_trip(SolvedSpectrum{}).gram);
}

TEST(KeptParts, SeveralInOneRecord) {
  Record whole;
  whole.values["texts"] = std::vector<std::string>{"of another"};
  add_part(whole, "run", to_record(filled<ReachRun>()));
  add_part(whole, "run-outcome", to_record(filled<StudyOutcome>()));
  EXPECT_EQ(part_of(whole, "run"), to_record(filled<ReachRun>()));
  EXPECT_EQ(part_of(whole, "run-outcome"), to_record(filled<StudyOutcome>()));
  try {
    part_of(whole, "ru");
    ADD_FAILURE() << "there is no such part";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::input);
    EXPECT_THAT(error.what(), HasSubstr("'ru.'"));
  }
}

}  // namespace
}  // namespace fathom
