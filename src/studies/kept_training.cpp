#include "studies/kept_training.hpp"

#include <fmt/format.h>

namespace fathom {
namespace {

using Integers = std::vector<std::int64_t>;
using Reals = std::vector<double>;

template <class T>
Record record_of(const TrainingProgress<T>& at) {
  Record record;
  record.values["counts"] = Integers{at.state.step, at.state.samples, at.state.optimiser.updates,
                                     at.diverged_at, at.ended ? 1 : 0};
  record.values["time"] = Reals{at.state.time};
  record.values["parameters"] = at.state.parameters;
  record.values["first"] = at.state.optimiser.first;
  record.values["second"] = at.state.optimiser.second;
  record.values["losses"] = at.losses;
  record.values["first_loss"] = at.first_loss ? Reals{*at.first_loss} : Reals{};
  return record;
}

template <class T>
TrainingProgress<T> progress_from(const Record& record) {
  const Integers& counts = record.get<std::int64_t>("counts");
  if (counts.size() != 5)
    throw Error(ExitCode::input, "'counts' of a training in the checkpoint holds {} values, not 5",
                counts.size());
  TrainingProgress<T> at;
  at.state.step = counts[0];
  at.state.samples = counts[1];
  at.state.optimiser.updates = counts[2];
  at.diverged_at = counts[3];
  at.ended = counts[4] != 0;
  at.state.time = record.one<double>("time");
  at.state.parameters = record.get<T>("parameters");
  at.state.optimiser.first = record.get<T>("first");
  at.state.optimiser.second = record.get<T>("second");
  at.losses = record.get<double>("losses");
  if (const Reals& first = record.get<double>("first_loss"); !first.empty())
    at.first_loss = first.front();
  return at;
}

std::string snapshot_key(const std::string& key, std::size_t index) {
  return fmt::format("{}.snapshot-{:04}", key, index + 1);
}

}  // namespace

template <class T>
std::optional<TrainingProgress<T>> KeptTraining::find(const Communicator& comm) {
  std::optional<TrainingProgress<T>> found;
  comm.agree([&] {
    if (const auto record = checkpoint_.find(key_ + ".training")) found = progress_from<T>(*record);
  });
  return found;
}

std::optional<ParameterSnapshot> KeptTraining::find_snapshot(const Communicator& comm,
                                                             std::size_t index) {
  std::optional<ParameterSnapshot> found;
  comm.agree([&] {
    if (const auto record = checkpoint_.find(snapshot_key(key_, index)))
      found = ParameterSnapshot{.step = record->one<std::int64_t>("step"),
                                .time = record->one<double>("time"),
                                .compute = record->one<double>("compute"),
                                .parameters = record->get<double>("parameters")};
  });
  return found;
}

template <class T>
void KeptTraining::keep(const Communicator& comm, const TrainingProgress<T>& progress) {
  comm.agree_on_root([&] { checkpoint_.keep(key_ + ".training", record_of(progress)); });
  since_.restart();
}

void KeptTraining::keep_snapshot(const Communicator& comm, std::size_t index,
                                 const ParameterSnapshot& snapshot) {
  comm.agree_on_root([&] {
    checkpoint_.keep(snapshot_key(key_, index), {{{"step", Integers{snapshot.step}},
                                                  {"time", Reals{snapshot.time}},
                                                  {"compute", Reals{snapshot.compute}},
                                                  {"parameters", snapshot.parameters}}});
  });
}

template <class T>
void KeptTraining::keep_quietly(const TrainingProgress<T>& progress) noexcept {
  since_.restart();
  try {
    checkpoint_.keep(key_ + ".training", record_of(progress));
  } catch (const std::exception&) {
    // The record before stands.
  }
}

template std::optional<TrainingProgress<double>> KeptTraining::find(const Communicator&);
template std::optional<TrainingProgress<float>> KeptTraining::find(const Communicator&);
template void KeptTraining::keep(const Communicator&, const TrainingProgress<double>&);
template void KeptTraining::keep(const Communicator&, const TrainingProgress<float>&);
template void KeptTraining::keep_quietly(const TrainingProgress<double>&) noexcept;
template void KeptTraining::keep_quietly(const TrainingProgress<float>&) noexcept;

}  // namespace fathom
