// What the study "spectral_reach" keeps of a run (kept_results.hpp).

#include "studies/kept_results.hpp"
#include "studies/record_fields.hpp"

namespace fathom {

template <class Fields, MaybeConst<ModeRange> X>
void fields(Fields& f, X& x) {
  auto& [first, last] = x;
  f("first", first);
  f("last", last);
}

template <class Fields, MaybeConst<DecreaseDepth> X>
void fields(Fields& f, X& x) {
  auto& [modes, relative_eigenvalue, low, high] = x;
  f("modes", modes);
  f("relative_eigenvalue", relative_eigenvalue);
  f("low", low);
  f("high", high);
}

template <class Fields, MaybeConst<DepthSnapshot> X>
void fields(Fields& f, X& x) {
  auto& [compute, depth, floor] = x;
  f("compute", compute);
  f("depth", depth);
  f("floor", floor);
}

template <class Fields, MaybeConst<SpectralPosition> X>
void fields(Fields& f, X& x) {
  auto& [chi_loss, chi_net, decrease, decrease_error, chi_pos, chi_pos_trusted,
         unreachable_fraction, unresolved_fraction, null_level, top_level, trusted_floor, trusted,
         half, ninety] = x;
  f("chi_loss", chi_loss);
  f("chi_net", chi_net);
  f("decrease", decrease);
  f("decrease_error", decrease_error);
  f("chi_pos", chi_pos);
  f("chi_pos_trusted", chi_pos_trusted);
  f("unreachable_fraction", unreachable_fraction);
  f("unresolved_fraction", unresolved_fraction);
  f("null_level", null_level);
  f("top_level", top_level);
  f("trusted_floor", trusted_floor);
  f("trusted", trusted);
  f("half", half);
  f("ninety", ninety);
}

template <class Fields, MaybeConst<KernelMoment> X>
void fields(Fields& f, X& x) {
  auto& [step, time, compute, loss, samples, outputs, eigenvalue, error_bound, state, trace, floor,
         projection, gradient_squared, position, lanczos, gradients, gradients_error, signal_share,
         noise_share, cross_decrease] = x;
  f("step", step);
  f("time", time);
  f("compute", compute);
  f("loss", loss);
  f("samples", samples);
  f("outputs", outputs);
  f("eigenvalue", eigenvalue);
  f("error_bound", error_bound);
  f("state", state);
  f("trace", trace);
  f("floor", floor);
  f("projection", projection);
  f("gradient_squared", gradient_squared);
  f("position", position);
  f("lanczos", lanczos);
  f("gradients", gradients);
  f("gradients_error", gradients_error);
  f("signal_share", signal_share);
  f("noise_share", noise_share);
  f("cross_decrease", cross_decrease);
}

template <class Fields, MaybeConst<FrozenCurve> X>
void fields(Fields& f, X& x) {
  auto& [start, loss, depth] = x;
  f("start", start);
  f("loss", loss);
  f("depth", depth);
}

template <class Fields, MaybeConst<ChosenOutputs> X>
void fields(Fields& f, X& x) {
  auto& [positions, classes, all_positions, all_classes] = x;
  f("positions", positions);
  f("classes", classes);
  f("all_positions", all_positions);
  f("all_classes", all_classes);
}

template <class Fields, MaybeConst<ReachRun> X>
void fields(Fields& f, X& x) {
  auto& [size_name, size, seed, series, parameters, samples, classes, optimiser, model, data,
         best_loss, losses, moments, frozen, groups, outputs, diverged_at, depth] = x;
  f("size_name", size_name);
  f("size", size);
  f("seed", seed);
  f("series", series);
  f("parameters", parameters);
  f("samples", samples);
  f("classes", classes);
  f("optimiser", optimiser);
  f("model", model);
  f("data", data);
  f("best_loss", best_loss);
  f("losses", losses);
  f("moments", moments);
  f("frozen", frozen);
  f("groups", groups);
  f("outputs", outputs);
  f("diverged_at", diverged_at);
  f("depth", depth);
}

Record to_record(const KernelMoment& moment) {
  return record_of_fields(moment);
}

KernelMoment moment_from(const Record& record) {
  return fields_of_record<KernelMoment>(record);
}

Record to_record(const FrozenCurve& curve) {
  return record_of_fields(curve);
}

FrozenCurve frozen_curve_from(const Record& record) {
  return fields_of_record<FrozenCurve>(record);
}

Record to_record(const ReachRun& run) {
  return record_of_fields(run);
}

ReachRun reach_run_from(const Record& record) {
  return fields_of_record<ReachRun>(record);
}

}  // namespace fathom
