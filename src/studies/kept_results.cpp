#include "studies/kept_results.hpp"

#include "base/assert.hpp"
#include "studies/record_fields.hpp"

#include <algorithm>

namespace fathom {

template <class Fields, MaybeConst<GridShape> X>
void fields(Fields& f, X& x) {
  auto& [nprow, npcol] = x;
  f("nprow", nprow);
  f("npcol", npcol);
}

template <class Fields, MaybeConst<StudyOutcome> X>
void fields(Fields& f, X& x) {
  auto& [certificate, verdicts, lines, diverged, grid, block, matrix_bytes, predicted_peak_bytes] =
      x;
  f("certificate", certificate, Verdict::fail);
  f("verdicts", verdicts);
  f("lines", lines);
  f("diverged", diverged);
  f("grid", grid);
  f("block", block);
  f("matrix_bytes", matrix_bytes);
  f("predicted_peak_bytes", predicted_peak_bytes);
}

template <class Fields, MaybeConst<EigenResult> X>
void fields(Fields& f, X& x) {
  auto& [eigenvalue, vectors, backend, seconds] = x;
  static_cast<void>(vectors);  // kept as a matrix
  f("eigenvalue", eigenvalue);
  f("backend", backend, Backend::lapack);
  f("seconds", seconds);
}

template <class Fields, MaybeConst<BoundTerms> X>
void fields(Fields& f, X& x) {
  auto& [solver, measured, assembly, residual] = x;
  f("solver", solver);
  f("measured", measured);
  f("assembly", assembly);
  f("residual", residual);
}

template <class Fields, MaybeConst<Check> X>
void fields(Fields& f, X& x) {
  auto& [name, value, warn, fail, meaning] = x;
  f("name", name);
  f("value", value);
  f("warn", warn);
  f("fail", fail);
  f("meaning", meaning);
}

template <class Fields, MaybeConst<Certificate> X>
void fields(Fields& f, X& x) {
  auto& [checks, residual_ratio] = x;
  f("checks", checks);
  f("residual_ratio", residual_ratio);
}

template <class Fields, MaybeConst<SolverPlan> X>
void fields(Fields& f, X& x) {
  auto& [backend, grid, block, reason] = x;
  f("backend", backend, Backend::lapack);
  f("grid", grid);
  f("block", block);
  f("reason", reason);
}

template <class Fields, MaybeConst<SolveTimings> X>
void fields(Fields& f, X& x) {
  auto& [make, check, solve] = x;
  f("make", make);
  f("check", check);
  f("solve", solve);
}

template <class Fields, MaybeConst<CertifiedSpectrum> X>
void fields(Fields& f, X& x) {
  auto& [result, error_bound, state, complete, trusted, null_by_rank, negative,
         negative_beyond_bound, terms, trace, frobenius, norm, assembly_error, input_epsilon,
         smallest_ritz, representation_error, deep_floor, certificate, plan, fell_back,
         fallback_reason, timings] = x;
  f("result", result);
  f("error_bound", error_bound);
  f("state", state, ModeState::null_by_rank);
  f("complete", complete);
  f("trusted", trusted);
  f("null_by_rank", null_by_rank);
  f("negative", negative);
  f("negative_beyond_bound", negative_beyond_bound);
  f("terms", terms);
  f("trace", trace);
  f("frobenius", frobenius);
  f("norm", norm);
  f("assembly_error", assembly_error);
  f("input_epsilon", input_epsilon);
  f("smallest_ritz", smallest_ritz);
  f("representation_error", representation_error);
  f("deep_floor", deep_floor);
  f("certificate", certificate);
  f("plan", plan);
  f("fell_back", fell_back);
  f("fallback_reason", fallback_reason);
  f("timings", timings);
}

template <class Fields, MaybeConst<SolvedSpectrum> X>
void fields(Fields& f, X& x) {
  auto& [spectrum, route, levels, representation, gram, note] = x;
  f("spectrum", spectrum);
  f("route", route);
  f("levels", levels);
  f("representation", representation);
  f("gram", gram);
  f("note", note);
}

template <class Fields, MaybeConst<AssemblySeconds> X>
void fields(Fields& f, X& x) {
  auto& [signals, communication, products, map, mirror, total] = x;
  f("signals", signals);
  f("communication", communication);
  f("products", products);
  f("map", map);
  f("mirror", mirror);
  f("total", total);
}

template <class Fields, MaybeConst<AssemblyReport> X>
void fields(Fields& f, X& x) {
  auto& [movement, reason, chunk, seconds, useful_flops, signal_flops, product_flops, normalization,
         kernel, note] = x;
  f("movement", movement, Movement::made_once);
  f("reason", reason);
  f("chunk", chunk);
  f("seconds", seconds);
  f("useful_flops", useful_flops);
  f("signal_flops", signal_flops);
  f("product_flops", product_flops);
  f("normalization", normalization);
  f("kernel", kernel);
  f("note", note);
}

template <class Fields, MaybeConst<LawPoint> X>
void fields(Fields& f, X& x) {
  auto& [eigenvalue] = x;
  f("eigenvalue", eigenvalue);
}

Record to_record(const StudyOutcome& outcome) {
  return record_of_fields(outcome);
}

StudyOutcome outcome_from(const Record& record) {
  return fields_of_record<StudyOutcome>(record);
}

Record to_record(const SolvedSpectrum& solved) {
  return record_of_fields(solved);
}

SolvedSpectrum solved_from(const Record& record) {
  return fields_of_record<SolvedSpectrum>(record);
}

Record to_record(const AssemblyReport& report) {
  return record_of_fields(report);
}

AssemblyReport assembly_report_from(const Record& record) {
  return fields_of_record<AssemblyReport>(record);
}

Record to_record(const LawPoint& point) {
  return record_of_fields(point);
}

LawPoint law_point_from(const Record& record) {
  return fields_of_record<LawPoint>(record);
}

void add_part(Record& whole, const std::string& name, Record part) {
  for (auto& [inner, array] : part.values) {
    const bool added = whole.values.try_emplace(name + "." + inner, std::move(array)).second;
    FATHOM_ASSERT(added, "'{}.{}' is in the record already", name, inner);
  }
}

bool has_part(const Record& whole, const std::string& name) {
  return std::ranges::any_of(whole.values, [prefix = name + "."](const auto& array) {
    return array.first.starts_with(prefix);
  });
}

Record part_of(const Record& whole, const std::string& name) {
  const std::string start = name + ".";
  Record part;
  for (auto at = whole.values.lower_bound(start);
       at != whole.values.end() && at->first.starts_with(start); ++at)
    part.values.emplace(at->first.substr(start.size()), at->second);
  if (part.values.empty())
    throw Error(ExitCode::input, "a record of the checkpoint holds nothing under '{}'", start);
  return part;
}

}  // namespace fathom
