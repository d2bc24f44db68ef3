#pragma once

// A small run.h5 with one of everything, for tests.

#include "store/provenance.hpp"
#include "store/run_file.hpp"

#include <cmath>
#include <limits>

namespace fathom {

inline constexpr const char* sample_deck = "schema = 1\n";

inline double sample_entry(std::int64_t row, std::int64_t col) {
  return static_cast<double>(row) + 0.001 * static_cast<double>(col);
}

/// n × k with sample_entry, block-cyclic over all ranks of the communicator. Collective.
inline DistMatrix sample_matrix(const Communicator& comm, std::int64_t n, std::int64_t k) {
  const ProcessGrid grid(comm, {1, comm.size()});
  DistMatrix matrix = DistMatrix::make(grid, n, k, 3, 2);
  matrix.fill_from(sample_entry);
  return matrix;
}

/// Everything but finish(). Collective.
inline void write_sample(RunFile& file, const Communicator& comm) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const RunGroup root = file.root();
  root.attribute("format", 1);
  root.attribute("title", "Sample, é");
  root.attribute("certificate", "PASS");
  root.attribute("exit_code", 0);
  for (const char* point : {"sweep/0001", "sweep/0002"}) {
    const RunGroup spectrum = file.group(point).group("spectrum");
    spectrum.counting_scale("mode", 5);
    spectrum.variable("eigenvalue", std::vector<double>{16, 8, 4, 2, 1e-300}, {"mode"});
    spectrum.variable("residual_ratio", std::vector<double>{0.5, nan, nan, nan, 1}, {"mode"});
    spectrum.variable("state", std::vector<std::int8_t>{1, 1, 1, 0, 2}, {"mode"});
    spectrum.attribute("trace", 30.0);
    spectrum.attribute("n", std::int64_t{5});
    spectrum.attribute_of("eigenvalue", "long_name", "eigenvalues of K");
    file.settle();
  }
  const RunGroup targets = file.group("targets");
  targets.counting_scale("mode", 3);
  targets.counting_scale("target", 2);
  targets.variable("power", std::vector<double>{1, 2, 3, 4, 5, 6}, {"mode", "target"});
  const RunGroup quality = file.group("quality");
  quality.counting_scale("check", 2);
  quality.variable("name", std::vector<std::string>{"trace", "ascending order"}, {"check"});
  quality.variable("value", std::vector<double>{1.5, 0}, {"check"});
  const RunGroup nothing = file.group("empty");
  nothing.counting_scale("check", 0);
  nothing.variable("value", std::vector<double>{}, {"check"});
  nothing.variable("name", std::vector<std::string>{}, {"check"});
  const RunGroup vectors = file.group("eigenvectors");
  vectors.counting_scale("mode", 5);
  vectors.counting_scale("item", 7);
  vectors.columns("eigenvector", sample_matrix(comm, 7, 5), {"mode", "item"});
  Provenance provenance = collect_provenance(comm);
  provenance.deck = sample_deck;
  provenance.seeds = {1, 2, 3};
  write_provenance(file.group("provenance"), provenance);
}

}  // namespace fathom
