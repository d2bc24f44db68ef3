#pragma once

// A folder for one test, the same on every rank; and the agreement of ranks on what they saw.

#include "comm/communicator.hpp"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

namespace fathom {

class TestFolder {
 public:
  explicit TestFolder(const Communicator& comm, const char* parent = nullptr) : comm_(comm) {
    std::string name = parent ? parent : std::filesystem::temp_directory_path().string();
    name += "/fathom-store-" + std::to_string(::getpid());
    comm.broadcast(name);
    path_ = name;
    if (comm.root()) std::filesystem::create_directories(path_);
    comm.barrier();
  }
  ~TestFolder() {
    std::error_code ignored;
    if (comm_.root()) std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  const Communicator& comm_;
  std::filesystem::path path_;
};

/// The error that every rank must throw, with one message. Collective.
template <class Action>
void expect_error(const Communicator& comm, ExitCode code, const std::string& part,
                  Action&& action) {
  std::string message = "no error";
  try {
    action();
  } catch (const Error& error) {
    message = error.what();
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << message;
  }
  EXPECT_NE(message.find(part), std::string::npos) << message << "\nwithout: " << part;
  std::string roots = message;
  comm.broadcast(roots);
  EXPECT_EQ(message, roots);
}

}  // namespace fathom
