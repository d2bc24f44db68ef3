// GoogleTest over MPI ranks. Every rank runs every test; after each one the ranks agree on its
// outcome. Rank 0 prints the ordinary output, other ranks only their failures. Where one rank
// failed and the others do not arrive, they wait for it inside the test: it ends the job after a
// while, so that a failure is never a hang.

#include "bindings/blas_kernels.hpp"
#include "comm/session.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using std::chrono::steady_clock;

/// FATHOM_TEST_PATIENCE in seconds; 20 where it is not set.
std::chrono::seconds patience() {
  const char* text = std::getenv("FATHOM_TEST_PATIENCE");
  return std::chrono::seconds(text ? std::atoi(text) : 20);
}

class Agreement : public testing::EmptyTestEventListener {
 public:
  explicit Agreement(const fathom::Communicator& world) : world_(world) {}

  bool any_failed() const { return failed_tests_ > 0; }

  void OnTestStart(const testing::TestInfo& info) override {
    name_ = std::string(info.test_suite_name()) + "." + info.name();
  }

  // GoogleTest holds its lock here: nothing of UnitTest may be asked.
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed() || world_.root()) return;
    std::fprintf(stderr, "[rank %d] %s\n%s:%d: %s\n", world_.rank(), name_.c_str(),
                 result.file_name() ? result.file_name() : "", result.line_number(),
                 result.message());
    std::fflush(stderr);
  }

  void OnTestEnd(const testing::TestInfo& info) override {
    const bool failed = info.result()->Failed();
    const int failing_ranks = count_failing(failed);
    if (failing_ranks == 0) return;
    ++failed_tests_;
    if (world_.root() && !failed)
      std::printf("[  FAILED  ] %s on %d other rank%s\n", name_.c_str(), failing_ranks,
                  failing_ranks == 1 ? "" : "s");
  }

  void OnTestProgramEnd(const testing::UnitTest&) override {
    if (world_.root() && any_failed())
      std::printf("[  FAILED  ] %d test%s on some rank\n", failed_tests_,
                  failed_tests_ == 1 ? "" : "s");
  }

 private:
  int count_failing(bool failed) const {
    int mine = failed ? 1 : 0, all = 0, arrived = 0;
    MPI_Request request;
    fathom::check_mpi(MPI_Iallreduce(&mine, &all, 1, MPI_INT, MPI_SUM, world_.native(), &request),
                      "MPI_Iallreduce");
    const auto start = steady_clock::now();
    while (true) {
      fathom::check_mpi(MPI_Test(&request, &arrived, MPI_STATUS_IGNORE), "MPI_Test");
      if (arrived) return all;
      if (failed && steady_clock::now() - start > patience()) {
        std::fprintf(stderr, "[rank %d] %s failed here and other ranks are still inside it\n",
                     world_.rank(), name_.c_str());
        std::fflush(nullptr);
        MPI_Abort(MPI_COMM_WORLD, 1);
      }
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }

  const fathom::Communicator& world_;
  std::string name_;
  int failed_tests_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  fathom::restart_with_better_kernels(argv);
  fathom::MpiSession session(&argc, &argv);
  testing::InitGoogleMock(&argc, argv);
  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  if (!session.world().root()) delete listeners.Release(listeners.default_result_printer());
  auto* agreement = new Agreement(session.world());
  listeners.Append(agreement);
  const int mine = RUN_ALL_TESTS();
  const bool failed = agreement->any_failed() || session.world().max(double(mine)) > 0;
  delete listeners.Release(agreement);
  session.finish();
  return failed ? 1 : 0;
}
