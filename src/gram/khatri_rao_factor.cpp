#include "gram/khatri_rao_factor.hpp"

#include "base/fault.hpp"
#include "gram/factor_coordinates.hpp"
#include "gram/khatri_rao.hpp"
#include "gram/rounding.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace fathom {
namespace {

// An entry is a sum of products of one sign: so many roundings for each power of √h w, and so many
// for the few steps and the sums that matter.
constexpr int lanes = KhatriRaoMap::lanes;
constexpr double least_tolerance = 1e-32;
constexpr double roundings_a_degree = 6, roundings_a_row = 12;

/// Whether what is made of the weights of so many columns is kept between chunks: all or none.
bool keeps(std::int64_t columns, const KhatriRaoMap& map, std::int64_t hold_bytes) {
  return columns / KhatriRaoMap::lanes + 1 <= hold_bytes / map.workspace_bytes();
}

class KhatriRaoFactor final : public FactorSource {
 public:
  KhatriRaoFactor(const PopulationSpec& spec, const KhatriRaoPlan& plan,
                  const FactorOptions& options)
      : spec_(spec),
        weights_(power_law_weights(spec.features, spec.dim, spec.alpha, spec.seed)),
        list_(list_multisets(spec.dim, degree(), plan.product, spec.alpha)),
        map_(spec.dim, degree(), largest(list_)),
        all_rows_(plan.all_rows),
        scale_(1.0 / std::sqrt(static_cast<double>(spec.features))),
        hold_bytes_(options.hold_bytes) {}

  std::int64_t rows() const override { return list_.size(); }
  std::int64_t cols() const override { return spec_.features; }
  std::int64_t rank_bound() const override {
    return all_rows_ < static_cast<double>(cols()) ? static_cast<std::int64_t>(all_rows_) : cols();
  }
  bool graded() const override { return true; }
  double dropped() const override { return dropped_; }
  double row_error() const override {
    return (roundings_a_degree * degree() + roundings_a_row) * unit_roundoff;
  }
  std::string description() const override {
    return fmt::format("Khatri-Rao, p = {}, v = {}, alpha = {}, {} x {}, graded", degree(),
                       spec_.dim, spec_.alpha, rows(), cols());
  }
  double flops() const override {
    return static_cast<double>(rows()) * static_cast<double>(cols()) *
           khatri_rao_entry_flops(degree());
  }

  void fill(DistMatrix& chunk, std::int64_t first) const override {
    check_chunk(*this, chunk, first);
    chunk.grid().parent().agree([&] { make(chunk, first); });
    if (first + chunk.rows() == rows()) kept_ = {};  // what follows a pass may need the memory
    plant_fault(chunk);
  }

  /// Sets dropped(). Collective.
  void bound_tail(const Communicator& comm, const KhatriRaoPlan& plan);

 private:
  int degree() const { return spec_.activation.degree(); }
  static std::int64_t largest(const MultisetList& list) {
    return list.index.empty() ? 1 : *std::max_element(list.index.begin(), list.index.end());
  }
  void make(DistMatrix& chunk, std::int64_t first) const;
  KhatriRaoMap::Workspace prepared(const DistMatrix& chunk, std::int64_t c) const;
  void keep_for(const DistMatrix& chunk) const;

