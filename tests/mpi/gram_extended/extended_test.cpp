// Double-double assembly: the same bits on any layout, inside its error against MPFR, equal to the
// double assembly where that one is known.

#include "base/error.hpp"
#include "exact_kernels.hpp"
#include "gathered.hpp"
#include "gram/extended_gram.hpp"
#include "gram/mlp_gram.hpp"
#include "kernels/power_law.hpp"

#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace fathom {
namespace {

/// n × n, the whole matrix on every rank.
struct Whole {
  std::int64_t n = 0;
  std::vector<double> hi, lo;
  double error = 0;

  std::size_t at(std::int64_t i, std::int64_t j) const {
    return static_cast<std::size_t>(i * n + j);
  }
  DoubleDouble operator()(std::int64_t i, std::int64_t j) const {
    return {hi[at(i, j)], lo[at(i, j)]};
  }
};

Whole whole(const ExtendedAssembly& a) {
  const ExtendedMatrix& m = a.symmetric.matrix;
  const auto part = [](const DistMatrix& x) {
    std::vector<double> out;
    for (const long double v : gathered(x).value)
      out.push_back(static_cast<double>(v));
    return out;
  };
  return {m.rows(), part(m.hi), part(m.lo), a.symmetric.assembly_error};
}

bool same_bits(const Whole& a, const Whole& b) {
  return a.hi == b.hi && a.lo == b.lo;
}

bool symmetric_and_normalised(const Whole& a) {
  for (std::int64_t i = 0; i < a.n; ++i)
    for (std::int64_t j = 0; j <= i; ++j)
      if (a(i, j) != a(j, i) || !normalised(a(i, j))) return false;
  return true;
}

using ExactEntry = std::function<Mp(std::int64_t, std::int64_t)>;

/// ‖a − exact‖_F of a symmetric a, from its lower triangle.
double true_error(const Whole& a, const ExactEntry& exact) {
  double sum = 0;
  for (std::int64_t i = 0; i < a.n; ++i)
    for (std::int64_t j = 0; j <= i; ++j) {
      const double d = distance(a(i, j), exact(i, j));
      sum += (i == j ? 1 : 2) * d * d;
    }
  return std::sqrt(sum);
}

/// The checker of these tests.
bool inside(const Whole& a, const ExactEntry& exact) {
  return true_error(a, exact) <= a.error;
}

MlpKernelOptions network(MlpKernelKind kind) {
  return {.kind = kind,
          .activation = ActivationKind::erf,
          .depth = 3,
          .weight_variance = 1.5,
          .bias_variance = 0.1};
}

struct Data {
  std::unique_ptr<DistMatrix> held;
  std::unique_ptr<DataRows> rows;
};

/// Rows made in place, and the same kept in a matrix of a layout of its own.
std::vector<std::function<Data()>> data_sets() {
  return {[] {
            return Data{nullptr, circle_rows(21, CircleSpacing::random, 3)};
          },
          [] {
            return Data{nullptr, circle_rows(20, CircleSpacing::equispaced, 0)};
          },
          [] {
            return Data{nullptr, sphere_rows(21, 7, 4)};
          },
          [] {
            const auto made = power_law_rows(23, 9, 1.5, 5);
            const Communicator world = Communicator::world();
            const ProcessGrid grid(world, {world.size(), 1});
            auto x = std::make_unique<DistMatrix>(DistMatrix::make(grid, 23, 9, 4, 5));
            x->fill_from([&](std::int64_t i, std::int64_t k) {
              double value = 0;
              made->make({&i, 1}, k, {&value, 1, 1, 1});
              return value;
            });
            auto rows = given_rows(*x, 0x1p-24, "held");
            return Data{std::move(x), std::move(rows)};
          }};
}

std::vector<AssemblyOptions> option_sets() {
  std::vector<AssemblyOptions> all(3);
  all[0].movement = Movement::in_place;
  all[1].movement = Movement::made_once;
  all[2].movement = Movement::in_place;
  all[2].chunk = 4;
  return all;
}

/// Calls check on every grid of this launch, for several blocks and movements.
void on_every_layout(
    const std::function<void(const ProcessGrid&, std::int64_t, const AssemblyOptions&)>& check) {
  const Communicator world = Communicator::world();
  for (const GridShape shape : shapes(world.size())) {
    const ProcessGrid grid(world, shape);
    for (const std::int64_t block : {1, 5, 64})
      for (const AssemblyOptions& options : option_sets())
        check(grid, block, options);
  }
}

TEST(ExtendedMlpGram, has_the_same_bits_on_any_layout) {
  const ProcessGrid one(Communicator::world(), {1, 1});
  for (const auto& make : data_sets()) {
    const Data data = make();
    const MlpKernelOptions kernel = network(MlpKernelKind::ntk);
    const Whole expected = whole(assemble_mlp_kernel_extended(one, 16, kernel, *data.rows));
    EXPECT_TRUE(symmetric_and_normalised(expected));
    on_every_layout([&](const ProcessGrid& grid, std::int64_t block, const AssemblyOptions& o) {
      const auto got = assemble_mlp_kernel_extended(grid, block, kernel, *data.rows, o);
      EXPECT_TRUE(same_bits(whole(got), expected)) << got.report.kernel;
      EXPECT_EQ(got.input_epsilon, data.rows->input_epsilon());
    });
  }
}

TEST(ExtendedPopulationGram, has_the_same_bits_on_any_layout) {
  const ProcessGrid one(Communicator::world(), {1, 1});
  const PopulationSpec spec{.features = 23,
                            .dim = 90,
                            .alpha = 1.7,
                            .seed = 2,
                            .activation = Activation(ActivationKind::monomial, 3)};
  const Whole expected = whole(assemble_population_extended(one, 16, spec));
  EXPECT_TRUE(symmetric_and_normalised(expected));
  on_every_layout([&](const ProcessGrid& grid, std::int64_t block, const AssemblyOptions& o) {
    EXPECT_TRUE(same_bits(whole(assemble_population_extended(grid, block, spec, o)), expected));
  });
}

ProcessGrid this_grid() {
  const Communicator world = Communicator::world();
  return {world, choose_grid(world.size(), 40, 5)};
}

/// ⟨x_i, x_j⟩ of the stored rows, or of exact positions on the circle.
ExactEntry exact_products(const DataRows& rows) {
  auto x = std::make_shared<Reference>(rows.count(), rows.dim());
  if (rows.held() != nullptr)
    *x = gathered(*rows.held());
  else
    *x = made(rows);
  const Circle* circle = rows.circle();
  return [x, circle](std::int64_t i, std::int64_t j) {
    Mp sum = 0;
    if (circle != nullptr) {
      const double n = static_cast<double>(circle->size());
      const bool even = circle->spacing() == CircleSpacing::equispaced;
      const Mp turn =
          even ? Mp(static_cast<double>(i - j)) / Mp(n) : Mp(circle->turn(i)) - Mp(circle->turn(j));
      return cos(Mp(2) * Mp::pi() * turn);
    }
    for (std::int64_t k = 0; k < x->cols; ++k)
      sum = sum + Mp(static_cast<double>((*x)(i, k))) * Mp(static_cast<double>((*x)(j, k)));
    return sum;
  };
}

TEST(ExtendedMlpGram, lies_inside_its_error) {
  for (const MlpKernelKind kind : {MlpKernelKind::nngp, MlpKernelKind::ntk})
    for (const auto& make : data_sets()) {
      const Data data = make();
      MlpKernelOptions kernel = network(kind);
      const auto got = assemble_mlp_kernel_extended(this_grid(), 5, kernel, *data.rows);
      kernel.input_dim = data.rows->dim();
      const ExactEntry product = exact_products(*data.rows);
      const ExactEntry exact = [&](std::int64_t i, std::int64_t j) {
        return exact_kernel(kernel, product(i, i), product(j, j), product(i, j));
      };

      Whole k = whole(got);
      const double truth = true_error(k, exact);

      EXPECT_TRUE(inside(k, exact)) << got.report.kernel;
      EXPECT_LE(k.error, 500 * truth) << got.report.kernel;
      k.hi[k.at(3, 2)] *= 1 + 0x1p-50;
      EXPECT_FALSE(inside(k, exact)) << "a planted fault";
    }
}

TEST(ExtendedPopulationGram, lies_inside_its_error) {
  for (const int degree : {1, 2, 3, 5, 8})
    for (const double alpha : {1.1, 2.5, 16.0}) {
      const PopulationSpec spec{.features = 11,
                                .dim = 60,
                                .alpha = alpha,
                                .seed = 7,
                                .activation = Activation(ActivationKind::monomial, degree)};
      const Reference w = made(*normal_weights(spec.features, spec.dim, spec.seed));
      std::vector<Mp> h;
      for (std::int64_t k = 0; k < spec.dim; ++k)
        h.push_back(pow(Mp(static_cast<double>(k + 1)), Mp(-alpha)));
      const ExactEntry overlap = [&](std::int64_t i, std::int64_t j) {
        Mp sum = 0;
        for (std::int64_t k = 0; k < spec.dim; ++k)
          sum = sum + h[static_cast<std::size_t>(k)] * Mp(static_cast<double>(w(i, k))) *
                          Mp(static_cast<double>(w(j, k)));
        return sum;
      };
      const ExactEntry exact = [&](std::int64_t i, std::int64_t j) {
        return isserlis(degree, degree, overlap(i, i), overlap(j, j), overlap(i, j)) / Mp(11);
      };

      Whole k = whole(assemble_population_extended(this_grid(), 5, spec));

      EXPECT_TRUE(inside(k, exact)) << "degree " << degree << ", alpha " << alpha;
      EXPECT_LE(k.error, 1000 * true_error(k, exact)) << "degree " << degree << ", " << alpha;
      for (std::int64_t i = 0; i < k.n; ++i)
        k.hi[k.at(i, i)] *= 1 + 0x1p-52;
      EXPECT_FALSE(inside(k, exact)) << "a planted fault";
    }
}

TEST(ExtendedMlpGram, high_part_is_the_double_assembly_within_its_error) {
  for (const MlpKernelKind kind : {MlpKernelKind::nngp, MlpKernelKind::ntk})
    for (const auto& make : data_sets()) {
      const Data data = make();
      const auto extended = assemble_mlp_kernel_extended(this_grid(), 5, network(kind), *data.rows);
      const Assembly rounded = assemble_mlp_kernel(this_grid(), 5, network(kind), *data.rows);
      Reference high = gathered(extended.symmetric.matrix.hi);
      const Reference k = gathered(rounded.symmetric.matrix);
      const double error = rounded.symmetric.assembly_error;
      EXPECT_LE(error_norm(high, k), error) << extended.report.kernel;
      EXPECT_EQ(extended.report.kernel, rounded.report.kernel);
      high(2, 2) += 3 * error;
      EXPECT_GT(error_norm(high, k), error) << "a planted fault";
    }
}

TEST(ExtendedMlpGram, equispaced_circle_is_circulant_to_the_last_bit) {
  for (const std::int64_t n : {1, 2, 24, 31}) {
    const auto rows = circle_rows(n, CircleSpacing::equispaced, 0);
    const Whole k =
        whole(assemble_mlp_kernel_extended(this_grid(), 5, network(MlpKernelKind::nngp), *rows));
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j < n; ++j)
        EXPECT_EQ(k(i, j), k((i + 1) % n, (j + 1) % n));
  }
}

