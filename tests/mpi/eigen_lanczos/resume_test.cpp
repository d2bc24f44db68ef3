// Lanczos that was stopped between two products and goes on, on other ranks.

#include "eigen/lanczos_keeper.hpp"
#include "known_operators.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

constexpr std::int64_t n = 37, m = 3;
constexpr int steps = 9;

/// Holds what it kept, replicated, and ends the run before a product.
class MemoryKeeper : public LanczosKeeper {
 public:
  explicit MemoryKeeper(std::int64_t stop_at) : stop_at_(stop_at) {}

  LanczosMark resume(LanczosVectors& vectors) override {
    if (mark.done == 0) return {};
    DistMatrix all = vectors.copy(0, mark.done + 1);
    all.fill_from([&](std::int64_t i, std::int64_t j) {
      return values[static_cast<std::size_t>(i + n * j)];
    });
    vectors.set(0, all);
    return mark;
  }

  void between(const LanczosMark& now, LanczosVectors& vectors) override {
    ++asked;
    if (now.done != stop_at_) return;
    mark = now;
    // In two parts, as a keeper may.
    const DistMatrix first = vectors.copy(0, 1), rest = vectors.copy(1, now.done);
    values.assign(static_cast<std::size_t>(n * m * (now.done + 1)), 0.0);
    gather(first, 0);
    gather(rest, m);
    first.grid().parent().sum(std::span(values));
    throw AgreedError(ExitCode::checkpointed, "stopped");
  }

  LanczosMark mark;
  std::vector<double> values;  // n × m·(done + 1)
  int asked = 0;

 private:
  void gather(const DistMatrix& part, std::int64_t column) {
    for (std::int64_t j = 0; j < part.local_cols(); ++j)
      for (std::int64_t i = 0; i < part.local_rows(); ++i)
        values[static_cast<std::size_t>(part.global_row(LocalIndex(i)).value() +
                                        n * (column + part.global_col(LocalIndex(j)).value()))] =
            part.local()(i, j);
  }
  std::int64_t stop_at_;
};

LanczosResult run(const Communicator& comm, LanczosKeeper* keeper) {
  std::vector<double> start = gaussian_starts(n, m, 4);
  std::fill_n(start.begin(), n, 0.0);
  start[2] = 1, start[30] = 2;  // exhausted after two products
  std::vector<double> lambda;
  for (std::int64_t k = 0; k < n; ++k)
    lambda.push_back(std::pow(static_cast<double>(k + 1), -1.5));
  return lanczos(comm, testing_eigen::DiagonalOperator(lambda), {start.data(), n, m, n},
                 {.steps = steps, .keeper = keeper});
}

void expect_same(const LanczosResult& a, const LanczosResult& b, double tolerance) {
  EXPECT_EQ(a.products, b.products);
  ASSERT_EQ(a.probe.size(), b.probe.size());
  for (std::size_t p = 0; p < a.probe.size(); ++p) {
    ASSERT_EQ(a.probe[p].alpha.size(), b.probe[p].alpha.size());
    EXPECT_EQ(a.probe[p].exhausted, b.probe[p].exhausted);
    for (std::size_t j = 0; j < a.probe[p].alpha.size(); ++j) {
      EXPECT_NEAR(a.probe[p].alpha[j], b.probe[p].alpha[j], tolerance);
      EXPECT_NEAR(a.probe[p].beta[j], b.probe[p].beta[j], tolerance);
    }
  }
  ASSERT_EQ(a.resolved.size(), b.resolved.size());
  for (std::size_t k = 0; k < a.resolved.size(); ++k)
    EXPECT_NEAR(a.resolved[k], b.resolved[k], tolerance);
  EXPECT_NEAR(a.norm, b.norm, tolerance);
  EXPECT_NEAR(a.asymmetry, b.asymmetry, 1e-13);
}

TEST(LanczosResume, OnTheSameRanksTheBitsAreTheSame) {
  const Communicator world = Communicator::world();
  MemoryKeeper watching(-1);
  const LanczosResult whole = run(world, &watching);
  EXPECT_EQ(watching.asked, steps);
  expect_same(run(world, nullptr), whole, 0);
  for (const std::int64_t stop_at : {1, 4, steps - 1}) {
    MemoryKeeper keeper(stop_at);
    EXPECT_THROW(run(world, &keeper), AgreedError);
    MemoryKeeper next(-1);
    next.mark = keeper.mark, next.values = keeper.values;
    expect_same(run(world, &next), whole, 0);
    EXPECT_EQ(next.asked, steps - stop_at);  // what was done is not done again
  }
}

TEST(LanczosResume, OnOneRankAloneItIsTheSameToRounding) {
  const Communicator world = Communicator::world();
  const LanczosResult whole = run(world, nullptr);
  MemoryKeeper keeper(4);
  EXPECT_THROW(run(world, &keeper), AgreedError);
  const Communicator alone = world.split(world.rank(), 0);
  MemoryKeeper next(-1);
  next.mark = keeper.mark, next.values = keeper.values;
  expect_same(run(alone, &next), whole, 1e-13);
  EXPECT_EQ(next.asked, steps - 4);
}

/// Planted: a vector that was kept wrong is seen in what follows.
TEST(LanczosResume, AVectorThatIsNotItsOwnIsSeen) {
  const Communicator world = Communicator::world();
  MemoryKeeper keeper(4);
  EXPECT_THROW(run(world, &keeper), AgreedError);
  keeper.values[static_cast<std::size_t>(n * (m * 4 + 1) + 5)] += 0.5;
  const LanczosResult whole = run(world, nullptr);
  MemoryKeeper next(-1);
  next.mark = keeper.mark, next.values = keeper.values;
  try {
    const LanczosResult got = run(world, &next);
    EXPECT_GT(std::abs(got.probe[1].alpha[4] - whole.probe[1].alpha[4]), 1e-6);
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.code(), ExitCode::numeric);  // QᵀAQ is not tridiagonal
  }
}

}  // namespace
}  // namespace fathom
