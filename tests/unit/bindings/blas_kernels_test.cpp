#include "bindings/blas_kernels.hpp"

#include "bindings/blas.hpp"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

TEST(BlasKernels, old_ones_are_replaced_by_what_the_processor_has) {
  EXPECT_EQ(better_kernels("Prescott", {true, true}), "SkylakeX");
  EXPECT_EQ(better_kernels("Prescott", {true, false}), "Haswell");
  EXPECT_EQ(better_kernels("Nehalem", {true, false}), "Haswell");
}

TEST(BlasKernels, nothing_else_is_touched) {
  EXPECT_EQ(better_kernels("Prescott", {false, false}), "");  // an old processor
  for (const char* known : {"Zen", "Haswell", "SkylakeX", "Cooperlake", "neoversen1", ""})
    EXPECT_EQ(better_kernels(known, {true, true}), "") << known;
}

TEST(BlasKernels, a_choice_of_the_user_stands) {
  // Would start this test again for ever if it did not.
  setenv("OPENBLAS_CORETYPE", "Prescott", 1);
  char name[] = "no such program";
  char* argv[] = {name, nullptr};
  restart_with_better_kernels(argv);
  EXPECT_EQ(kernels_note(), "");
  unsetenv("OPENBLAS_CORETYPE");
}

}  // namespace
}  // namespace fathom