  PopulationSpec spec_;
  std::unique_ptr<DataRows> weights_;
  MultisetList list_;
  KhatriRaoMap map_;
  double all_rows_, scale_, dropped_ = 0;
  std::int64_t hold_bytes_;
  // Prepared columns of the last chunk: the next one has the same, as a rule. Given back behind the
  // last row.
  mutable std::vector<std::int64_t> kept_items_;
  mutable std::vector<KhatriRaoMap::Workspace> kept_;
};

KhatriRaoMap::Workspace KhatriRaoFactor::prepared(const DistMatrix& chunk, std::int64_t c) const {
  const auto dim = static_cast<std::size_t>(spec_.dim);
  std::vector<double> g(dim);
  KhatriRaoMap::Workspace workspace;
  workspace.g.assign(dim, {});
  for (std::int64_t q = 0; q < std::min<std::int64_t>(lanes, chunk.local_cols() - c); ++q) {
    const std::int64_t item = chunk.global_col(LocalIndex(c + q)).value();
    weights_->make({&item, 1}, 0, {g.data(), spec_.dim, 1, spec_.dim});
    for (std::size_t j = 0; j < dim; ++j)
      workspace.g[j][static_cast<std::size_t>(q)] = g[j];
  }
  map_.prepare(workspace);
  return workspace;
}

/// Empties what is kept where the columns are others than last time.
void KhatriRaoFactor::keep_for(const DistMatrix& chunk) const {
  const std::vector<std::int64_t> items =
      chunk.distribution().cols.global_indices(chunk.grid().mycol());
  if (items == kept_items_) return;
  kept_.clear();
  kept_items_ = items;
}

void KhatriRaoFactor::make(DistMatrix& chunk, std::int64_t first) const {
  if (chunk.local_rows() == 0 || chunk.local_cols() == 0) return;
  fault_point("gram.factor");
  keep_for(chunk);
  const bool keep = keeps(chunk.local_cols(), map_, hold_bytes_);
  const auto runs = chunk.distribution().rows.runs(chunk.grid().myrow());
  for (std::int64_t c = 0; c < chunk.local_cols(); c += lanes) {
    const auto group = static_cast<std::size_t>(c / lanes);
    const std::int64_t width = std::min<std::int64_t>(lanes, chunk.local_cols() - c);
    if (keep && group == kept_.size()) kept_.push_back(prepared(chunk, c));
    const KhatriRaoMap::Workspace once = keep ? KhatriRaoMap::Workspace{} : prepared(chunk, c);
    const KhatriRaoMap::Workspace& workspace = keep ? kept_[group] : once;
    const MatrixView<double> out = chunk.local().block(0, c, chunk.local_rows(), width);
    for (const CyclicAxis::Run& run : runs)
      for (std::int64_t k = 0; k < run.count; ++k) {
        const auto values = map_.entries(list_[first + run.global + k], workspace);
        for (std::int64_t q = 0; q < width; ++q)
          out(run.local + k, q) = scale_ * values[static_cast<std::size_t>(q)];
      }
  }
}

void KhatriRaoFactor::bound_tail(const Communicator& comm, const KhatriRaoPlan& plan) {
  if (plan.complete) return;
  double sum = 0;
  comm.agree([&] {
    const TailBound tail(spec_.dim, degree(), plan.product, spec_.alpha);
    std::vector<double> g(static_cast<std::size_t>(spec_.dim));
    for (std::int64_t item = comm.rank(); item < cols(); item += comm.size()) {
      weights_->make({&item, 1}, 0, {g.data(), spec_.dim, 1, spec_.dim});
      sum += tail.column(g);
    }
  });
  dropped_ = comm.sum(sum) / static_cast<double>(cols());
}

/// The d-th smallest product of coordinates, to a thousandth; dim^degree where there are fewer.
double product_of_rank(std::int64_t dim, int degree, std::int64_t d) {
  double low = 0, high = degree * std::log(static_cast<double>(dim));
  while (high - low > 1e-3) {
    const double middle = 0.5 * (low + high);
    (count_multisets(dim, degree, std::exp(middle), d) < d ? low : high) = middle;
  }
  return std::exp(high);
}

double usual_tolerance(const PopulationSpec& spec) {
  // Of the d-th of the sorted products h^m little may be left, as of the smallest singular value of
  // a square random matrix: at p = 2, α = 16 half of 60 seeds leave 0.02, one of a hundred 0.001;
  // at p = 3 half 4e-4, one of a hundred 3e-7. A tenth of it is what trust allows to be dropped.
  constexpr double by_law = 0.01, by_product = 5e-6, a_degree_more = 6e-3;
  const int degree = spec.activation.degree();
  const double product = product_of_rank(spec.dim, degree, spec.features);
  double share = std::max(by_law * std::pow(static_cast<double>(spec.features), -spec.alpha),
                          by_product * std::pow(a_degree_more, std::max(0, degree - 2)) *
                              std::pow(product, -spec.alpha));
  for (int k = 1; k <= degree; ++k)
    share *= std::pow(k / (2.0 * k - 1), 2);
  return std::max(least_tolerance, share);
}

}  // namespace

