#pragma once

// A keeper that holds in memory what another assembly, on other ranks, may go on from.

#include "gathered.hpp"
#include "gram/assembly_keeper.hpp"

#include <optional>

namespace fathom {

/// What was kept, replicated.
struct KeptInMemory {
  AssemblyMark mark;
  std::vector<double> lower;  // n × n, row-major, zero above the diagonal
};

class MemoryKeeper : public AssemblyKeeper {
 public:
  /// Keeps after part `stop_at` and ends the assembly there; 0: never.
  explicit MemoryKeeper(std::int64_t stop_at, KeptInMemory from = {})
      : kept(std::move(from)), stop_at_(stop_at) {}

  AssemblyMark resume(std::int64_t total, const std::string&, DistMatrix& lower) override {
    if (kept.mark.done == 0 || kept.mark.total != total) return {};
    lower.fill_from([&](std::int64_t i, std::int64_t j) {
      return kept.lower[static_cast<std::size_t>(i * lower.cols() + j)];
    });
    return kept.mark;
  }

  void between(std::int64_t done, std::int64_t, const std::function<AssemblyMark()>& mark,
               const DistMatrix& lower) override {
    seen.push_back(done);
    if (std::ssize(seen) != stop_at_) return;
    kept.mark = mark();
    const Reference all = gathered(lower);
    kept.lower.assign(all.value.size(), 0.0);
    for (std::int64_t i = 0; i < all.rows; ++i)
      for (std::int64_t j = 0; j <= i; ++j)
        kept.lower[static_cast<std::size_t>(i * all.cols + j)] = static_cast<double>(all(i, j));
    throw AgreedError(ExitCode::checkpointed, "stopped");
  }

  KeptInMemory kept;
  std::vector<std::int64_t> seen;

 private:
  std::int64_t stop_at_;
};

/// The same on every rank as on rank 0.
inline void share(const Communicator& comm, KeptInMemory& kept) {
  const auto numbers = [&](auto& list) {
    std::vector<std::int64_t> length{std::ssize(list)};
    comm.broadcast(std::span(length));
    list.resize(static_cast<std::size_t>(length[0]));
    comm.broadcast(std::span(list));
  };
  std::vector<std::int64_t> position{kept.mark.done, kept.mark.total};
  numbers(position);
  kept.mark.done = position[0];
  kept.mark.total = position[1];
  numbers(kept.mark.plan);
  numbers(kept.mark.chunks);
  numbers(kept.mark.sums);
  numbers(kept.lower);
}

/// What stands on the first ranks alone, as a communicator; null on the others. Collective.
inline Communicator first_ranks(const Communicator& world, int ranks) {
  return world.split(world.rank() < ranks ? 0 : -1, world.rank());
}

using Assembler = std::function<Assembly(const ProcessGrid&, std::int64_t, const AssemblyOptions&)>;

/// Where and how an assembly runs.
struct Way {
  int ranks = 1;
  GridShape shape;
  std::int64_t block = 1, chunk = 0;
  Movement movement = Movement::automatic;
  bool operator==(const Way&) const = default;
};

/// All values, row-major, the error estimate after them. Replicated.
struct Made {
  std::vector<double> values;
  double error = 0;
  bool stopped = false;
};

/// Runs it there with the keeper, and tells every rank of the world. Collective over the world.
inline Made run_with(const Communicator& world, const Way& way, const Assembler& assemble,
                     MemoryKeeper* keeper) {
  Made made;
  std::vector<std::int64_t> length(2);
  {
    const Communicator comm = first_ranks(world, way.ranks);
    if (!comm.is_null()) {
      const ProcessGrid grid(comm, way.shape);
      AssemblyOptions options;
      options.movement = way.movement;
      options.chunk = way.chunk;
      options.keeper = keeper;
      try {
        const Assembly assembly = assemble(grid, way.block, options);
        const Reference all = gathered(assembly.symmetric.matrix);
        made.values.assign(all.value.begin(), all.value.end());
        made.values.push_back(assembly.symmetric.assembly_error);
      } catch (const AgreedError& error) {
        if (error.code() != ExitCode::checkpointed) throw;
        made.stopped = true;
      }
    }
  }
  length = {std::ssize(made.values), made.stopped};
  world.broadcast(std::span(length));
  made.values.resize(static_cast<std::size_t>(length[0]));
  world.broadcast(std::span(made.values));
  made.stopped = length[1] != 0;
  if (keeper != nullptr) share(world, keeper->kept);
  if (made.stopped) return made;
  made.error = made.values.back();
  made.values.pop_back();
  return made;
}

/// max |a − b| / max |b|
inline double relative_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double most = 0, largest = 0;
  for (std::size_t k = 0; k < b.size(); ++k) {
    most = std::max(most, std::abs(a[k] - b[k]));
    largest = std::max(largest, std::abs(b[k]));
  }
  return most / largest;
}

}  // namespace fathom
