#include "eigen/plan.hpp"

#include "base/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fathom;
using testing::HasSubstr;

namespace {

std::string refusal(const EigenRequest& request, std::int64_t n, int ranks,
                    const LayoutWish& wish = {}) {
  try {
    plan_solver(request, n, ranks, wish);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::deck);
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST(Plan, AutoTakesTheStageThatIsFastestForTheRequest) {
  const auto values = plan_solver({}, 4000, 2);
  EXPECT_EQ(values.backend, Backend::elpa2);
  EXPECT_EQ(values.block, 32);
  EXPECT_FALSE(values.reason.empty());
  EXPECT_EQ(plan_solver({.vectors = true}, 4000, 2).backend, Backend::elpa1);
}

TEST(Plan, TinyMatricesGoToOneRank) {
  const auto plan = plan_solver({}, 10, 6);
  EXPECT_EQ(plan.backend, Backend::lapack);
  EXPECT_EQ(plan.grid, (GridShape{1, 1}));
  EXPECT_THAT(plan.reason, HasSubstr("n = 10"));
}

TEST(Plan, WhatElpaCannotTakeGoesToScalapackWithAReason) {
  const auto ones = plan_solver({.backend = Backend::elpa2}, 500, 4, {.block = 1});
  EXPECT_EQ(ones.backend, Backend::scalapack);
  EXPECT_THAT(ones.reason, HasSubstr("at least 2"));
  const auto below =
      plan_solver({.backend = Backend::elpa1}, 100, 6, {.grid = GridShape{2, 3}, .block = 64});
  EXPECT_EQ(below.backend, Backend::scalapack);
  EXPECT_THAT(below.reason, HasSubstr("2 blocks of 64"));
}

TEST(Plan, WishesAreKept) {
  const auto plan = plan_solver({}, 1000, 6, {.grid = GridShape{3, 1}, .block = 48});
  EXPECT_EQ(plan.grid, (GridShape{3, 1}));
  EXPECT_EQ(plan.block, 48);
  EXPECT_EQ(plan_solver({}, 20, 4, {.grid = GridShape{2, 2}}).backend, Backend::scalapack);
}

TEST(Plan, ImpossibleRequestsSayWhatIsValid) {
  EXPECT_THAT(refusal({.count = 11}, 10, 1), HasSubstr("1 to 10"));
  EXPECT_THAT(refusal({}, 100, 4, {.grid = GridShape{2, 3}}), HasSubstr("1 to 4"));
  EXPECT_THAT(refusal({}, 100, 4, {.block = 0}), HasSubstr("at least 1"));
  EXPECT_THAT(refusal({.backend = Backend::slepc}, 100, 4), HasSubstr("scalapack"));
  EXPECT_THAT(refusal({.backend = Backend::lapack}, 100, 4, {.grid = GridShape{2, 2}}),
              HasSubstr("one rank"));
}

TEST(Plan, WhereElpaDoesNotFitScalapackTakesTheEigenvalues) {
  const std::int64_t n = 33000, share = 8 * n * n / 2;
  const auto roomy = plan_solver({}, n, 2, {.memory = 6 * share});
  EXPECT_EQ(roomy.backend, Backend::elpa2);
  const auto tight = plan_solver({}, n, 2, {.memory = 2 * share});
  EXPECT_EQ(tight.backend, Backend::scalapack);
  EXPECT_THAT(tight.reason, HasSubstr("elpa2 would need"));
  const double matrices = double(solver_memory(tight, {}, n).total()) / double(share);
  EXPECT_GT(matrices, 1.0);
  EXPECT_LT(matrices, 2.2);
  EXPECT_EQ(plan_solver({.backend = Backend::elpa2}, n, 2, {.memory = share}).backend,
            Backend::elpa2);
}

TEST(Backends, NamesGoBothWays) {
  for (const Backend backend : {Backend::automatic, Backend::elpa2, Backend::elpa1,
                                Backend::scalapack, Backend::slepc, Backend::lapack})
    EXPECT_EQ(parse_backend(name(backend)), backend);
  EXPECT_THROW(parse_backend("elpa3"), Error);
}
