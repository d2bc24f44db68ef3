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

/// One way to multiply: what it costs in all, in flops, and what a rank must hold, in bytes.
struct Way {
  std::string name;
  double flops = 0;
  double bytes = 0;
};

/// Counted, the cheapest first. Without a factor the assembled matrix is the only way.
std::vector<Way> ways(const StudyContext& context, const Deck& deck, const StudyProblem& problem,
                      const FactorSource* factor, const OwnProducts& own) {
  const auto order = static_cast<double>(problem.spectrum.n);
  const double ranks = context.world.size();
  const double steps = static_cast<double>(deck.integer("study.steps"));
  const double products = steps * static_cast<double>(deck.integer("study.probes"));
  const double gram_bytes = 1.3 * order * order * 8 / ranks;
  if (!factor) return {{"gram", products * 2 * order * order, gram_bytes}};
  const double rows = static_cast<double>(factor->rows());
  const double all = rows * order * 8 / ranks, chunk = std::min(all, 0x1p27);
  const double once = factor->flops(), each = products * 4 * rows * order;
  const double assembly =
      problem.assembly_flops > 0 ? problem.assembly_flops : once + order * order * rows;
  std::vector<Way> known{{"gram", assembly + products * 2 * order * order, gram_bytes},
                         {"factor", once + each, 1.1 * all},
                         {"matrix_free", steps * once + each, chunk}};
  if (own.make) known.back() = {"matrix_free", products * own.flops, own.bytes};
  std::stable_sort(known.begin(), known.end(),
                   [](const Way& a, const Way& b) { return a.flops < b.flops; });
  return known;
}

Way choose_way(const StudyContext& context, const Deck& deck, const StudyProblem& problem,
               const FactorSource* factor, const OwnProducts& own) {
  const std::vector<Way> all = ways(context, deck, problem, factor, own);
  const std::string& wish = deck.text("study.matrix");
  const double left = memory_a_rank(context.world);
  for (const Way& way : all) {
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
  StudyOperator made{gram_operator(matrix), 0, {}, {}};
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

StudyOperator make_operator(const StudyContext& context, const Deck& deck, const std::string& key) {
  StudyProblem problem = make_problem(context, deck, key);
  FactorChoice choice;
  if (deck.text("study.matrix") != "gram") choice = problem.factor();
  if (!choice.factor && deck.text("study.matrix") != "gram") {
    if (deck.text("study.matrix") != "auto")
      throw Error(ExitCode::deck, "study.matrix = \"{}\" needs a factor of the matrix: {}",
                  deck.text("study.matrix"), choice.why_not);
    context.progress.note("no factor to multiply with: " + choice.why_not);
  }
  OwnProducts own;
  if (problem.products) own = problem.products(deck.integer("study.probes"));
  const Way way = choose_way(context, deck, problem, choice.factor.get(), own);
  StudyOperator made;
  if (way.name == "gram")
    made = assembled(context, deck, problem);
  else if (way.name == "matrix_free" && own.make)
    made.a = own.make();
  else
    made.a = factor_operator(context.world, choice.factor, {.hold = way.name == "factor"});
  made.bytes = way.bytes + problem.data_bytes.held;
  if (!made.keep) {
    made.keep_before = [](const Foreseen&) {};
    made.keep = [] {};
  }
  made.a = std::make_unique<OwningOperator>(std::move(problem), std::move(made.a));
  return made;
}

}  // namespace fathom
