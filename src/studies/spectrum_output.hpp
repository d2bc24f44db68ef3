#pragma once

// How a certified spectrum stands in run.h5: the names that readers rely on.

#include "eigen/certified.hpp"
#include "gram/assembly.hpp"
#include "store/run_file.hpp"
#include "studies/solve.hpp"

#include <string>
#include <vector>

namespace fathom {

/// Eigenvalues with NaN where a mode is not trusted, as the spectral room takes them. Pure.
std::vector<double> trusted_eigenvalues(const CertifiedSpectrum& spectrum);

/// POINT/spectrum (or data_spectrum): mode, eigenvalue, error_bound, state, residual_ratio,
/// local_slope and attributes. kept_as: the key of the eigenvectors in the checkpoint, where a
/// journal is kept. Collective where eigenvectors are stored, else local.
RunGroup write_spectrum(const RunGroup& point, const std::string& group_name,
                        const CertifiedSpectrum& spectrum, std::int64_t n,
                        const AssemblyReport& assembly, bool store_vectors,
                        const std::string& kept_as = "");

/// POINT/quality (or data_quality): the checks of the certificate. Local.
void write_quality(const RunGroup& point, const std::string& group_name,
                   const Certificate& certificate);

/// What a solve gave: POINT/`name` and its checks, POINT/`prefix`quality; where a deeper route
/// replaced the Gram route, that one's spectrum and checks beside it, POINT/gram_`name`. Returns
/// the group of the spectrum. Collective where eigenvectors are stored, else local.
RunGroup write_solved(const RunGroup& point, const std::string& prefix,
                      const SolvedSpectrum& solved, std::int64_t n, const AssemblyReport& assembly,
                      bool store_vectors, const std::string& kept_as = "");

/// The worse of two.
Verdict worse(Verdict a, Verdict b);

}  // namespace fathom
