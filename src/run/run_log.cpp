#include "run/run_log.hpp"

#include <cmath>

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace fathom {

double PhaseNow::to_go() const {
  return done > 0 && total > done ? seconds * (total - done) / done : 0;
}

RunLog::RunLog(bool root, double heartbeat) : root_(root), heartbeat_(heartbeat) {
  if (!root_) return;
  terminal_ = std::make_shared<spdlog::logger>("terminal",
                                               std::make_shared<spdlog::sinks::stdout_sink_mt>());
  terminal_->set_pattern("%v");
  terminal_->flush_on(spdlog::level::trace);
  heart_ = std::thread([this] { beat(); });
}

RunLog::~RunLog() {
  if (!root_) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  heart_.join();
}

void RunLog::open(const std::filesystem::path& file) {
  if (!root_) return;
  const std::lock_guard lock(mutex_);
  try {
    file_ = std::make_shared<spdlog::logger>(
        "file", std::make_shared<spdlog::sinks::basic_file_sink_mt>(file.string()));
  } catch (const spdlog::spdlog_ex& fault) {
    throw Error(ExitCode::io, "cannot open the log {}: {}", file.string(), fault.what());
  }
  file_->set_pattern("%v");
  file_->flush_on(spdlog::level::trace);
  // A full disk must not end a run because of its log; what is lost is still on the terminal.
  file_->set_error_handler([](const std::string&) {});
  file_->info(said_.empty() ? said_ : said_.substr(0, said_.size() - 1));
  said_.clear();
}

void RunLog::on_heartbeat(std::function<std::string()> time_left) {
  const std::lock_guard lock(mutex_);
  time_left_ = std::move(time_left);
}

PhaseNow RunLog::phase() const {
  const std::lock_guard lock(mutex_);
  return phases_.empty() ? PhaseNow{} : phases_.back().now();
}

void RunLog::say(const std::string& line) {
  const std::string text = fmt::format("[{:9.2f}] {}", since_start_.seconds(), line);
  terminal_->info(text);
  if (file_)
    file_->info(text);
  else
    said_ += text + "\n";
}

void RunLog::file_only(const std::string& line) {
  if (!root_) return;
  const std::lock_guard lock(mutex_);
  if (file_) file_->info(line);
}

void RunLog::note(const std::string& line) {
  if (!root_) return;
  const std::lock_guard lock(mutex_);
  say(line);
}

void RunLog::warn(const std::string& line) {
  note("WARNING: " + line);
}

void RunLog::begin(const std::string& phase) {
  if (!root_) return;
  const std::lock_guard lock(mutex_);
  phases_.push_back({phase, Timer(), heartbeat_});
}

void RunLog::end(const std::string& phase, double seconds) {
  if (!root_) return;
  const std::lock_guard lock(mutex_);
  if (seconds >= heartbeat_) say(fmt::format("  {} done in {}", phase, duration_text(seconds)));
  while (!phases_.empty()) {
    const bool found = phases_.back().name == phase;
    phases_.pop_back();
    if (found) break;
  }
}

void RunLog::advance(double done, double total) {
  if (!root_) return;
  const std::lock_guard lock(mutex_);
  if (phases_.empty()) return;
  phases_.back().done = done;
  phases_.back().total = total;
}

void RunLog::beat() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    wake_.wait_for(lock, std::chrono::duration<double>(std::min(1.0, heartbeat_)));
    if (stop_ || phases_.empty()) continue;
    Phase& phase = phases_.back();
    if (phase.timer.seconds() < phase.next_beat) continue;
    const PhaseNow now = phase.now();
    std::string line = fmt::format("  … {}: {} so far", now.name, duration_text(now.seconds));
    if (now.to_go() > 0)
      line += fmt::format(", {:.0f} %, {} to go", 100 * now.done / now.total,
                          duration_text(now.to_go()));
    if (const std::string left = time_left_ ? time_left_() : ""; !left.empty()) line += "; " + left;
    say(line);
    phase.next_beat = phase.timer.seconds() + heartbeat_;
  }
}

std::string duration_text(double seconds) {
  if (seconds < 60) return fmt::format("{:.2f} s", seconds);
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  if (whole < 3600) return fmt::format("{}m{:02}s", whole / 60, whole % 60);
  return fmt::format("{}h{:02}m{:02}s", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string size_text(double bytes) {
  const char* unit[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  int k = 0;
  while (bytes >= 1024 && k < 5) {
    bytes /= 1024;
    ++k;
  }
  return fmt::format("{:.{}f} {}", bytes, k == 0 ? 0 : 2, unit[k]);
}

}  // namespace fathom
