#pragma once

// Signals that ask a run to end.
//
//   SIGUSR1   stop at the next safe point; mpirun and srun hand it on to every rank
//   SIGTERM   the same; what comes after it (SIGKILL, a second later under mpirun) is not waited
//             for
//   SIGINT    the same; a second one ends the process at once. Left alone where it is ignored, as
//             by a shell for what it runs in the background.

namespace fathom {

/// From now on these signals only set a flag, in whatever thread they arrive. To be called first of
/// all, so that none of them ends a run that is about to begin; once more does no harm. Local.
void listen_for_stop_signals();

/// For a program that is about to be replaced by exec: holds the signals back, one that came
/// before included, until listen_for_stop_signals() is called there (or here, where exec failed).
/// Local.
void hand_on_stop_signals();

/// The first that came: SIGUSR1, SIGTERM, SIGINT; 0: none. Any thread. Local.
int stop_signal() noexcept;

/// SIGTERM or SIGINT came, be it after another signal: the process may be gone at any moment. Any
/// thread. Local.
bool about_to_be_killed() noexcept;

/// "SIGUSR1". Local.
const char* signal_name(int signal) noexcept;

}  // namespace fathom