TEST(ExtendedMlpGram, counts_its_entries) {
  const Communicator world = Communicator::world();
  const auto rows = circle_rows(40, CircleSpacing::random, 1);
  std::int64_t last = 0, total = 0;
  AssemblyOptions options;
  options.progress = [&](std::int64_t done, std::int64_t of) {
    EXPECT_GE(done, last);
    last = done, total = of;
  };
  const auto got =
      assemble_mlp_kernel_extended(this_grid(), 5, network(MlpKernelKind::nngp), *rows, options);
  EXPECT_EQ(last, total);
  EXPECT_EQ(world.sum(total), 40 * 41 / 2);
  EXPECT_NE(got.report.note.find("820 entries in double-double"), std::string::npos);
  EXPECT_GT(world.max(got.report.seconds.map), 0);
}

TEST(ExtendedMlpGram, a_nan_in_the_data_stays_one) {
  const Communicator world = Communicator::world();
  DistMatrix x = DistMatrix::make(this_grid(), 9, 3, 2, 2);
  x.fill_from([](std::int64_t i, std::int64_t k) {
    return i == 4 && k == 1 ? std::nan("") : static_cast<double>(i + k);
  });
  const auto rows = given_rows(x, 0x1p-53, "held");
  const auto got = assemble_mlp_kernel_extended(this_grid(), 2, network(MlpKernelKind::ntk), *rows);
  const Reference hi = gathered(got.symmetric.matrix.hi);
  EXPECT_TRUE(std::isnan(hi(4, 4)) && std::isnan(hi(4, 0)) && std::isnan(hi(8, 4)));
  EXPECT_FALSE(std::isnan(hi(3, 2)));
}

TEST(ExtendedMlpGram, other_activations_are_refused) {
  const auto rows = sphere_rows(5, 3, 1);
  MlpKernelOptions kernel = network(MlpKernelKind::ntk);
  kernel.activation = ActivationKind::relu;
  EXPECT_THROW(assemble_mlp_kernel_extended(this_grid(), 2, kernel, *rows), Error);
}

TEST(ExtendedFault, on_one_rank_is_an_error_on_all) {
  if (std::getenv("FATHOM_EXPECT_FAULT") == nullptr) GTEST_SKIP() << "needs an armed fault";
  const auto rows = sphere_rows(20, 3, 1);
  EXPECT_THROW(assemble_mlp_kernel_extended(ProcessGrid(Communicator::world(), {1, 3}), 2,
                                            network(MlpKernelKind::ntk), *rows),
               Error);
}

}  // namespace
}  // namespace fathom
