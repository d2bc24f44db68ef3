#pragma once

// Parts of unequal length that travel between all ranks of a communicator.

#include "comm/communicator.hpp"

#include <cstdint>
#include <span>

namespace fathom {

/// Every rank contributes counts[rank] doubles; `all` holds all parts in the order of the ranks.
/// Error(no_fit) where `all` has 2^31 doubles or more. Collective.
/// @pre mine.size() == counts[rank], all.size() == sum of counts, counts the same on every rank
void all_gather(const Communicator& comm, std::span<const double> mine,
                std::span<const std::int64_t> counts, std::span<double> all);

/// The same where every rank's part already stands at its place in `all`. Collective.
void all_gather_in_place(const Communicator& comm, std::span<const std::int64_t> counts,
                         std::span<double> all);

/// Rank r sends send_counts[q] doubles to rank q and receives receive_counts[q] from it; parts
/// stand one after the other in the order of the ranks. Error(no_fit) where one side has 2^31
/// doubles or more. Collective.
void exchange(const Communicator& comm, std::span<const double> send,
              std::span<const std::int64_t> send_counts, std::span<double> receive,
              std::span<const std::int64_t> receive_counts);

}  // namespace fathom
