#include "base/assert.hpp"
#include "store/checkpoint.hpp"
#include "store/journal.hpp"
#include "store/run_file.hpp"

#include <optional>
#include <sstream>

namespace fathom {
namespace {

/// What every rank must know to write a matrix again.
struct ColumnsCall {
  std::string group, name, key;
  std::vector<std::string> scales;
  std::int64_t rows = 0, cols = 0;
};

/// Makes calls until one that needs all ranks; none at the end.
std::optional<ColumnsCall> replay_local(RunFile& file, Journal& journal) {
  while (!journal.at_end()) {
    const Journal::Call call = journal.next_call();
    const RunGroup group = file.group(journal.text().substr(1));
    const std::string name = call == Journal::Call::group ? "" : journal.text();
    switch (call) {
      case Journal::Call::group:
        break;
      case Journal::Call::scale:
        group.scale(name, journal.values());
        break;
      case Journal::Call::variable: {
        const Values values = journal.values();
        group.variable(name, values, journal.text_list());
        break;
      }
      case Journal::Call::attribute:
        group.attribute(name, journal.attribute());
        break;
      case Journal::Call::attribute_of: {
        const std::string attribute = journal.text();
        group.attribute_of(name, attribute, journal.attribute());
        break;
      }
      case Journal::Call::columns: {
        ColumnsCall columns{group.path(), name, journal.text(), journal.text_list()};
        columns.rows = journal.integer();
        columns.cols = journal.integer();
        return columns;
      }
      default:
        throw Error(ExitCode::input, "a journal of the checkpoint holds a call of another program");
    }
  }
  return std::nullopt;
}

/// From rank 0 to all; none of the names holds a line's end. Collective.
std::optional<ColumnsCall> broadcast(const Communicator& comm,
                                     const std::optional<ColumnsCall>& call) {
  std::string text;
  if (comm.root() && call)
    text = fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}\n", call->group, call->name, call->key,
                       call->scales.at(0), call->scales.at(1), call->rows, call->cols);
  comm.broadcast(text);
  if (text.empty()) return std::nullopt;
  std::istringstream lines(text);
  ColumnsCall received;
  received.scales.resize(2);
  for (std::string* line :
       {&received.group, &received.name, &received.key, &received.scales[0], &received.scales[1]})
    std::getline(lines, *line);
  lines >> received.rows >> received.cols;
  return received;
}

void replay_columns(const Communicator& comm, RunFile& file, Checkpoint& checkpoint,
                    const ColumnsCall& call) {
  const std::int64_t share = (call.cols + comm.size() - 1) / comm.size();
  DistMatrix matrix =
      DistMatrix::make(ProcessGrid(comm, {1, comm.size()}), call.rows, call.cols, call.rows, share);
  const bool found = checkpoint.find_matrix(call.key, matrix).has_value();
  comm.agree([&] {
    if (!found)
      throw Error(ExitCode::input, "the checkpoint holds no matrix '{}' for {}/{}", call.key,
                  call.group, call.name);
  });
  file.group(call.group.substr(1)).columns(call.name, matrix, call.scales, call.key);
}

}  // namespace

void RunFile::replay(const Record& record, Checkpoint& checkpoint) {
  const Communicator& comm = this->comm();
  const bool noting = pause_journal();
  std::optional<Journal> journal;
  comm.agree_on_root([&] { journal.emplace(record); });
  for (;;) {
    std::optional<ColumnsCall> call;
    comm.agree_on_root([&] { call = replay_local(*this, *journal); });
    call = broadcast(comm, call);
    if (!call) break;
    replay_columns(comm, *this, checkpoint, *call);
  }
  settle();
  if (noting) keep_journal();
}

}  // namespace fathom
