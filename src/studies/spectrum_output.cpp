#include "studies/spectrum_output.hpp"

#include "spectral/law.hpp"
#include "spectral/mode_range.hpp"

#include <algorithm>

namespace fathom {

std::vector<double> trusted_eigenvalues(const CertifiedSpectrum& spectrum) {
  return trusted_values<ModeState>(spectrum.result.eigenvalue, spectrum.state);
}

RunGroup write_spectrum(const RunGroup& point, const std::string& group_name,
                        const CertifiedSpectrum& spectrum, std::int64_t n,
                        const AssemblyReport& assembly, bool store_vectors,
                        const std::string& kept_as) {
  const RunGroup group = point.group(group_name);
  const auto modes = static_cast<std::int64_t>(spectrum.result.eigenvalue.size());
  std::vector<std::int8_t> state;
  for (const ModeState s : spectrum.state)
    state.push_back(static_cast<std::int8_t>(s));
  const std::vector<double> slope = local_slope(trusted_eigenvalues(spectrum));
  group.counting_scale("mode", modes);
  group.variable("eigenvalue", std::span<const double>(spectrum.result.eigenvalue), {"mode"});
  group.variable("error_bound", std::span<const double>(spectrum.error_bound), {"mode"});
  group.variable("state", std::span<const std::int8_t>(state), {"mode"});
  group.variable("residual_ratio", std::span<const double>(spectrum.certificate.residual_ratio),
                 {"mode"});
  group.variable("local_slope", std::span<const double>(slope), {"mode"});
  group.attribute_of("mode", "long_name", "mode index, from the largest eigenvalue");
  group.attribute_of("eigenvalue", "long_name", "eigenvalue");
  group.attribute_of("error_bound", "long_name", "absolute error bound of the eigenvalue");
  group.attribute_of("state", "long_name", "0 untrusted, 1 trusted, 2 null by rank");
  group.attribute_of("residual_ratio", "long_name",
                     "|Az - lambda z| / (n eps |A|), NaN where not checked");
  group.attribute_of("local_slope", "long_name",
                     "d ln(eigenvalue) / d ln(mode) over trusted modes");
  if (store_vectors && spectrum.result.vectors) {
    const RunGroup vectors = point.group("eigenvectors");
    vectors.counting_scale("mode", modes);
    vectors.counting_scale("item", spectrum.result.vectors->rows());
    vectors.columns("eigenvector", *spectrum.result.vectors, {"mode", "item"}, kept_as);
  }
  group.attribute("n", n);
  group.attribute("trusted_count", spectrum.trusted);
  group.attribute("null_by_rank", spectrum.null_by_rank);
  group.attribute("negative_count", spectrum.negative);
  group.attribute("floor", spectrum.floor());
  group.attribute("trace", spectrum.trace);
  group.attribute("frobenius", spectrum.frobenius);
  group.attribute("assembly_error", spectrum.assembly_error);
  group.attribute("representation_error", spectrum.representation_error);
  group.attribute("negative_beyond_bound", spectrum.negative_beyond_bound);
  group.attribute("solver_error", spectrum.terms.solver);
  group.attribute("input_epsilon", spectrum.input_epsilon);
  group.attribute("normalization", assembly.normalization);
  group.attribute("kernel", assembly.kernel);
  group.attribute("backend", fathom::name(spectrum.result.backend));
  group.attribute("fell_back", spectrum.fell_back ? 1 : 0);
  return group;
}

void write_quality(const RunGroup& point, const std::string& group_name,
                   const Certificate& certificate) {
  const RunGroup group = point.group(group_name);
  std::vector<std::string> names, meanings, verdicts;
  std::vector<double> value, warn, fail;
  for (const Check& check : certificate.checks) {
    names.push_back(check.name);
    meanings.push_back(check.meaning);
    verdicts.emplace_back(name(check.verdict()));
    value.push_back(check.value);
    warn.push_back(check.warn);
    fail.push_back(check.fail);
  }
  group.counting_scale("check", static_cast<std::int64_t>(names.size()));
  group.variable("name", std::span<const std::string>(names), {"check"});
  group.variable("value", std::span<const double>(value), {"check"});
  group.variable("warn", std::span<const double>(warn), {"check"});
  group.variable("fail", std::span<const double>(fail), {"check"});
  group.variable("verdict", std::span<const std::string>(verdicts), {"check"});
  group.variable("meaning", std::span<const std::string>(meanings), {"check"});
  group.attribute("verdict", name(certificate.verdict()));
}

RunGroup write_solved(const RunGroup& point, const std::string& prefix,
                      const SolvedSpectrum& solved, std::int64_t n, const AssemblyReport& assembly,
                      bool store_vectors, const std::string& kept_as) {
  const RunGroup group = write_spectrum(point, prefix + "spectrum", solved.spectrum, n, assembly,
                                        store_vectors, kept_as);
  group.attribute("route", solved.route);
  group.attribute("levels", solved.levels);
  if (!solved.representation.empty()) {
    group.variable("representation", std::span<const double>(solved.representation), {"mode"});
    group.attribute_of("representation", "long_name",
                       "what the precision of the input may have moved the eigenvalue by");
  }
  if (!solved.note.empty()) group.attribute("route_note", solved.note);
  write_quality(point, prefix + "quality", solved.spectrum.certificate);
  if (solved.gram) {
    const RunGroup gram =
        write_spectrum(point, "gram_" + prefix + "spectrum", *solved.gram, n, assembly, false);
    gram.attribute("route", "gram");
    write_quality(point, "gram_" + prefix + "quality", solved.gram->certificate);
  }
  return group;
}

Verdict worse(Verdict a, Verdict b) {
  return std::max(a, b);
}

}  // namespace fathom
