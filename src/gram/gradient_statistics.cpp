#include "gram/gradient_statistics.hpp"

#include "base/fault.hpp"
#include "base/random.hpp"
#include "bindings/blas.hpp"
#include "gram/sample_passes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

namespace fathom {
namespace {

constexpr std::int64_t signal_doubles = std::int64_t{1} << 23;  // of a batch's signals

std::size_t size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

double squared(std::span<const double> x) {
  return blas::dot(x, x);
}

/// ‖Σ_t b_t a_tᵀ‖_F² = Σ_ts (a_t·a_s)(b_t·b_s)
double squared_outer(MatrixView<const double> a, MatrixView<const double> b,
                     std::vector<double>& workspace) {
  const std::int64_t positions = a.cols;
  if (positions == 1) return squared({a.data, size(a.rows)}) * squared({b.data, size(b.rows)});
  const std::size_t pairs = size(positions * positions);
  workspace.resize(2 * pairs);
  const auto gram = [&](MatrixView<const double> x, std::span<double> out) {
    blas::gemm(Op::transpose, Op::none, 1.0, x, x, 0.0,
               {out.data(), positions, positions, positions});
    return out;
  };
  return blas::dot(gram(a, std::span(workspace).first(pairs)),
                   gram(b, std::span(workspace).subspan(pairs)));
}

/// Σ over all rows of the squared norm of the gradient.
double squared_gradients(const Network<double>& network, const GradientSignals<double>& signals) {
  const auto multiplier = [&](std::int64_t tensor) {
    const double m = network.tensors()[size(tensor)].multiplier;
    return m * m;
  };
  double total = 0;
  std::vector<double> workspace, sum;
  for (const LinearSignals<double>& l : signals.linear)
    for (std::int64_t r = 0; r < signals.rows(); ++r) {
      const std::int64_t sample = r / signals.choices;
      const MatrixView<const double> a{l.a.data() + l.in * l.positions * sample, l.in, l.positions,
                                       l.in};
      const MatrixView<const double> b{l.b.data() + l.out * l.positions * r, l.out, l.positions,
                                       l.out};
      total += multiplier(l.weight) * squared_outer(a, b, workspace);
      if (l.bias < 0) continue;
      sum.assign(size(l.out), 0.0);
      for (std::int64_t t = 0; t < l.positions; ++t)
        blas::axpy(1.0, {b.col(t), size(l.out)}, sum);
      total += multiplier(l.bias) * squared(sum);
    }
  for (const DirectGradients<double>& d : signals.direct)
    total += squared(d.gradient);
  return total;
}

class Statistics {
 public:
  Statistics(const Communicator& comm, const EmpiricalNtk& ntk, const OutputGradient& gradient,
             const GradientStatisticsOptions& options)
      : comm_(comm), ntk_(ntk), gradient_(gradient), options_(options) {
    comm.agree([&] { passes_.emplace(comm, ntk, options.batch); });
  }

  GradientStatistics result() {
    gradient_pass();
    if (options_.probes > 0) hutchinson();
    for (const double value : {result_.chi_loss, result_.loss_decrease, result_.chi_net})
      if (!std::isfinite(value))
        throw AgreedError(ExitCode::numeric,
                          "gradient statistics: NaN or infinite outputs or gradients ({})",
                          ntk_.network.description());
    return result_;
  }

 private:
  using Samples = std::span<const std::int64_t>;
  MatrixView<double> like_outputs(std::int64_t samples) {
    const std::int64_t outputs = ntk_.network.outputs();
    g_.assign(size(outputs * samples), 0.0);
    return {g_.data(), outputs, samples, outputs};
  }
  void gradient_pass();
  void add_loss_gradient(Samples samples, const ForwardPass<double>& pass);
  void add_squared_rows(const ForwardPass<double>& pass, std::int64_t samples);
  void hutchinson();
  void add_probes(std::int64_t first, MatrixView<double> directions);