double khatri_rao_entry_flops(int degree) {
  return 400.0 * degree;  // measured: about 10 ns a degree
}

KhatriRaoPlan plan_khatri_rao(const PopulationSpec& spec, const FactorOptions& options) {
  KhatriRaoPlan plan;
  const int degree = spec.activation.degree();
  plan.all_rows = multiset_count(spec.dim, degree);
  const auto weights = power_law_weights(spec.features, spec.dim, spec.alpha, spec.seed);
  for (std::int64_t i = 0; i < spec.features; ++i) {
    double w = 0;
    weights->make({&i, 1}, 0, {&w, 1, 1, 1});
    plan.lambda += std::pow(w * w, degree);
  }
  for (int k = 2 * degree - 1; k > 1; k -= 2)
    plan.lambda *= k;
  plan.lambda /= static_cast<double>(spec.features);

  // The smallest product whose tail is below tolerance.
  plan.tolerance = options.tolerance > 0 ? options.tolerance : usual_tolerance(spec);
  const double target = plan.tolerance * plan.lambda;
  const double most = degree * std::log(static_cast<double>(spec.dim));
  double low = 0, high = most;
  const ExpectedTail expected(spec.dim, degree, spec.alpha);
  const auto tail = [&](double logarithm) { return expected(std::exp(logarithm)); };
  if (tail(most) > target) {
    low = most;
  } else {
    while (high - low > 1e-3) {
      const double middle = 0.5 * (low + high);
      (tail(middle) > target ? low : high) = middle;
    }
    low = high;
  }
  plan.product = std::exp(low) * (1 + 1e-9);
  plan.complete = low >= most;
  plan.rows = plan.complete && plan.all_rows > static_cast<double>(options.max_rows)
                  ? options.max_rows + 1
                  : count_multisets(spec.dim, degree, plan.product, options.max_rows);
  plan.complete = plan.complete || static_cast<double>(plan.rows) >= plan.all_rows;
  plan.dropped = plan.complete ? 0.0 : tail(low) / plan.lambda;
  return plan;
}

double khatri_rao_keeps(const PopulationSpec& spec, const KhatriRaoPlan& plan,
                        const FactorOptions& options, std::int64_t local_cols) {
  const int degree = spec.activation.degree();
  // No coordinate of a row is above its product.
  const auto largest =
      static_cast<std::int64_t>(std::clamp(plan.product, 1.0, static_cast<double>(spec.dim)));
  const KhatriRaoMap map(spec.dim, degree, largest);
  const double groups = keeps(local_cols, map, options.hold_bytes)
                            ? std::ceil(static_cast<double>(local_cols) / KhatriRaoMap::lanes)
                            : 1.0;
  return groups * static_cast<double>(map.workspace_bytes()) +
         4.0 * degree * static_cast<double>(plan.rows);
}

std::unique_ptr<FactorSource> khatri_rao_factor(const Communicator& comm,
                                                const PopulationSpec& spec,
                                                const KhatriRaoPlan& plan,
                                                const FactorOptions& options) {
  std::unique_ptr<KhatriRaoFactor> factor;
  comm.agree([&] { factor = std::make_unique<KhatriRaoFactor>(spec, plan, options); });
  factor->bound_tail(comm, plan);
  return factor;
}

}  // namespace fathom
