#include "run/status_board.hpp"

#include "run/stop_signals.hpp"

#include <chrono>

namespace fathom {
namespace {

constexpr std::chrono::milliseconds pulse_interval{100};
constexpr double fresh_seconds = 10.0;  // between two times of writing without a change
constexpr double change_seconds = 1.0;  // and with one: phases may be short and many

}  // namespace

StatusBoard::~StatusBoard() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void StatusBoard::watch(RunFolder& folder, StopControl& stop, std::string if_killed) {
  const std::lock_guard lock(mutex_);
  folder_ = &folder;
  stop_ = &stop;
  if_killed_ = std::move(if_killed);
  if (folder.comm().root()) thread_ = std::thread([this] { keep_fresh(); });
}

void StatusBoard::points(std::int64_t done, std::int64_t total) {
  const std::lock_guard lock(mutex_);
  status_.points_done = done;
  status_.points_total = total;
  changed_ = true;
}

std::string StatusBoard::conclude(const std::function<void(RunStatus&)>& change,
                                  bool speak_for_root) {
  const std::lock_guard lock(mutex_);
  over_ = true;
  if (stop_ && stop_->asked()) status_.stop_requested = stop_->reason();
  change(status_);
  return publish(timer_.seconds(), speak_for_root);
}

bool StatusBoard::give_back() {
  const std::lock_guard lock(mutex_);
  if (!folder_ || !folder_->give_back_status()) return false;
  over_ = true;
  return true;
}

void StatusBoard::keep_fresh() {
  std::unique_lock lock(mutex_);
  // Woken at the end: a first rank that left later than the others would be killed by the launcher.
  while (!wake_.wait_for(lock, pulse_interval, [this] { return over_; }))
    pulse(timer_.seconds());
}

void StatusBoard::pulse(double now) {
  const PhaseNow phase = log_.phase();
  changed_ = changed_ || phase.name != status_.phase;
  status_.phase = phase.name;
  status_.phase_seconds = phase.seconds;
  status_.phase_done = phase.done;
  status_.phase_total = phase.total;
  bool at_once = false;
  if (status_.stop_requested.empty() && stop_->asked()) {
    status_.stop_requested = stop_->reason();
    log_.note(
        fmt::format("asked to stop by {}: ending at the next safe point", status_.stop_requested));
    at_once = true;
  }
  const bool killed = !told_of_kill_ && about_to_be_killed();
  const double age = now - published_;
  if (!at_once && !killed && age < fresh_seconds && !(changed_ && age > change_seconds)) return;
  if (killed) {
    told_of_kill_ = true;
    status_.state = "failed";
    status_.exit_code = static_cast<int>(ExitCode::checkpointed);
    status_.message = if_killed_;
  }
  published_ = now;
  changed_ = false;
  status_.seconds_left = stop_->limit().seconds_left;
  // Where another rank spoke, its abort is what ends this process.
  if (!folder_->publish_in_progress(status_)) over_ = true;
}

std::string StatusBoard::publish(double now, bool speak_for_root) {
  published_ = now;
  changed_ = false;
  if (!folder_) return {};
  if (stop_) status_.seconds_left = stop_->limit().seconds_left;
  return folder_->publish(status_, speak_for_root);
}

}  // namespace fathom