  const Communicator& comm_;
  const EmpiricalNtk& ntk_;
  const OutputGradient& gradient_;
  GradientStatisticsOptions options_;
  std::optional<SamplePasses> passes_;
  GradientStatistics result_;
  std::vector<double> g_, direction_;
};

/// g and Jᵀg, and the norm of J where it is wanted exactly.
void Statistics::gradient_pass() {
  comm_.agree([&] {
    fault_point("gram.entk.statistics");
    direction_.assign(size(ntk_.network.parameters()), 0.0);
    passes_->for_each([&](Samples samples, const ForwardPass<double>& pass) {
      add_loss_gradient(samples, pass);
      if (options_.probes == 0) add_squared_rows(pass, std::ssize(samples));
    });
    if (fault_armed("gram.entk.statistics", "nan"))
      direction_[0] = std::numeric_limits<double>::quiet_NaN();
  });
  std::vector<double> sums = {result_.chi_loss, result_.chi_net};
  comm_.sum(std::span(sums));
  comm_.sum(std::span(direction_));
  sums.push_back(squared(direction_));
  comm_.broadcast(std::span(sums));  // the same bits everywhere
  result_.chi_loss = sums[0];
  result_.chi_net = sums[1];
  result_.loss_decrease = sums[2];
}

void Statistics::add_loss_gradient(Samples samples, const ForwardPass<double>& pass) {
  const std::int64_t count = std::ssize(samples);
  const MatrixView<double> chosen = like_outputs(count);
  std::vector<double> whole(g_.size(), 0.0);
  const MatrixView<double> g{whole.data(), chosen.rows, count, chosen.rows};
  gradient_(samples, pass.outputs(), g);
  for (std::int64_t q = 0; q < count; ++q)
    for (std::int64_t c = 0; c < ntk_.choices(); ++c) {
      const std::int64_t output = output_number(ntk_, c);
      chosen(output, q) = g(output, q);
    }
  result_.chi_loss += squared(g_);
  pass.backward(chosen, direction_);
}

void Statistics::add_squared_rows(const ForwardPass<double>& pass, std::int64_t samples) {
  const std::int64_t step = std::max<std::int64_t>(
      1, signal_doubles / std::max<std::int64_t>(1, samples * passes_->row_doubles()));
  for (std::int64_t c = 0; c < ntk_.choices(); c += step) {
    const std::span<const OutputChoice> outputs =
        std::span(ntk_.outputs).subspan(size(c), size(std::min(step, ntk_.choices() - c)));
    result_.chi_net += squared_gradients(ntk_.network, pass.signals(outputs));
  }
}

/// tr Θ = E ‖Jᵀs‖² (Hutchinson 1990)
void Statistics::hutchinson() {
  const std::int64_t parameters = ntk_.network.parameters(), probes = options_.probes;
  const std::int64_t step =
      std::clamp<std::int64_t>(options_.workspace_bytes / 8 / parameters, 1, probes);
  std::vector<double> norms, directions;
  for (std::int64_t first = 0; first < probes; first += step) {
    const std::int64_t count = std::min(step, probes - first);
    comm_.agree([&] {
      directions.assign(size(parameters * count), 0.0);
      add_probes(first, {directions.data(), parameters, count, parameters});
    });
    comm_.sum(std::span(directions));
    for (std::int64_t p = 0; p < count; ++p)
      norms.push_back(
          squared(std::span(directions).subspan(size(parameters * p), size(parameters))));
  }
  comm_.broadcast(std::span(norms));
  double sum = 0, spread = 0;
  for (const double norm : norms)
    sum += norm;
  const auto count = static_cast<double>(probes);
  for (const double norm : norms)
    spread += (norm - sum / count) * (norm - sum / count);
  result_.chi_net = sum / count;
  result_.chi_net_error = std::sqrt(spread / (count - 1) / count);
  result_.probes = probes;
}

void Statistics::add_probes(std::int64_t first, MatrixView<double> directions) {
  const std::int64_t choices = ntk_.choices();
  std::vector<double> uniform(size(choices));
  passes_->for_each([&](Samples samples, const ForwardPass<double>& pass) {
    for (std::int64_t p = 0; p < directions.cols; ++p) {
      const MatrixView<double> g = like_outputs(std::ssize(samples));
      const std::int64_t probe = first + p;
      for (std::int64_t q = 0; q < g.cols; ++q) {
        fill_uniform({options_.seed, Stream::probes}, {&probe, 1}, choices * samples[size(q)],
                     {uniform.data(), choices, 1, choices});
        for (std::int64_t c = 0; c < choices; ++c)
          g(output_number(ntk_, c), q) = uniform[size(c)] < 0.5 ? -1.0 : 1.0;
      }
      pass.backward(g, {directions.col(p), size(directions.rows)});
    }
  });
}

}  // namespace

double GradientStatistics::spectral_position() const {
  const double scale = chi_loss * chi_net;
  return scale > 0 ? loss_decrease / scale : 0.0;
}

GradientStatistics gradient_statistics(const Communicator& comm, const EmpiricalNtk& ntk,
                                       const OutputGradient& gradient,
                                       const GradientStatisticsOptions& options) {
  FATHOM_ASSERT(ntk.kind == NtkKind::all_outputs && options.probes >= 0 && options.probes != 1,
                "statistics of {}, {} probes", name(ntk.kind), options.probes);
  return Statistics(comm, ntk, gradient, options).result();
}

}  // namespace fathom
