#include "comm/communicator.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <new>

namespace fathom {
namespace {

/// No MPI call moves more elements than this: counts are 32-bit.
constexpr std::int64_t most_elements = std::int64_t{1} << 30;

MPI_Datatype datatype(double) {
  return MPI_DOUBLE;
}

MPI_Datatype datatype(std::int64_t) {
  return MPI_INT64_T;
}

template <class T>
void all_reduce(std::span<T> values, MPI_Op op, MPI_Comm comm) {
  for (std::int64_t first = 0; first < std::ssize(values); first += most_elements) {
    const std::int64_t count = std::min(most_elements, std::ssize(values) - first);
    check_mpi(MPI_Allreduce(MPI_IN_PLACE, values.data() + first, static_cast<int>(count),
                            datatype(T{}), op, comm),
              "MPI_Allreduce");
  }
}

void broadcast_bytes(void* data, std::int64_t count, MPI_Datatype type, std::int64_t bytes_each,
                     int root, MPI_Comm comm) {
  for (std::int64_t first = 0; first < count; first += most_elements) {
    const std::int64_t part = std::min(most_elements, count - first);
    check_mpi(MPI_Bcast(static_cast<char*>(data) + first * bytes_each, static_cast<int>(part), type,
                        root, comm),
              "MPI_Bcast");
  }
}

struct Outcome {
  bool failed = false;
  ExitCode code = ExitCode::internal;
  std::string message;
};

Outcome attempt(const std::function<void()>& action) {
  try {
    action();
    return {};
  } catch (const Error& error) {
    return {true, error.code(), error.what()};
  } catch (const std::bad_alloc&) {
    return {true, ExitCode::no_fit, "out of memory"};
  } catch (const std::exception& error) {
    return {true, ExitCode::internal, error.what()};
  } catch (...) {
    return {true, ExitCode::internal, "an exception of unknown type"};
  }
}

}  // namespace

Communicator::Communicator(MPI_Comm comm) : comm_(comm) {
  if (comm_ == MPI_COMM_NULL) return;
  check_mpi(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
}

Communicator::~Communicator() {
  if (comm_ == MPI_COMM_NULL) return;
  int finalised = 0;
  MPI_Finalized(&finalised);
  if (!finalised) MPI_Comm_free(&comm_);
}

Communicator::Communicator(Communicator&& other) noexcept {
  *this = std::move(other);
}

Communicator& Communicator::operator=(Communicator&& other) noexcept {
  std::swap(comm_, other.comm_);
  std::swap(rank_, other.rank_);
  std::swap(size_, other.size_);
  return *this;
}

Communicator Communicator::world() {
  MPI_Comm comm = MPI_COMM_NULL;
  check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &comm), "MPI_Comm_dup");
  return Communicator(comm);
}

Communicator Communicator::split(int color, int key) const {
  MPI_Comm comm = MPI_COMM_NULL;
  check_mpi(MPI_Comm_split(comm_, color < 0 ? MPI_UNDEFINED : color, key, &comm), "MPI_Comm_split");
  return Communicator(comm);
}

Communicator Communicator::duplicate() const {
  MPI_Comm comm = MPI_COMM_NULL;
  check_mpi(MPI_Comm_dup(comm_, &comm), "MPI_Comm_dup");
  return Communicator(comm);
}

void Communicator::barrier() const {
  check_mpi(MPI_Barrier(comm_), "MPI_Barrier");
}

void Communicator::sum(std::span<double> values) const {
  all_reduce(values, MPI_SUM, comm_);
}

void Communicator::sum(std::span<std::int64_t> values) const {
  all_reduce(values, MPI_SUM, comm_);
}

void Communicator::max(std::span<double> values) const {
  all_reduce(values, MPI_MAX, comm_);
}

void Communicator::min(std::span<double> values) const {
  all_reduce(values, MPI_MIN, comm_);
}

double Communicator::sum(double value) const {
  sum(std::span(&value, 1));
  return value;
}

double Communicator::max(double value) const {
  max(std::span(&value, 1));
  return value;
}

