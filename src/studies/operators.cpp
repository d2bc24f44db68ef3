#include "studies/operators.hpp"

#include "gram/factor_operator.hpp"
#include "studies/memory_plan.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace fathom {
namespace {

/// An operator together with the data that it refers to.
class OwningOperator final : public LinearOperator {
 public:
  OwningOperator(StudyProblem problem, std::unique_ptr<LinearOperator> a)
      : problem_(std::move(problem)), a_(std::move(a)) {}
  std::int64_t order() const override { return a_->order(); }
  std::int64_t rank_bound() const override {
    const std::int64_t known = problem_.spectrum.rank_bound;
    return known < 0 ? a_->rank_bound() : std::min(known, a_->rank_bound());
  }
  std::string description() const override { return a_->description(); }
  double relative_error() const override { return a_->relative_error(); }
  double flops() const override { return a_->flops(); }
  void apply(MatrixView<const double> x, MatrixView<double> y) const override { a_->apply(x, y); }

 private:
  StudyProblem problem_;
  std::unique_ptr<LinearOperator> a_;
};

/// With the factor as it was made, or none.
ProblemShape counted(ProblemShape shape, const FactorSource* factor) {
  if (!factor) {
    shape.factor.reset();
    return shape;
  }
  if (!shape.factor) shape.factor.emplace();
  shape.factor->rows = factor->rows();
  shape.factor->cols = factor->cols();
  shape.factor->flops = factor->flops();
  return shape;
}

ProductWay choose_way(const StudyContext& context, const ProblemShape& shape) {
  const std::vector<ProductWay> all = product_ways(shape, context.world.size());
  const std::string& wish = shape.density->matrix;
  const double left = context.memory_a_rank;
  for (const ProductWay& way : all) {
    const bool named = way.name == wish;
    if (wish != "auto" && !named) continue;
    if (way.bytes > left) {
      if (named)
        throw Error(ExitCode::no_fit,
                    "study.matrix = \"{}\": a rank needs {:.2f} GiB, {:.2f} GiB are left for each",
                    wish, way.bytes / 0x1p30, left / 0x1p30);
      continue;
    }
    context.progress.note(
        fmt::format("products with: {} ({}; {:.3g} GFLOP in all, {:.3f} GiB a rank)", way.name,
                    named ? "asked for" : "the cheapest counted that fits", way.flops / 1e9,
                    way.bytes / 0x1p30));
    return way;
  }
  throw Error(ExitCode::no_fit,
              "neither the matrix nor its factor fits: {:.2f} GiB are left a rank", left / 0x1p30);
}

StudyOperator assembled(const StudyContext& context, const Deck& deck,
                        const StudyProblem& problem) {
  const std::int64_t n = problem.spectrum.n;
  std::int64_t block = 64;
  if (!deck.is_word("solver.block")) block = deck.integer("solver.block");
  GridShape shape = choose_grid(context.world.size(), n, block);
  if (!deck.is_word("solver.grid"))
    shape = {static_cast<int>(deck.integers("solver.grid")[0]),
             static_cast<int>(deck.integers("solver.grid")[1])};
  const auto matrix = std::make_shared<const SymmetricMatrix>(
      problem.spectrum.source(ProcessGrid(context.world, shape), block));
  StudyOperator made{gram_operator(matrix), {}, {}};
  if (const auto kept = problem.kept) {
    made.keep_before = [kept, matrix, report = problem.assembly](const Foreseen& next) {
      kept->keep_finished_before(next, *matrix, *report);
    };
    made.keep = [kept, matrix, report = problem.assembly] {
      kept->keep_finished(*matrix, *report);
    };
  }
  return made;
}

}  // namespace

StudyOperator make_operator(const StudyContext& context, const Deck& deck, const std::string& key,
                            StudyOutcome& outcome) {
  StudyProblem problem = make_problem(context, deck, key);
  FactorChoice choice;
  if (deck.text("study.matrix") != "gram") choice = problem.factor();
  if (!choice.factor && deck.text("study.matrix") != "gram") {
    if (deck.text("study.matrix") != "auto")
      throw Error(ExitCode::deck, "study.matrix = \"{}\" needs a factor of the matrix: {}",
                  deck.text("study.matrix"), choice.why_not);
    context.progress.note("no factor to multiply with: " + choice.why_not);
  }
  problem.shape = counted(std::move(problem.shape), choice.factor.get());
  const ProductWay way = choose_way(context, problem.shape);
  plan_products(context, problem.shape, outcome);
  StudyOperator made;
  if (way.name == "gram")
    made = assembled(context, deck, problem);
  else if (way.name == "matrix_free" && problem.products)
    made.a = problem.products();
  else
    made.a = factor_operator(context.world, choice.factor, {.hold = way.name == "factor"});
  if (!made.keep) {
    made.keep_before = [](const Foreseen&) {};
    made.keep = [] {};
  }
  made.a = std::make_unique<OwningOperator>(std::move(problem), std::move(made.a));
  return made;
}

}  // namespace fathom
