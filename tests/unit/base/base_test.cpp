#include "base/blas_int.hpp"
#include "base/error.hpp"
#include "base/fault.hpp"
#include "base/index.hpp"
#include "base/view.hpp"

#include <cstdlib>
#include <new>
#include <string_view>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

namespace fathom {
namespace {

TEST(Index, KindsDoNotMix) {
  static_assert(!std::is_convertible_v<GlobalIndex, LocalIndex>);
  static_assert(!std::is_convertible_v<std::int64_t, GlobalIndex>);
  static_assert(!std::is_constructible_v<LocalIndex, GlobalIndex>);
  EXPECT_EQ((GlobalIndex(7) + 3).value(), 10);
  EXPECT_EQ(GlobalIndex(7) - GlobalIndex(3), 4);
  EXPECT_LT(BlockIndex(1), BlockIndex(2));
}

TEST(Error, CarriesItsCodeAndMessage) {
  try {
    throw Error(ExitCode::io, "file {} of {}", "a.h5", 3);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::io);
    EXPECT_EQ(static_cast<int>(error.code()), 74);
    EXPECT_STREQ(error.what(), "file a.h5 of 3");
  }
}

TEST(BlasInt, RefusesWhatDoesNotFit) {
  EXPECT_EQ(to_blas_int(2147483647, "n"), 2147483647);
  try {
    to_blas_int(2147483648, "lwork");
    FAIL() << "2^31 was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::no_fit);
    EXPECT_NE(std::string_view(error.what()).find("lwork = 2147483648"), std::string_view::npos);
  }
}

TEST(View, BlockOfAColumnMajorArray) {
  std::vector<double> a = {0, 1, 2, 3, 4, 5};
  const MatrixView<double> view{a.data(), 2, 2, 3};
  EXPECT_EQ(view(1, 1), 4.0);
  EXPECT_EQ(view.block(1, 1, 1, 1)(0, 0), 4.0);
}

TEST(ViewDeathTest, ABlockOutsideIsABug) {
  std::vector<double> a(6);
  const MatrixView<double> view{a.data(), 2, 2, 3};
  EXPECT_DEATH(view.block(1, 1, 2, 1), "block \\(1, 1\\) \\+ 2 x 1 of a 2 x 2 view");
}

#ifdef FATHOM_FAULT_POINTS
TEST(FaultDeathTest, StrikesTheNamedPointOnTheNamedRankAlone) {
  const auto strike = [](const char* armed, int rank) {
    setenv("FATHOM_FAULT", armed, 1);
    set_fault_rank(rank);
    try {
      fault_point("here");
    } catch (const Error& error) {
      std::_Exit(static_cast<int>(error.code()));
    } catch (const std::bad_alloc&) {
      std::_Exit(9);
    }
    std::_Exit(0);
  };
  EXPECT_EXIT(strike("here:1:throw", 1), testing::ExitedWithCode(74), "");
  EXPECT_EXIT(strike("here:1:alloc", 1), testing::ExitedWithCode(9), "");
  EXPECT_EXIT(strike("here:1:throw", 0), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(strike("there:1:throw", 1), testing::ExitedWithCode(0), "");
}
#endif

}  // namespace
}  // namespace fathom