double Communicator::min(double value) const {
  min(std::span(&value, 1));
  return value;
}

std::int64_t Communicator::sum(std::int64_t value) const {
  sum(std::span(&value, 1));
  return value;
}

std::int64_t Communicator::max(std::int64_t value) const {
  all_reduce(std::span(&value, 1), MPI_MAX, comm_);
  return value;
}

std::int64_t Communicator::min(std::int64_t value) const {
  all_reduce(std::span(&value, 1), MPI_MIN, comm_);
  return value;
}

void Communicator::broadcast(std::span<double> values, int root) const {
  broadcast_bytes(values.data(), std::ssize(values), MPI_DOUBLE, sizeof(double), root, comm_);
}

void Communicator::broadcast(std::span<std::int64_t> values, int root) const {
  broadcast_bytes(values.data(), std::ssize(values), MPI_INT64_T, sizeof(std::int64_t), root,
                  comm_);
}

void Communicator::broadcast(std::string& text, int root) const {
  std::int64_t length = std::ssize(text);
  broadcast(std::span(&length, 1), root);
  text.resize(static_cast<std::size_t>(length));
  broadcast_bytes(text.data(), length, MPI_CHAR, 1, root, comm_);
}

std::vector<std::string> Communicator::gather(const std::string& text, int root) const {
  const int length = static_cast<int>(std::min(std::ssize(text), most_elements));
  const bool here = rank_ == root;
  std::vector<int> lengths(here ? static_cast<std::size_t>(size_) : 0), offsets(lengths.size());
  check_mpi(MPI_Gather(&length, 1, MPI_INT, lengths.data(), 1, MPI_INT, root, comm_), "MPI_Gather");
  std::int64_t total = 0;
  for (std::size_t r = 0; r < lengths.size(); ++r) {
    FATHOM_ASSERT(total < most_elements, "gather of more than 2^30 characters");
    offsets[r] = static_cast<int>(total);
    total += lengths[r];
  }
  std::string all(static_cast<std::size_t>(total), '\0');
  check_mpi(MPI_Gatherv(text.data(), length, MPI_CHAR, all.data(), lengths.data(), offsets.data(),
                        MPI_CHAR, root, comm_),
            "MPI_Gatherv");
  std::vector<std::string> texts;
  for (std::size_t r = 0; r < lengths.size(); ++r)
    texts.push_back(
        all.substr(static_cast<std::size_t>(offsets[r]), static_cast<std::size_t>(lengths[r])));
  return texts;
}

std::vector<double> Communicator::gather(double value, int root) const {
  std::vector<double> values(rank_ == root ? static_cast<std::size_t>(size_) : 0);
  check_mpi(MPI_Gather(&value, 1, MPI_DOUBLE, values.data(), 1, MPI_DOUBLE, root, comm_),
            "MPI_Gather");
  return values;
}

void Communicator::agree_on_root(const std::function<void()>& root_action) const {
  Outcome mine = attempt([&] {
    if (root()) root_action();
  });
  std::int64_t failed = mine.failed;
  broadcast(std::span(&failed, 1));
  if (!failed) return;
  std::int64_t code = static_cast<std::int64_t>(mine.code);
  broadcast(std::span(&code, 1));
  broadcast(mine.message);
  throw AgreedError(static_cast<ExitCode>(code), mine.message);
}

void Communicator::agree(const std::function<void()>& local_action) const {
  Outcome mine = attempt(local_action);
  std::int64_t first = min(std::int64_t{mine.failed ? rank_ : size_});
  if (first == size_) return;
  const std::int64_t count = sum(std::int64_t{mine.failed});
  const int root = static_cast<int>(first);
  std::int64_t code = static_cast<std::int64_t>(mine.code);
  broadcast(std::span(&code, 1), root);
  broadcast(mine.message, root);
  if (count < size_)
    mine.message += count == 1
                        ? fmt::format(" (rank {} of {})", first, size_)
                        : fmt::format(" (rank {}; {} of {} ranks failed)", first, count, size_);
  throw AgreedError(static_cast<ExitCode>(code), mine.message);
}

}  // namespace fathom
