// The end of threads and processes, and their stops. The lock is held.
#pragma once

#include "runtime/processes/process.hpp"

namespace enclavisor::runtime {

// The calling thread ends (exit(2)); with the last one the process does.
[[noreturn]] void exit_thread(int code);
// The calling thread's process ends, with all its threads. `status`: as wait4(2) says it.
[[noreturn]] void exit_process(int status);
// A process ends: each of its threads does when it next sees its signals.
void kill_process(Process& process, int status);

// Each thread of the process sleeps when it next sees its signals, until continue_process().
void stop_process(Process& process, int signal);
void continue_process(Process& process);

// The other threads of the calling thread's process end: execve. False: it has to end itself.
bool become_only_thread();

// Whether the thread must not go back to the program.
bool has_to_end(const Thread& thread);
// What the calling thread does before it goes back to the program: ends if it has to, sleeps while
// its process is stopped.
void obey();

// The parent that sleeps in vfork goes on.
void release_vfork_parent(Process& process);

}  // namespace enclavisor::runtime
