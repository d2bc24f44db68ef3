#include "studies/kept_lanczos.hpp"

#include "base/fault.hpp"
#include "studies/record_fields.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include <fmt/format.h>

namespace fathom {

template <class Fields, MaybeConst<Tridiagonal> X>
void fields(Fields& f, X& x) {
  auto& [alpha, beta, start_norm, exhausted] = x;
  f("alpha", alpha);
  f("beta", beta);
  f("start_norm", start_norm);
  f("exhausted", exhausted);
}

namespace {

/// What stands in the record.
struct State {
  std::int64_t order = 0, steps = 0;  ///< of the whole
  LanczosMark mark;
  std::vector<std::int64_t> vectors;  ///< steps under each key
};

template <class Fields, MaybeConst<State> X>
void fields(Fields& f, X& x) {
  auto& [order, steps, mark, vectors] = x;
  auto& [done, probe, norm, largest_defect] = mark;
  f("order", order);
  f("steps", steps);
  f("done", done);
  f("probe", probe);
  f("norm", norm);
  f("largest_defect", largest_defect);
  f("vectors", vectors);
}

std::int64_t sum(const std::vector<std::int64_t>& values) {
  return std::accumulate(values.begin(), values.end(), std::int64_t{0});
}

}  // namespace

KeptLanczos::KeptLanczos(const StudyContext& context, std::string key, double interval,
                         std::function<void()> keep_matrix)
    : context_(context),
      key_(std::move(key)),
      interval_(interval),
      keep_matrix_(std::move(keep_matrix)) {}

std::string KeptLanczos::vectors_key(std::size_t number) const {
  return fmt::format("{}-{:04}", key_, number + 1);
}

LanczosMark KeptLanczos::resume(LanczosVectors& vectors) {
  State kept;
  context_.world.agree([&] {
    if (const auto record = context_.checkpoint.find(key_)) kept = fields_of_record<State>(*record);
  });
  const std::int64_t done = kept.mark.done;
  since_keep_.restart();
  since_product_.restart();
  if (done < 1 || done >= vectors.steps() || kept.order != vectors.order() ||
      kept.steps != vectors.steps() || std::ssize(kept.mark.probe) != vectors.probes() ||
      sum(kept.vectors) != done + 1)
    return {};
  std::int64_t first = 0;
  for (std::size_t number = 0; number < kept.vectors.size(); ++number) {
    DistMatrix part = vectors.copy(first, kept.vectors[number]);
    context_.checkpoint.find_matrix(vectors_key(number), part);
    vectors.set(first, part);
    first += kept.vectors[number];
  }
  steps_ = std::move(kept.vectors);
  taken_up_ = done;
  context_.progress.note(
      fmt::format("lanczos: {} of {} products from the checkpoint", done, vectors.steps()));
  return std::move(kept.mark);
}

void KeptLanczos::between(const LanczosMark& mark, LanczosVectors& vectors) {
  context_.world.agree([] { fault_point("studies.product"); });
  const double needed = product_done_ ? since_product_.seconds() : 0.0;
  const bool ends = context_.stop.ends_here(context_.world, needed, "a product");
  const bool due = context_.world.max(std::int64_t{context_.world.root() &&
                                                   since_keep_.seconds() >= interval_}) != 0;
  if (context_.checkpoint.on() && (due || ends)) {
    keep(mark, vectors);
    if (ends) keep_matrix_();
  }
  if (ends) context_.stop.end();
  product_done_ = true;
  since_product_.restart();
}

void KeptLanczos::keep(const LanczosMark& mark, LanczosVectors& vectors) {
  since_keep_.restart();
  if (mark.done == 0 || mark.done == taken_up_) return;
  // A copy of no more than a checkpoint's chunk at once.
  const double bytes_a_step = 8.0 * static_cast<double>(vectors.axis().block() * vectors.probes());
  const auto most = std::max<std::int64_t>(
      1, static_cast<std::int64_t>(static_cast<double>(Checkpoint::default_chunk_bytes) /
                                   bytes_a_step));
  std::vector<std::int64_t> steps = steps_;
  for (std::int64_t first = sum(steps); first <= mark.done; first += steps.back()) {
    const std::int64_t count = std::min(most, mark.done + 1 - first);
    context_.checkpoint.keep_matrix(vectors_key(steps.size()), vectors.copy(first, count));
    steps.push_back(count);
  }
  const State state{vectors.order(), vectors.steps(), mark, steps};
  context_.world.agree_on_root([&] { context_.checkpoint.keep(key_, record_of_fields(state)); });
  steps_ = std::move(steps);
  since_keep_.restart();
}

}  // namespace fathom
