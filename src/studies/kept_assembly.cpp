#include "studies/kept_assembly.hpp"

#include "dist/operations.hpp"
#include "studies/kept_results.hpp"

#include <utility>

namespace fathom {
namespace {

constexpr const char* subject_name = "subject";
constexpr const char* position_name = "position";  // done, total; both 0: finished

Record record_of(const AssemblyMark& mark) {
  Record record;
  record.values[position_name] = std::vector<std::int64_t>{mark.done, mark.total};
  record.values["plan"] = mark.plan;
  record.values["chunks"] = mark.chunks;
  record.values["sums"] = mark.sums;
  return record;
}

AssemblyMark mark_of(const Record& record) {
  const auto& position = record.get<std::int64_t>(position_name);
  return {.done = position.at(0),
          .total = position.at(1),
          .plan = record.get<std::int64_t>("plan"),
          .chunks = record.get<std::int64_t>("chunks"),
          .sums = record.get<double>("sums")};
}

/// The seconds belong to the run that spent them.
Record record_of(const SymmetricMatrix& matrix, AssemblyReport report) {
  report.seconds = {};
  Record record;
  record.values[position_name] = std::vector<std::int64_t>{0, 0};
  record.values["assembly_error"] = std::vector<double>{matrix.assembly_error};
  record.values["input_epsilon"] = std::vector<double>{matrix.input_epsilon};
  add_part(record, "report", to_record(report));
  return record;
}

}  // namespace

KeptAssembly::KeptAssembly(const StudyContext& context, std::string key, std::string subject,
                           double interval)
    : context_(context), key_(std::move(key)), subject_(std::move(subject)), interval_(interval) {}

bool KeptAssembly::agreed_on_root(bool mine) const {
  return context_.world.max(std::int64_t{context_.world.root() && mine}) != 0;
}

KeptAssembly::Stage KeptAssembly::look() {
  Stage stage = Stage::none;
  context_.world.agree([&] {
    const std::optional<Record> record = context_.checkpoint.find(key_);
    if (!record || record->one<std::string>(subject_name) != subject_) return;
    const auto& position = record->get<std::int64_t>(position_name);
    stage = position.at(1) == 0 ? Stage::finished : Stage::under_way;
  });
  return stage;
}

AssemblyMark KeptAssembly::resume(std::int64_t total, const std::string& parts, DistMatrix& lower) {
  since_.restart();
  if (look() != Stage::under_way) return {};
  const std::optional<Record> record = context_.checkpoint.find_matrix(key_, lower);
  AssemblyMark mark;
  context_.world.agree([&] { mark = mark_of(record.value()); });
  if (mark.total != total) return {};
  context_.progress.note(
      fmt::format("assembly: {} of {} {} from the checkpoint", mark.done, total, parts));
  return mark;
}

void KeptAssembly::between(std::int64_t, std::int64_t, const std::function<AssemblyMark()>& mark,
                           const DistMatrix& lower) {
  const bool ends = context_.stop.ends_here(context_.world);
  if (context_.checkpoint.on() && (agreed_on_root(since_.seconds() >= interval_) || ends)) {
    Record about = record_of(mark());
    about.values[subject_name] = std::vector<std::string>{subject_};
    context_.checkpoint.keep_matrix(key_, lower, SymmetricFill::lower, about);
    since_.restart();
  }
  if (ends) context_.stop.end();
}

std::optional<Assembly> KeptAssembly::finished(const ProcessGrid& grid, std::int64_t block,
                                               std::int64_t n) {
  if (!context_.checkpoint.on() || look() != Stage::finished) return std::nullopt;
  Assembly assembly{{DistMatrix::make(grid, n, n, block, block)}, {}};
  const std::optional<Record> record =
      context_.checkpoint.find_matrix(key_, assembly.symmetric.matrix);
  context_.world.agree([&] {
    assembly.symmetric.assembly_error = record.value().one<double>("assembly_error");
    assembly.symmetric.input_epsilon = record->one<double>("input_epsilon");
    assembly.report = assembly_report_from(part_of(*record, "report"));
  });
  mirror_lower(assembly.symmetric.matrix);
  assembly.symmetric.fill = SymmetricFill::full;
  finished_is_kept_ = true;
  context_.progress.note(fmt::format("assembly: the matrix of order {} from the checkpoint", n));
  return assembly;
}

void KeptAssembly::keep_finished(const SymmetricMatrix& matrix, const AssemblyReport& report) {
  if (!context_.checkpoint.on() || finished_is_kept_) return;
  Record about = record_of(matrix, report);
  about.values[subject_name] = std::vector<std::string>{subject_};
  context_.checkpoint.keep_matrix(key_, matrix.matrix, SymmetricFill::lower, about);
  finished_is_kept_ = true;
}

void KeptAssembly::keep_finished_before(const Foreseen& next, const SymmetricMatrix& matrix,
                                        const AssemblyReport& report) {
  if (!context_.checkpoint.on() || finished_is_kept_) return;
  const bool ends = context_.stop.ends_here(context_.world, next.seconds, next.what);
  if (agreed_on_root(next.seconds > interval_) || ends) keep_finished(matrix, report);
}

}  // namespace fathom
